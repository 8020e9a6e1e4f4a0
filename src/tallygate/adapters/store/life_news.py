"""Since when have the lives of some resources changed, as the log tells after a position?

Life events are few, so they are looked at one by one; each resource has its own stream for each
kind of them.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, select

from tallygate.accounts.life import LIFE_KINDS
from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.tables.usage import events, streams
from tallygate.core.period import from_micros

IDS_AT_ONCE = 5000


def earliest_life_news(
    tx: Transaction, resources: Iterable[str], position: int
) -> datetime | None:
    """The time of the earliest life event that came after a position; None: there was none."""
    if tx.execute(select(func.coalesce(func.max(events.c.seq), 0))).scalar_one() <= position:
        return None
    kinds = [f"resource.{kind}" for kind in sorted(LIFE_KINDS)]
    wanted = sorted(set(resources))
    found: list[int] = []
    for start in range(0, len(wanted), IDS_AT_ONCE):
        part = wanted[start : start + IDS_AT_ONCE]
        asked = (
            select(func.min(events.c.at))
            .select_from(streams.join(events, events.c.stream == streams.c.number))
            .where(streams.c.subject.in_(part), streams.c.type.in_(kinds))
            .where(events.c.seq > position)
        )
        earliest = tx.execute(asked).scalar()
        if earliest is not None:
            found.append(int(earliest))
    return from_micros(min(found)) if found else None
