"""What runs by itself while the server runs?

The close: every minute, what is over by the close delay is billed, and what begins with an
announced change of payer begins. Running it in several processes at once, or beside `invoice
close`, changes nothing: an invoice exists once. Invoices stay, so a clock that runs ahead must not
make years of them at once: a turn closes a few periods of each subscription, and says so where
more is due.

The mirror, where there is a payment provider: every second the hints that have come are settled
and the accounts that are marked attended; every few minutes the provider's list of events is read,
for hints that never came; usage is reported as often as the settings say; and once a day every
account is looked at, and old hints are forgotten. Accounts are attended under a lease, so several
processes share the work.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic

from tallygate.collection.provider import Books
from tallygate.core.errors import TallygateError
from tallygate.workflows.close import close_some
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.attend import attend_due, mark_all
from tallygate.workflows.mirror.settle import poll, settle_due
from tallygate.workflows.mirror.sync_due import sync_due
from tallygate.workflows.mirror.upkeep import count_calls, forget_hints
from tallygate.workflows.mirror.witness import watch

TURN_SECONDS = 60
POLL_SECONDS = 300
DAY_SECONDS = 24 * 60 * 60
REST_SECONDS = 1
MOST_PERIODS = 3
"""How many periods of one subscription a turn closes."""

log = logging.getLogger("tallygate.worker")


@contextmanager
def worker(
    installation: Installation, turn_seconds: int = TURN_SECONDS, books: Books | None = None
) -> Iterator[None]:
    """Work beside whatever happens in the block, on a thread of its own, until it ends.

    With no seconds between turns nothing is closed; without books there is nothing to mirror.
    """
    if not turn_seconds and books is None:
        yield
        return
    stop = threading.Event()
    thread = threading.Thread(
        target=_work,
        args=(behind(installation), stop, turn_seconds, books),
        name="tallygate-worker",
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def behind(installation: Installation) -> Installation:
    """The same installation for who works in the background, after those who wait for answers."""
    return replace(installation, store=installation.store.in_background())


def mirror_turn(installation: Installation, books: Books) -> int:
    """Settle what hints have come and attend what is marked, once; gives how much was done."""
    done = 0
    for job in (settle_due, attend_due):
        done += _told(job, installation, books)
    return done


def poll_turn(installation: Installation, books: Books) -> None:
    """Read the provider's list of events, and report the usage that is due."""
    for job in (watch, poll, sync_due, count_calls):
        _told(job, installation, books)


def turn(installation: Installation) -> int:
    """Do all that is due once; gives how many invoices were made.

    What cannot be done now is told to the operator's log, and tried again in the next turn.
    """
    try:
        closed = close_some(installation, most=MOST_PERIODS)
    except TallygateError as error:
        log.warning("The close left something open: %s", error)
        return 0
    except Exception:  # whatever it is, the next turn may do it, and nobody else would tell of it
        log.exception("The close broke off by a mistake of ours; the next turn tries again.")
        return 0
    if closed.invoices:
        log.info("Closed %d invoices.", len(closed.invoices))
    if closed.problems:
        log.warning("Some subscriptions could not be billed. %s", " ".join(closed.problems))
    if closed.left:
        log.warning(
            "Some subscriptions (%d) have more than %d periods to bill: the clock may be wrong. "
            "If it is right, `tallygate invoice close --commit` goes on at once, and the next "
            "turn by a few periods more.",
            len(closed.left),
            MOST_PERIODS,
        )
    return len(closed.invoices)


def _told(
    job: Callable[[Installation, Books], object], installation: Installation, books: Books
) -> int:
    """Do a part of the mirror's work; what stands in its way is told, and the next turn tries."""
    try:
        done = job(installation, books)
    except TallygateError as error:
        log.warning("The mirror left something open: %s", error)
        return 0
    except Exception:  # as with the close
        log.exception("The mirror broke off by a mistake of ours; the next turn tries again.")
        return 0
    return done if isinstance(done, int) else 0


def _work(
    installation: Installation, stop: threading.Event, turn_seconds: int, books: Books | None
) -> None:
    """Do each job when it is its time, and mirror without a pause while there is something to do.

    Times are counted from a job's last beginning, so that neither a mirror that is busy all the
    while keeps the others from their turn, nor one that they keep busy calls them again and again.
    """
    jobs = list(_jobs(installation, turn_seconds, books))
    next_times = [monotonic()] * len(jobs)
    while not stop.is_set():
        for number, (every, job) in enumerate(jobs):
            if monotonic() >= next_times[number]:
                next_times[number] = monotonic() + every
                job()
        if books is None:
            stop.wait(turn_seconds)
        elif not mirror_turn(installation, books):
            stop.wait(REST_SECONDS)


def _jobs(
    installation: Installation, turn_seconds: int, books: Books | None
) -> Iterator[tuple[int, Callable[[], object]]]:
    """What is done again and again, and after how many seconds."""
    if turn_seconds:
        yield turn_seconds, lambda: turn(installation)
    if books is not None:
        yield POLL_SECONDS, lambda: poll_turn(installation, books)
        yield DAY_SECONDS, lambda: _told(mark_all, installation, books)
        yield DAY_SECONDS, lambda: _told(forget_hints, installation, books)
