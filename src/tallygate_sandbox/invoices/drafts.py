"""Drafts: invoices whose lines may still change."""

from collections.abc import Mapping, Sequence
from typing import Any

from tallygate_sandbox.invoices import dunning
from tallygate_sandbox.invoices import items as waiting_items
from tallygate_sandbox.invoices.invoice import (
    LINE,
    announce,
    blank,
    draft,
    lines_of,
)
from tallygate_sandbox.invoices.lines import (
    LATER,
    PENDING,
    NewLine,
    check_room,
    line_from,
    line_of_item,
)
from tallygate_sandbox.invoices.totals import total_up
from tallygate_sandbox.world import Obj, Seen, World

DAY = 86_400
ITS_OWN = frozenset({"manual", "subscription_update"})  # invoices that take no others' items


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
    subscription and of the customer join it unless `include_pending` is false; an invoice by hand
    or for an update of a subscription takes only its own. With `auto_advance` it finalizes itself
    after the hour of grace and is then collected. `more` sets further fields as Stripe names them:
    description, footer, metadata, default_tax_rates (ids), automatically_finalizes_at, ...
    """
    owner = world.get("customer", customer)
    invoice = _fields(blank(world, owner, currency, reason, period), subscription, more or {})
    invoice |= {"collection_method": collection_method, "discounts": list(discounts)}
    if days_until_due is not None and invoice["due_date"] is None:
        invoice["due_date"] = invoice["created"] + days_until_due * DAY
    world.add(invoice)
    waiting = _waiting(world, invoice, subscription) if include_pending else []
    check_room(len(waiting) + len(lines))
    for item in waiting:
        own = world.edit(waiting_items.KIND, item["id"])
        waiting_items.join(own, invoice, pulled=True)
        world.add(line_of_item(world, invoice, own, PENDING))
    for new in lines:
        world.add(line_from(world, invoice, new))
    _know_currency(world, owner, currency)
    recompute(world, invoice)
    advance(world, invoice, auto_advance=auto_advance)
    invoice["_told"] = world.emit("invoice.created", invoice)
    return invoice


def replace_lines(world: World, invoice_id: str, lines: Sequence[NewLine]) -> Obj:
    """Put these lines in the place of a draft's lines that came from no invoice item."""
    invoice = draft(world, invoice_id)
    old = [line for line in lines_of(world, invoice_id) if item_behind(line) is None]
    check_room(len(lines_of(world, invoice_id)) - len(old) + len(lines))
    for line in old:
        world.remove(LINE, line["id"])
    for new in lines:
        world.add(line_from(world, invoice, new))
    recompute(world, invoice)
    return invoice


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
    owner = world.get("customer", customer)
    invoice = _fields(blank(world, owner, currency, reason, period), subscription, more or {})
    invoice |= {"id": world.ids.new("upcoming_in"), "discounts": list(discounts)}
    waiting = _waiting(world, invoice, subscription) if include_pending else []
    fresh = [waiting_items.item_from(world, customer, new) for new in items]
    rows = [line_of_item(world, invoice, item, PENDING) for item in [*fresh, *waiting]]
    rows += [line_from(world, invoice, new) for new in lines]
    check_room(len(rows))
    invoice["_lines"] = rows
    total_up(world, invoice, rows)
    invoice["ending_balance"] = invoice["total"] + invoice["starting_balance"]
    if invoice["amount_due"]:
        invoice["ending_balance"] = 0
    return invoice


def recompute(world: World, invoice: Obj) -> None:
    """Set a draft's amounts anew, after its lines or discounts changed."""
    lines = [world.edit(LINE, line["id"]) for line in lines_of(world, invoice["id"])]
    total_up(world, invoice, lines)


def advance(world: World, invoice: Obj, *, auto_advance: bool, at: int | None = None) -> None:
    """Let a draft finalize itself, an hour after its creation or at an instant; or not."""
    invoice["auto_advance"] = auto_advance
    if not auto_advance:
        invoice |= {"automatically_finalizes_at": None, "next_payment_attempt": None}
        world.stop_timer("invoice.finalize", invoice)
        return
    invoice["_chosen_time"] = at is not None or invoice.get("_chosen_time", False)
    grace = dunning.settings(world).grace_seconds
    due = at or invoice["automatically_finalizes_at"] or invoice["created"] + grace
    charged = invoice["collection_method"] == "charge_automatically"
    invoice["automatically_finalizes_at"] = due
    invoice["next_payment_attempt"] = due if charged else None
    world.set_timer("invoice.finalize", invoice, due)


def add_row(world: World, invoice: Obj, item: Obj, *, pulled: bool) -> Obj:
    """Put an invoice item on a draft, as a line added later; `pulled` when it had waited."""
    check_room(len(lines_of(world, invoice["id"])) + 1)
    waiting_items.join(item, invoice, pulled=pulled)
    return world.add(line_of_item(world, invoice, item, LATER))


def change_draft(world: World, invoice: Obj, before: Any) -> None:
    """Recompute a draft that was changed, and announce it."""
    recompute(world, invoice)
    announce(world, invoice, before)


def item_behind(line: Seen) -> str | None:
    """The invoice item that a line came from."""
    parent = line["parent"]
    details = parent["invoice_item_details"] or parent["subscription_item_details"]
    found: str | None = details["invoice_item"]
    return found


def _waiting(world: World, invoice: Seen, subscription: Seen | None) -> list[Seen]:
    """The items that join a new invoice, newest first; those of one instant in their order."""
    of = None if subscription is None else subscription["id"]
    found = waiting_items.pending_items(world, invoice["customer"], of)
    if of is not None and invoice["billing_reason"] in ITS_OWN:
        found = [item for item in found if item["_subscription"]]
    same = [item for item in found if item["currency"] == invoice["currency"]]
    return sorted(same, key=lambda item: -int(item["date"]))


def _fields(invoice: Obj, subscription: Seen | None, more: Mapping[str, Any]) -> Obj:
    """Set what a new invoice takes from its subscription and what was asked for."""
    if subscription is not None:
        invoice["parent"] = {
            "quote_details": None,
            "subscription_details": {
                "metadata": dict(subscription["metadata"]),
                "subscription": subscription["id"],
            },
            "type": "subscription_details",
        }
    invoice["_tax_rates"] = [_id(rate) for rate in more.get("default_tax_rates") or []]
    for name, value in more.items():
        if name in invoice and isinstance(invoice[name], dict) and isinstance(value, dict):
            invoice[name] = invoice[name] | value
        elif name != "default_tax_rates":
            invoice[name] = value
    if invoice["automatic_tax"]["enabled"]:
        invoice["automatic_tax"] |= {"liability": {"type": "self"}, "provider": "stripe"}
    return invoice


def _id(reference: Any) -> str:
    return str(reference if isinstance(reference, str) else reference["id"])


def _know_currency(world: World, customer: Seen, currency: str) -> None:
    if customer["currency"] is None:
        owner = world.edit("customer", customer["id"])
        owner["currency"] = currency
        world.updated(owner)
