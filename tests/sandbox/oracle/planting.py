"""How a wrong answer is planted, and what is to catch it.

A check is a test of another room, called by name; the SDK's types, to which every answer in the
tests is held; or the oracle, which lives a few lives until one is billed otherwise. Each of them
passes where nothing is planted: that is the rest of the suite.
"""

from collections.abc import Callable

import pytest
from tests.sandbox.oracle.defects import Plant
from tests.sandbox.oracle.test_lives import disagreements

Check = Callable[[pytest.FixtureRequest], None]
Row = tuple[str, str, Plant, Check]
CAUGHT = (AssertionError, pytest.fail.Exception)
MOST_LIVES = 60


def by(test: Callable[..., None], *needs: str) -> Check:
    """A test of some room, given its fixtures."""
    return lambda request: test(*[request.getfixturevalue(name) for name in needs])


def by_the_oracle(first: int = 0) -> Check:
    """Lives from a seed on, until one is billed otherwise; the seed saves looking for it."""

    def check(_: pytest.FixtureRequest) -> None:
        for seed in range(first, first + MOST_LIVES):
            assert disagreements(seed) == []

    return check


def each(rows: list[Row]) -> pytest.MarkDecorator:
    """A test for each row, called by its room and what is wrong there."""
    named = [pytest.param(*row[2:], id=f"{row[0]}: {row[1]}") for row in rows]
    return pytest.mark.parametrize(("plant", "check"), named)
