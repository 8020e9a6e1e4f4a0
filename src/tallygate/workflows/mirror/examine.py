"""In what do the payment provider and we differ on a billing account?

The account is attended as always, in a transaction that is rolled back: what would be taken over,
what would be done, and what neither would mend, each in a sentence.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import datetime
from typing import NamedTuple

from tallygate.adapters.store import (
    Transaction,
    collections,
    customers,
    mirrors,
    purchases,
    subscriptions,
)
from tallygate.collection.intents import MarkCustomer
from tallygate.collection.provider import Books
from tallygate.collection.records import SETTLED, Collected
from tallygate.collection.seen import Seen, SeenInvoice
from tallygate.core.period import Period, instant_text
from tallygate.rating.words import amount_text
from tallygate.subscriptions.calendar import end_of
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.agree import Known, next_intents, take_in
from tallygate.workflows.mirror.carry_out import Account
from tallygate.workflows.mirror.identity import identity_of
from tallygate.workflows.mirror.sync_view import Standing, standings

WATCHED = ("state", "amount_paid", "amount_due", "overdue_since", "shortfall")
"""What of a collected invoice is worth a sentence when it changes."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What differs on an account: to be taken over, to be done, and to be decided by somebody.

    `usage` are the metered prices whose total there is not the one that was reported last.
    """

    account: Account
    customer: str
    taken_over: tuple[str, ...] = ()
    to_do: tuple[str, ...] = ()
    to_decide: tuple[str, ...] = ()
    usage: tuple[Standing, ...] = ()

    @property
    def differ(self) -> bool:
        """Whether there is anything to say."""
        return bool(self.taken_over or self.to_do or self.to_decide or self.usage)


class _AsItWas(NamedTuple):
    """The records of an account before a look."""

    invoices: dict[str, Collected]
    subscriptions: dict[str, str]
    purchase: str


class _Undo(Exception):
    """Rolls back what was only asked."""


def examine(
    installation: Installation,
    books: Books,
    account: Account,
    period: Period | None = None,
) -> Findings:
    """What differs on an account that is a customer of the provider's; nothing is changed.

    `period` says of which dates invoices that are settled are compared again; None: of the
    latest that the provider shows.

    Raises:
        Refused: the provider refuses to show it.
        Unreachable: it does not answer.
    """
    with installation.store.read() as tx:
        customer = customers.customer_of(tx, account.id)
        known = collections.of_account(tx, account.id)
    assert customer is not None, "only customers are examined"
    asked = [one for one in known if _is_asked_for(one, period)]
    ids = [id_ for one in asked for id_ in one.provider_invoices if id_.startswith("in_")]
    seen = books.look(customer, installation.now, ids)
    taken, to_do, decide = _as_if_attended(installation, account, seen)
    usage = tuple(one for one in standings(installation, books, account.id) if _is_off(one))
    marked = mark_of(installation, account, seen)
    return Findings(
        account,
        customer,
        tuple(taken),
        (*([] if marked is None else [str(marked)]), *to_do),
        tuple(decide),
        usage,
    )


def mark_of(installation: Installation, account: Account, seen: Seen) -> MarkCustomer | None:
    """The intent to mark a customer anew as the account's; None: it is marked so, or gone.

    One without any mark is marked wherever its account is attended.
    """
    identity = identity_of(installation)
    marks = (seen.customer.account, seen.customer.installation, seen.customer.epoch)
    if (
        seen.customer.deleted
        or marks[0] is None
        or marks == (account.id, identity.id, identity.epoch)
    ):
        return None
    return MarkCustomer(seen.customer.id, account.id, identity.id, identity.epoch)


def _as_if_attended(
    installation: Installation, account: Account, seen: Seen
) -> tuple[list[str], list[str], list[str]]:
    found: tuple[list[str], list[str], list[str]] = [], [], []
    stale = seen.at - installation.settings.hold
    with suppress(_Undo), installation.store.write() as tx:
        before = _as_it_is(tx, account)
        known = take_in(tx, installation, account, seen)
        intents = list(next_intents(tx, installation, account, known, seen))
        after = _as_it_is(tx, account)
        found = (
            list(_changes(before, after)),
            [*map(str, intents), *_open(known)],
            [*_of_others(tx, known, seen, stale), *_differing(after)],
        )
        raise _Undo
    return found


def _as_it_is(tx: Transaction, account: Account) -> _AsItWas:
    purchase = purchases.open_of(tx, account.id)
    return _AsItWas(
        {one.invoice: one for one in collections.of_account(tx, account.id)},
        {
            one.id: f"ends {instant_text(end)}" if (end := end_of(one)) else "goes on"
            for one in subscriptions.of_account(tx, account.id)
        },
        "" if purchase is None else purchase.id,
    )


def _changes(before: _AsItWas, after: _AsItWas) -> Iterator[str]:
    """What would be taken over."""
    if before.purchase and before.purchase != after.purchase:
        yield f"The purchase {before.purchase} is open no more."
    for id_, now in after.subscriptions.items():
        was = before.subscriptions.get(id_)
        if was is None:
            yield f"The subscription {id_} begins."
        elif was != now:
            yield f"The subscription {id_} {was} here, and {now} there."
    for id_, collected in after.invoices.items():
        known = before.invoices.get(id_)
        if known is None:
            continue
        for field in fields(Collected):
            if field.name not in WATCHED:
                continue
            was_, is_ = getattr(known, field.name), getattr(collected, field.name)
            if was_ != is_:
                yield f"The invoice {id_}: {field.name.replace('_', ' ')} {was_} -> {is_}."


def _open(known: Known) -> Iterator[str]:
    """What is still to be done on invoices."""
    for due in known.dues:
        if due.collected.state == "waiting" and (due.found or due.alone):
            amount = amount_text(due.invoice.total, due.invoice.currency)
            yield f"Compare the invoice {due.invoice.id} ({amount}), and finalize it if equal."


def _differing(after: _AsItWas) -> Iterator[str]:
    """Invoices in which both sides differ: held ones, and final ones that nothing makes up for."""
    for collected in after.invoices.values():
        lacking = collected.shortfall and collected.carried_by is None
        if collected.state == "held" or lacking:
            said = "; ".join(collected.differences)
            yield f"The invoice {collected.invoice} differs: {said}."


def _of_others(tx: Transaction, known: Known, seen: Seen, stale: datetime) -> Iterator[str]:
    """What is there and stands for nothing of ours; drafts that were made before an instant."""
    if seen.customer.deleted:
        yield f"The customer {seen.customer.id} was deleted there."
    ours = {mirror.provider_id for mirror in known.mirrors}
    if known.purchase is not None and known.purchase.provider_id is not None:
        ours.add(known.purchase.provider_id)
    for one in seen.subscriptions:
        if one.lives and one.id not in ours:
            yield f"The subscription {one.id} there ({one.status}) is none of ours."
    for mirror in known.mirrors:
        if mirrors.of_subscription(tx, mirror.subscription) is None:
            continue
        theirs = seen.subscription(mirror.provider_id)
        if theirs is None and not known.wanted[mirror.subscription].over:
            yield f"The subscription {mirror.provider_id} of {mirror.subscription} is not there."
    for invoice in seen.invoices:
        if _counts(invoice, stale) and collections.by_provider_invoice(tx, invoice.id) is None:
            amount = amount_text(invoice.total, invoice.currency)
            yield f"The invoice {invoice.id} there ({amount}, {invoice.status}) is none of ours."


def _counts(invoice: SeenInvoice, stale: datetime) -> bool:
    """Whether an invoice there asks for money, or did, or is a draft that was left behind."""
    if invoice.status == "draft":
        return invoice.created_at < stale
    return invoice.status in {"open", "paid", "uncollectible"} and invoice.total != 0


def _is_asked_for(collected: Collected, period: Period | None) -> bool:
    if collected.state not in SETTLED:
        return True
    return period is not None and collected.dated in period


def _is_off(standing: Standing) -> bool:
    """Whether the provider shows another total than the one that was reported last."""
    if standing.total is None:
        return False
    return standing.changes or (standing.reported or 0) != (standing.shown or 0)
