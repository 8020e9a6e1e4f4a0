"""Random lives of projects that change hands: payers are switched, and projects move.

Two organizations have two billing accounts each, with months of their own. All that happens is
told to the installation and, as plain facts, to the oracle. Events come late, out of order, twice,
and without a time; they crowd around the instants of switches and moves.
"""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.workflows.shared_oracle import Facts, Machine, Span

from tallygate.adapters.store import subscriptions
from tallygate.core.errors import Conflict
from tallygate.core.period import add_months, from_micros, to_micros
from tallygate.testing import FrozenClock
from tallygate.workflows.accounts import (
    create_billing_account,
    create_organization,
    create_project,
    switch_payer,
)
from tallygate.workflows.close import close_due
from tallygate.workflows.ingest import Incoming, ingest
from tallygate.workflows.installation import Installation
from tallygate.workflows.project_moves import move_project
from tallygate.workflows.publish import apply
from tallygate.workflows.subscribe import subscribe

CATALOG = """\
name: lives
currency: usd
meters:
  calls: {event: api.call, value: n, aggregation: sum}
  peak: {event: peak.report, value: n, aggregation: max}
  gauge: {event: disk.report, value: n, aggregation: time_weighted}
  running: {event: resource, value: running, aggregation: time_weighted}
plans:
  pro:
    name: Pro
    prices:
      - {key: calls, meter: calls, included: 5, per_unit: "0.37"}
      - {key: peak, meter: peak, per_unit: "1.13"}
      - {key: gauge, meter: gauge, per_unit: "0.0123"}
      - {key: running, meter: running, per_unit: "0.05"}
prices:
  - {key: small, per_unit: "31.00", every: month}
  - {key: large, per_unit: "79.00", every: month}
resources:
  small: {price: small}
  large: {price: large}
"""
BEGINS = datetime(2026, 1, 15, tzinfo=UTC)
QUIET = datetime(2026, 4, 10, tzinfo=UTC)
END = datetime(2026, 6, 20, tzinfo=UTC)
KINDS = {"api.call": "calls", "peak.report": "peaks", "disk.report": "gauges"}
SECOND, TICK = 1_000_000, 1


class SharedLife:
    """A life of this seed, lived through on an installation."""

    def __init__(self, installation: Installation, seed: int) -> None:
        self.here = installation
        assert isinstance(installation.clock, FrozenClock)
        self.clock = installation.clock
        self.chance = Random(seed)  # noqa: S311  # replayed by its seed, nothing is secret
        self.homes: dict[str, str] = {}
        self.edges: list[int] = []
        self.taken: set[int] = set()
        self.sent: list[Incoming] = []
        self.billed: dict[str, int] = {}
        self.number = 0
        apply(installation, CATALOG)
        self.accounts: dict[str, tuple[str, ...]] = {}
        day = 1
        for name in ("acme", "zeta"):
            made = create_organization(installation, name, external_id=name)
            spare = create_billing_account(installation, made.id, "Spare", tenant=None)
            self.accounts[made.id] = (made.billing_account, spare.id)
            for account in self.accounts[made.id]:
                self.clock.set(datetime(2026, 1, day, tzinfo=UTC))
                subscribe(installation, account, "pro")
                self.billed[account] = 0
                day += 3
        self.clock.set(BEGINS)
        first = next(iter(self.accounts))
        self.facts = Facts({})
        for name in ("web", "lab"):
            project = create_project(installation, first, name, tenant=None, external_id=name)
            self.homes[project.id] = first
            self.facts.payers[project.id] = [(0, self.accounts[first][0])]
        self.clock.advance(timedelta(hours=1))

    @property
    def now(self) -> int:
        return to_micros(self.clock.now())

    def live(self, steps: int = 70) -> None:
        """Let everything happen, and bill it all: nothing is left that could still be owed."""
        length = (to_micros(QUIET) - self.now) // steps
        acts = [self.tell] * 8 + [self.step] * 5 + [self.create] * 3
        acts += [self.switch, self.move, self.again, self.close]
        for _ in range(steps):
            self.clock.advance(timedelta(microseconds=self.chance.randrange(SECOND, 2 * length)))
            self.chance.choice(acts)()
        self.clock.set(max(self.clock.now(), QUIET) + timedelta(hours=1))
        for name in self.facts.machines:
            self.happen(name, "deleted", "", self.now - self.chance.randrange(1, SECOND))
        for _ in range(12):
            self.tell()
        self.clock.set(END)
        self.close()

    def close(self) -> None:
        for invoice in close_due(self.here):
            self.billed[invoice.billing_account] += invoice.total

    def create(self) -> None:
        """A machine, of which is heard at once or later."""
        project = self.chance.choice(list(self.homes))
        self.number += 1
        name = f"m{self.number}"
        machine = Machine(project)
        kind, at = self.chance.choice(("small", "large")), self.instant()
        fields = {"project": project, "type": kind}
        self.send(name, "resource.created", at, fields)
        machine.life.append((at, "created", kind))
        self.facts.machines[name] = machine

    def step(self) -> None:
        """Something in a machine's life, perhaps of long ago."""
        if self.facts.machines:
            name = self.chance.choice(list(self.facts.machines))
            what = self.chance.choice(("resized", "resized", "stopped", "started", "deleted"))
            kind = self.chance.choice(("small", "large")) if what == "resized" else ""
            self.happen(name, what, kind, self.instant())

    def happen(self, name: str, what: str, kind: str, at: int) -> None:
        self.send(name, f"resource.{what}", at, {"type": kind} if kind else {})
        self.facts.machines[name].life.append((at, what, kind))

    def tell(self) -> None:
        """A few reports of usage."""
        for name in list(self.facts.machines)[-6:]:
            kind = self.chance.choice(list(KINDS))
            untimed = self.chance.random() < 0.2
            at, n = self.now if untimed else self.instant(), self.chance.randrange(1, 40)
            self.send(name, kind, at, {"n": n}, untimed=untimed)
            getattr(self.facts.machines[name], KINDS[kind]).append((at, n))

    def send(
        self, name: str, kind: str, at: int, fields: dict[str, Any], *, untimed: bool = False
    ) -> None:
        time = None if untimed else from_micros(at)
        event = Incoming(f"e{len(self.sent)}", "sensor", kind, name, time, fields)
        verdicts = ingest(self.here, [event])
        assert verdicts.accepted == 1, verdicts
        self.sent.append(event)

    def again(self) -> None:
        """What was sent before is sent again: it counts once."""
        for event in self.chance.sample(self.sent, min(8, len(self.sent))):
            verdicts = ingest(self.here, [event])
            self.repeated(verdicts.duplicates)

    def repeated(self, duplicates: int) -> None:
        assert duplicates == 1, "an event that came again counts once"

    def switch(self) -> None:
        """Another payer, from now on or from a later instant."""
        project = self.chance.choice(list(self.homes))
        payer = self.chance.choice(self.accounts[self.homes[project]])
        at = None
        if self.chance.random() < 0.3:
            at = self.clock.now() + timedelta(microseconds=self.chance.randrange(SECOND, 10**12))
        try:
            change = switch_payer(self.here, project, payer, tenant=None, at=at)
        except Conflict:
            return
        self.edge(project, to_micros(change.since), payer)

    def move(self) -> None:
        """To the other organization, now or as of a while ago; what was announced falls away."""
        project = self.chance.choice(list(self.homes))
        there = next(one for one in self.accounts if one != self.homes[project])
        payer = self.chance.choice((None, *self.accounts[there]))
        at = None
        if self.chance.random() < 0.5:
            back = timedelta(microseconds=self.chance.randrange(5 * 10**11))
            at = self.clock.now() - back
        try:
            move_project(self.here, project, there, at=at, billing_account=payer)
        except Conflict:
            return
        self.homes[project] = there
        since = self.now // SECOND * SECOND if at is None else to_micros(at)
        told = self.facts.payers[project]
        self.facts.payers[project] = [one for one in told if one[0] <= since]
        self.edge(project, since, payer or self.accounts[there][0])

    def edge(self, project: str, since: int, payer: str) -> None:
        self.facts.payers[project].append((since, payer))
        self.edges.append(since)

    def instant(self) -> int:
        """When something happens that is heard of now: mostly lately, often at an edge."""
        past = [edge for edge in self.edges if edge <= self.now]
        if past and self.chance.random() < 0.4:
            at = self.chance.choice(past) + self.chance.choice((-TICK, 0, TICK))
        elif self.chance.random() < 0.3:
            at = self.chance.randrange(to_micros(BEGINS), self.now)
        else:
            at = self.now - self.chance.randrange(3600 * SECOND)
        at = min(max(at, to_micros(BEGINS)), self.now)
        while at in self.taken:  # which of two comes first at one instant is shown elsewhere
            at -= TICK
        self.taken.add(at)
        return at


def differences(life: SharedLife) -> dict[str, int]:
    """By account, what was billed beyond what the oracle counts, where that is not zero."""
    found = {
        account: billed
        - sum(sum(life.facts.owed(account, one).values()) for one in periods(life, account))
        for account, billed in life.billed.items()
    }
    return {account: cents for account, cents in found.items() if cents}


def periods(life: SharedLife, account: str) -> list[Span]:
    """The account's periods that are closed."""
    with life.here.store.read() as tx:
        [one] = subscriptions.of_account(tx, account)
    found: list[Span] = []
    month = 0
    while add_months(one.anchor, month + 1) <= one.billed_until:
        start, end = add_months(one.anchor, month), add_months(one.anchor, month + 1)
        found.append((to_micros(start), to_micros(end)))
        month += 1
    return found
