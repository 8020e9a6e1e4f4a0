"""What a provider's subscription should look like for one of ours."""

from tests.unit.collection.dealings import (
    BEGUN,
    BOUNDARY,
    CATALOG,
    HELD,
    NEXT,
    day,
    keys,
    subscribed,
    wanted,
)


def test_it_has_the_flat_the_count_and_what_can_be_reported() -> None:
    there = wanted(subscribed(("pro", BEGUN)), day(11))
    assert (keys(there.flats), keys(there.counted)) == ({"pro_m": 1}, {"seats": 2})
    # gb has a minimum, and is rated here.
    assert keys(there.metered) == {"calls": None}
    assert (there.cancel_at, there.later, there.over) == (None, None, False)


def test_a_count_that_the_provider_cannot_price_has_no_item() -> None:
    assert keys(wanted(subscribed(("basic", BEGUN)), day(11)).counted) == {}


def test_flats_change_at_the_instant_and_metered_prices_between_two_windows() -> None:
    upgraded = wanted(subscribed(("free", BEGUN), ("basic", day(11))), day(12))
    assert (keys(upgraded.flats), keys(upgraded.metered)) == ({"basic_m": 1}, {})


def test_a_change_to_come_is_told_and_an_end_to_come_takes_its_place() -> None:
    changing = subscribed(("pro", BEGUN), ("basic", BOUNDARY))
    later = wanted(changing, day(11)).later
    assert later is not None
    assert (later[0], keys(later[1])) == (BOUNDARY, {"basic_m": 1})
    ending = wanted(subscribed(("pro", BEGUN), ("basic", BOUNDARY), cancel_at=BOUNDARY), day(11))
    assert (ending.later, ending.cancel_at, ending.over) == (None, BOUNDARY, False)


def test_a_plan_that_costs_nothing_is_an_end() -> None:
    leaving = subscribed(("pro", BEGUN), ("free", BOUNDARY))
    assert wanted(leaving, day(11)).cancel_at == BOUNDARY
    assert wanted(leaving, day(11)).later is None
    assert wanted(leaving, BOUNDARY).over
    ending = subscribed(("pro", BEGUN), ("free", NEXT), cancel_at=BOUNDARY)
    assert wanted(ending, day(11)).cancel_at == BOUNDARY


def test_it_is_over_from_the_instant_of_its_end_on() -> None:
    ended = subscribed(("pro", BEGUN), ended_at=day(11))
    assert not wanted(ended, day(10)).over
    assert wanted(ended, day(11)).over


def test_prices_are_known_by_version_and_by_kind() -> None:
    assert (list(HELD), len(HELD)) == ([1], 1)
    assert HELD[1] is HELD[1]
    assert set(HELD[1]) == {"basic_m", "pro_m", "seats", "calls"}
    assert HELD.flat_keys == {"basic_m", "pro_m"}
    assert HELD.counted_keys == {"desks", "seats"}
    assert "gb" in {price.key for price in CATALOG.plans["pro"].prices}
