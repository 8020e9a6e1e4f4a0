"""Whatever goes wrong between us and Stripe, everything is billed once and nothing is lost.

Two scenes have every intent at least once. Requests are lost before or after their work was done,
or done only after somebody has looked, or answered with a failure that is repeated for a day, or
turned away. After each plan an oracle compares both sides, and the bills are those of a quiet day.
"""

from collections.abc import Callable, Sequence
from itertools import count
from random import Random

import pytest
from tests.chaos.near_stripe import KINDS, Kind
from tests.chaos.stage import SCENES, Past, Quiet

from tallygate.collection.records import Written


class Trouble:
    """Each request goes wrong by chance, in one of these ways, so many times at most."""

    def __init__(self, seed: object, kinds: Sequence[Kind], share: float, most: int = 60) -> None:
        self._chance = Random(f"{seed}")  # noqa: S311  # replayed by its seed
        self._kinds, self._share, self._left = kinds, share, most
        self.done: list[tuple[Kind, str, str]] = []

    def __call__(self, method: str, path: str) -> Kind | None:
        share = self._share if method != "GET" else self._share / 8
        if not self._left or self._chance.random() >= share:
            return None
        self._left -= 1
        kind = self._chance.choice(self._kinds)
        self.done.append((kind, method, path))
        return kind


def played(past: Past, name: str, trouble: Callable[[str, str], Kind | None]) -> list[str]:
    """Play a scene with trouble, and then quietly; gives what differs in the end."""
    stage = past.stage
    past.prepare(name)
    stage.near.trouble = trouble
    SCENES[name](past)
    stage.agree()
    return stage.differ()


DRAWN: tuple[Kind, ...] = ("drop_after", "late", "error_after")
"""What is played in each run of the tests; all else, and each alone, in `make chaos`."""


@pytest.mark.parametrize("name", SCENES)
def test_of_all_kinds_of_trouble_none_bills_twice(
    past: Past, quiet: dict[str, Quiet], rounds: int, name: str
) -> None:
    kinds: list[Sequence[Kind]] = [KINDS]
    if rounds > 1:
        kinds += [DRAWN, *((kind,) for kind in KINDS)] * rounds
    for number, some in enumerate(kinds):
        trouble = Trouble((name, number), some, 0.5)
        assert played(past, name, trouble) == [], (number, trouble.done)
        assert past.stage.every_bill() == quiet[name].bills, (number, trouble.done)
        assert trouble.done


class OnceEach:
    """The n-th request that changes something goes wrong, in this way."""

    def __init__(self, kind: Kind, number: int) -> None:
        self._kind, self.left = kind, number

    def __call__(self, method: str, path: str) -> Kind | None:
        if method == "GET":
            return None
        self.left -= 1
        return self._kind if self.left == -1 else None


@pytest.mark.parametrize("name", SCENES)
def test_each_request_loses_its_answer_once(
    past: Past, quiet: dict[str, Quiet], rounds: int, name: str
) -> None:
    for number in count() if rounds > 1 else (8,):
        for kind in DRAWN if rounds > 1 else DRAWN[1:2]:
            trouble = OnceEach(kind, number)
            assert played(past, name, trouble) == [], (kind, number)
            assert past.stage.every_bill() == quiet[name].bills, (kind, number)
        if trouble.left >= 0:
            assert number > 15
            return


def test_a_new_key_for_each_attempt_is_found(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted defect: a request that is still under way is made again under another key."""
    fresh = count()
    monkeypatch.setattr(Written, "key", property(lambda one: f"{one.id}-{next(fresh)}"))
    # Not every draw has a late request that nothing looks for first; one that has ends the search.
    seeds = range(10, 40)
    assert any(played(past, "busy_day", Trouble(seed, ["late"], 0.7)) for seed in seeds)
