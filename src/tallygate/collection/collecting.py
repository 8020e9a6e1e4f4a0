"""What comes next for an invoice of ours at the provider?

A draft of the provider's is held, given the items that it lacks, and then compared. Where none
will come, we make one and put every line on it. Below zero there is nothing to collect: the sum
is credited on the invoice that it corrects.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tallygate.collection.intents import (
    GiveCredit,
    HoldDraft,
    Intent,
    OpenInvoice,
    TakeItem,
)
from tallygate.collection.progress import occasion_of
from tallygate.collection.representation import Representation
from tallygate.collection.seen import Seen, SeenInvoice
from tallygate.collection.two_keys import owed_there
from tallygate.core.money import Money
from tallygate.core.period import instant_text
from tallygate.invoicing.model import Invoice

RENEWING = frozenset(("subscription_cycle", "subscription_threshold"))


@dataclass(frozen=True, slots=True)
class Ready:
    """Its drafts hold all that they should: they are to be compared, and finalized if equal."""

    drafts: tuple[SeenInvoice, ...]


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is nothing to collect."""


def drafts_to_hold(seen: Seen, ours: Sequence[str]) -> Iterator[HoldDraft]:
    """The renewal drafts of our subscriptions there that would be finalized without us."""
    for one in seen.invoices:
        if (
            one.status == "draft"
            and one.advances
            and one.subscription in ours
            and one.reason in RENEWING
        ):
            yield HoldDraft(one.id)


def next_of_draft(
    representation: Representation, found: Sequence[SeenInvoice], customer: str
) -> tuple[Intent, ...] | Ready:
    """What the provider's drafts for an invoice lack, or that they are ready."""
    drafts = tuple(one for one in found if not one.is_final)
    assert drafts, "what is final is compared, and not changed"
    wanted = {one.mark: one for one in representation.put}
    steps: list[Intent] = []
    there: set[str] = set()
    for draft in drafts:
        for line in draft.lines:
            if line.item is None:
                continue
            mine = wanted.get(line.item)
            if mine is not None and mine.amount == line.amount and line.item not in there:
                there.add(line.item)
            elif line.item_id is not None:
                steps.append(TakeItem(line.item_id, draft.id))
    target = drafts[0]
    steps += [
        one.on(target.id, customer, target.currency)
        for mark, one in wanted.items()
        if mark not in there
    ]
    return tuple(steps) or Ready(drafts)


def next_alone(
    invoice: Invoice,
    representation: Representation,
    found: Sequence[SeenInvoice],
    customer: str,
    *,
    credited: str | None,
    payment_method: str | None,
) -> tuple[Intent, ...] | Ready | Nothing | GiveCredit:
    """What comes next for an invoice that the provider makes no draft for by itself.

    `credited` is the provider's invoice that a sum below zero is given back on, if there is one,
    `payment_method` what the subscription is paid by.
    """
    if found:
        return next_of_draft(representation, found, customer)
    owed = owed_there(invoice, representation)
    if not owed:
        return Nothing()
    said = f"{_occasion(invoice)} of {instant_text(invoice.dated)[:10]}"
    if owed > 0:
        made = OpenInvoice(customer, occasion_of(invoice), invoice.currency, said, payment_method)
        return (made,)
    if credited is None:
        return Nothing()
    return GiveCredit(credited, occasion_of(invoice), Money(-owed, invoice.currency), said)


def _occasion(invoice: Invoice) -> str:
    match invoice.reason:
        case "subscribe":
            return "Beginning"
        case "boundary":
            return "Usage and charges up to the renewal"
        case "change":
            return "Plan change"
        case "end":
            return "Last invoice"
        case "adjustment":
            return "Adjustment"
