"""Lives of chance: accounts on plans of their own, and resources of projects that come and go."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tallygate.adapters.store import accounts as stored
from tallygate.adapters.store import resources, subscriptions
from tallygate.core.errors import Refused
from tallygate.subscriptions.calendar import due, phase_at
from tallygate.subscriptions.change import When
from tallygate.testing import FrozenClock
from tallygate.workflows import accounts, members, operate
from tallygate.workflows.change import change_plan
from tallygate.workflows.close import close_due
from tallygate.workflows.ingest import Incoming, ingest
from tallygate.workflows.installation import Installation
from tallygate.workflows.project_moves import move_project
from tallygate.workflows.publish import apply
from tallygate.workflows.questions.estimate import Estimate
from tallygate.workflows.questions.quote_plan import quote_plan
from tallygate.workflows.questions.quote_resource import (
    quote_creation,
    quote_deletion,
    quote_resize,
)
from tallygate.workflows.subscribe import subscribe

DELAY = timedelta(minutes=30)
CATALOG = """
name: cloud
currency: [eur, usd]
meters:
  cuh: {event: resource, value: running * (vcpu + 0.2 * ram_gb) + 0.01 * disk_gb,
        aggregation: time_weighted, unit: CUH}
  hours: {event: resource, value: running, aggregation: time_weighted, unit: hour}
  peak: {event: resource, value: vcpu, aggregation: max, unit: vCPU, round: {to: "1", mode: up}}
  gb: {event: disk.report, value: gb, aggregation: time_weighted, over: period, unit: GB}
  calls: {event: api.call, aggregation: count, unit: call}
plans:
  free: {name: Free}
  base:
    name: Base
    prices:
      - {key: base_monthly, flat: {eur: "10.00", usd: "11.00"}, every: month}
      - {key: base_annual, flat: {eur: "101.00", usd: "111.00"}, every: year}
      - {key: seats, count: members, every: month,
         graduated: [{up_to: 2, unit: {eur: "5.00", usd: "6.00"}},
                     {unit: {eur: "3.33", usd: "3.77"}}]}
      - {key: cuh_base, meter: cuh, included: 700, per_unit: {eur: "0.0217", usd: "0.0251"}}
      - {key: gb_base, meter: gb, per_unit: {eur: "0.11", usd: "0.13"}}
  pro:
    name: Pro
    trial_days: 14
    prices:
      - {key: pro_monthly, flat: {eur: "49.00", usd: "55.00"}, every: month}
      - {key: cuh_pro, meter: cuh, included: 2000, per_unit: {eur: "0.0193", usd: "0.0227"},
         minimum: {eur: "3.00", usd: "4.00"}, maximum: {eur: "90.00", usd: "99.00"}}
      - {key: peak_pro, meter: peak, included: 4, per_unit: {eur: "1.70", usd: "1.90"}}
      - {key: calls_pro, meter: calls, package: {size: 10, price: {eur: "0.07", usd: "0.08"}}}
prices:
  - {key: small_monthly, per_unit: {eur: "25.00", usd: "27.01"}, every: month}
  - {key: large_monthly, every: month, included: 1,
     graduated: [{up_to: 2, unit: {eur: "80.10", usd: "90.20"}},
                 {unit: {eur: "70.07", usd: "79.09"}, flat: {eur: "5.00", usd: "6.00"}}]}
  - {key: disk_monthly, every: month,
     volume: [{up_to: 3, unit: {eur: "4.40", usd: "4.90"}},
              {unit: {eur: "3.30", usd: "3.70"}}]}
  - {key: gpu_hours, meter: hours, included: 20, per_unit: {eur: "1.07", usd: "1.19"}}
resources:
  small: {price: small_monthly, spec: {vcpu: 2, ram_gb: 4, disk_gb: 80}}
  large: {price: large_monthly, spec: {vcpu: 8, ram_gb: 16, disk_gb: 320}}
  disk: {price: disk_monthly, spec: {disk_gb: 100}}
  gpu: {price: gpu_hours, spec: {vcpu: 4, ram_gb: 32}}
  note: {spec: {disk_gb: 10}}
coupons:
  FOREVER: {percent_off: 30, duration: forever}
  MONTHS: {percent_off: "12.5", duration: {months: 3}, applies_to: [small_monthly, large_monthly]}
  ONCE: {amount_off: {eur: "7.00", usd: "8.00"}, duration: once}
"""
TYPES = ("small", "large", "disk", "gpu", "note")
PLANS = ("base", "base", "pro", "pro", "free")
WHEN: tuple[When, ...] = ("default", "now", "period_end")
KINDS = ("create", "create", "create", "resize", "delete", "plan")
COUPONS = ((), (), ("FOREVER",), ("MONTHS",), ("ONCE",), ("ONCE", "FOREVER"))


@dataclass
class Life:
    """An organization with several accounts and projects, at an instant.

    `moves`: there is another one, and projects move between the two. `bare` is the chance that
    an account has no subscription, and `kinds` is what is quoted.
    """

    here: Installation
    clock: FrozenClock
    chance: Random
    organization: str = ""
    accounts: list[str] = field(default_factory=list)
    projects: list[str] = field(default_factory=list)
    members: list[str] = field(default_factory=list)
    compared: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    moves: bool = False
    bare: float = 0.06
    kinds: tuple[str, ...] = KINDS
    other: str = ""
    moved: int = 0

    def begin(self) -> None:
        """Publish, and make the accounts with their subscriptions, each on a day of its own."""
        apply(self.here, CATALOG)
        made = accounts.create_organization(self.here, "acme", external_id="acme")
        self.organization = made.id
        self.accounts = [made.billing_account]
        for name in ("own", "other"):
            account = accounts.create_billing_account(
                self.here, made.id, name, tenant=None, external_id=name
            )
            self.accounts.append(account.id)
        if self.moves:
            zeta = accounts.create_organization(self.here, "zeta", external_id="zeta")
            self.other = zeta.id
            self.accounts.append(zeta.billing_account)
        for account_id in self.accounts:
            self.clock.advance(timedelta(seconds=self.chance.randrange(12 * 86400)))
            if self.chance.random() < self.bare:
                continue
            plan = self.chance.choice(PLANS)
            interval: Any = "year" if plan == "base" and self.chance.random() < 0.3 else "month"
            subscribe(
                self.here,
                account_id,
                plan,
                interval=interval,
                currency=self.chance.choice(("eur", "usd")),
                coupons=self.chance.choice(COUPONS),
                trial=self.chance.random() < 0.5,
            )
        for number in range(3):
            payer = self.chance.choice([None, *self.accounts[1:3]])
            project = accounts.create_project(
                self.here, made.id, f"p{number}", tenant=None, billing_account=payer
            )
            self.projects.append(project.id)

    def there(self) -> list[str]:
        """The resources that are there now."""
        with self.here.store.read() as tx:
            of = [one for one in (self.organization, self.other) if one]
            return [
                one.id for owner in of for one in resources.there_at(tx, owner, self.clock.now())
            ]

    def another_plan(self, account: str) -> str:
        """A plan that the account is not on."""
        with self.here.store.read() as tx:
            found = subscriptions.of_account(tx, account)
        current = phase_at(found[-1], self.clock.now()).plan if found else ""
        return self.chance.choice([plan for plan in ("base", "pro", "free") if plan != current])

    def pass_time(self) -> None:
        """Go on a while, and close what is due by then, or (now and then) not yet."""
        self.clock.advance(timedelta(seconds=self.chance.randrange(60, 9 * 86400)))
        if self.chance.random() < 0.2:
            with self.here.store.read() as tx:
                found = [one for a in self.accounts for one in subscriptions.of_account(tx, a)]
            ahead = [boundary for one in found if (boundary := due(one)) is not None]
            if ahead and max(ahead) > self.clock.now():
                seconds = self.chance.choice((0, 0, 600))
                self.clock.set(max(ahead) + timedelta(seconds=seconds))
        close_due(self.here)

    def live(self) -> None:
        """Let something happen that nobody asked the price of."""
        with_resources = self.there()
        doings = (
            "create",
            "create",
            "stop",
            "start",
            "delete",
            "member",
            "leave",
            "switch",
            "use",
        )
        doing = self.chance.choice((*doings, "move", "move") if self.moves else doings)
        with suppress(Refused):  # what cannot be done was not done
            if doing == "move":
                self._move()
            else:
                self._do(doing, with_resources)

    def _do(self, doing: str, there: list[str]) -> None:
        chance = self.chance
        match doing:
            case "create":
                project, kind = chance.choice(self.projects), chance.choice(TYPES)
                operate.create_resource(self.here, project, kind, tenant=None)
            case "stop" if there:
                operate.stop_resource(self.here, chance.choice(there), tenant=None)
            case "start" if there:
                operate.start_resource(self.here, chance.choice(there), tenant=None)
            case "delete" if there:
                operate.delete_resource(self.here, chance.choice(there), tenant=None)
            case "member":
                name = f"person {len(self.members)}"
                made = members.add_member(self.here, self.organization, name, tenant=None)
                self.members.append(made.id)
            case "leave" if self.members:
                members.remove_member(self.here, chance.choice(self.members), tenant=None)
            case "switch":
                payer = chance.choice([None, *self.accounts[1:3]])
                accounts.switch_payer(self.here, chance.choice(self.projects), payer, tenant=None)
            case "use" if there:
                for kind, data in (
                    ("api.call", {}),
                    ("disk.report", {"gb": chance.randrange(99)}),
                ):
                    self._send(kind, chance.choice(there), data)

    def _move(self) -> None:
        """Let a project move to the organization that it is not part of, now or a while ago."""
        chance, project = self.chance, self.chance.choice(self.projects)
        with self.here.store.read() as tx:
            there = stored.get_project(tx, project).organization == self.other
        back = chance.random() < 0.4
        at = self.clock.now() - timedelta(seconds=chance.randrange(3 * 86400)) if back else None
        payer = chance.choice([None, *self.accounts[1:3]]) if there else None
        to = self.organization if there else self.other
        move_project(self.here, project, to, at=at, billing_account=payer)
        self.moved += 1

    def _send(self, kind: str, subject: str, data: dict[str, Any]) -> None:
        self.sent += 1
        event = Incoming(
            id=f"e{self.sent}",
            source="test",
            type=kind,
            subject=subject,
            time=self.clock.now(),
            data=data,
        )
        ingest(self.here, [event])


Doing = Callable[[Installation, datetime], object]


def quote_something(life: Life) -> tuple[Estimate, Doing] | None:
    """Something that may be done, its quote, and how to do it in an installation."""
    chance = life.chance
    back = chance.random() < 0.2
    at = life.clock.now() - timedelta(seconds=chance.randrange(40 * 86400)) if back else None
    kind = chance.choice(life.kinds)
    if kind == "create":
        return _quote_creation(life, at)
    if kind == "plan":
        return _quote_plan(life)
    there = life.there()
    return _quote_life(life, kind, chance.choice(there), at) if there else None


def _quote_creation(life: Life, at: datetime | None) -> tuple[Estimate, Doing]:
    chance, here = life.chance, life.here
    project, wanted = chance.choice(life.projects), chance.choice(TYPES)
    count, running = chance.choice((1, 1, 3)), chance.random() < 0.8
    fields: dict[str, object] = {"vcpu": 3} if chance.random() < 0.3 else {}
    money = chance.choice(("eur", "usd"))

    def quoted(currency: str | None) -> Estimate:
        return quote_creation(
            here,
            project,
            wanted,
            tenant=None,
            count=count,
            fields=fields,
            running=running,
            at=at,
            currency=currency,
        )

    def create(to: Installation, then: datetime) -> None:
        """All of them together, as the platform tells of them."""
        life.sent += count
        said = {**fields, "project": project, "type": wanted, "running": running}
        names = [f"r{life.sent - number}" for number in range(count)]
        found = ingest(
            to, [Incoming(name, "test", "resource.created", name, then, said) for name in names]
        )
        assert found.accepted == count, found.rejected

    try:
        return quoted(None), create
    except Refused as refusal:
        if refusal.param != "currency":
            raise
        return quoted(money), create


def _quote_plan(life: Life) -> tuple[Estimate, Doing]:
    account = life.chance.choice(life.accounts)
    plan = life.another_plan(account)
    when: When = life.chance.choice(WHEN)
    with life.here.store.read() as tx:
        has_none = not subscriptions.of_account(tx, account)
    if has_none:
        return _quote_beginning(life, account, plan)
    found = quote_plan(life.here, account, plan, tenant=None, when=when)
    subscription = found.payer.subscription
    assert subscription is not None, "there is one to change"

    def change(to: Installation, then: datetime) -> None:
        change_plan(to, subscription, plan, when=when, at=then)

    return found, change


def _quote_beginning(life: Life, account: str, plan: str) -> tuple[Estimate, Doing]:
    """What a plan costs an account that has none yet, with the resources that it pays for."""
    interval: Any = life.chance.choice(("month", "month", "year")) if plan == "base" else None
    money = life.chance.choice(("eur", "usd"))
    found = quote_plan(life.here, account, plan, interval, tenant=None, currency=money)

    def begin(to: Installation, then: datetime) -> None:
        subscribe(to, account, plan, interval=interval, currency=money, at=then)

    return found, begin


def _quote_life(
    life: Life, kind: str, resource: str, at: datetime | None
) -> tuple[Estimate, Doing]:
    wanted = life.chance.choice(TYPES)

    def resize(to: Installation, then: datetime) -> None:
        operate.resize_resource(to, resource, tenant=None, type=wanted, at=then)

    def delete(to: Installation, then: datetime) -> None:
        operate.delete_resource(to, resource, tenant=None, at=then)

    if kind == "delete":
        return quote_deletion(life.here, resource, tenant=None, at=at), delete
    return quote_resize(life.here, resource, tenant=None, type=wanted, at=at), resize
