"""How does a platform test its own use of Tallygate?

With a clock that stands still until it is moved, ids that are the same in every run, and an
installation in memory. Nothing here is for production.

>>> from datetime import timedelta
>>> clock = FrozenClock()
>>> clock.advance(timedelta(days=1))
>>> clock.now().isoformat()
'2026-01-02T00:00:00+00:00'
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from tallygate.adapters.store import store_in_memory
from tallygate.core.clock import Clock
from tallygate.core.ids import IdSource
from tallygate.workflows.installation import Installation, Settings

START = datetime(2026, 1, 1, tzinfo=UTC)


class FrozenClock:
    """A clock that moves when told."""

    def __init__(self, at: datetime = START) -> None:
        assert at.tzinfo is not None, "instants are aware"
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        """The instant that was set last."""
        return self._at

    def set(self, at: datetime) -> None:
        """Move to an instant, forward or back."""
        assert at.tzinfo is not None, "instants are aware"
        self._at = at.astimezone(UTC)

    def advance(self, by: timedelta) -> None:
        """Move forward."""
        self._at += by


def repeatable_bits(seed: str = "tallygate") -> Callable[[int], int]:
    """A source of bits that gives the same sequence for the same seed, rising where ids need it.

    The first 30 bits count, so that ids made at one frozen instant still sort by their making.
    """
    made = 0

    def bits(count: int) -> int:
        nonlocal made
        made += 1
        digest = hashlib.sha256(f"{seed}:{made}".encode()).digest()
        noise = int.from_bytes(digest, "big") >> (256 - count)
        if count <= 40:
            return noise
        keep = count - 30
        return (made << keep) | (noise & ((1 << keep) - 1))

    return bits


@contextmanager
def memory_installation(
    clock: Clock | None = None, settings: Settings | None = None, seed: str = "tallygate"
) -> Iterator[Installation]:
    """A whole installation in memory, with repeatable ids, for the length of a `with` block."""
    chosen = clock or FrozenClock()
    bits = repeatable_bits(seed)
    store = store_in_memory()
    try:
        yield Installation(
            store=store,
            clock=chosen,
            ids=IdSource(chosen, bits),
            settings=settings or Settings(),
            random_bits=repeatable_bits(f"{seed} secrets"),
        )
    finally:
        store.close()
