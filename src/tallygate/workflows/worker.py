"""What runs by itself while the server runs?

The close: every minute, what is over by the close delay is billed. Running it in several processes
at once, or beside `invoice close`, changes nothing: an invoice exists once. Invoices stay, so a
clock that runs ahead must not make years of them at once: a turn closes a few periods of each
subscription, and says so where more is due.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tallygate.core.errors import TallygateError
from tallygate.workflows.close import close_some
from tallygate.workflows.installation import Installation

TURN_SECONDS = 60
MOST_PERIODS = 3
"""How many periods of one subscription a turn closes."""

log = logging.getLogger("tallygate.worker")


@contextmanager
def worker(installation: Installation, turn_seconds: int = TURN_SECONDS) -> Iterator[None]:
    """Work beside whatever happens in the block, on a thread of its own, until it ends.

    With no seconds between turns, nothing is done.
    """
    if not turn_seconds:
        yield
        return
    stop = threading.Event()
    thread = threading.Thread(
        target=_work, args=(installation, stop, turn_seconds), name="tallygate-worker"
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


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


def _work(installation: Installation, stop: threading.Event, turn_seconds: int) -> None:
    while not stop.is_set():
        turn(installation)
        stop.wait(turn_seconds)
