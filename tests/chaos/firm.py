"""A platform whose workers are processes that get killed, at a sandbox that is a process, too.

Whoever sells and uses is this process; what is mirrored at Stripe is done by the workers alone.
"""

import secrets
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, Self, cast

from tests.chaos.crowd import PATIENCE
from tests.chaos.forked import forked
from tests.chaos.stage import differ, every_bill
from tests.chaos.worker_process import Job, Kind, run
from tests.workflows.trade import Trade
from tests.workflows.trading import SHOP

from tallygate.adapters.store import Store, migrate, open_store
from tallygate.app import SystemClock
from tallygate.core.ids import IdSource
from tallygate.interfaces.cli.demo.till import own_sandbox
from tallygate.testing import FrozenClock
from tallygate.workflows.change import cancel, change_plan
from tallygate.workflows.ingest import Incoming, ingest
from tallygate.workflows.installation import Installation
from tallygate_sandbox.testing import RunningSandbox

START = datetime(2026, 1, 1, tzinfo=UTC)
LEASED = timedelta(minutes=6)
"""When this has passed, the accounts that a dead worker had taken may be taken by another one."""


class Worker(NamedTuple):
    """A process, and the file of its rests."""

    process: ForkServerProcess
    rests: Path

    def rested(self) -> int:
        """How often it had nothing left to do."""
        return self.rests.stat().st_size if self.rests.exists() else 0


class Crew:
    """Workers over one database and one sandbox."""

    def __init__(self, url: str, sandbox: str, folder: Path, kind: Kind = "real") -> None:
        self._settings = {
            "TALLYGATE_DATABASE_URL": url,
            "TALLYGATE_CLOCK": sandbox,
            "STRIPE_API_BASE": sandbox,
            "STRIPE_SECRET_KEY": "sk_test_1",
        }
        self._folder, self._kind = folder, kind
        self._started = 0
        self.alive: list[Worker] = []
        self.log = folder / "log"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nobody is left behind."""
        self.end()

    def end(self) -> None:
        """End all that are alive."""
        for one in list(self.alive):
            self.kill(one)

    def start(self, deadly: int | None = None) -> Worker:
        """One more worker; it may kill itself at the so-manieth failpoint."""
        self._started += 1
        rests = self._folder / f"rests-{self._started}"
        job = Job(self._settings, self.log, rests, self._kind, deadly)
        one = Worker(forked(run, job), rests)
        self.alive.append(one)
        return one

    def kill(self, one: Worker) -> None:
        """End a worker with -9; it may have done so itself."""
        one.process.kill()
        one.process.join()
        assert one.process.exitcode == -signal.SIGKILL, self.log.read_text()[-2000:]
        self.alive.remove(one)

    def watch(self, one: Worker, over: Callable[[], bool] = lambda: False) -> bool:
        """Wait until a worker is dead, has rested anew, or it is `over`; whether it rested."""
        enough, end = one.rested() + 2, time.monotonic() + PATIENCE
        while one.process.is_alive() and not over():
            if one.rested() >= enough:
                return True
            assert time.monotonic() < end, "a worker hangs"
            one.process.join(0.005)
        return False

    def rest(self) -> None:
        """Wait until nobody has anything left to do; there is somebody, from here on."""
        if not self.alive:
            self.start()
        for one in self.alive * len(self.alive):  # what one leaves at last is for another
            assert self.watch(one), self.log.read_text()[-2000:]


class Firm(Trade):
    """A trade whose workers are processes."""

    def __init__(self, store: Store, sandbox: str, crew: Crew) -> None:
        self.crew = crew
        ids = IdSource(SystemClock(), secrets.randbits)
        here = Installation(store, FrozenClock(START), ids)
        super().__init__(here, RunningSandbox(sandbox, cast("Any", None)), SHOP)

    def die(self, chance: Random) -> bool:
        """A worker or two begin, and one is killed; whether that was in the midst of work.

        It is at a place of chance, or while a request is under way, or at any moment.
        """
        self.crew.end()
        how = chance.choice(("place", "request", "moment"))
        if how == "request":
            self.slow(skip=chance.randrange(6))
        doomed = self.crew.start(chance.randint(1, 40) if how == "place" else None)
        if chance.random() < 0.5:
            self.crew.start()
        end = time.monotonic() + chance.random()
        over = {"request": self.is_slow, "moment": lambda: time.monotonic() > end}
        rested = self.crew.watch(doomed, over.get(how, lambda: False))
        self.crew.kill(doomed)
        self.sandbox.control("faults", method="DELETE")
        self._set(self.clock.now() + LEASED)
        return not rested

    def slow(self, **more: Any) -> None:
        """Let a request take its time; its key is in use meanwhile."""
        asked = {"kind": "slow", "method": "POST", "seconds": 1.0, "path": "/v1/"}
        self.sandbox.control("faults", asked | more)

    def is_slow(self) -> bool:
        """Whether that request has come."""
        return not self.sandbox.control("faults")["data"]

    def use(self, name: str, count: int) -> None:
        """So many calls at this instant."""
        self._sent += 1
        events = [
            Incoming(f"e{self._sent}-{one}", "test", "api.call", name, self.clock.now(), {})
            for one in range(count)
        ]
        assert ingest(self.installation, events).accepted == count

    def differ(self) -> list[str]:
        """What the oracle and `reconcile` find."""
        return differ(self, self.v1)

    def every_bill(self) -> list[tuple[str, str, int, str]]:
        """All invoices that are collected."""
        return every_bill(self.installation.store)


@contextmanager
def open_firm(url: str, folder: Path, kind: Kind = "real") -> Iterator[Firm]:
    """A firm with a database, a sandbox and a crew, which end with it."""
    store = open_store(url)
    migrate(store)
    try:
        with own_sandbox(START) as address, Crew(url, address, folder, kind) as crew:
            yield Firm(store, address, crew)
    finally:
        store.close()


def moments(months: int) -> int:
    """At how many moments of a life the workers come to work."""
    return 3 + 8 * months


def life(firm: Firm, months: int) -> Iterator[None]:
    """What customers do in so many months; at each `yield` the workers do their part.

    All is paid for by card. In the middle of each month somebody new comes, and goes again a
    month and four days later.
    """
    known = {name: firm.tenant(name) for name in ("acme", "globex", "initech", "umbrella")}
    for name, plan in zip(known, ("pro", "basic", "basic", "pro"), strict=True):
        firm.complete(firm.buy(known[name], plan))
    yield from passing(firm, START, (0, 31))
    for number in range(months):
        first = START.replace(month=1 + number)
        firm._set(first + timedelta(days=9))
        for name in known:
            firm.use(name, 130 if name in {"acme", "umbrella"} else 40)
        yield
        middle = first + timedelta(days=15, hours=12)
        firm._set(middle)
        new = firm.tenant(f"new-{number}")
        firm.complete(firm.buy(new, "basic"))
        if number == 0:
            change_plan(firm.installation, firm.subscription(known["initech"]).id, "pro")
        yield from passing(firm, middle, (0, 65))
        leaving = "umbrella" if number == 0 else f"new-{number - 1}"
        firm._set(first + timedelta(days=18))
        if number:
            firm.use(leaving, 50)
        firm._set(first + timedelta(days=19))
        cancel(firm.installation, firm.subscription(known.pop(leaving)).id, now=True)
        yield from passing(firm, firm.clock.now(), (0, 31))
        known[f"new-{number}"] = new
        yield from passing(firm, START.replace(month=2 + number), (0, 31, 130))
    firm._set(firm.clock.now() + timedelta(hours=4))
    yield


def passing(firm: Firm, at: datetime, minutes: tuple[int, ...]) -> Iterator[None]:
    for some in minutes:
        firm._set(max(firm.clock.now(), at + timedelta(minutes=some)))
        yield


def bills(months: int) -> list[tuple[str, str, int, str]]:
    """What a life comes to, worked out by hand.

    `pro` is 29.00, 100 calls and 1.00 at least for storage; `basic` 10.00 and 10 calls; a call
    more is 0.05. initech moves up at the half of January: 14.50 - 5.00 at once; its 40 calls came
    before, when half of 10 was free, and half of 1.00 is due for storage.
    """
    told = [
        ("acme", "2026-01-01", 2900),
        ("globex", "2026-01-01", 1000),
        ("initech", "2026-01-01", 1000),
        ("initech", "2026-01-16", 1450 - 500),
        ("umbrella", "2026-01-01", 2900),
        ("umbrella", "2026-01-20", 30 * 5 + 100),
    ]
    for number in range(months):
        new, month, following = f"new-{number}", f"2026-{1 + number:02}", f"2026-{2 + number:02}"
        calls = (40 - 5) * 5 + 50 if number == 0 else 100
        told += [
            ("acme", f"{following}-01", 2900 + 30 * 5 + 100),
            ("globex", f"{following}-01", 1000 + 30 * 5),
            ("initech", f"{following}-01", 2900 + calls),
            (new, f"{month}-16", 1000),
        ]
        if number + 1 < months:
            told += [(new, f"{following}-16", 1000 + 30 * 5), (new, f"{following}-20", 40 * 5)]
    return sorted((*one, "paid") for one in told)
