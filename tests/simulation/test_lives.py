"""Whatever customers do, and whenever, Stripe and we agree on it to the cent in the end.

`make simulate ROUNDS=n SEED=s` lives many lives; here a few are lived. A life that fails says its
seed and what is left of it once every act that it fails without is left out.
"""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.simulation.lives import START, Act, Life, draw_life
from tests.simulation.living import live
from tests.simulation.shrinking import shrink


def test_both_sides_agree_on_a_life_of_chance(seed: int) -> None:
    life = draw_life(seed)
    told = live(life)
    if told:
        least = shrink(life, lambda some: bool(live(some)))
        pytest.fail(
            "\n".join([f"The life of seed {seed} fails:", *told, str(least), *live(least)])
        )


def test_the_same_seed_is_the_same_life_and_another_one_another() -> None:
    assert draw_life(5) == draw_life(5)
    assert draw_life(5) != draw_life(6)


def test_a_life_shrinks_to_what_it_fails_by() -> None:
    acts = tuple(
        Act(START + timedelta(days=number), 0, what, number)
        for number, what in enumerate(("buy", "use", "create", "use", "late", "delete", "pay"))
    )
    life = Life(1, "", acts, START)

    def fails(some: Life) -> bool:
        return {"create", "delete"} <= {act.what for act in some.acts}

    assert [act.what for act in shrink(life, fails).acts] == ["create", "delete"]
    assert shrink(life, fails, most=0) == life
    assert shrink(replace(life, acts=acts[:1]), lambda _some: True).acts == acts[:1]
