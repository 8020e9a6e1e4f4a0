"""What is due when: timers of objects, each on its timeline.

A timeline is a test clock's id, or "" for the sandbox's own clock. An object has at most one timer
of a name; setting it again moves it.
"""

import heapq
from collections import defaultdict
from typing import NamedTuple


class Timer(NamedTuple):
    """`name` of object `ident` is due at `at` (seconds) on `timeline`."""

    at: int
    number: int
    name: str
    ident: str
    timeline: str


class Timers:
    """All timers; changes between `begin` and `commit` can be undone."""

    def __init__(self) -> None:
        self._live: dict[tuple[str, str], Timer] = {}
        self._heaps: defaultdict[str, list[Timer]] = defaultdict(list)
        self._before: dict[tuple[str, str], Timer | None] = {}
        self._number = 0
        self.touched: set[str] = set()  # the timelines on which something was set

    def set(self, name: str, ident: str, at: int, timeline: str) -> None:
        key = (name, ident)
        self._before.setdefault(key, self._live.get(key))
        self._number += 1
        self.restore(Timer(at, self._number, name, ident, timeline))

    def stop(self, name: str, ident: str) -> None:
        key = (name, ident)
        self._before.setdefault(key, self._live.get(key))
        self._live.pop(key, None)

    def move(self, ident: str, timeline: str) -> None:
        """Have what is due for an object be due on another timeline."""
        for timer in [one for one in self._live.values() if one.ident == ident]:
            self.set(timer.name, ident, timer.at, timeline)

    def stop_timeline(self, timeline: str) -> None:
        """Stop all timers of a timeline."""
        for timer in list(self._heaps[timeline]):
            if self._live.get((timer.name, timer.ident)) is timer:
                self.stop(timer.name, timer.ident)

    def of(self, name: str, ident: str) -> int | None:
        """When a timer is due, if it is set."""
        timer = self._live.get((name, ident))
        return timer.at if timer else None

    def next_due(self, timeline: str) -> Timer | None:
        """The earliest timer of a timeline; of several at one instant, the one set first."""
        heap = self._heaps[timeline]
        while heap and self._live.get((heap[0].name, heap[0].ident)) is not heap[0]:
            heapq.heappop(heap)
        return heap[0] if heap else None

    def changes(self) -> dict[tuple[str, str], Timer | None]:
        """Each changed timer as it is now, None for a stopped one."""
        return {key: self._live.get(key) for key in self._before}

    def commit(self) -> None:
        """Keep the changes."""
        self._before.clear()

    def roll_back(self) -> None:
        for key, timer in self._before.items():
            self._live.pop(key, None)
            if timer is not None:
                self.restore(timer)
        self._before.clear()

    def restore(self, timer: Timer) -> None:
        """Put a timer in its place: a new one, one taken back, or one read from the file."""
        self._number = max(self._number, timer.number)
        self._live[timer.name, timer.ident] = timer
        heapq.heappush(self._heaps[timer.timeline], timer)
        self.touched.add(timer.timeline)
