"""The real worker in a process of its own, in a hurry; and one that is wrong on purpose.

It is what `tallygate worker` runs, except that no job waits until its time has come, and that one
byte is added to a file each time that nothing was left to do. A worker that is `fresh` asks with a
new idempotency key each time: the tests have to find it.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Literal, NamedTuple

from tests.chaos.places import places

from tallygate.collection.provider import Books
from tallygate.collection.records import Written
from tallygate.core import failpoints
from tallygate.interfaces.cli.root import main
from tallygate.workflows import worker
from tallygate.workflows.installation import Installation

Kind = Literal["real", "fresh"]


class Job(NamedTuple):
    """What a process is to do: by which settings, and where it leaves its word and its rests.

    It kills itself when it comes to a failpoint of the mirror's for the `deadly`th time.
    """

    settings: dict[str, str]
    log: Path
    rests: Path
    kind: Kind = "real"
    deadly: int | None = None


def run(job: Job) -> None:
    """Work until killed."""
    for name in [name for name in os.environ if name.startswith(("TALLYGATE_", "STRIPE_"))]:
        del os.environ[name]
    os.environ |= job.settings
    told = os.open(job.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(told, descriptor)
    hurry(os.open(job.rests, os.O_WRONLY | os.O_CREAT | os.O_APPEND))
    if job.kind == "fresh":
        fresh = count()
        Written.key = property(lambda one: f"{one.id}-{os.getpid()}-{next(fresh)}")  # type: ignore[method-assign,assignment]  # the planted defect
    if job.deadly is not None:
        arm(job.deadly)
    sys.argv = ["tallygate", "worker"]
    main()


def hurry(rests: int) -> None:
    """Let no job wait, and tell of each rest."""
    jobs, turn = worker._jobs, worker.mirror_turn

    def soon(
        here: Installation, seconds: int, books: Books | None
    ) -> Iterator[tuple[int, Callable[[], object]]]:
        for every, job in jobs(here, seconds, books):
            yield every if every == worker.DAY_SECONDS else 0, job

    def counted(here: Installation, books: Books) -> int:
        done = turn(here, books)
        if not done:
            os.write(rests, b".")
        return done

    vars(worker).update(_jobs=soon, mirror_turn=counted, REST_SECONDS=0.05)


def arm(deadly: int) -> None:
    """Kill this process, the so-manieth time that it comes to any of the places."""
    left = deadly

    def come_to() -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    for place in places():
        failpoints._armed[place] = come_to
