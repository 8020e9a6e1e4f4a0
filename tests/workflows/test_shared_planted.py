"""Would the random lives of shared projects find a mistake? Each of these was planted."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.workflows.shared_lives import SharedLife, differences

from tallygate.accounts import homes as rule
from tallygate.accounts import payers
from tallygate.accounts.model import Home, PayerChange
from tallygate.adapters.store import stretches
from tallygate.adapters.store.trees import Tree, trees_of
from tallygate.core.period import Period
from tallygate.workflows import ingest as intake
from tallygate.workflows.arrivals import Candidate
from tallygate.workflows.installation import Installation
from tallygate.workflows.once import not_elsewhere

Plant = Callable[[pytest.MonkeyPatch], None]


def both_pay(patch: pytest.MonkeyPatch) -> None:
    """A home's time is not cut out: both organizations pay for all of it."""
    patch.setattr(payers, "within_homes", lambda windows, _homes: tuple(windows))


def the_old_home_is_not_revisited(patch: pytest.MonkeyPatch) -> None:
    """What has left is not looked at any more."""

    def only_here(tx: Any, accounts: Collection[str]) -> dict[str, Tree]:
        return {
            account: replace(tree, homes=[home for home in tree.homes if home.until is None])
            for account, tree in trees_of(tx, accounts).items()
        }

    patch.setattr(stretches, "trees_of", only_here)


def late_events_go_to_the_new_one(patch: pytest.MonkeyPatch) -> None:
    """Whoever has a resource now pays for all that is heard of it."""

    def last(homes: Iterable[Home], _born: datetime) -> tuple[Home, ...]:
        return tuple(replace(home, since=None) for home in homes if home.until is None)

    patch.setattr(payers, "homes_from", last)


def late_events_go_to_the_new_payer(patch: pytest.MonkeyPatch) -> None:
    """The same of a switch within an organization."""

    def last(changes: Sequence[PayerChange], _came: datetime) -> list[PayerChange]:
        newest = max(changes, key=lambda change: change.since, default=None)
        return [] if newest is None else [replace(newest, since=datetime.min.replace(tzinfo=UTC))]

    patch.setattr(payers, "_from_birth", last)


def shifted(by: timedelta) -> Callable[[Iterable[Period], Sequence[Home]], tuple[Period, ...]]:
    """The windows within homes whose ends are moved."""

    def cut(windows: Iterable[Period], homes: Sequence[Home]) -> tuple[Period, ...]:
        ends = [
            stay if home.until is None else Period(stay.start, stay.end + by)
            for home, stay in ((home, rule.span(home)) for home in homes)
        ]
        parts = (window.overlap(end) for window in windows for end in ends)
        return tuple(sorted(part for part in parts if part is not None))

    return cut


def a_tick_is_dropped(patch: pytest.MonkeyPatch) -> None:
    """The last microsecond before a move is nobody's."""
    patch.setattr(payers, "within_homes", shifted(timedelta(microseconds=-1)))


def the_boundary_is_the_old_ones(patch: pytest.MonkeyPatch) -> None:
    """The very instant of a move counts for the former home, and for the new one too."""
    patch.setattr(payers, "within_homes", shifted(timedelta(microseconds=1)))


def a_birth_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A resource that came after a switch or a move was its former owner's before it came."""
    patch.setattr(payers, "_from_birth", lambda changes, _came: changes)
    patch.setattr(payers, "homes_from", lambda homes, _born: tuple(homes))


@pytest.mark.parametrize(
    ("plant", "seed"),
    [
        (both_pay, 0),
        (the_old_home_is_not_revisited, 0),
        (late_events_go_to_the_new_one, 0),
        (late_events_go_to_the_new_payer, 1),
        (a_tick_is_dropped, 0),
        (the_boundary_is_the_old_ones, 7),
        (a_birth_is_forgotten, 0),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_planted_defect_is_caught(
    installation: Installation, plant: Plant, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    life = SharedLife(installation, seed)
    life.live()
    assert differences(life)


def test_an_event_that_is_not_looked_for_elsewhere_counts_twice(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def here_only(tx: Any, waiting: Sequence[Candidate]) -> list[Candidate]:
        lives = [one for one in waiting if one.route.type.startswith("resource.")]
        return not_elsewhere(tx, lives) + [one for one in waiting if one not in lives]

    monkeypatch.setattr(intake, "not_elsewhere", here_only)
    life = SharedLife(installation, 45)
    monkeypatch.setattr(life, "repeated", lambda _duplicates: None)
    life.live()
    assert differences(life)
