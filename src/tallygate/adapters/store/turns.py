"""Whose turn is it?

One thread of a process writes at a time, and those that wait are served in the order in which they
came. Python's own lock gives no such promise: a worker that writes one transaction after the other
would take it again each time, before a webhook that waits for it has woken up.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST_GIVEN = 0.02
"""For so many seconds work in the background gives way, and then goes on beside the others."""


class Turns:
    """A lock that is handed to whoever waits longest; `thread` is the one that has it."""

    def __init__(self) -> None:
        self.thread: int | None = None
        self._guard = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._taken = False

    def take(self, seconds: float) -> bool:
        """Wait for the turn, for so long at most; tells whether it came."""
        with self._guard:
            if not self._taken:
                self._taken = True
                self.thread = threading.get_ident()
                return True
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        if not mine.acquire(timeout=seconds):
            with self._guard:
                if mine in self._waiting:
                    self._waiting.remove(mine)
                    return False
        # It was handed over, if only at the last moment.
        self.thread = threading.get_ident()
        return True

    def give_back(self) -> None:
        """End the turn: the next one in the row has it from here on."""
        self.thread = None
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False


class RightOfWay:
    """Whoever answers somebody has it, and what runs in the background gives way.

    The interpreter divides itself evenly among threads. For a worker that has a thousand accounts
    to attend, it is all the same whether it goes on in a few milliseconds; for who sent a webhook,
    and waits for each of a dozen steps until the worker's thread lets it be taken, it is not.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._holders = 0
        self._free = threading.Event()
        self._free.set()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have it, for the length of a `with` block; several may have it at once."""
        with self._guard:
            self._holders += 1
            self._free.clear()
        try:
            yield
        finally:
            with self._guard:
                self._holders -= 1
                if not self._holders:
                    self._free.set()

    def give(self) -> None:
        """Wait until nobody has it, though not for long: the background must come along, too."""
        self._free.wait(LONGEST_GIVEN)
