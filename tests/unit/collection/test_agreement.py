"""The next steps until a provider's subscription is what it should be."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.unit.collection.dealings import (
    BEGUN,
    BOUNDARY,
    HELD,
    NEXT,
    day,
    item,
    subscribed,
    there,
    wanted,
)

from tallygate.collection.agreement import flats_to_change, to_agree, whose_end
from tallygate.collection.held import FoundPrice
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
from tallygate.collection.seen import SeenSchedule, SeenSubscription
from tallygate.subscriptions.model import Subscription

NOW = day(11)
ON_PRO = subscribed(("pro", BEGUN))
DOWN = subscribed(("pro", BEGUN), ("basic", BOUNDARY))
PRO = there(item("pro_m"), item("seats", 2), item("calls", None))
BASIC_M, PRO_M, SEATS, CALLS = (
    WantedItem(HELD[1]["basic_m"]),
    WantedItem(HELD[1]["pro_m"]),
    WantedItem(HELD[1]["seats"], 2),
    WantedItem(HELD[1]["calls"], None),
)
SCHEDULED = SeenSchedule("sched_1", BOUNDARY, {"basic_m": 1, "seats": 2})


def steps(
    ours: Subscription,
    theirs: SeenSubscription,
    agreed_end: datetime | None = None,
    *,
    between_windows: bool = True,
) -> tuple[Intent, ...]:
    return to_agree(
        wanted(ours, NOW), theirs, NOW, agreed_end=agreed_end, between_windows=between_windows
    )


@pytest.mark.parametrize(
    ("ours", "agreed", "theirs", "who", "at"),
    [
        (None, None, None, "nobody", None),
        (BOUNDARY, None, BOUNDARY, "nobody", BOUNDARY),
        (None, None, BOUNDARY, "theirs", BOUNDARY),
        (BOUNDARY, BOUNDARY, None, "theirs", None),
        (BOUNDARY, None, None, "ours", BOUNDARY),
        (None, BOUNDARY, BOUNDARY, "ours", None),
        (BOUNDARY, None, NEXT, "ours", BOUNDARY),
    ],
)
def test_the_end_that_differs_from_what_was_agreed_on_is_the_wish(
    ours: datetime | None, agreed: datetime | None, theirs: datetime | None, who: str, at: datetime
) -> None:
    assert whose_end(ours, agreed, theirs) == (who, at)


def test_nothing_is_to_be_done_where_both_agree_or_it_is_over_there() -> None:
    assert steps(ON_PRO, PRO) == ()
    assert steps(ON_PRO, there(status="canceled")) == ()
    assert steps(ON_PRO, there(status="incomplete")) == ()


def test_what_is_over_here_is_ended_there_unless_it_ends_by_itself() -> None:
    ended = subscribed(("pro", BEGUN), ended_at=day(10))
    assert steps(ended, PRO) == (CancelSubscription("sub_there"),)
    assert steps(ended, replace(PRO, cancel_at=NOW)) == ()
    assert steps(ended, replace(PRO, cancel_at=BOUNDARY)) == (CancelSubscription("sub_there"),)


def test_flats_are_exchanged_before_all_else_and_never_charged_here() -> None:
    basic = there(item("basic_m"), item("calls", None))
    [step] = steps(ON_PRO, basic)
    assert step == ChangeFlats("sub_there", (PRO_M,), ("si_basic_m",), NOW, "", charged=False)
    assert flats_to_change(wanted(ON_PRO, NOW), basic) == ((PRO_M,), ("si_basic_m",))


def test_a_flat_of_other_terms_under_its_key_is_exchanged() -> None:
    former = replace(item("pro_m").price, terms=HELD[1]["basic_m"])
    there_ = replace(PRO, items=(replace(item("pro_m"), price=former), *PRO.items[1:]))
    assert flats_to_change(wanted(ON_PRO, NOW), there_) == ((PRO_M,), ("si_pro_m",))


def test_counts_and_metered_items_are_brought_up_to_date_in_one_step() -> None:
    assert steps(ON_PRO, there(item("pro_m"))) == (ChangeItems("sub_there", (SEATS, CALLS)),)
    three = there(item("pro_m"), item("seats", 3), item("calls", None))
    assert steps(ON_PRO, three) == (ChangeItems("sub_there", quantities={"si_seats": 2}),)


def test_what_is_counted_no_more_has_a_quantity_of_none() -> None:
    on_basic = subscribed(("basic", BEGUN))
    basic = there(item("basic_m"), item("seats", 2), item("calls", None))
    assert steps(on_basic, basic) == (ChangeItems("sub_there", quantities={"si_seats": 0}),)


def test_metered_items_wait_until_the_last_window_is_final() -> None:
    lacking = there(item("pro_m"), item("seats", 2))
    assert steps(ON_PRO, lacking, between_windows=False) == ()
    assert steps(ON_PRO, lacking) == (ChangeItems("sub_there", (CALLS,)),)
    former = replace(item("calls", None).price, terms=HELD[1]["pro_m"])
    other = replace(lacking, items=(*lacking.items, replace(item("calls", None), price=former)))
    assert steps(ON_PRO, other) == (ChangeItems("sub_there", (CALLS,), ("si_calls",)),)


def test_what_we_did_not_make_is_left_alone() -> None:
    foreign = FoundPrice("price_x", "setup", None)
    unnamed = FoundPrice("price_y", None, None)
    items = (
        replace(item("pro_m"), id="si_x", price=foreign),
        replace(item("pro_m"), id="si_y", price=unnamed),
        replace(item("calls", None), id="si_z", price=foreign),
    )
    assert steps(ON_PRO, replace(PRO, items=(*PRO.items, *items))) == ()


def test_an_end_of_ours_is_told_and_one_of_theirs_is_not_undone() -> None:
    ending = subscribed(("pro", BEGUN), cancel_at=BOUNDARY)
    assert steps(ending, PRO) == (SetEnd("sub_there", BOUNDARY),)
    assert steps(ON_PRO, replace(PRO, cancel_at=BOUNDARY), BOUNDARY) == (
        SetEnd("sub_there", None),
    )
    assert steps(ON_PRO, replace(PRO, cancel_at=BOUNDARY)) == ()


def test_a_change_to_come_is_scheduled_once() -> None:
    planned = ScheduleFlats("sub_there", BOUNDARY, (BASIC_M,), ("si_pro_m",))
    assert steps(DOWN, PRO) == (planned,)
    assert steps(DOWN, replace(PRO, schedule=SCHEDULED)) == ()


def test_another_change_or_count_lets_go_of_the_schedule_first() -> None:
    release = (ReleaseSchedule("sched_1", "sub_there"),)
    late = replace(SCHEDULED, at=BOUNDARY + timedelta(days=1))
    assert steps(DOWN, replace(PRO, schedule=late)) == release
    assert steps(ON_PRO, replace(PRO, schedule=SCHEDULED)) == release
    three = replace(SCHEDULED, keys={"basic_m": 1, "seats": 3})
    assert steps(DOWN, replace(PRO, schedule=three)) == release
    ending = subscribed(("pro", BEGUN), cancel_at=BOUNDARY)
    assert steps(ending, replace(PRO, schedule=SCHEDULED)) == release


def test_items_are_changed_only_without_a_schedule() -> None:
    lacking = there(item("pro_m"), item("seats", 2), schedule=SCHEDULED)
    assert steps(DOWN, lacking) == (ReleaseSchedule("sched_1", "sub_there"),)


def test_a_change_of_the_version_alone_needs_no_schedule() -> None:
    same = subscribed(("pro", BEGUN), ("pro", BOUNDARY))
    assert steps(same, PRO) == ()
