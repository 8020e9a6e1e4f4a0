"""How fast may Stripe be asked, and when is it asked again?

Stripe allows 100 requests a second to a live account and 25 to one in test mode, and reads are to
stay below 500 for each transaction, so all are counted. One bucket is shared by all that a
process asks. A request that was turned away (429), or that found nobody, is sent again after a
while, as it was, with its idempotency key; so is a read that Stripe failed at. Any other answer is
for whoever asked: that Stripe failed at a change is told of changes only, because it decides
whether the next try has another key.
Sources: https://docs.stripe.com/rate-limits, https://docs.stripe.com/api/idempotent_requests.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stripe import APIConnectionError, APIError, HTTPClient

LIVE_RATE = 80
TEST_RATE = 25
TRIES = 4
FIRST_WAIT = 0.5
LONGEST_WAIT = 8.0
TOO_MANY, FAILED = 429, 500


class Pace:
    """A bucket of `per_second` tokens, which refills as fast; None: it never runs dry.

    `clock` gives seconds that only rise, `sleep` waits for so many of them, `chance` gives a
    fraction of 1. Threads may share it.
    """

    def __init__(
        self,
        per_second: int | None,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        chance: Callable[[], float],
    ) -> None:
        self._rate = per_second
        self._clock, self._sleep, self._chance = clock, sleep, chance
        self._lock = threading.Lock()
        self._tokens = float(per_second or 0)
        self._filled_at = clock()

    def take(self) -> None:
        """Take a token, and wait until it is there."""
        if self._rate is None:
            return
        with self._lock:
            now = self._clock()
            refilled = self._tokens + (now - self._filled_at) * self._rate
            self._tokens = min(float(self._rate), refilled) - 1
            self._filled_at = now
            missing = -self._tokens
        if missing > 0:
            self._sleep(missing / self._rate)

    def back_off(self, tries: int) -> None:
        """Wait after so many tries in vain: twice as long each time, and not all at once."""
        longest = min(FIRST_WAIT * 2 ** (tries - 1), LONGEST_WAIT)
        self._sleep(longest * (1 + self._chance()) / 2)


@dataclass(slots=True)
class Calls:
    """How many requests were sent, those that were sent again too."""

    reads: int = 0
    writes: int = 0
    _taken: tuple[int, int] = (0, 0)

    def take(self) -> tuple[int, int]:
        """How many there were since this was asked last."""
        now, before = (self.reads, self.writes), self._taken
        self._taken = now
        return now[0] - before[0], now[1] - before[1]


class PacedClient(HTTPClient):
    """Sends what another client of the SDK's would send, at this pace, and counts it."""

    name = "requests"

    def __init__(self, inner: HTTPClient, pace: Pace, tries: int = TRIES) -> None:
        super().__init__()
        self.calls = Calls()
        self._inner, self._pace, self._tries = inner, pace, tries
        self._lock = threading.Lock()

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        **more: Any,
    ) -> tuple[str, int, Mapping[str, str]]:
        """Send a request, and again while it is turned away, finds nobody, or fails to read.

        Raises:
            APIConnectionError: nobody answered, or nobody answered the first of several tries.
            APIError: reading failed; without a status, for nothing was asked to be done.
        """
        lost: APIConnectionError | None = None
        for tried in range(1, self._tries + 1):
            self._count(method)
            self._pace.take()
            try:
                answer = self._inner.request(method, url, headers, post_data, **more)
            except APIConnectionError as error:
                if not error.should_retry or tried == self._tries:
                    raise
                lost = error
            else:
                status = answer[1]
                failed = status >= FAILED and _reads(method)
                if status != TOO_MANY and not failed:
                    return answer
                if tried == self._tries:
                    break
            self._pace.back_off(tried)
        if lost is not None:
            raise lost  # the last try did nothing, but that one may have
        if failed:
            raise APIError(f"reading was answered with {status}")
        return answer

    def close(self) -> None:
        """Let go of the connections."""
        self._inner.close()  # type: ignore[no-untyped-call]  # the SDK leaves it untyped

    def _count(self, method: str) -> None:
        with self._lock:
            if _reads(method):
                self.calls.reads += 1
            else:
                self.calls.writes += 1


def _reads(method: str) -> bool:
    return method.lower() == "get"
