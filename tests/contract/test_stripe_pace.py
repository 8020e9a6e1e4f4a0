"""Stripe is asked no faster than it allows, and again only where that does no harm."""

from collections.abc import Mapping
from typing import Any

import pytest
from stripe import APIConnectionError, APIError, HTTPClient

from tallygate.adapters.stripe.pace import LIVE_RATE, Calls, Pace, PacedClient

Answer = tuple[str, int, Mapping[str, str]]
GOOD: Answer = ("{}", 200, {})
TURNED_AWAY: Answer = ("{}", 429, {})
FAILED: Answer = ("{}", 500, {})
IN_USE: Answer = ("{}", 409, {})


class Clock:
    """Stands still but for sleeping; `slept` tells how long each time."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def pace(self, rate: int | None = None, chance: float = 1.0) -> Pace:
        return Pace(rate, clock=lambda: self.now, sleep=self.sleep, chance=lambda: chance)


class Scripted(HTTPClient):
    """Answers as it was told to, in order, and remembers what it was asked."""

    name = "scripted"

    def __init__(self, *answers: Answer | Exception) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked: list[tuple[str, Any]] = []

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        **more: Any,
    ) -> Answer:
        self.asked.append((method, headers))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def lost(*, should_retry: bool = True) -> APIConnectionError:
    error: Any = APIConnectionError
    made: APIConnectionError = error("lost", should_retry=should_retry)
    return made


def test_a_second_never_sees_more_than_the_bucket_and_its_refill() -> None:
    clock = Clock()
    pace = clock.pace(25)
    times = []
    for _ in range(200):
        pace.take()
        times.append(clock.now)
    for start in times:
        # At worst a full bucket, and what flows in while it is emptied.
        assert sum(start <= at < start + 1 for at in times) <= 50
    assert times[24] == 100.0
    assert times[-1] - times[0] == pytest.approx((200 - 25) / 25)


def test_what_was_not_used_is_saved_up_to_one_bucket() -> None:
    clock = Clock()
    pace = clock.pace(LIVE_RATE)
    clock.now += 3600
    for _ in range(LIVE_RATE):
        pace.take()
    assert clock.slept == []
    pace.take()
    assert clock.slept == [pytest.approx(1 / LIVE_RATE)]


def test_without_a_rate_nobody_waits() -> None:
    clock = Clock()
    pace = clock.pace(None)
    for _ in range(1000):
        pace.take()
    assert clock.slept == []


def test_a_pace_that_does_not_count_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pace, "take", lambda _: None)
    with pytest.raises(AssertionError):
        test_what_was_not_used_is_saved_up_to_one_bucket()


@pytest.mark.parametrize(
    ("chance", "waits"), [(1.0, [0.5, 1.0, 2.0]), (0.0, [0.25, 0.5, 1.0])], ids=["all", "least"]
)
def test_it_asks_again_after_twice_as_long_each_time(chance: float, waits: list[float]) -> None:
    clock = Clock()
    inner = Scripted(TURNED_AWAY, lost(), TURNED_AWAY, GOOD)
    paced = PacedClient(inner, clock.pace(chance=chance))
    assert paced.request("post", "u", {"Idempotency-Key": "k"}) == GOOD
    assert clock.slept == waits
    assert inner.asked == [("post", {"Idempotency-Key": "k"})] * 4
    assert paced.calls == Calls(reads=0, writes=4)


def test_it_asks_four_times_at_most() -> None:
    clock = Clock()
    paced = PacedClient(Scripted(*[TURNED_AWAY] * 9), clock.pace())
    assert paced.request("get", "u", None) == TURNED_AWAY
    assert (paced.calls.reads, len(clock.slept)) == (4, 3)
    paced = PacedClient(Scripted(*[lost()] * 9), clock.pace())
    with pytest.raises(APIConnectionError):
        paced.request("get", "u", None)
    assert paced.calls.reads == 4


def test_to_be_turned_away_does_not_undo_a_try_that_was_lost() -> None:
    paced = PacedClient(Scripted(TURNED_AWAY, lost(), *[TURNED_AWAY] * 9), Clock().pace())
    with pytest.raises(APIConnectionError):
        paced.request("post", "u", None)


@pytest.mark.parametrize("answer", [FAILED, IN_USE, GOOD], ids=["failed", "in_use", "good"])
def test_other_answers_are_for_whoever_asked(answer: Answer) -> None:
    """Stripe repeats a 500 to its key; a 409 says that the first request is still under way."""
    clock = Clock()
    assert PacedClient(Scripted(answer), clock.pace()).request("post", "u", None) == answer
    assert clock.slept == []


def test_a_read_that_failed_is_asked_again() -> None:
    """And in the end it has no status: nothing that was to be done has failed."""
    clock = Clock()
    assert PacedClient(Scripted(FAILED, GOOD), clock.pace()).request("get", "u", None) == GOOD
    assert clock.slept == [0.5]
    with pytest.raises(APIError) as failed:
        PacedClient(Scripted(*[FAILED] * 9), clock.pace()).request("get", "u", None)
    assert failed.value.http_status is None


def test_what_would_fail_again_is_not_tried_again() -> None:
    """A certificate that is wrong, for instance."""
    paced = PacedClient(Scripted(lost(should_retry=False)), Clock().pace())
    with pytest.raises(APIConnectionError):
        paced.request("get", "u", None)
