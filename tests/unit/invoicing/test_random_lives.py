"""Whatever happens, all invoices together come to what one brute-force sum says (M6, R5).

The sum knows nothing of invoices: it walks through the days. Flats are multiples of the days that
a month can have, so that a day costs whole cents and the order of rounding cannot matter.
"""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from tallygate.core.period import Period, add_months

CATALOG = """
name: test
currency: usd
meters:
  calls: {event: call, value: n, aggregation: sum}
  peak: {event: disk, value: gb, aggregation: max}
plans:
  low:
    name: Low
    prices:
      - {key: low_base, flat: "3775.80", every: month}
      - key: low_calls
        meter: calls
        included: 10
        graduated: [{up_to: 5, unit: "1.01"}, {unit: "0.333"}]
      - {key: low_peak, meter: peak, per_unit: "0.77"}
  high:
    name: High
    prices:
      - {key: high_base, flat: "7551.60", every: month}
      - {key: high_calls, meter: calls, included: 100, per_unit: "0.25", minimum: "2.50"}
  free: {name: Free, prices: []}
prices:
  - {key: vm, graduated: [{up_to: 1, unit: "9.99"}, {unit: "3.33"}], every: month}
resources:
  vm: {price: vm}
"""

BASE = {"low": 377_580, "high": 755_160, "free": 0}
DAY = timedelta(days=1)


class Use(NamedTuple):
    """An event, and how many closes it comes too late."""

    meter: str
    day: int
    value: int
    delay: int


class Month(NamedTuple):
    uses: list[Use]
    vms: list[tuple[int, int]]
    changes: list[tuple[int, str, str]]


USES = st.builds(
    Use,
    st.sampled_from(["calls", "calls", "peak"]),
    st.integers(0, 27),
    st.integers(1, 60),
    st.integers(0, 2),
)
MONTHS = st.lists(
    st.builds(
        Month,
        st.lists(USES, max_size=5),
        st.lists(st.tuples(st.integers(0, 27), st.integers(1, 40)), max_size=3),
        st.lists(
            st.tuples(
                st.integers(1, 27),
                st.sampled_from(["low", "high", "free"]),
                st.sampled_from(["default", "now"]),
            ),
            max_size=2,
            unique_by=lambda change: change[0],
        ),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(
    start=st.integers(0, 1095).map(lambda days: datetime(2024, 1, 1, tzinfo=UTC) + days * DAY),
    plan=st.sampled_from(["low", "high"]),
    months=MONTHS,
    end=st.none() | st.integers(1, 27),
)
def test_all_invoices_together_are_what_is_owed(
    live: Any, start: datetime, plan: str, months: list[Month], end: int | None
) -> None:
    life = live(CATALOG, plan, start)
    life.begin()
    told: list[tuple[int, str, datetime, int]] = []
    for number, month in enumerate(months):
        opened = add_months(start, number)
        told += [
            (number + use.delay, use.meter, opened + use.day * DAY, use.value)
            for use in month.uses
        ]
        for day, length in month.vms:
            born = opened + day * DAY
            life.diary.resources.append(("vm", Period(born, born + length * DAY)))
        leaves = end if number == len(months) - 1 else None
        for day, wanted, when in sorted(month.changes):
            if leaves is None or day < leaves:
                _change(life, wanted, opened + day * DAY, when)
        if leaves is not None:
            life.cancel(opened + leaves * DAY, now=True)
        for due in [one for one in told if one[0] == number]:
            life.diary.note(due[1], due[2], str(due[3]))
        seen = life.preview()
        closed = life.close()
        assert (seen and seen.lines) == (closed and closed.lines)
    for number, meter, moment, value in told:
        if number >= len(months):
            life.diary.note(meter, moment, str(value))
    if end is None:
        # Whatever waits for a next invoice, and what was paid in advance for the next period.
        advance = sum(
            line.net
            for invoice in life.invoices
            for line in invoice.lines
            if line.period.start >= add_months(start, len(months))
        )
    else:
        advance = 0
    known = life.total + sum(line.net for line in life.late()) - advance
    subscription = life.contract.subscription
    assert known == owed(subscription, life.diary, start, len(months))


def _change(life: Any, wanted: str, moment: datetime, when: str) -> None:
    present = [p for p in life.contract.subscription.phases if p.since <= moment][-1].plan
    if present == wanted or (when == "now" and present == "free"):
        return
    life.change(wanted, moment, when=when)


def owed(subscription: Any, diary: Any, start: datetime, months: int) -> int:
    """What the phases, the usage and the resources come to, walked through day by day."""
    total = 0
    for number in range(months):
        opened, shut = add_months(start, number), add_months(start, number + 1)
        days = [opened + n * DAY for n in range((shut - opened).days)]
        stop = subscription.ended_at or shut
        used = [day for day in days if day < stop]
        plans = [_plan_on(subscription, day) for day in days]
        total += sum(BASE[plan] // len(days) for plan in plans)
        total += _vms(diary, opened, days, stop)
        first = 0
        for place in range(1, len(used) + 1):
            if place < len(used) and plans[place] == plans[first]:
                continue
            until = len(days) if place == len(used) and stop < shut else place
            share = Fraction(until - first, len(days))
            total += _part(diary, plans[first], Period(used[first], used[place - 1] + DAY), share)
            if plans[first] == "low":
                part = Period(used[first], used[place - 1] + DAY)
                peak = max((v for _, v in _readings(diary, "peak", part)), default=Fraction(0))
                total += _round(peak * 77 * share)
            first = place
    return total


def _part(diary: Any, plan: str, part: Period, share: Fraction) -> int:
    used = sum((value for _, value in _readings(diary, "calls", part)), Fraction(0))
    if plan == "low":
        rest = max(used - 10 * share, Fraction(0))
        return _round(
            min(rest, Fraction(5)) * 101 + max(rest - 5, Fraction(0)) * Fraction(333, 10)
        )
    if plan == "high":
        return _round(max(max(used - 100 * share, Fraction(0)) * 25, 250 * share))
    return 0


def _vms(diary: Any, opened: datetime, days: list[datetime], stop: datetime) -> int:
    alive = [
        sum(
            span.start <= (day if day < stop else opened) < span.end for _, span in diary.resources
        )
        if day < stop
        else None
        for day in days
    ]
    # What was billed in advance at the start of a period that ended early is not given back.
    at_start = sum(span.start < opened < span.end for _, span in diary.resources)
    counts: list[int] = [at_start if count is None else count for count in alive]
    costs = sum(min(count, 1) * 999 + max(count - 1, 0) * 333 for count in counts)
    return _round(Fraction(costs, len(days)))


def _plan_on(subscription: Any, day: datetime) -> str:
    return str([p for p in subscription.phases if p.since <= day][-1].plan)


def _readings(diary: Any, meter: str, part: Period) -> list[tuple[int, Fraction]]:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return [
        (reading.micros, Fraction(reading.value))
        for reading in diary.readings.get(meter, [])
        if epoch + timedelta(microseconds=reading.micros) in part
    ]


def _round(exact: Fraction) -> int:
    return int(exact + Fraction(1, 2))
