"""When a period ends: n intervals after an anchor, in UTC.

A month that is too short ends on its last day, and the next one returns to the anchor's day:
31 January, 28 February, 31 March.
Source: https://docs.stripe.com/billing/subscriptions/billing-cycle.
"""

from calendar import monthrange
from datetime import UTC, datetime, timedelta

MONTHS = {"month": 1, "year": 12}
DAYS = {"day": 1, "week": 7}


def boundary(anchor: int, interval: str, count: int, n: int) -> int:
    """The n-th boundary after (or, negative, before) the anchor, in seconds since 1970."""
    start = datetime.fromtimestamp(anchor, UTC)
    if interval in DAYS:
        return int((start + timedelta(days=DAYS[interval] * count * n)).timestamp())
    month = start.month - 1 + MONTHS[interval] * count * n
    year, month = start.year + month // 12, month % 12 + 1
    day = min(start.day, monthrange(year, month)[1])
    return int(start.replace(year=year, month=month, day=day).timestamp())


def next_boundary(anchor: int, interval: str, count: int, after: int) -> int:
    """The first boundary later than an instant."""
    n = _about(anchor, interval, count, after)
    end = boundary(anchor, interval, count, n)
    if end <= after:
        while end <= after:
            n += 1
            end = boundary(anchor, interval, count, n)
        return end
    while (earlier := boundary(anchor, interval, count, n - 1)) > after:
        n, end = n - 1, earlier
    return end


def _about(anchor: int, interval: str, count: int, after: int) -> int:
    """How many intervals lie between two instants, give or take one."""
    if interval in DAYS:
        return (after - anchor) // (86_400 * DAYS[interval] * count)
    start, end = datetime.fromtimestamp(anchor, UTC), datetime.fromtimestamp(after, UTC)
    months = (end.year - start.year) * 12 + end.month - start.month
    return months // (MONTHS[interval] * count)
