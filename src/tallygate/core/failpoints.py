"""Where can a test make the world stop?

At each boundary of a workflow stands `failpoint("commit.before")`. In production that is one
look at an empty dictionary. A test, or the environment of a process under chaos, arms a name with
something to do there: raise, kill the process, wait.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_armed: dict[str, Callable[[], None]] = {}


def failpoint(name: str) -> None:
    """Do what is armed under this name; usually nothing."""
    if _armed and (act := _armed.get(name)) is not None:
        act()


@contextmanager
def armed(name: str, act: Callable[[], None]) -> Iterator[None]:
    """Arm a failpoint for the length of a `with` block."""
    _armed[name] = act
    try:
        yield
    finally:
        del _armed[name]
