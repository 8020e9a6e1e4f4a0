"""Is anything charged twice, or lost, when the workers' processes are killed?

`tallygate worker` runs in real processes, at a sandbox in another one, on a real database; one or
two at once, and they are killed with -9 again and again, while they take over what was bought,
report usage, renew, compare and collect. In the end Stripe and the store must agree to the cent,
and the bills must be those that were worked out by hand. The planted defect is a worker that asks
with another key when it does not know what came of a request.
"""

import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from random import Random

from tests.chaos.firm import LEASED, START, bills, life, moments, open_firm
from tests.chaos.worker_process import Kind

from tallygate.workflows.change import cancel

FEW = 10
"""Of so many deaths one comes while a worker is at work; of fewer, perhaps none."""

MOST = 4
"""Deaths at one moment: their leases must have run out before the next one."""


def test_killed_workers_charge_nothing_twice_and_lose_nothing(
    url: str, tmp_path: Path, deaths: int
) -> None:
    months = 1 + deaths // 25
    chance, count = Random(deaths), moments(months)  # noqa: S311  # replayed by its seed
    planned = Counter(chance.sample(range(count), deaths, counts=[MOST] * count))
    in_the_midst = 0
    with open_firm(url, tmp_path) as firm:
        for number, _ in enumerate(life(firm, months)):
            for _ in range(planned.pop(number, 0)):
                in_the_midst += firm.die(chance)
            firm.crew.rest()
        assert not planned
        assert firm.differ() == []
        assert firm.every_bill() == bills(months)
        assert "mistake of ours" not in firm.crew.log.read_text()
    assert in_the_midst or deaths < FEW


def died_while_asking(folder: Path, kind: Kind, times: int) -> list[str]:
    """Kill a worker whose request for a last invoice takes its time; gives what differs then.

    It is under way for so many times as long as another worker takes for all that it does.
    """
    folder.mkdir()
    with open_firm(f"sqlite:///{folder / 'chaos.db'}", folder, kind) as firm:
        acme = firm.tenant()
        firm.complete(firm.buy(acme, "pro"))
        firm.crew.rest()
        firm.crew.end()
        began = time.monotonic()
        firm.crew.rest()
        seconds = times * (time.monotonic() - began)
        firm.crew.end()
        firm._set(START + timedelta(days=9))
        cancel(firm.installation, firm.subscription(acme).id, now=True)
        firm._set(firm.clock.now() + timedelta(minutes=31))
        firm.slow(path="/v1/invoices", seconds=seconds)
        asking = firm.crew.start()
        assert not firm.crew.watch(asking, firm.is_slow), "it did not ask"
        done = time.monotonic() + seconds
        firm.crew.kill(asking)
        firm._set(firm.clock.now() + LEASED)
        while time.monotonic() < done:
            firm.crew.rest()
        firm._set(firm.clock.now() + timedelta(hours=2))
        firm.crew.rest()
        return firm.differ()


def test_the_same_key_for_what_is_under_way_bills_once(tmp_path: Path) -> None:
    assert died_while_asking(tmp_path / "real", "real", 2) == []


def test_a_new_key_for_what_is_under_way_is_found(tmp_path: Path) -> None:
    """The planted defect; a machine may be busier in one moment than in the one before."""
    assert any(died_while_asking(tmp_path / f"{n}", "fresh", n) for n in (2, 4, 8, 16))
