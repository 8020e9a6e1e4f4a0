"""How much was used in a window: the meter's formula over its events.

On a meter with `event_time_window` the newest event of each hour or day (UTC) replaces the earlier
ones, wherever the asked window begins or ends: so what two neighboring windows hold adds up to
what both together hold.
"""

from collections.abc import Iterator
from decimal import Decimal, localcontext

from tallygate_sandbox.meters import ledger
from tallygate_sandbox.world import Seen, World

SECONDS = {"hour": 3600, "day": 24 * 3600}
EXACT = 60  # digits: no sum of values of at most 15 digits is ever rounded


def usage(world: World, meter_id: str, customer_id: str, start: int, end: int) -> Decimal:
    """What a customer used of a meter from `start` until before `end`, signed.

    Only processed events count; a total below zero is billed as a quantity of 0 by the caller.
    """
    meter = world.get("billing.meter", meter_id)
    formula = meter["default_aggregation"]["formula"]
    if formula == "last" and not meter["event_time_window"]:
        newest = ledger.newest(world, meter_id, customer_id, start, end)
        return Decimal(newest or 0)
    return total(formula, (value for _, value in counted(world, meter, customer_id, start, end)))


def total(formula: str, values: Iterator[int | str]) -> Decimal:
    """Aggregate the values of one window, given in order."""
    if formula == "count":
        return Decimal(sum(1 for _ in values))
    if formula == "last":
        last: int | str = 0
        for last in values:  # noqa: B007  # an iterator's end is reached by walking
            pass
        return Decimal(last)
    whole, broken = 0, Decimal(0)
    with localcontext() as context:
        context.prec = EXACT
        for value in values:
            if isinstance(value, int):
                whole += value
            else:
                broken += Decimal(value)
        return whole + broken


def counted(
    world: World, meter: Seen, customer: str, start: int, end: int
) -> Iterator[tuple[int, int | str]]:
    """The events of a window that count, with their instants, in order."""
    window = SECONDS.get(meter["event_time_window"] or "")
    if window is None:
        yield from ledger.between(world, meter["id"], customer, start, end)
        return
    low, high = start - start % window, end + -end % window
    newest: dict[int, tuple[int, int | str]] = {}
    for at, value in ledger.between(world, meter["id"], customer, low, high):
        newest[at // window] = (at, value)
    yield from (event for event in newest.values() if start <= event[0] < end)
