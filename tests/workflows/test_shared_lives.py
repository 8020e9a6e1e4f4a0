"""Over random lives with switches and moves, every account is billed what an oracle counts."""

import pytest
from tests.workflows.shared_lives import SharedLife
from tests.workflows.shared_oracle import Span

from tallygate.adapters.store import subscriptions
from tallygate.core.period import add_months, to_micros
from tallygate.workflows.installation import Installation

SEEDS = range(6)


def differences(life: SharedLife) -> dict[str, int]:
    """By account, what was billed beyond what the oracle counts, where that is not zero."""
    found = {
        account: billed
        - sum(sum(life.facts.owed(account, one).values()) for one in periods(life, account))
        for account, billed in life.billed.items()
    }
    return {account: cents for account, cents in found.items() if cents}


def periods(life: SharedLife, account: str) -> list[Span]:
    with life.here.store.read() as tx:
        [one] = subscriptions.of_account(tx, account)
    found: list[Span] = []
    month = 0
    while add_months(one.anchor, month + 1) <= one.billed_until:
        start, end = add_months(one.anchor, month), add_months(one.anchor, month + 1)
        found.append((to_micros(start), to_micros(end)))
        month += 1
    return found


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
