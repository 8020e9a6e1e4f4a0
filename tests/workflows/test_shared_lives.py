"""Over random lives with switches and moves, every account is billed what an oracle counts."""

import pytest
from tests.workflows.shared_lives import SharedLife, differences

from tallygate.workflows.installation import Installation

SEEDS = range(3)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_billed_twice_and_nothing_dropped(
    installation: Installation, seed: int
) -> None:
    life = SharedLife(installation, seed)
    life.live()
    assert len(life.edges) > 2
    assert differences(life) == {}


@pytest.mark.parametrize("seed", [100])
def test_the_same_on_each_engine(each_installation: Installation, seed: int) -> None:
    life = SharedLife(each_installation, seed)
    life.live(40)
    assert differences(life) == {}
