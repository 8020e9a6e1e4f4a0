"""What time is it at a local Stripe?

Its clock can be moved, and an installation that bills by it must move along: so each time somebody
asks, the sandbox is asked, over a connection that is kept. Nothing is remembered but the latest
instant, because whoever has moved the clock expects to see it moved.
"""

import threading
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from tallygate.adapters.http import GuardedClient
from tallygate.core.errors import Invalid, Unreachable

PLACE = "/_sandbox/clock"
ATTEMPTS = 2
"""The sandbox may have closed the kept connection just now."""


LATEST = 253_402_300_799
"""The end of the year 9999, where a sandbox's time ends too."""


class _Told(msgspec.Struct):
    now: Annotated[int, Meta(ge=0, le=LATEST)]


_decode = msgspec.json.Decoder(_Told).decode


class SandboxClock:
    """The clock of the sandbox at an address, which the client must be allowed to ask.

    In whole seconds, as the sandbox's are. It never goes back, not even where a sandbox was
    started anew.
    """

    def __init__(self, client: GuardedClient, address: str) -> None:
        self._client = client
        self._address = address
        self._latest = 0
        self._asking = threading.Lock()

    def now(self) -> datetime:
        """The present instant there, aware and in UTC.

        Raises:
            Unreachable: the sandbox does not tell the time.
        """
        with self._asking:
            self._latest = max(self._latest, self._told())
            return datetime.fromtimestamp(self._latest, UTC)

    def _told(self) -> int:
        why = ""
        for _ in range(ATTEMPTS):
            try:
                answer = self._client.request("GET", self._address + PLACE)
                if answer.status == 200:
                    return _decode(answer.body).now
                why = f"it answered with status {answer.status}."
            except (msgspec.DecodeError, Invalid):
                why = "what answers there is no sandbox."
            except Unreachable as error:
                why = str(error)
        raise Unreachable(
            f"The sandbox whose clock TALLYGATE_CLOCK names does not tell the time: {why} Start "
            "it with `tallygate sandbox`, or leave TALLYGATE_CLOCK out."
        )
