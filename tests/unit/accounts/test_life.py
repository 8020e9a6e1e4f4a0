from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tallygate.accounts.life import LIFE_KINDS, LifeEvent, LifeKind, fold_life, live_on
from tallygate.accounts.model import Resource, ResourceState

START = datetime(2026, 4, 1, tzinfo=UTC)
VM = Resource("res_1", "org_1", "prj_1", "vm.s", START)
SPECS: Mapping[str, Mapping[str, Decimal]] = {
    "vm.s": {"vcpu": Decimal(2), "ram_gb": Decimal(4)},
    "vm.l": {"vcpu": Decimal(8), "ram_gb": Decimal(16)},
}


def hour(number: int) -> datetime:
    return START + timedelta(hours=number)


def happen(at: int, kind: LifeKind, **said: object) -> LifeEvent:
    kind_of = str(said.pop("type", "vm.s" if kind == "created" else ""))
    running = said.pop("running", None)
    name = str(said.pop("id", f"{kind} {at}"))
    fields = {key: Decimal(str(value)) for key, value in said.items()}
    spec = SPECS.get(kind_of, {})
    assert running is None or isinstance(running, bool)
    return LifeEvent(hour(at), name, kind, kind_of or None, spec, fields, running)


def shown(states: tuple[ResourceState, ...]) -> list[tuple[int, int | None, str, bool]]:
    def at(instant: datetime | None) -> int | None:
        return None if instant is None else (instant - START) // timedelta(hours=1)

    return [(at(s.since) or 0, at(s.until), s.type, s.running) for s in states]


def test_a_life() -> None:
    states = fold_life(
        "res_1",
        [
            happen(0, "created"),
            happen(5, "stopped"),
            happen(8, "started"),
            happen(9, "resized", type="vm.l"),
            happen(12, "deleted"),
        ],
    )
    assert shown(states) == [
        (0, 5, "vm.s", True),
        (5, 8, "vm.s", False),
        (8, 9, "vm.s", True),
        (9, 12, "vm.l", True),
    ]
    assert states[-1].fields == SPECS["vm.l"]


def test_a_resource_may_begin_stopped() -> None:
    states = fold_life("res_1", [happen(0, "created", running=False), happen(2, "started")])
    assert shown(states) == [(0, 2, "vm.s", False), (2, None, "vm.s", True)]


def test_data_overlays_the_spec_and_stays() -> None:
    events = [happen(0, "created", vcpu=3, disk_gb=100), happen(1, "resized", disk_gb=200)]
    first, second = fold_life("res_1", events)
    assert first.fields == {"vcpu": 3, "ram_gb": 4, "disk_gb": 100}
    assert second.fields == {"vcpu": 3, "ram_gb": 4, "disk_gb": 200}


def test_another_type_brings_its_own_spec_and_keeps_what_it_does_not_name() -> None:
    events = [happen(0, "created", vcpu=3, disk_gb=100), happen(1, "resized", type="vm.l")]
    assert fold_life("res_1", events)[1].fields == {"vcpu": 8, "ram_gb": 16, "disk_gb": 100}


def test_what_happens_before_the_creation_or_after_the_end_has_no_effect() -> None:
    events = [
        happen(0, "started"),
        happen(1, "created"),
        happen(3, "deleted"),
        happen(4, "resized", type="vm.l"),
        happen(5, "deleted"),
    ]
    assert shown(fold_life("res_1", events)) == [(1, 3, "vm.s", True)]


def test_a_name_that_is_used_again_begins_another_life() -> None:
    events = [happen(0, "created", disk_gb=9), happen(3, "deleted"), happen(5, "created")]
    states = fold_life("res_1", events)
    assert shown(states) == [(0, 3, "vm.s", True), (5, None, "vm.s", True)]
    assert "disk_gb" not in states[1].fields


def test_one_instant_loses_neither_a_beginning_nor_an_end() -> None:
    born = [happen(1, "stopped", id="a"), happen(1, "created", id="b")]
    assert shown(fold_life("res_1", born)) == [(1, None, "vm.s", False)]
    again = [happen(0, "created"), happen(4, "created", id="a"), happen(4, "deleted", id="b")]
    assert shown(fold_life("res_1", again)) == [(0, None, "vm.s", True)]
    over = [happen(0, "created"), happen(4, "resized", id="a", vcpu=9), happen(4, "deleted")]
    assert shown(fold_life("res_1", over)) == [(0, 4, "vm.s", True)]


def test_ties_go_by_id() -> None:
    events = [
        happen(0, "created"),
        happen(1, "resized", id="b", vcpu=5),
        happen(1, "resized", id="a", vcpu=7),
    ]
    assert fold_life("res_1", events)[1].fields["vcpu"] == 5


def test_what_changes_nothing_makes_no_state() -> None:
    assert len(fold_life("res_1", [happen(0, "created"), happen(1, "started")])) == 1


events = st.lists(
    st.builds(
        happen,
        st.integers(0, 12),
        st.sampled_from(LIFE_KINDS),
        id=st.uuids().map(str),
        type=st.sampled_from(["vm.s", "vm.l"]),
        vcpu=st.integers(1, 4),
        running=st.sampled_from([None, True, False]),
    ),
    max_size=12,
)


@settings(deadline=None)
@given(events.flatmap(lambda life: st.tuples(st.just(life), st.permutations(life))))
def test_the_order_of_arrival_does_not_matter(
    lives: tuple[list[LifeEvent], list[LifeEvent]],
) -> None:
    in_order, shuffled = lives
    assert fold_life("res_1", shuffled) == fold_life("res_1", in_order)


@settings(deadline=None)
@given(events)
def test_states_follow_each_other_and_only_the_last_may_be_open(life: list[LifeEvent]) -> None:
    states = fold_life("res_1", life)
    for state in states[:-1]:
        assert state.until is not None
    for state in states:
        assert state.until is None or state.since < state.until
    for earlier, later in pairwise(states):
        assert earlier.until is not None
        assert earlier.until <= later.since


@settings(deadline=None)
@given(events)
def test_existence_is_what_the_last_birth_or_death_says(life: list[LifeEvent]) -> None:
    """The plain rule, read backwards: on the last instant of a birth or death, which was it?"""
    states = fold_life("res_1", life)
    alive = bool(states) and states[-1].until is None
    turns = [event for event in life if event.kind in {"created", "deleted"}]
    if not turns:
        assert not states
        return
    last = max(event.at for event in turns)
    kinds = {event.kind for event in turns if event.at == last}
    if kinds != {"created", "deleted"}:
        assert alive == (kinds == {"created"})


def test_a_resource_is_what_its_states_say() -> None:
    came = [happen(2, "created"), happen(5, "deleted"), happen(4, "resized", type="vm.l")]
    now, states = live_on(VM, (), came)
    assert (now.type, now.created_at, now.deleted_at) == ("vm.l", hour(2), hour(5))
    assert states == fold_life(VM.id, came)
    assert live_on(now, came, []) == (now, states)


def test_a_resource_that_came_to_nothing_stays_what_it_was_last() -> None:
    """Created and deleted at one instant; in between it was larger, and then it was not."""
    larger, over = happen(3, "resized", type="vm.l"), happen(2, "deleted")
    now, states = live_on(VM, [happen(2, "created")], [larger, over, happen(4, "stopped")])
    assert states == ()
    assert (now.type, now.created_at, now.deleted_at) == ("vm.l", hour(2), None)
    assert live_on(now, [happen(2, "created"), larger], [over]) == (now, ())
    assert live_on(VM, (), [happen(3, "started")]) == (VM, ())


@settings(deadline=None, max_examples=100)
@given(life=st.lists(st.tuples(st.sampled_from(LIFE_KINDS), st.integers(0, 3)), max_size=7))
def test_events_that_come_together_do_what_they_do_one_by_one(
    life: list[tuple[LifeKind, int]],
) -> None:
    came = [happen(at, kind, id=f"{number}") for number, (kind, at) in enumerate(life)]
    one_by_one = VM
    for count, event in enumerate(came):
        one_by_one, _ = live_on(one_by_one, came[:count], [event])
    assert live_on(VM, (), came)[0] == one_by_one
