"""What runs by itself while the server runs?

The close: every minute, what is over by the close delay is billed. Running it in several processes
at once, or beside `invoice close`, changes nothing: an invoice exists once.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tallygate.core.errors import TallygateError
from tallygate.workflows.close import close_due
from tallygate.workflows.installation import Installation

TURN_SECONDS = 60

log = logging.getLogger("tallygate.worker")


@contextmanager
def worker(installation: Installation, turn_seconds: int = TURN_SECONDS) -> Iterator[None]:
    """Work beside whatever happens in the block, on a thread of its own, until it ends."""
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
        made = close_due(installation)
    except TallygateError as error:
        log.warning("The close left something open: %s", error)
        return 0
    if made:
        log.info("Closed %d invoices.", len(made))
    return len(made)


def _work(installation: Installation, stop: threading.Event, turn_seconds: int) -> None:
    while not stop.is_set():
        turn(installation)
        stop.wait(turn_seconds)
