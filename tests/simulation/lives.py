"""A life that was drawn: what customers and their operator do, and when.

An act is a value that says all it needs; where it cannot be done (there is nothing to cancel), it
is nothing. So any act can be left out of a life, and what is left is a life.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from tests.simulation.catalogs import draw_catalog

START = datetime(2026, 1, 1, tzinfo=UTC)
NEAR = (-3, -1, 0, 1, 2, 600, 1700, 1900, 3600, 7300)
"""Seconds from a boundary at which things go wrong if they ever do."""
COUPONS = ((), (), (), ("PART",), ("SUM",), ("USAGE",), ("PART", "SUM"), ("USAGE", "PART"))
ACTS = {
    "use": 9,
    "late": 4,
    "change": 6,
    "cancel": 2,
    "cancel_now": 2,
    "resume": 2,
    "portal_end": 1,
    "portal_resume": 1,
    "end_there": 1,
    "create": 4,
    "delete": 3,
    "join": 1,
    "leave": 1,
    "bad_card": 2,
    "good_card": 3,
    "pay": 2,
    "free": 2,
    "buy": 3,
}


@dataclass(frozen=True, slots=True)
class Act:
    """Something that one customer does; `rest`: the worker has a turn right after it.

    `draw` picks among what there is then.
    """

    at: datetime
    who: int
    what: str
    draw: int
    rest: bool = True

    def __str__(self) -> str:
        rest = "" if self.rest else ", and at once"
        return f"{self.at.isoformat()} {self.who}: {self.what} {self.draw}{rest}"


@dataclass(frozen=True, slots=True)
class Life:
    """The price list, and what is done under it until an instant."""

    seed: int
    catalog: str
    acts: tuple[Act, ...]
    until: datetime

    def __str__(self) -> str:
        return "\n".join([f"seed {self.seed}, until {self.until}:", *map(str, self.acts)])


def draw_life(seed: int) -> Life:
    """The life of a seed."""
    draw = Random(seed)  # noqa: S311  # nothing secret is drawn
    catalog = draw_catalog(draw)
    months = draw.randint(1, 3)
    acts: list[Act] = []
    for who in range(draw.choice((1, 1, 2))):
        acts += _of_one(draw, who, months)
    acts.sort(key=lambda act: act.at)
    return Life(seed, catalog, tuple(acts), month_after(START, months + 1) + timedelta(hours=12))


def _of_one(draw: Random, who: int, months: int) -> Iterator[Act]:
    begins = START + timedelta(seconds=draw.choice((0, draw.randint(60, 31 * 86400))))
    if draw.random() < 0.2:
        yield Act(begins - timedelta(seconds=0), who, "free", draw.getrandbits(30))
        begins += timedelta(days=draw.randint(1, 5))
    yield Act(begins, who, "buy", draw.getrandbits(30))
    ends = month_after(START, months + 1)
    for _ in range(draw.randint(4, 12)):
        at = begins + timedelta(seconds=draw.randint(1, int((ends - begins).total_seconds())))
        off = None
        if draw.random() < 0.35:
            off = draw.choice(NEAR)
            at = month_after(begins, draw.randint(1, months)) + timedelta(seconds=off)
        if at >= ends:
            continue
        what = draw.choices(list(ACTS), list(ACTS.values()))[0]
        # What Stripe is not told before it renews is held for the operator: no life of chance.
        rest = draw.random() < 0.6 or (off is not None and off < 0)
        yield Act(at, who, what, draw.getrandbits(30), rest)


def month_after(at: datetime, count: int) -> datetime:
    """The same day so many months later, or the last one of a shorter month."""
    month = at.month - 1 + count
    year, month = at.year + month // 12, month % 12 + 1
    for day in range(at.day, 27, -1):
        try:
            return at.replace(year=year, month=month, day=day)
        except ValueError:
            continue
    return at.replace(year=year, month=month)
