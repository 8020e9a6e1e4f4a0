"""How do many senders share one commit?

A commit costs a trip to the disk, however much is in it. So one thread writes: it takes all that
waits, writes it in one transaction, and answers all of it, while the next batches gather. The
answers go out only when the commit has returned.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from tallygate.core.errors import Unreachable
from tallygate.core.failpoints import failpoint
from tallygate.workflows.ingest import Batch, Verdicts, write_group
from tallygate.workflows.installation import Installation

MOST_EVENTS_IN_GROUP = 20_000
MOST_EVENTS_WAITING = 200_000
MOST_BATCHES_WAITING = 20_000
IDLE_SECONDS = 1.0

Ticket = Any
"""Whatever the sender of a batch wants to have back with the outcome."""

Outcome = Verdicts | BaseException


class Writer:
    """Writes batches, many in one transaction. Its thread ends when there is nothing to do.

    `deliver` is called on that thread, once for each transaction, with every ticket and outcome.
    """

    def __init__(
        self,
        installation: Installation,
        deliver: Callable[[Sequence[tuple[Ticket, Outcome]]], None],
    ) -> None:
        self._installation = installation
        self._deliver = deliver
        self._waiting: deque[tuple[Batch, Ticket]] = deque()
        self._events_waiting = 0
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, batch: Batch, ticket: Ticket) -> None:
        """Have a batch written; its outcome comes by `deliver`.

        Raises:
            Unreachable: too much waits already, or the writer is closed. Nothing was taken in.
        """
        with self._change:
            if self._closed:
                raise Unreachable("The server is stopping: send the events again in a moment.")
            if (
                self._events_waiting >= MOST_EVENTS_WAITING
                or len(self._waiting) >= MOST_BATCHES_WAITING
            ):
                raise Unreachable("Too many events wait to be stored: send these again later.")
            self._waiting.append((batch, ticket))
            self._events_waiting += len(batch.events)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="events")
                self._thread.start()
            else:
                self._change.notify()

    def close(self) -> None:
        """Write and answer what waits, take nothing new, and come back when all is done."""
        with self._change:
            self._closed = True
            self._change.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while group := self._next_group():
            outcomes = self._write(group)
            failpoint("ingest.acknowledge.before")
            self._deliver(outcomes)

    def _next_group(self) -> list[tuple[Batch, Ticket]]:
        """What waits, up to the most that a transaction takes; nothing when the thread may end."""
        with self._change:
            if not self._waiting and not self._closed:
                self._change.wait(IDLE_SECONDS)
            group: list[tuple[Batch, Ticket]] = []
            size = 0
            while self._waiting and (
                not group or size + len(self._waiting[0][0].events) <= MOST_EVENTS_IN_GROUP
            ):
                batch, ticket = self._waiting.popleft()
                group.append((batch, ticket))
                size += len(batch.events)
            self._events_waiting -= size
            if not group:
                self._thread = None
            return group

    def _write(self, group: Sequence[tuple[Batch, Ticket]]) -> list[tuple[Ticket, Outcome]]:
        try:
            answers: Sequence[Outcome] = write_group(
                self._installation, [batch for batch, _ in group]
            )
        except Unreachable as error:
            answers = [error] * len(group)
        except Exception as error:  # noqa: BLE001 whatever it is, its sender has to hear of it
            if len(group) > 1:
                # One batch spoils the transaction for all: each gets one of its own.
                return [outcome for one in group for outcome in self._write([one])]
            answers = [error]
        return [(ticket, answer) for (_, ticket), answer in zip(group, answers, strict=True)]
