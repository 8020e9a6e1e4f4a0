"""Has anything come, after a place in the log, for which closed periods are to be billed again?

Nearly always nothing has, for none of the accounts that are billed together. So one question is
asked about all of them, and then only about those that it found is each one asked.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.life_news import earliest_life_news, subjects_with_life_news
from tallygate.adapters.store.usage_log import StoreLog
from tallygate.catalog import meter_definition
from tallygate.catalog.model import Meter
from tallygate.core.period import Period

LIVES = "lives"
"""What is asked about beside meters, which are known by their definitions."""


class News:
    """Answers about some subjects and a window, which holds every one that is asked about."""

    def __init__(
        self, tx: Transaction, log: StoreLog, subjects: Sequence[str], window: Period
    ) -> None:
        self._tx = tx
        self._log = log
        self._subjects = subjects
        self._window = window
        self._heard: dict[str, tuple[int, Collection[str]]] = {}

    def earliest_life_news(self, subjects: Sequence[str], position: int) -> datetime | None:
        """The time of the earliest life event of some resources after a position, if any came."""

        def found() -> set[str]:
            return subjects_with_life_news(self._tx, self._subjects, position)

        if self._nothing(LIVES, subjects, position, found):
            return None
        return earliest_life_news(self._tx, subjects, position)

    def touched_since(
        self, meter: Meter, subjects: Sequence[str], window: Period, position: int
    ) -> bool:
        """Whether events after a position may have changed what a meter says of a window.

        As `StoreLog.touched_since` has it.
        """

        def found() -> set[str]:
            return self._log.touched_among(meter, self._subjects, self._window, position)

        if self._nothing(meter_definition(meter), subjects, position, found):
            return False
        return self._log.touched_since(meter, subjects, window, position)

    def _nothing(
        self,
        asked: str,
        subjects: Sequence[str],
        position: int,
        found: Callable[[], Collection[str]],
    ) -> bool:
        """Whether it is certain that there is no news of some subjects after a position.

        `found` tells of which of all subjects there is news after the first position asked about:
        whoever has none after that one has none after a later one either.
        """
        if asked not in self._heard:
            self._heard[asked] = (position, found())
        since, heard = self._heard[asked]
        return since <= position and not any(subject in heard for subject in subjects)
