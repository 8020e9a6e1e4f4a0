"""Once a day: old hints go, and the provider's calls are counted by the day."""

from datetime import timedelta
from typing import Any, cast

from tallygate.adapters.store import inbox, provider_state
from tallygate.adapters.store.inbox import NewHint
from tallygate.collection.provider import Books
from tallygate.testing import FrozenClock
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.upkeep import count_calls, forget_hints


class _Counted:
    def __init__(self, *calls: tuple[int, int]) -> None:
        self._calls = list(calls)

    def take_calls(self) -> tuple[int, int]:
        return self._calls.pop(0)


def test_settled_hints_are_forgotten_after_thirty_days_and_waiting_ones_never(
    installation: Installation,
) -> None:
    clock = cast("FrozenClock", installation.clock)
    hint: dict[str, Any] = {
        "type": "invoice.paid",
        "thin": False,
        "api_version": None,
        "body": b"",
    }
    with installation.store.write() as tx:
        hints = [
            NewHint(id=id_, created=clock.now(), received_at=clock.now(), state="waiting", **hint)
            for id_ in ("settled", "waits")
        ]
        inbox.keep(tx, hints)
        inbox.settle(tx, ["settled"], clock.now())
    clock.advance(timedelta(days=30))
    assert forget_hints(installation) == 0
    clock.advance(timedelta(seconds=1))
    assert forget_hints(installation) == 1
    with installation.store.read() as tx:
        assert [one.id for one in inbox.waiting(tx, 10)] == ["waits"]


def test_calls_are_counted_by_the_day(installation: Installation) -> None:
    clock = cast("FrozenClock", installation.clock)
    books = cast("Books", _Counted((3, 1), (2, 0), (0, 0), (5, 5)))
    today = clock.now().date()
    for _ in range(3):
        count_calls(installation, books)
    clock.advance(timedelta(days=1))
    count_calls(installation, books)
    with installation.store.read() as tx:
        assert list(provider_state.calls_since(tx, today).values()) == [(5, 1), (5, 5)]
