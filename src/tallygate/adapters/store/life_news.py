"""Since when have the lives of some resources changed, as the log tells after a position?

Life events are few, so they are looked at one by one; each resource has its own stream for each
kind of them.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlalchemy import bindparam, func, select

from tallygate.accounts.life import LIFE_KINDS
from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.events import last_position
from tallygate.adapters.store.tables.usage import events, streams
from tallygate.core.period import from_micros

IDS_AT_ONCE = 5000

# Asked so often that making the question anew would take longer than answering it.
_NEWS = (
    select(streams.c.subject, func.min(events.c.at).label("at"))
    .select_from(streams.join(events, events.c.stream == streams.c.number))
    .where(
        streams.c.subject.in_(bindparam("subjects", expanding=True)),
        streams.c.type.in_([f"resource.{kind}" for kind in sorted(LIFE_KINDS)]),
        events.c.seq > bindparam("position"),
    )
    .group_by(streams.c.subject)
)


def earliest_life_news(
    tx: Transaction, resources: Iterable[str], position: int
) -> datetime | None:
    """The time of the earliest life event that came after a position; None: there was none."""
    found = [at for _, at in _news(tx, resources, position)]
    return from_micros(min(found)) if found else None


def subjects_with_life_news(tx: Transaction, subjects: Iterable[str], position: int) -> set[str]:
    """Those of some subjects of which life events came after a position."""
    return {subject for subject, _ in _news(tx, subjects, position)}


def _news(tx: Transaction, subjects: Iterable[str], position: int) -> Iterator[tuple[str, int]]:
    if last_position(tx) <= position:
        return
    wanted = sorted(set(subjects))
    for start in range(0, len(wanted), IDS_AT_ONCE):
        part = {"subjects": wanted[start : start + IDS_AT_ONCE], "position": position}
        for row in tx.execute(_NEWS, part):
            yield str(row.subject), int(row.at)
