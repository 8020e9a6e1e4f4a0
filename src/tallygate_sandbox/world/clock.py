"""The time of the whole sandbox, in whole seconds since 1970.

It runs with the machine's clock, ahead of it by as much as it was moved, or stands still. It never
goes back.
"""

import time


class SandboxClock:
    """The sandbox's clock. `frozen` at an instant it moves only when told to."""

    def __init__(self, frozen: int | None = None, ahead: int = 0) -> None:
        self.frozen = frozen
        self.ahead = ahead
        self._least = 0

    def now(self) -> int:
        if self.frozen is not None:
            return self.frozen
        # The one place where the sandbox reads the machine's clock.
        self._least = max(self._least, int(time.time()) + self.ahead)  # noqa: TID251  # here
        return self._least

    def move_to(self, instant: int) -> None:
        """Go forward to an instant; an earlier one changes nothing."""
        instant = max(instant, self.now())
        if self.frozen is not None:
            self.frozen = instant
        else:
            self.ahead += instant - self.now()

    def freeze(self) -> None:
        self.frozen = self.now()

    def run(self) -> None:
        if self.frozen is not None:
            instant, self.frozen = self.frozen, None
            self.ahead = self._least = 0
            self.ahead = instant - self.now()
            self._least = instant
