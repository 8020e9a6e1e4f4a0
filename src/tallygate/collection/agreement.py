"""What is to be done so that the provider's subscription becomes what it should be?

Whose end counts is a question of who changed their mind: the end that both agreed on last is
known, and where only the provider's differs from it now, the customer has said so there.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Literal, NamedTuple

from tallygate.collection.contracted import WantedSubscription
from tallygate.collection.intents import (
    CancelSubscription,
    ChangeFlats,
    ChangeItems,
    Intent,
    ReleaseSchedule,
    ScheduleFlats,
    SetEnd,
    WantedItem,
)
from tallygate.collection.seen import SeenItem, SeenSubscription


class EndWish(NamedTuple):
    """Who wants another end than the one agreed on last, and which."""

    who: Literal["nobody", "ours", "theirs"]
    at: datetime | None


def whose_end(ours: datetime | None, agreed: datetime | None, theirs: datetime | None) -> EndWish:
    """Which end holds, of ours and the provider's, given the one that both agreed on last.

    Where both have changed their minds, ours holds: it is the one that we are asked about.
    """
    if ours == theirs:
        return EndWish("nobody", ours)
    return EndWish("theirs", theirs) if ours == agreed else EndWish("ours", ours)


def to_agree(
    wanted: WantedSubscription,
    seen: SeenSubscription,
    at: datetime,
    *,
    agreed_end: datetime | None,
    between_windows: bool = True,
) -> tuple[Intent, ...]:
    """The next intents towards agreement; none where both agree, or what is there is over.

    `between_windows`: the last window's invoice is final there, and no total of the open one was
    sent that an exchange of metered items would lose. Flats that differ are exchanged without
    proration here: where a plan change is charged there, that comes before.
    """
    if not seen.lives:
        return ()
    if wanted.over:
        ends_by_itself = seen.cancel_at is not None and seen.cancel_at <= at
        return () if ends_by_itself else (CancelSubscription(seen.id),)
    schedule = _schedule(wanted, seen)
    if isinstance(schedule, ReleaseSchedule):
        # What a schedule holds is changed with it gone; it comes back once all else agrees.
        return (schedule,)
    items = tuple(_items(wanted, seen, at, between_windows=between_windows))
    if items:
        released = seen.schedule and (ReleaseSchedule(seen.schedule.id, seen.id),)
        return released or items
    end = whose_end(wanted.cancel_at, agreed_end, seen.cancel_at)
    if end.who == "ours":
        return (SetEnd(seen.id, end.at),)
    return () if schedule is None else (schedule,)


def flats_to_change(
    wanted: WantedSubscription, seen: SeenSubscription
) -> tuple[tuple[WantedItem, ...], tuple[str, ...]]:
    """The flats that are missing, and the ids of the items of flats that are too many."""
    there = {item.key: item for item in seen.items if item.key in wanted.flat_keys}
    kept = {
        one.price.key
        for one in wanted.flats
        if one.price.key in there and _is_as_wanted(there[one.price.key], one)
    }
    add = tuple(one for one in wanted.flats if one.price.key not in kept)
    remove = tuple(item.id for key, item in there.items() if key not in kept)
    return add, remove


def _items(
    wanted: WantedSubscription,
    seen: SeenSubscription,
    at: datetime,
    *,
    between_windows: bool,
) -> Iterator[Intent]:
    add, remove = flats_to_change(wanted, seen)
    if add or remove:
        yield ChangeFlats(seen.id, add, remove, at, "", charged=False)
        return
    counted = {one.price.key: one for one in wanted.counted}
    there = {item.key: item for item in seen.items}
    quantities: dict[str, int] = {}
    more = [one for key, one in counted.items() if key not in there and one.quantity]
    for item in _licensed(seen.items):
        if item.key is None or item.key in wanted.flat_keys or item.price.made_for is None:
            continue
        count = counted[item.key].quantity if item.key in counted else 0
        if count is not None and count != item.quantity:
            quantities[item.id] = count
    less: list[str] = []
    if between_windows:
        metered = {one.price.key: one for one in wanted.metered}
        kept = set()
        for item in seen.items:
            if item.quantity is not None or item.price.made_for is None:
                continue
            if item.key in metered and _is_as_wanted(item, metered[item.key]):
                kept.add(item.key)
            else:
                less.append(item.id)
        more += [one for key, one in metered.items() if key not in kept]
    if more or less or quantities:
        yield ChangeItems(seen.id, tuple(more), tuple(less), quantities)


def _schedule(
    wanted: WantedSubscription, seen: SeenSubscription
) -> ScheduleFlats | ReleaseSchedule | None:
    """The step towards the schedule that is wanted; None: it is there, or none is wanted."""
    there = seen.schedule
    keys: dict[str, int] = {}
    if wanted.later is not None and wanted.cancel_at is None:
        since, flats = wanted.later
        keys = {one.price.key: 1 for one in flats}
        if there is None and keys != {one.price.key: 1 for one in wanted.flats}:
            former = tuple(item.id for item in seen.items if item.key in wanted.flat_keys)
            return ScheduleFlats(seen.id, since, flats, former)
        counted = {one.price.key: one.quantity or 0 for one in wanted.counted if one.quantity}
        if there is not None and (there.at, dict(there.keys)) == (since, keys | counted):
            return None
    return None if there is None else ReleaseSchedule(there.id, seen.id)


def _licensed(items: Iterable[SeenItem]) -> Iterator[SeenItem]:
    return (item for item in items if item.quantity is not None)


def _is_as_wanted(there: SeenItem, wanted: WantedItem) -> bool:
    return there.price.terms == wanted.price
