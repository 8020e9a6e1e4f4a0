"""Is the payment provider there, does it know us, and what waits for it?

The provider allows few questions that are not about business, so it is asked at most every five
minutes, however many watch over however many processes: what it answered is kept in the database,
and told again. Source: https://docs.stripe.com/rate-limits, on the allocation of reads.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import msgspec

from tallygate.adapters.store import (
    Transaction,
    attention,
    collections,
    inbox,
    outbox,
    provider_state,
    totals,
)
from tallygate.adapters.store.installation import sender_is_open
from tallygate.core.errors import TallygateError
from tallygate.core.period import from_micros, to_micros
from tallygate.workflows.installation import Installation

EVERY = timedelta(minutes=5)
LATE = timedelta(hours=1)
MOST = 1000
"""So many of a kind are counted; it says `1000` for more, too."""

KEPT = "health"

HealthState = Literal["healthy", "unhealthy", "unknown"]


class Probe(NamedTuple):
    """How the payment provider is asked whether it knows us: `ask` raises a TallygateError if not.

    `grace` tells how soon the provider finalizes a draft by itself, if any shows it. Each is one
    question, without a repetition, and gives up in a few seconds.
    """

    name: str
    ask: Callable[[], None]
    grace: Callable[[], timedelta | None]


@dataclass(frozen=True, slots=True)
class ProviderHealth:
    """What the provider answered last, as a sentence, and when; `unknown` before that."""

    name: str
    state: HealthState
    said: str
    asked_at: datetime | None


class Waiting(NamedTuple):
    """What waits to be settled, sent or decided, each at most MOST.

    `hints` are webhooks that were not settled yet, the first of which came at `oldest_hint`.
    `accounts` are billing accounts whose dealings with the provider are due, the first of them
    since `oldest_account`. `totals` were not reported yet. Of `late` intents the outcome is not
    known for an hour. `held` invoices wait for an operator. A `shut` sender sends nothing.
    """

    hints: int
    oldest_hint: datetime | None
    accounts: int
    oldest_account: datetime | None
    totals: int
    late: int
    held: int
    shut: bool


class _Kept(msgspec.Struct):
    name: str
    claimed_at: int
    state: HealthState = "unknown"
    said: str = "It was not asked yet."
    asked_at: int | None = None


_decode = msgspec.json.Decoder(_Kept).decode


def provider_health(
    installation: Installation, probe: Probe, *, at_once: bool = False
) -> ProviderHealth:
    """How the provider is: asked now, where that is due (or `at_once`), else as it was last.

    Whoever asks says so first: others are told what was known before, and nobody asks twice.
    """
    now = installation.now
    if not _claim(installation, probe.name, now, at_once=at_once):
        return known_health(installation, probe.name)
    state, said = _asked(probe)
    with installation.store.write() as tx:
        at = to_micros(now)
        _put(tx, _Kept(probe.name, at, state, said, at))
        provider_state.add_calls(tx, now.date(), reads=1, writes=0)
    return ProviderHealth(probe.name, state, said, now)


def known_health(installation: Installation, name: str) -> ProviderHealth:
    """How the provider of this name was when it was asked last; it is not asked."""
    with installation.store.read() as tx:
        kept = _get(tx, name)
    asked_at = None if kept.asked_at is None else from_micros(kept.asked_at)
    return ProviderHealth(name, kept.state, kept.said, asked_at)


def what_waits(tx: Transaction, at: datetime) -> Waiting:
    """What waits at an instant."""
    hints = inbox.waiting(tx, 1)
    due = attention.counts(tx, at)
    return Waiting(
        hints=inbox.counts(tx).get("waiting", 0),
        oldest_hint=hints[0].received_at if hints else None,
        accounts=due.due,
        oldest_account=due.oldest,
        totals=len(totals.waiting(tx, MOST)),
        late=min(len(outbox.older_than(tx, at - LATE)), MOST),
        held=len(collections.with_state(tx, None, "held", limit=MOST)),
        shut=not sender_is_open(tx),
    )


def _asked(probe: Probe) -> tuple[HealthState, str]:
    try:
        probe.ask()
    except TallygateError as error:
        return "unhealthy", str(error)
    return "healthy", "It answers, and knows the key."


def _claim(installation: Installation, name: str, now: datetime, *, at_once: bool) -> bool:
    """Whether the provider is to be asked by us, now; others wait for the next time then."""

    def is_due(kept: _Kept) -> bool:
        since = now - from_micros(kept.claimed_at)
        return at_once or not timedelta(0) <= since < EVERY  # a clock may have been set back

    with installation.store.read() as tx:
        if not is_due(_get(tx, name)):
            return False
    with installation.store.write() as tx:
        kept = _get(tx, name)
        if not is_due(kept):
            return False
        kept.claimed_at = to_micros(now)
        _put(tx, kept)
    return True


def _get(tx: Transaction, name: str) -> _Kept:
    """What is kept of the provider of this name; of another one it says nothing."""
    text = provider_state.get(tx, KEPT)
    kept = _Kept(name, 0) if text is None else _decode(text)
    return kept if kept.name == name else _Kept(name, 0)


def _put(tx: Transaction, kept: _Kept) -> None:
    provider_state.put(tx, KEPT, msgspec.json.encode(kept).decode())
