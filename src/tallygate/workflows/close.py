"""What is owed for the periods that are over?

`close_due` bills every subscription whose boundary came a while ago (late events still count until
then): it fixes the place in the log, measures, rates, assembles and saves, a boundary of each of a
few subscriptions in one transaction. So a run that is interrupted leaves nothing half done, the
next one goes on where it stopped, and a run that has nothing to do changes nothing. What they are
billed by is read, and what comes of it is written, for all of the few at once; where one of them
cannot be billed, each is closed by itself, so that only that one is undone.

Before anything is billed, what follows from announced changes of payer is done.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import NamedTuple

from tallygate.adapters.store import Transaction, accounts, events, invoices, subscriptions
from tallygate.core.errors import Conflict, Refused, TallygateError, Unreachable
from tallygate.core.failpoints import failpoint
from tallygate.invoicing.adjustment import late_lines, one_off
from tallygate.invoicing.assemble import named
from tallygate.invoicing.model import Invoice, WriteOff
from tallygate.rating.line import Line
from tallygate.subscriptions.calendar import closed_windows, due
from tallygate.subscriptions.model import Subscription
from tallygate.workflows.announced import take_effect
from tallygate.workflows.contracts import (
    Closing,
    contract_of,
    contracts_of,
    find_subscription,
    find_subscriptions,
    next_closing,
)
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirrored import note_changes, note_invoice, note_invoices
from tallygate.workflows.record import CLOSE, record_made

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


class Done(NamedTuple):
    """The invoices of a few subscriptions, and those of which another boundary is due."""

    invoices: list[Invoice]
    going_on: list[str]


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
    problems: dict[str, str] = {}
    if commit:
        _take_effect(installation, problems)
    with installation.store.read() as tx:
        waiting = subscriptions.due_by(tx, latest, billing_account)
        since = at - installation.settings.accept_past - timedelta(days=31)
        ended = subscriptions.closed_since(tx, since, billing_account)
    made: list[Invoice] = []
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


def _take_effect(installation: Installation, problems: dict[str, str]) -> None:
    """Let what begins with an announced change of payer begin, before anything is billed."""
    with installation.store.read() as tx:
        organizations = accounts.announced_by(tx, installation.now)
    for organization in organizations:
        with _told(problems, organization):
            take_effect(installation, organization)


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
    waiting: Mapping[str, str],
    at: datetime,
    most: int | None,
    problems: dict[str, str],
) -> Iterator[Invoice]:
    """Close what is due of some subscriptions, each with its account, boundary by boundary."""
    for _ in _rounds(most):
        going_on: list[str] = []
        for few in _groups(waiting):
            with installation.store.write() as tx:
                done = _close_few(tx, installation, few, at, problems)
                failpoint("close.commit.before")
            failpoint("close.commit.after")
            yield from done.invoices
            going_on += done.going_on
        if not going_on:
            return
        waiting = {id_: waiting[id_] for id_ in going_on}


def _groups(waiting: Mapping[str, str]) -> Iterator[list[str]]:
    """The subscriptions in groups, and each account at most once in one of them.

    What an account owes depends on what was closed of it before.
    """
    group: dict[str, str] = {}
    for id_, account in waiting.items():
        if len(group) == TOGETHER or account in group:
            yield list(group.values())
            group = {}
        group[account] = id_
    if group:
        yield list(group.values())


def _close_few(
    tx: Transaction,
    installation: Installation,
    few: Sequence[str],
    at: datetime,
    problems: dict[str, str],
) -> Done:
    """Close the next boundary of a few subscriptions: all at once, or else each by itself."""
    try:
        with tx.begin_nested():
            return _close_next(tx, installation, few, at)
    except Unreachable:
        raise
    except Exception as mistake:  # noqa: BLE001  # whose it is comes out when each is closed alone
        log.debug("%d subscriptions cannot be closed at once: %r", len(few), mistake)
    done = Done([], [])
    for id_ in few:
        with _told(problems, id_), tx.begin_nested():
            one = _close_next(tx, installation, [id_], at)
            done = Done(done.invoices + one.invoices, done.going_on + one.going_on)
    return done


def _close_next(
    tx: Transaction, installation: Installation, ids: Sequence[str], at: datetime
) -> Done:
    """Close the next boundary of subscriptions of different accounts, as far as one is due."""
    closings = _next(tx, installation, ids, at)
    made = _save(tx, installation, closings)
    for closing in closings:
        for ended in closing.contract.before:
            _ask_for(tx, installation, ended.subscription, at)
    closed = [closing.contract.subscription for closing in closings]
    return Done(made, [one.id for one in closed if _is_due(one, installation, at)])


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


def _next(
    tx: Transaction, installation: Installation, ids: Sequence[str], at: datetime
) -> list[Closing]:
    """What closing the next boundaries comes to, of those subscriptions of which one is due."""
    found = find_subscriptions(tx, ids)
    due_now = [one for one in found if _is_due(one, installation, at)]
    position = events.last_position(tx)
    return [
        next_closing(installation, contract, at, position)
        for contract in contracts_of(tx, installation, due_now, at)
    ]


def _is_due(subscription: Subscription, installation: Installation, at: datetime) -> bool:
    boundary = due(subscription)
    return boundary is not None and boundary <= at - installation.settings.close_delay


def _save(
    tx: Transaction, installation: Installation, closings: Sequence[Closing]
) -> list[Invoice]:
    """Keep what closing subscriptions of different accounts came to; gives the invoices."""
    made: list[Invoice] = []
    changed: list[tuple[Subscription, Subscription | None]] = []
    unbilled: dict[str, str] = {}
    for closing in closings:
        subscription = closing.contract.subscription
        if closing.invoice is not None:
            id_ = installation.ids.new("inv")
            subscription, invoice = named(subscription, closing.invoice, id_)
            made.append(invoice)
        else:
            unbilled[subscription.billing_account] = subscription.organization
        changed.append((subscription, closing.before))
    made = invoices.add_all(tx, made, installation.now)
    note_invoices(tx, installation, made)
    note_changes(tx, installation, unbilled, "closed")
    record_made(tx, installation, CLOSE, made)
    subscriptions.save_all(tx, changed)
    return made


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
