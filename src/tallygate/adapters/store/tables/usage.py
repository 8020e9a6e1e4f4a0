"""How are accepted events kept, and the sums that spare reading them again?

`events` is the log: rows are added and never changed, numbered in the order of their acceptance.
What repeats in every event is kept once and named by a number: who sent it for whom (`origins`),
and what it is about (`streams`; of what has moved to another tenant, each of them has its own). So
the two indexes stay narrow, and narrow indexes are what decides how fast events can be taken in.
The unique one leads with the id: ids that rise with time then land at its end, whichever tenant
they belong to.

The other three tables could be made again from the log. `meters` numbers the ways of reading
events that some catalog version uses; `cells` holds an hour of a series, `marked_values` the hours
in which a value of a `unique` meter was seen. `position` is the number of the last event that
touched the row, so that usage which came after a close is found without reading it.
"""

from sqlalchemy import CheckConstraint, Column, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import TEXT

from tallygate.adapters.store.tables.columns import (
    instant,
    is_truth,
    number,
    present,
    refers,
    table,
    truth,
    words,
)


def _key(name: str) -> Column[str]:
    # Compared byte by byte on Postgres too: ids have no language, and this is much faster.
    return Column(name, Text().with_variant(TEXT(collation="C"), "postgresql"), nullable=False)


origins = table(
    "origins",
    number("number", primary=True),
    refers("organization", "organizations"),
    words("source"),
    *present("source"),
    UniqueConstraint("organization", "source"),
)

streams = table(
    "streams",
    number("number", primary=True),
    refers("organization", "organizations"),
    words("subject"),
    words("type"),
    *present("subject", "type"),
    UniqueConstraint("subject", "type", "organization"),
    Index(None, "type"),
)

# No foreign keys here: the writer numbers origins and streams in the same transaction, and a look
# at two more tables for each of a million events would be paid by every one of them.
events = table(
    "events",
    number("seq", primary=True),
    _key("id"),
    number("origin"),
    number("stream"),
    instant("at"),
    truth("timed"),
    instant("received_at"),
    words("content"),
    is_truth("timed"),
    *present("id"),
    Index("uq_events_id_origin", "id", "origin", unique=True),
    Index(None, "stream", "at"),
)

meters = table(
    "meters",
    number("number", primary=True),
    words("definition"),
    number("version"),
    words("key"),
    UniqueConstraint("definition"),
)

cells = table(
    "cells",
    number("number", primary=True),
    number("meter"),
    _key("subject"),
    _key("series"),
    number("hour"),
    number("count"),
    words("total"),
    words("least"),
    words("greatest"),
    instant("first_at"),
    words("first_id"),
    words("first_value"),
    instant("last_at"),
    words("last_id"),
    words("last_value"),
    words("area"),
    number("position"),
    CheckConstraint("count >= 1", name="count"),
    Index("uq_cells_place", "meter", "subject", "hour", "series", unique=True),
)

marked_values = table(
    "marked_values",
    number("number", primary=True),
    number("meter"),
    _key("subject"),
    number("span"),
    _key("value"),
    words("hours"),
    number("position"),
    Index("uq_marked_values_place", "meter", "subject", "span", "value", unique=True),
)
