"""Drafts: invoices whose lines may still change."""

from collections.abc import Mapping, Sequence
from typing import Any

from tallygate_sandbox.invoices.lines import NewLine
from tallygate_sandbox.world import Obj, Seen, World


def create_draft(
    world: World,
    *,
    customer: str,
    currency: str,
    reason: str,
    lines: Sequence[NewLine] = (),
    period: tuple[int, int],
    subscription: Seen | None = None,
    collection_method: str = "charge_automatically",
    days_until_due: int | None = None,
    auto_advance: bool = False,
    discounts: Sequence[str] = (),
    include_pending: bool = True,
    more: Mapping[str, Any] | None = None,
) -> Obj:
    """Create a draft and emit `invoice.created`; the amounts are computed from its lines.

    `reason` is Stripe's billing_reason, `period` (start, end) in seconds. Pending items of the
    subscription (or, without one, of the customer alone) join it unless `include_pending` is
    false. With `auto_advance` it finalizes itself an hour later and is then collected. `more`
    sets further fields as Stripe names them: description, footer, metadata, default_tax_rates...
    """
    raise NotImplementedError


def replace_lines(world: World, invoice_id: str, lines: Sequence[NewLine]) -> Obj:
    """Put these lines in the place of a draft's lines that came from no invoice item."""
    raise NotImplementedError


def preview_of(
    world: World,
    *,
    customer: str,
    currency: str,
    reason: str,
    lines: Sequence[NewLine],
    items: Sequence[NewLine] = (),
    period: tuple[int, int],
    subscription: Seen | None = None,
    discounts: Sequence[str] = (),
    include_pending: bool = True,
    more: Mapping[str, Any] | None = None,
) -> Obj:
    """An invoice as create_draft would make it, not stored; nothing is emitted.

    `items` are invoice items that do not exist yet, such as the prorations of a change.
    """
    raise NotImplementedError
