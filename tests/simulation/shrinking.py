"""The shortest life that still fails: acts are left out as long as it does."""

from collections.abc import Callable
from dataclasses import replace

from tests.simulation.lives import Life

MOST_TRIES = 40


def shrink(life: Life, fails: Callable[[Life], bool], most: int = MOST_TRIES) -> Life:
    """A life from which, as far as the tries reach, no act can be left out so that it fails."""
    tries, size = 0, max(1, len(life.acts) // 2)
    while size:
        position = 0
        while position < len(life.acts) and tries < most:
            acts = (*life.acts[:position], *life.acts[position + size :])
            tries += 1
            if acts and fails(replace(life, acts=acts)):
                life = replace(life, acts=acts)
            else:
                position += size
        size //= 2
    return life
