"""Whose usage is to be reported now?

Every account's, once in each hour, day or month of the calendar, as the operator chose. One worker
at a time goes through the accounts; how far it came is kept, so that another one goes on from
there where it dies. Between two rounds only that is sent which was written and not sent.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from tallygate.adapters.store import Transaction, customers, provider_state, totals
from tallygate.collection.provider import Books
from tallygate.collection.records import ReportedTotal
from tallygate.core.errors import Refused, TallygateError, Unreachable
from tallygate.core.failpoints import failpoint
from tallygate.workflows.installation import Cadence, Installation
from tallygate.workflows.mirror.sync import Measured, Synced, measure, send_waiting, sync_account
from tallygate.workflows.mirror.witness import refuse_where_shut

ROUND = "usage_sync"
"""The name under which the store keeps how far the present round has come."""
ACCOUNTS_AT_ONCE = 50
LEASE = timedelta(minutes=10)
SETTLES_WITHIN = timedelta(minutes=1)
"""What was written more recently may be on its way right now."""
MOST_WAITING = 1000
GIVE_UP_AFTER = 3
"""After so many accounts in a row for which the provider did not answer, it is down."""

log = logging.getLogger("tallygate.sync")


@dataclass(slots=True)
class Round:
    """What was done. `problems` are sentences, by account; `left`: it goes on another time."""

    accounts: int = 0
    sent: int = 0
    failed: list[ReportedTotal] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    unanswered: list[str] = field(default_factory=list)
    left: bool = False


class _Kept(msgspec.Struct, frozen=True):
    """How far the round of a slot has come: up to an account, by a worker until its lease ends.

    For the accounts of `again` the provider did not answer.
    """

    slot: datetime
    after: str = ""
    again: tuple[str, ...] = ()
    leased_until: datetime | None = None
    done: bool = False


def sync_due(installation: Installation, books: Books) -> Round:
    """Report the usage of all accounts whose time has come, and what waits of others.

    The time comes once in each hour, day or month, as the setting `sync_every` says. One account
    that cannot be reported does not keep the others from it.

    Raises:
        Conflict: the sender is shut; nothing was sent.
    """
    refuse_where_shut(installation)
    done = Round()
    now = installation.now
    with installation.store.read() as tx:
        found = totals.waiting(tx, MOST_WAITING)
    waiting = [one.billing_account for one in found if one.created_at <= now - SETTLES_WITHIN]
    left = _attend(installation, books, list(dict.fromkeys(waiting)), done, send_waiting)
    done.left = bool(left)
    kept = _take(installation, slot_of(now, installation.settings.sync_every))
    while kept is not None:
        kept = _go_on(installation, books, kept, done)
    return done


def slot_of(at: datetime, every: Cadence) -> datetime:
    """The beginning of the hour, day or month (in UTC) in which an instant lies."""
    hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    match every:
        case "hourly":
            return hour
        case "daily":
            return hour.replace(hour=0)
        case "monthly":
            return hour.replace(day=1, hour=0)


def _take(installation: Installation, slot: datetime) -> _Kept | None:
    """Take the round of a slot, from where it stands; None: it is over, or somebody else's."""
    now = installation.now
    with installation.store.write() as tx:
        kept = _read(tx)
        if kept is not None and kept.leased_until is not None and now < kept.leased_until:
            return None
        if kept is None or kept.slot < slot:
            kept = _Kept(slot)
        if kept.done and not kept.again:
            return None
        taken = msgspec.structs.replace(kept, leased_until=now + LEASE)
        _keep(tx, taken)
        failpoint("sync.take.before")
    failpoint("sync.take.after")
    return taken


def _go_on(installation: Installation, books: Books, kept: _Kept, done: Round) -> _Kept | None:
    """Attend the next accounts of a round; None: it is over, or goes on another time."""
    accounts, over = list(kept.again), True
    if not kept.done:
        with installation.store.read() as tx:
            some = customers.linked(tx, kept.after or None, ACCOUNTS_AT_ONCE)
        accounts, over = [one.billing_account for one in some], len(some) < ACCOUNTS_AT_ONCE
    before = len(done.unanswered)
    known = _measured_together(installation, accounts)

    def sync(installation: Installation, books: Books, account: str) -> Synced:
        return sync_account(installation, books, account, measured=known.get(account))

    left = _attend(installation, books, accounts, done, sync)
    again = done.unanswered[before:]
    if kept.done:
        moved = msgspec.structs.replace(kept, again=(*left, *again))
    else:
        tried = accounts[: len(accounts) - len(left)]
        moved = msgspec.structs.replace(
            kept,
            after=max([kept.after, *tried]),
            again=(*kept.again, *again),
            done=over and not left,
        )
    goes_on = not left and not over
    until = installation.now + LEASE if goes_on else None
    with installation.store.write() as tx:
        _keep(tx, msgspec.structs.replace(moved, leased_until=until))
        failpoint("sync.round.before")
    failpoint("sync.round.after")
    done.left |= bool(left or moved.again)
    return moved if goes_on else None


def _measured_together(
    installation: Installation, accounts: Sequence[str]
) -> Mapping[str, Measured]:
    """What some accounts come to; nothing where it cannot be said of all of them.

    Then each is measured by itself, so that one does not keep the others from it.
    """
    try:
        return measure(installation, accounts)
    except TallygateError:
        return {}
    except Exception:
        log.exception("Accounts could not be measured together: each is measured by itself.")
        return {}


def _attend(
    installation: Installation,
    books: Books,
    accounts: Sequence[str],
    done: Round,
    attend: Callable[[Installation, Books, str], Synced],
) -> Sequence[str]:
    """Attend one account after the other; gives those that are left, as the provider is down."""
    in_vain = 0
    for number, account in enumerate(accounts, 1):
        try:
            synced = attend(installation, books, account)
        except Unreachable as error:
            done.problems[account] = str(error)
            done.unanswered.append(account)
            in_vain += 1
            if in_vain == GIVE_UP_AFTER:
                return accounts[number:]
            continue
        except Refused as refusal:
            done.problems[account] = str(refusal)
        except Exception as mistake:
            log.exception("The sync of %s broke off by a mistake of ours.", account)
            done.problems[account] = f"A mistake of ours: {mistake!r}."
        else:
            done.sent += len(synced.sent)
            done.failed += synced.failed
            if synced.failed:
                done.problems[account] = " ".join(_failure(one) for one in synced.failed)
        in_vain = 0
        done.accounts += 1
    return ()


def _failure(report: ReportedTotal) -> str:
    return f"{report.price}, {report.total}: {report.problem}"


def _read(tx: Transaction) -> _Kept | None:
    text = provider_state.get(tx, ROUND)
    return None if text is None else msgspec.json.decode(text, type=_Kept)


def _keep(tx: Transaction, kept: _Kept) -> None:
    provider_state.put(tx, ROUND, msgspec.json.encode(kept).decode())
