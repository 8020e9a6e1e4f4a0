"""Where can the mirror's process die? At its failpoints, found by reading its code."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tallygate.core.failpoints import armed
from tallygate.workflows.mirror import __file__ as room

OF_THE_MIRROR = (
    *("attend", "carry_out", "charge", "settle", "sync", "sync_due", "witness", "purchase"),
    *("../close", "../change"),
)
ELSEWHERE = frozenset(("sync.failures.before", "sync.failures.after"))
"""These are come to where a meter reports a failure: see test_sync_faults.py."""


def places() -> list[str]:
    """The failpoints of the mirror, as they stand in its code, and those of every commit."""
    folder = Path(room).parent
    found = [
        name
        for module in OF_THE_MIRROR
        for name in re.findall(r'failpoint\("([^"]+)"\)', (folder / f"{module}.py").read_text())
    ]
    return sorted({*found, "store.commit.before", "store.commit.after"} - ELSEWHERE)


@contextmanager
def counted(hits: Counter[str]) -> Iterator[None]:
    """Count how often each place is come to."""
    with ExitStack() as stack:
        for name in places():
            stack.enter_context(armed(name, lambda name=name: hits.update([name])))  # type: ignore[misc]  # the name of this turn
        yield
