"""The processed events of each meter and customer, sorted by time and then by arrival.

A series lies in chunks of at most 256 events, each an object of the world: one more event writes
one small chunk, and a window is found by two bisections. An event is three numbers; its identifier
and its other payload are forgotten with the day.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from decimal import Decimal

from tallygate_sandbox.world import Obj, Seen, World

SERIES = "_usage_series"
CHUNK = "_usage_chunk"
NUMBER = "_usage_number"
MAX_CHUNK = 256
# A billing period is at most three years long, and an event at most 35 days older than its call.
KEPT_SECONDS = (3 * 366 + 35) * 24 * 3600


def record(world: World, meter: str, customer: str, at: int, value: Decimal) -> int:
    """Keep an event of an instant; gives its number, by which it can be withdrawn."""
    series, number = _series(world, meter, customer), _next_number(world)
    place = max(bisect_right(series["starts"], at) - 1, 0)
    chunk = world.edit(CHUNK, series["chunks"][place])
    # Numbers only grow, so the last of an instant's events is the one that came last.
    position = bisect_right(chunk["at"], at)
    chunk["at"].insert(position, at)
    chunk["number"].insert(position, number)
    chunk["value"].insert(position, int(value) if value == int(value) else str(value))
    if at < series["starts"][place]:
        world.edit(SERIES, series["id"])["starts"][place] = at
    if len(chunk["at"]) > MAX_CHUNK:
        _split(world, world.edit(SERIES, series["id"]), place, chunk)
        _forget(world, world.edit(SERIES, series["id"]))
    return number


def withdraw(world: World, meter: str, customer: str, at: int, number: int) -> bool:
    """Remove an event that was recorded; False when it is not there."""
    series = world.find(SERIES, _name(meter, customer))
    for ident in _chunks(series, at, at + 1):
        chunk = world.get(CHUNK, ident)
        if number in chunk["number"]:
            changed = world.edit(CHUNK, ident)
            position = changed["number"].index(number)
            for column in ("at", "number", "value"):
                del changed[column][position]
            return True
    return False


def between(
    world: World, meter: str, customer: str, start: int, end: int
) -> Iterator[tuple[int, int | str]]:
    """Instant and value of each event from `start` until before `end`, in order."""
    series = world.find(SERIES, _name(meter, customer))
    for ident in _chunks(series, start, end):
        chunk = world.get(CHUNK, ident)
        low, high = bisect_left(chunk["at"], start), bisect_left(chunk["at"], end)
        yield from zip(chunk["at"][low:high], chunk["value"][low:high], strict=True)


def newest(world: World, meter: str, customer: str, start: int, end: int) -> int | str | None:
    """The value of the last event of a window."""
    series = world.find(SERIES, _name(meter, customer))
    for ident in reversed(_chunks(series, start, end)):
        chunk = world.get(CHUNK, ident)
        position = bisect_left(chunk["at"], end) - 1
        if position >= 0 and chunk["at"][position] >= start:
            value: int | str = chunk["value"][position]
            return value
    return None


def forget(world: World, meter: str, customer: str) -> None:
    """Drop all events of a customer."""
    series = world.find(SERIES, _name(meter, customer))
    if series is None:
        return
    for ident in series["chunks"]:
        world.remove(CHUNK, ident)
    world.remove(SERIES, series["id"])


def _name(meter: str, customer: str) -> str:
    return f"{meter}/{customer}"


def _next_number(world: World) -> int:
    """A number for an event, from an object of its own: a series is long and seldom written."""
    if world.find(NUMBER, "last") is None:
        world.add({"id": "last", "object": NUMBER, "number": 0})
    counter = world.edit(NUMBER, "last")
    counter["number"] += 1
    number: int = counter["number"]
    return number


def _series(world: World, meter: str, customer: str) -> Seen:
    found = world.find(SERIES, _name(meter, customer))
    if found:
        return found
    series: Obj = {
        "id": _name(meter, customer),
        "object": SERIES,
        "customer": customer,
        "made": 0,
        "starts": [],
        "chunks": [],
    }
    _add_chunk(world, series, 0, ([], [], []), 2**62)
    return world.add(series)


def _add_chunk(
    world: World,
    series: Obj,
    place: int,
    columns: tuple[list[int], list[int], list[int | str]],
    start: int,
) -> None:
    series["made"] += 1
    at, number, value = columns
    chunk = {
        "id": f"{series['id']}/{series['made']}",
        "object": CHUNK,
        "customer": series["customer"],
        "at": at,
        "number": number,
        "value": value,
    }
    world.add(chunk)
    series["starts"].insert(place, start)
    series["chunks"].insert(place, chunk["id"])


def _split(world: World, series: Obj, place: int, chunk: Obj) -> None:
    """Make two chunks of one. Events mostly come in order: then the first stays full."""
    newest = chunk["number"][-1] == max(chunk["number"])
    last = place == len(series["chunks"]) - 1 and newest
    cut = MAX_CHUNK if last else MAX_CHUNK // 2
    columns = chunk["at"][cut:], chunk["number"][cut:], chunk["value"][cut:]
    _add_chunk(world, series, place + 1, columns, columns[0][0])
    for column in ("at", "number", "value"):
        del chunk[column][cut:]


def _chunks(series: Seen | None, start: int, end: int) -> list[str]:
    """The chunks that can hold events of a window."""
    if series is None or start >= end:
        return []
    first = max(bisect_left(series["starts"], start) - 1, 0)
    found: list[str] = series["chunks"][first : bisect_left(series["starts"], end)]
    return found


def _forget(world: World, series: Obj) -> None:
    """Drop the oldest chunk when the next one begins before all that may still be billed."""
    while len(series["starts"]) > 1 and series["starts"][1] < world.now(series) - KEPT_SECONDS:
        world.remove(CHUNK, series["chunks"].pop(0))
        del series["starts"][0]
