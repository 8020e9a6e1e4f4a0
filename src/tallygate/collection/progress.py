"""Which of the provider's invoices stand for one of ours, and how far have they come?"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from tallygate.collection.records import Collected, CollectedState
from tallygate.collection.seen import Seen, SeenInvoice, SeenSubscription
from tallygate.core.period import instant_text
from tallygate.invoicing.model import Invoice

RENEWAL = "subscription_cycle"
BEGINNING = "subscription_create"


def occasion_of(invoice: Invoice) -> str:
    """What an invoice is marked with at the provider: whose it is, of when, and what for.

    It is the same for an invoice that is made again after a restore, whose id is another one. An
    adjustment is dated by chance, so what it says takes the place of its date.
    """
    when = instant_text(invoice.dated)
    if invoice.reason == "adjustment":
        said = [
            (line.price, line.amount, instant_text(line.period.start)) for line in invoice.lines
        ]
        when = hashlib.sha256(repr(said).encode()).hexdigest()[:32]
    return f"{invoice.subscription}/{invoice.reason}/{when}"


def standing_for(
    invoice: Invoice, seen: Seen, provider_id: str | None, known: Sequence[str] = ()
) -> tuple[SeenInvoice, ...]:
    """The provider's invoices for the same occasion, oldest first.

    Those that carry our mark, those that are `known` to be, the first one of the subscription
    `provider_id`, its renewals at the boundary, and the one of a plan change that it charged.
    """
    occasion = occasion_of(invoice)
    return tuple(
        one
        for one in seen.invoices
        if one.invoice == occasion
        or one.id in known
        or (one.invoice is None and _is_same_occasion(invoice, one, provider_id))
    )


def draft_may_come(invoice: Invoice, there: SeenSubscription | None) -> bool:
    """Whether the provider has yet to make its draft for a boundary of ours.

    It makes one where an item's present period ends at the boundary, and none in the middle of the
    year of a base beside which it holds nothing monthly, or where the subscription is over.
    """
    if there is None or not there.lives:
        return False
    return any(item.period.end <= invoice.dated for item in there.items)


def come_to(collected: Collected, found: Sequence[SeenInvoice], at: datetime) -> Collected:
    """How far an invoice has come, once what stands for it is final; as it was, before."""
    known = replace(collected, provider_invoices=tuple(one.id for one in found))
    if not found or any(not one.is_final for one in found):
        return known if found else collected
    state = _state(found)
    first = found[0]
    failed = state == "open" and any(one.attempts and not one.paid_at for one in found)
    late = [one.due_at for one in found if one.due_at is not None and one.due_at <= at]
    overdue = collected.overdue_since
    if state == "open" and overdue is None and (failed or late):
        overdue = min([*late, at])
    return replace(
        known,
        state=state,
        since=collected.since if state == collected.state else at,
        attempts=max(one.attempts for one in found),
        next_attempt=min(
            (one.next_attempt for one in found if one.next_attempt is not None), default=None
        ),
        overdue_since=overdue if state == "open" else None,
        paid_at=max((one.paid_at for one in found if one.paid_at is not None), default=None),
        amount_due=sum(one.amount_due for one in found),
        amount_paid=sum(one.amount_paid for one in found),
        tax=sum(one.tax for one in found),
        number=first.number,
        hosted_url=first.hosted_url,
        pdf_url=first.pdf_url,
    )


def _state(found: Sequence[SeenInvoice]) -> CollectedState:
    """The state of several invoices together: what is left to do for the slowest of them."""
    states = {one.status for one in found}
    if "open" in states:
        return "open"
    if "uncollectible" in states:
        return "uncollectible"
    return "paid" if "paid" in states else "void"


def _is_same_occasion(invoice: Invoice, one: SeenInvoice, provider_id: str | None) -> bool:
    if provider_id is None or one.subscription != provider_id:
        return False
    match invoice.reason:
        case "subscribe":
            return one.reason == BEGINNING
        case "boundary" | "end":
            return one.reason == RENEWAL and one.boundary == invoice.dated
        case "change":
            return one.change == occasion_of(invoice) and one.reason == "subscription_update"
        case "adjustment":
            return False
