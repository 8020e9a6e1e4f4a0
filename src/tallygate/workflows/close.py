"""What is owed for the periods that are over?

`close_due` bills every subscription whose boundary came a while ago (late events still count until
then): it fixes the place in the log, measures, rates, assembles and saves, a boundary of each of a
few subscriptions in one transaction. So a run that is interrupted leaves nothing half done, the
next one goes on where it stopped, and a run that has nothing to do changes nothing. One that
cannot be billed is undone alone.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import NamedTuple

from tallygate.adapters.store import Transaction, events, invoices, subscriptions
from tallygate.core.errors import Conflict, Refused, TallygateError
from tallygate.core.failpoints import failpoint
from tallygate.invoicing.adjustment import late_lines, one_off
from tallygate.invoicing.assemble import named
from tallygate.invoicing.model import Invoice, WriteOff
from tallygate.rating.line import Line
from tallygate.subscriptions.calendar import closed_windows, due
from tallygate.subscriptions.model import Subscription
from tallygate.workflows.contracts import Closing, contract_of, find_subscription, next_closing
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirrored import note_change, note_invoice
from tallygate.workflows.record import CLOSE, record

TOGETHER = 20
"""So many subscriptions have a boundary closed in one transaction: others wait meanwhile."""

log = logging.getLogger("tallygate.close")


class Closed(NamedTuple):
    """What a close did: the invoices, why some subscriptions have none, and which go on.

    `left` are subscriptions of which more is due than the close was to do at most.
    """

    invoices: list[Invoice]
    problems: list[str]
    left: list[str]


def close_due(
    installation: Installation,
    at: datetime | None = None,
    *,
    commit: bool = True,
    billing_account: str | None = None,
    most: int | None = None,
) -> list[Invoice]:
    """Close every boundary and end that is due, of all subscriptions or of one account.

    Gives the invoices in the order in which they were made; without `commit`, those that would
    be made. One subscription that cannot be billed does not keep the others from it. With `most`,
    no subscription has more boundaries closed than that.

    Raises:
        Conflict: some could not be billed; the sentence names them and says why. All others were.
    """
    closed = close_some(
        installation, at, commit=commit, billing_account=billing_account, most=most
    )
    if closed.problems:
        raise Conflict("Some subscriptions could not be billed. " + " ".join(closed.problems))
    return closed.invoices


def close_some(
    installation: Installation,
    at: datetime | None = None,
    *,
    commit: bool = True,
    billing_account: str | None = None,
    most: int | None = None,
) -> Closed:
    """Do what `close_due` does, and tell all that came of it, also where something is open."""
    at = at or installation.now
    latest = at - installation.settings.close_delay
    with installation.store.read() as tx:
        waiting = subscriptions.due_by(tx, latest, billing_account)
        since = at - installation.settings.accept_past - timedelta(days=31)
        ended = subscriptions.closed_since(tx, since, billing_account)
    made: list[Invoice] = []
    problems: dict[str, str] = {}
    if commit:
        made += _close(installation, waiting, at, most, problems)
    else:
        for id_ in waiting:
            with _told(problems, id_):
                made += _foresee(installation, id_, at, most)
    for id_ in ended:
        with _told(problems, id_):
            settled = _settle(installation, id_, at, commit=commit)
            if settled is not None:
                made.append(settled)
    with installation.store.read() as tx:
        due_still = subscriptions.due_by(tx, latest, billing_account)
    return Closed(
        made,
        [f"{id_}: {why}" for id_, why in problems.items()],
        [id_ for id_ in due_still if id_ in waiting and id_ not in problems],
    )


@contextmanager
def _told(problems: dict[str, str], id_: str) -> Iterator[None]:
    """Note why a subscription cannot be billed, be it by a mistake of ours, and go on.

    Raises:
        Unreachable: the database did not answer, and would not for the next one.
    """
    try:
        yield
    except Refused as refusal:
        problems[id_] = str(refusal)
    except TallygateError:
        raise
    except Exception as mistake:
        log.exception("The close of %s broke off by a mistake of ours.", id_)
        problems[id_] = f"A mistake of ours: {mistake!r}."


def _close(
    installation: Installation,
    waiting: Sequence[str],
    at: datetime,
    most: int | None,
    problems: dict[str, str],
) -> Iterator[Invoice]:
    """Close what is due of some subscriptions, boundary by boundary."""
    for _ in _rounds(most):
        going_on: list[str] = []
        for start in range(0, len(waiting), TOGETHER):
            made: list[Invoice] = []
            with installation.store.write() as tx:
                for id_ in waiting[start : start + TOGETHER]:
                    with _told(problems, id_), tx.begin_nested():
                        invoice, goes_on = _close_one(tx, installation, id_, at)
                        made += [] if invoice is None else [invoice]
                        going_on += [id_] if goes_on else []
                failpoint("close.commit.before")
            failpoint("close.commit.after")
            yield from made
        if not going_on:
            return
        waiting = going_on


def _close_one(
    tx: Transaction, installation: Installation, id_: str, at: datetime
) -> tuple[Invoice | None, bool]:
    """Close the next boundary of a subscription, if one is due; and whether another one is."""
    closing = _next(tx, installation, id_, at)
    if closing is None:
        return None, False
    invoice = _save(tx, installation, closing)
    for ended in closing.contract.before:
        _ask_for(tx, installation, ended.subscription, at)
    return invoice, _is_due(closing.contract.subscription, installation, at)


def _rounds(most: int | None) -> Iterable[int]:
    return count() if most is None else range(most)


def _foresee(
    installation: Installation, id_: str, at: datetime, most: int | None
) -> list[Invoice]:
    """The invoices that closing one subscription would make."""
    found: list[Invoice] = []
    latest = at - installation.settings.close_delay
    with installation.store.read() as tx:
        position = events.last_position(tx)
        contract = contract_of(tx, installation, find_subscription(tx, id_), at)
        for _ in _rounds(most):
            boundary = due(contract.subscription)
            if boundary is None or boundary > latest:
                break
            contract, invoice, _ = next_closing(installation, contract, at, position)
            if invoice is not None:
                found.append(invoice)
    return found


def _next(tx: Transaction, installation: Installation, id_: str, at: datetime) -> Closing | None:
    """What closing the next boundary comes to; None where none is due."""
    subscription = find_subscription(tx, id_)
    if not _is_due(subscription, installation, at):
        return None
    contract = contract_of(tx, installation, subscription, at)
    return next_closing(installation, contract, at, events.last_position(tx))


def _is_due(subscription: Subscription, installation: Installation, at: datetime) -> bool:
    boundary = due(subscription)
    return boundary is not None and boundary <= at - installation.settings.close_delay


def _save(tx: Transaction, installation: Installation, closing: Closing) -> Invoice | None:
    subscription, invoice = closing.contract.subscription, closing.invoice
    if invoice is not None:
        subscription, invoice = named(subscription, invoice, installation.ids.new("inv"))
        invoice = invoices.add(tx, invoice, installation.now)
        note_invoice(tx, installation, invoice)
        record(
            tx,
            installation,
            CLOSE,
            "invoice.made",
            invoice.id,
            organization=invoice.organization,
            billing_account=invoice.billing_account,
            total=invoice.total,
        )
    else:
        account, organization = subscription.billing_account, subscription.organization
        note_change(tx, installation, account, organization, "closed")
    subscriptions.save(tx, subscription, before=closing.before)
    return invoice


def _ask_for(
    tx: Transaction, installation: Installation, ended: Subscription, at: datetime
) -> None:
    """What was written off of an ended subscription is owed, once there is a next invoice.

    All of it that late usage can still reach is on that invoice, at what it comes to by now.
    """
    written = invoices.latest_write_off(tx, ended.id)
    reach = closed_windows(ended, at - installation.settings.accept_past)
    start = next((window.start for window in reach), ended.billed_until)
    if written is not None and any(line.period.start >= start for line in written.lines):
        kept = tuple(line for line in written.lines if line.period.start < start)
        _write_off(tx, installation, replace(written, lines=kept), at)


def _settle(installation: Installation, id_: str, at: datetime, *, commit: bool) -> Invoice | None:
    """Bill, give back or write off what came late for a subscription that has ended."""
    with installation.store.read() as tx:
        found = _late_of_ended(tx, installation, id_, at)
    if not commit or found is None:
        return found if isinstance(found, Invoice) else None
    with installation.store.write() as tx:
        found = _late_of_ended(tx, installation, id_, at)
        match found:
            case Invoice():
                found = invoices.add(
                    tx, replace(found, id=installation.ids.new("inv")), installation.now
                )
                note_invoice(tx, installation, found)
                written = invoices.latest_write_off(tx, id_)
                if written is not None and written.lines:
                    _write_off(tx, installation, replace(written, lines=()), at)
            case WriteOff():
                _write_off(tx, installation, found, at)
        failpoint("adjust.commit.before")
    failpoint("adjust.commit.after")
    return found if isinstance(found, Invoice) else None


def _late_of_ended(
    tx: Transaction, installation: Installation, id_: str, at: datetime
) -> Invoice | WriteOff | None:
    """A one-off invoice, a credit note, or what is too little to ask for; None: nothing new.

    Neither where the account has another subscription: its next invoice has the adjustments.
    """
    subscription = find_subscription(tx, id_)
    if not all(one.closed for one in subscriptions.of_account(tx, subscription.billing_account)):
        return None
    contract = contract_of(tx, installation, subscription, at)
    lines = late_lines(contract, at - installation.settings.accept_past)
    total = sum(line.net for line in lines)
    position = events.last_position(tx)
    if total < 0 or total >= installation.settings.one_off_threshold:
        latest = max((i.dated for i in contract.billed), default=at)
        dated = max(at, latest + timedelta(microseconds=1))
        return one_off(contract, lines, dated, position)
    written = invoices.latest_write_off(tx, id_)
    if _sums(lines) == _sums(written.lines if written is not None else ()):
        return None
    return WriteOff(
        id="",
        organization=subscription.organization,
        billing_account=subscription.billing_account,
        subscription=subscription.id,
        currency=subscription.currency,
        dated=at,
        position=position,
        lines=tuple(lines),
    )


def _write_off(
    tx: Transaction, installation: Installation, write_off: WriteOff, at: datetime
) -> None:
    before = invoices.latest_write_off(tx, write_off.subscription)
    dated = at if before is None else max(at, before.dated + timedelta(microseconds=1))
    kept = replace(write_off, id=installation.ids.new("wof"), dated=dated)
    invoices.add_write_off(tx, kept, installation.now)


def _sums(lines: list[Line] | tuple[Line, ...]) -> list[tuple[str, str, int]]:
    return sorted((line.corrects, line.price, line.amount) for line in lines)
