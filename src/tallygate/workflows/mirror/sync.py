"""Does the provider know how much has been used?

Each total that has changed is written down as a revision and then sent, one after another. What
was written and not sent, or whose answer was lost, waits and is sent again under the identifier
that it has, before anything new is measured: so revisions arrive in their order, and a second time
changes nothing. The provider forgets identifiers after a day; then it is asked first what it has
counted. A first total waits until the provider's subscription has the price, because usage that
comes before its item may be priced otherwise.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from tallygate.adapters.store import Transaction, attention, customers, totals
from tallygate.collection.provider import Books, FailedThere, Failure
from tallygate.collection.records import ReportedTotal, TotalState
from tallygate.collection.totals import ReportedPrice, intended, next_report, whole_minutes
from tallygate.core.errors import Conflict, Refused, Unreachable
from tallygate.core.failpoints import failpoint
from tallygate.invoicing.model import Invoice
from tallygate.workflows.contracts import find_subscription
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.identity import identity_of
from tallygate.workflows.mirror.running_totals import (
    Mirrored,
    RunningTotal,
    installation_name,
    latest_of,
    mirrored_of,
    reported_price,
    running_totals_of,
)
from tallygate.workflows.mirror.witness import check_open, refuse_where_shut

IDENTIFIERS_KEPT = timedelta(hours=24)
"""How long the provider surely remembers an identifier."""
NOT_SENT: frozenset[TotalState] = frozenset(("waiting",))


class Synced(NamedTuple):
    """What came of an account: the revisions that were sent, or failed (their `problem` says why).

    `without_item` are price keys whose first total waits, because the provider's subscription
    does not have them yet.
    """

    sent: tuple[ReportedTotal, ...] = ()
    failed: tuple[ReportedTotal, ...] = ()
    without_item: tuple[str, ...] = ()


class Measured(NamedTuple):
    """What was known of an account at an instant.

    `waits`: something of it was written and not sent.
    """

    at: datetime
    found: Mirrored | None
    totals: tuple[RunningTotal, ...]
    waits: bool


class Unconfirmed(NamedTuple):
    """A final total that the provider does not show yet; `shown` is what it does."""

    price: str
    total: int
    shown: int | None


def sync_account(
    installation: Installation,
    books: Books,
    billing_account: str,
    *,
    only: Callable[[RunningTotal], bool] = lambda _one: True,
    measured: Measured | None = None,
) -> Synced:
    """Report the totals of an account's open window that the provider does not have yet.

    `only` says which of them. `measured` is what was measured of it a moment ago, if it was.

    Raises:
        Conflict: the sender is shut; nothing was sent.
        Unreachable: the provider does not answer. What was written is sent by the next run.
    """
    before = Synced()
    if measured is None:
        measured = measure(installation, [billing_account])[billing_account]
    if measured.waits:
        before = send_waiting(installation, books, billing_account)
        measured = measure(installation, [billing_account])[billing_account]
    failpoint("sync.measured")
    found, at = measured.found, measured.at
    changed = [one for one in measured.totals if only(one) and _next(one, at) is not None]
    missing: list[str] = []
    if found is not None and any(_is_first(one) for one in changed):
        there = books.look(found.customer, at).subscription(found.mirror.provider_id)
        items = () if there is None else there.items
        firsts = [one for one in changed if _is_first(one)]
        missing = [one.price.price for one in firsts if not one.has_item(items)]
    ready = [one for one in changed if one.price.price not in missing]
    after = Synced()
    if ready:
        with installation.store.write() as tx:
            check_open(tx)
            written = _write(tx, ready, at)
            failpoint("sync.write.before")
        failpoint("sync.write.after")
        after = _send_all(installation, books, written)
    return Synced(before.sent + after.sent, before.failed + after.failed, tuple(missing))


def measure(installation: Installation, accounts: Sequence[str]) -> dict[str, Measured]:
    """What the totals of some accounts come to now, and what was reported of them.

    Raises:
        Conflict: the sender is shut.
    """
    at = installation.now
    identity_of(installation)  # what identifiers are made of has to be there
    with installation.store.read() as tx:
        check_open(tx)
        found = mirrored_of(tx, accounts)
        measured = dict(zip(found, running_totals_of(tx, list(found.values()), at), strict=True))
        waiting = totals.having_waiting(tx, accounts)
    return {
        account: Measured(at, found.get(account), measured.get(account, ()), account in waiting)
        for account in accounts
    }


def report_final(
    installation: Installation, books: Books, invoice: Invoice, final: Mapping[str, int]
) -> Synced:
    """Report the totals of a period that was closed, by price key, as its invoice has them.

    What the period's last minutes have said already is not said again; what failed is.

    Raises:
        Conflict: the sender is shut, or the account has no customer.
        Unreachable: the provider does not answer. What was written is sent by the next run.
    """
    at = installation.now
    refuse_where_shut(installation)
    identity_of(installation)
    before = send_waiting(installation, books, invoice.billing_account)
    with installation.store.write() as tx:
        known = latest_of(tx, invoice.subscription, invoice.period)
        for price, total in _final_prices(tx, invoice, final).items():
            latest = known.get(price.price)
            report = None if _waits(latest) else next_report(price, latest, total, at, final=True)
            if report is not None:
                totals.add(tx, report)
        failpoint("sync.write.before")
    failpoint("sync.write.after")
    after = send_waiting(installation, books, invoice.billing_account)
    return Synced(before.sent + after.sent, before.failed + after.failed)


def confirm_final(
    installation: Installation, books: Books, invoice: Invoice, final: Mapping[str, int]
) -> tuple[Unconfirmed, ...]:
    """Ask whether the provider shows the totals of a closed period; gives those that it does not.

    What it shows is noted as confirmed, and not asked for again.

    Raises:
        Unreachable: the provider does not answer.
    """
    with installation.store.read() as tx:
        latest = latest_of(tx, invoice.subscription, invoice.period)
    told: list[Unconfirmed] = []
    confirmed: list[ReportedTotal] = []
    for price, total in final.items():
        report = latest.get(price)
        if report is None or report.total != total:
            told.append(Unconfirmed(price, total, None))
        elif report.state != "confirmed":
            shown = _counted(books, report)
            if shown == total:
                confirmed.append(replace(report, state="confirmed"))
            else:
                told.append(Unconfirmed(price, total, shown))
    _note(installation, confirmed)
    return tuple(told)


def note_failures(
    installation: Installation, failures: Sequence[Failure]
) -> tuple[ReportedTotal, ...]:
    """Note what the provider took and then did not count; gives the revisions that it concerns.

    Their accounts are to be looked at: the next sync reports their totals anew, under the next
    revision. Identifiers that are not ours are left alone.
    """
    said = {one.identifier: f"{one.message} ({one.code})" for one in failures}
    failed: list[ReportedTotal] = []
    with installation.store.write() as tx:
        for report in totals.by_identifiers(tx, said):
            if report.state == "failed":
                continue
            failed.append(replace(report, state="failed", problem=said[report.identifier]))
            totals.save(tx, failed[-1])
            attention.mark(
                tx,
                report.billing_account,
                report.organization,
                installation.now,
                "usage was not counted",
            )
        failpoint("sync.failures.before")
    failpoint("sync.failures.after")
    return tuple(failed)


def send_waiting(installation: Installation, books: Books, billing_account: str) -> Synced:
    """Send what was written for an account and not sent, in the order of the revisions.

    Raises:
        Unreachable: the provider does not answer. What was sent until then is noted as sent.
    """
    with installation.store.read() as tx:
        waiting = totals.of_account(tx, billing_account, NOT_SENT)
    return _send_all(installation, books, waiting)


def _send_all(
    installation: Installation, books: Books, waiting: Sequence[ReportedTotal]
) -> Synced:
    """Send what was written, and note what came of it."""
    at = installation.now
    done: list[ReportedTotal] = []
    try:
        for report in waiting:
            failpoint("sync.send.before")
            done.append(_send(books, report, at))
            failpoint("sync.send.after")
    except Unreachable:
        _note(installation, done)
        raise
    _note(installation, done)
    return Synced(
        tuple(one for one in done if one.state == "sent"),
        tuple(one for one in done if one.state == "failed"),
    )


def _send(books: Books, report: ReportedTotal, at: datetime) -> ReportedTotal:
    """The revision as it stands once it was sent, or was found to be there, or failed."""
    sent = replace(report, state="sent", sent_at=at)
    if at - report.created_at >= IDENTIFIERS_KEPT and _counted(books, report) == report.total:
        return sent
    try:
        books.report(intended(report))
    except FailedThere as failure:
        # Its key and its identifier tell of the failure for a day: a next revision has others.
        if _counted(books, report) != report.total:
            return replace(report, state="failed", problem=str(failure))
    except Refused as refusal:
        return replace(report, state="failed", problem=str(refusal))
    return sent


def _note(installation: Installation, changed: Sequence[ReportedTotal]) -> None:
    """Note how revisions stand. What the provider has meanwhile reported as failed stays so."""
    if not changed:
        return
    wanted = {one.identifier: one for one in changed}
    with installation.store.write() as tx:
        kept = totals.by_identifiers(tx, wanted)
        totals.save_all(tx, [wanted[one.identifier] for one in kept if one.state != "failed"])
        failpoint("sync.note.before")
    failpoint("sync.note.after")


def _write(
    tx: Transaction, ready: Sequence[RunningTotal], at: datetime
) -> tuple[ReportedTotal, ...]:
    """Write the next revisions; gives them.

    Where somebody else has written one since we looked, theirs was measured later, and stays.
    """
    first = ready[0].price
    known = latest_of(tx, first.subscription, first.period)
    as_measured = [one for one in ready if known.get(one.price.price) == one.latest]
    reports = [_next(one, at) for one in as_measured]
    written = tuple(report for report in reports if report is not None)
    totals.add_all(tx, written)
    return written


def _next(one: RunningTotal, at: datetime) -> ReportedTotal | None:
    return None if _waits(one.latest) else next_report(one.price, one.latest, one.total, at)


def _waits(latest: ReportedTotal | None) -> bool:
    return latest is not None and latest.state == "waiting"


def _is_first(one: RunningTotal) -> bool:
    """Whether nothing of this price was reported for this customer in the window."""
    return one.latest is None or one.latest.customer != one.price.customer


def _counted(books: Books, report: ReportedTotal) -> int | None:
    """What the provider shows; None: nothing, or it refuses to, as of a deleted customer."""
    try:
        return books.counted(report.customer, report.event, whole_minutes(report.period))
    except Refused:
        return None


def _final_prices(
    tx: Transaction, invoice: Invoice, final: Mapping[str, int]
) -> dict[ReportedPrice, int]:
    customer = customers.customer_of(tx, invoice.billing_account)
    if customer is None:
        raise Conflict(f"The billing account {invoice.billing_account} has no customer.")
    subscription = find_subscription(tx, invoice.subscription)
    named = installation_name(tx)
    return {
        reported_price(named, subscription, customer, key, invoice.period): total
        for key, total in final.items()
    }
