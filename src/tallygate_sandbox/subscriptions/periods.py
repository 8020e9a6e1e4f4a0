"""When an item's period begins and ends, and where the billing cycle is anchored.

Source: https://docs.stripe.com/billing/subscriptions/billing-cycle. Every item's periods lie on
one grid: whole intervals before and after the subscription's anchor.

Assumed: in flexible mode an item whose interval changes, or that is added, takes the period of
that grid in which it falls, so that a monthly item added to a yearly subscription ends its first
period on the anchor's next monthly day. What it used before it was added is not billed.
"""

from calendar import monthrange
from datetime import UTC, datetime
from typing import Any

from tallygate_sandbox.money.calendar import boundary, next_boundary
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen

LONGEST_DAYS = {"day": 1, "week": 7, "month": 31, "year": 366}
DAY = 86_400


def period_at(sub: Seen, price: Seen, at: int) -> tuple[int, int]:
    """The period of the grid in which an instant lies, for a price's interval."""
    interval, count = price["recurring"]["interval"], price["recurring"]["interval_count"]
    grid = sub["_grid"] if (interval, count) == ("month", 1) else sub["billing_cycle_anchor"]
    end = next_boundary(grid, interval, count, at)
    start = next_boundary(grid, interval, count, at - LONGEST_DAYS[interval] * count * DAY - DAY)
    while (later := next_boundary(grid, interval, count, start)) <= at:
        start = later
    return start, end


def place_in_period(sub: Seen, item: Obj, price: Seen, at: int) -> None:
    """Give an item the period in which an instant lies, not before the subscription's start."""
    start, end = period_at(sub, price, at)
    item["current_period_start"] = max(start, min(sub["start_date"], at))
    item["current_period_end"] = end


def anchor_to(sub: Obj, at: int, config: dict[str, int] | None = None) -> None:
    """Anchor the billing cycle; the grid also remembers a day that the anchor's month lacks."""
    sub["billing_cycle_anchor"] = at
    sub["billing_cycle_anchor_config"] = config
    sub["_grid"] = _with_day(at, config["day_of_month"]) if config else at


def _with_day(anchor: int, day: int) -> int:
    """An instant on the monthly grid whose month has the day: 28 February for the 31st: 31 Jan.

    Each month that lacks a day follows one that has it.
    """
    here = datetime.fromtimestamp(anchor, UTC)
    if here.day == day:
        return anchor
    year, month = divmod(here.year * 12 + here.month - 2, 12)
    return int(here.replace(year=year, month=month + 1, day=day).timestamp())


def next_matching(config: dict[str, int], after: int) -> int:
    """The next instant with the day (and month, hour ...) of a billing_cycle_anchor_config.

    A day that a month lacks is its last one. What is not given is taken from the instant itself.

    Raises:
        Refusal: a day, month, hour, minute or second that no calendar has.
    """
    _check(config)
    here = datetime.fromtimestamp(after, UTC)
    clock = {name: config.get(name, getattr(here, name)) for name in ("hour", "minute", "second")}
    for months in range(26):
        year, month = divmod(here.year * 12 + here.month - 1 + months, 12)
        if "month" in config and config["month"] != month + 1:
            continue
        day = min(config["day_of_month"], monthrange(year, month + 1)[1])
        found = datetime(year, month + 1, day, tzinfo=UTC, **clock)
        if found.timestamp() >= after:
            return int(found.timestamp())
    raise AssertionError(config)


def _check(config: dict[str, int]) -> None:
    bounds = {"day_of_month": (1, 31), "month": (1, 12), "hour": (0, 23)}
    bounds |= {"minute": (0, 59), "second": (0, 59)}
    for name, value in config.items():
        least, most = bounds[name]
        if not least <= value <= most:
            raise Refusal(
                f"Invalid {name}: it must be between {least} and {most}.",
                code="parameter_invalid_integer",
                param=f"billing_cycle_anchor_config[{name}]",
            )


def shown_config(config: dict[str, Any]) -> dict[str, Any]:
    """A billing_cycle_anchor_config with all its fields."""
    return {
        name: config.get(name) for name in ("day_of_month", "hour", "minute", "month", "second")
    }


def after_interval(start: int, interval: str, count: int) -> int:
    """The instant one duration later."""
    return boundary(start, interval, count, 1)
