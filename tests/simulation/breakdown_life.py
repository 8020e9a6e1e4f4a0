"""An organization with two payers, lived by chance: what happened in it, and what was billed.

Everything that happens is written down as it happens, with the position that the log had then: the
oracle asks this, and not the store.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from tallygate.accounts.life import LifeEvent, LifeKind
from tallygate.accounts.model import Organization, PayerChange
from tallygate.adapters.store import events, invoices, open_store, subjects, subscriptions
from tallygate.catalog.model import Catalog
from tallygate.core.errors import TallygateError
from tallygate.core.ids import IdSource
from tallygate.invoicing.model import Invoice
from tallygate.subscriptions.calendar import due
from tallygate.testing import FrozenClock, repeatable_bits
from tallygate.workflows.accounts import (
    create_billing_account,
    create_organization,
    create_project,
    switch_payer,
)
from tallygate.workflows.change import cancel, change_plan
from tallygate.workflows.close import close_due
from tallygate.workflows.contracts import latest
from tallygate.workflows.ingest import Incoming, ingest
from tallygate.workflows.installation import Installation
from tallygate.workflows.members import add_member
from tallygate.workflows.publish import apply
from tallygate.workflows.subscribe import subscribe

START = datetime(2026, 1, 9, 7, 13, 20, tzinfo=UTC)
ACTS = 45
TYPES = ("vm.small", "vm.large", "vm.metered", "vm.traffic", "vm.peak")
METERS: dict[str, dict[str, object]] = {
    "calls": {"event": "call", "aggregation": "count"},
    "gb": {"event": "gb", "value": "gb", "aggregation": "sum"},
    "peak": {"event": "peak", "value": "gb", "aggregation": "max", "per": ["disk"]},
    "low": {"event": "peak", "value": "gb", "aggregation": "min"},
    "mean": {"event": "peak", "value": "gb", "aggregation": "average"},
    "final": {"event": "peak", "value": "gb", "aggregation": "last"},
    "users": {"event": "call", "value": "user", "aggregation": "unique"},
    "held": {"event": "hold", "value": "gb", "aggregation": "time_weighted"},
    "cuh": {
        "event": "resource",
        "value": "running * vcpu + 0.1 * disk_gb",
        "aggregation": "time_weighted",
    },
    "cores": {"event": "resource", "value": "vcpu", "aggregation": "max"},
}
OF_TYPES = {"vm.metered": "cuh", "vm.traffic": "gb", "vm.peak": "peak"}


@dataclass(frozen=True, slots=True)
class Usage:
    """A usage event, and the position that the log had when it was in it."""

    position: int
    subject: str
    at: datetime
    type: str
    id: str
    fields: dict[str, Any]


@dataclass
class Facts:
    """What happened, in the order of its arrival."""

    catalog: Catalog
    organization: Organization
    projects: list[str]
    switches: list[PayerChange] = field(default_factory=list)
    home: dict[str, str] = field(default_factory=dict)
    usage: list[Usage] = field(default_factory=list)
    lives: list[tuple[int, str, LifeEvent]] = field(default_factory=list)
    now: datetime = START
    refunded: set[str] = field(default_factory=set)


def draw_catalog(draw: Random) -> str:
    """A price list: every curve, allowance, minimum and maximum, some of every meter."""
    currency = draw.choice(("usd", "usd", "kwd"))
    plans: dict[str, Any] = {}
    for key in ("pro", "max"):
        prices: list[dict[str, Any]] = [
            {"key": f"{key}_base", "flat": f"{draw.randint(5, 90)}.99", "every": "month"}
        ]
        if draw.random() < 0.5:
            seats = {"per_unit": f"{draw.randint(1, 9)}.00", "every": "month", "count": "members"}
            prices.append({"key": f"{key}_seats", **seats})
        prices += [
            {"key": f"{key}_{meter}", "meter": meter, **_terms(draw)}
            for meter in draw.sample(sorted(METERS), draw.randint(2, 5))
        ]
        plans[key] = {"name": key, "prices": prices}
    return json.dumps(
        {
            "name": "parts",
            "currency": currency,
            "meters": METERS,
            "plans": plans,
            "prices": [
                {"key": "small", "per_unit": f"{draw.randint(3, 40)}", "every": "month"},
                {
                    "key": "large",
                    "graduated": [{"up_to": 2, "unit": "31"}, {"unit": "17"}],
                    "every": "month",
                },
                *({"key": key, "meter": m, **_terms(draw)} for key, m in OF_TYPES.items()),
            ],
            "resources": {
                key: {
                    "price": key.removeprefix("vm.") if key not in OF_TYPES else key,
                    "spec": {"vcpu": place + 1, "disk_gb": 10 * place},
                    **({"cost": {"amount": f"{place}.50", "every": "month"}} if place else {}),
                }
                for place, key in enumerate(TYPES)
            },
            "coupons": {
                "PART": {"percent_off": "12.5", "duration": "forever"},
                "SUM": {
                    "amount_off": {currency: f"{draw.randint(1, 30)}"},
                    "duration": {"months": 2},
                },
            },
        }
    )


def _terms(draw: Random) -> dict[str, Any]:
    rate = draw.choice(("0.05", "1.37", "0.5", "12"))
    found: dict[str, Any] = {}
    match draw.choice(("per_unit", "package", "graduated", "volume")):
        case "per_unit":
            found["per_unit"] = rate
        case "package":
            found["package"] = {"size": draw.choice((2, "7.5")), "price": rate}
        case curve:
            found[curve] = [
                {"up_to": 5, "unit": rate, "flat": "1"},
                {"up_to": 40, "unit": "0.21"},
                {"unit": "0.1"},
            ]
    if draw.random() < 0.3:
        found["included"] = str(draw.randint(1, 9))
    if draw.random() < 0.3:
        found["minimum"] = str(draw.randint(1, 60))
    if draw.random() < 0.2:
        found["maximum"] = str(draw.randint(60, 90))
    return found


class World:
    """One organization with two payers, four projects, and what becomes of them."""

    def __init__(self, installation: Installation, seed: int) -> None:
        self.here = installation
        self.draw = Random(seed)  # noqa: S311 a life is repeatable
        assert isinstance(installation.clock, FrozenClock)
        self.clock = installation.clock
        apply(installation, draw_catalog(self.draw))
        organization = create_organization(installation, "acme")
        other = create_billing_account(installation, organization.id, "other", tenant=None)
        self.accounts = (organization.billing_account, other.id)
        projects = [
            create_project(installation, organization.id, f"p{number}", tenant=None).id
            for number in range(4)
        ]
        with installation.store.read() as tx:
            catalog = latest(tx)[1]
        self.facts = Facts(catalog, organization, projects)
        self.sent = 0
        self.subscriptions = []
        for account in self.accounts:
            coupons = self.draw.sample(("PART", "SUM"), self.draw.randint(0, 2))
            plan = self.draw.choice(("pro", "max"))
            made = subscribe(installation, account, plan, coupons=coupons)
            self.subscriptions.append(made[0].id)
        for person in ("ann", "bob"):
            add_member(installation, organization.id, person, tenant=None)

    def live(self) -> None:
        """Some acts in about nine weeks, and what falls due in between."""
        for _ in range(ACTS):
            self.clock.advance(timedelta(seconds=self.draw.randint(1, 3 * 86_400)))
            if self.draw.random() < 0.8:
                close_due(self.here)
            acts = (self.create, self.use, self.use, self.use, self.life, self.switch, self.other)
            with suppress(TallygateError):
                self.draw.choices(acts, (3, 4, 4, 4, 3, 1, 1))[0]()
        self.facts.now = self.clock.now()

    def invoices(self) -> tuple[Invoice, ...]:
        with self.here.store.read() as tx:
            found = [one for id_ in self.subscriptions for one in _of(tx, id_)]
        return tuple(sorted(found, key=lambda one: one.number or 0))

    def is_live(self, account: str) -> bool:
        """Whether an account has something that is to be billed."""
        with self.here.store.read() as tx:
            return any(due(one) for one in subscriptions.of_account(tx, account))

    def create(self) -> None:
        project = self.draw.choice(self.facts.projects)
        resource = f"vm-{self.sent}"
        fields = {"project": project, "type": self.draw.choice(TYPES)}
        self._happens("created", resource, self._when(0.1), fields)

    def life(self) -> None:
        if not self.facts.home:
            self.create()
        resource = self.draw.choice(sorted(self.facts.home))
        kinds: tuple[LifeKind, ...] = ("resized", "started", "stopped", "deleted")
        kind = self.draw.choice(kinds)
        fields: dict[str, Any] = {}
        if kind == "resized":
            fields = {"type": self.draw.choice(TYPES), "disk_gb": self.draw.randint(0, 50)}
        self._happens(kind, resource, self._when(0.25), fields)

    def use(self) -> None:
        found = []
        for _ in range(self.draw.randint(2, 6)):
            kind = self.draw.choice(("call", "gb", "peak", "hold"))
            least = -9 if kind == "gb" else 0
            fields = {
                "gb": self.draw.choice((least, self.draw.randint(0, 9), self.draw.randint(5, 30))),
                "user": f"user-{self.draw.randint(1, 5)}",
                "disk": self.draw.choice("ab"),
            }
            at, told = self._when(0.3), _numbers(fields)
            found.append((self._event(kind, self._subject(), at, told), at, told))
        self._send(*(one for one, _, _ in found))
        position = self._position()
        self.facts.usage += [
            Usage(position, one.subject, at, one.type, one.id, told) for one, at, told in found
        ]

    def switch(self) -> None:
        project = self.draw.choice(self.facts.projects)
        to = self.draw.choice((None, *self.accounts))
        self.facts.switches.append(switch_payer(self.here, project, to, tenant=None))

    def other(self) -> None:
        match self.draw.choice(("plan", "member", "end")):
            case "plan":
                chosen = self.draw.choice(self.subscriptions)
                change_plan(self.here, chosen, self.draw.choice(("pro", "max")), when="now")
            case "member":
                add_member(self.here, self.facts.organization.id, f"m{self.sent}", tenant=None)
            case _ if self.draw.random() < 0.3:
                refund = self.draw.random() < 0.5
                cancel(self.here, self.subscriptions[1], now=True, refund=refund)
                if refund:
                    self.facts.refunded.add(self.subscriptions[1])

    def _subject(self) -> str:
        """A resource, by our id, or else a project, the organization, or one of its payers."""
        facts = self.facts
        own = [facts.organization.id, *self.accounts, *facts.projects]
        there = sorted(facts.home)
        return self.draw.choice(there if there and self.draw.random() < 0.75 else own)

    def _when(self, late: float) -> datetime:
        now = self.clock.now()
        if self.draw.random() >= late:
            return now
        back = timedelta(seconds=self.draw.randint(1, 40 * 86_400))
        return min(now, max(START + timedelta(hours=1), now - back))

    def _happens(
        self, kind: LifeKind, resource: str, at: datetime, fields: dict[str, Any]
    ) -> None:
        said = _numbers(fields)
        sent = self._event(f"resource.{kind}", resource, at, said)
        self._send(sent)
        if kind == "created":
            with self.here.store.read() as tx:
                resource = subjects.resolve_subject(tx, resource, self._tenant).id
            self.facts.home[resource] = fields["project"]
        named = fields.get("type")
        spec = {} if named is None else dict(self.facts.catalog.resources[named].spec)
        own = {key: value for key, value in said.items() if key not in {"project", "type"}}
        event = LifeEvent(at, f"test {sent.id}", kind, named, spec, own)
        self.facts.lives.append((self._position(), resource, event))

    def _event(self, kind: str, subject: str, at: datetime, fields: dict[str, Any]) -> Incoming:
        self.sent += 1
        return Incoming(f"e{self.sent:05d}", "test", kind, subject, at, fields)

    def _send(self, *sent: Incoming) -> None:
        verdicts = ingest(self.here, list(sent), self._tenant)
        assert verdicts.accepted == len(sent), verdicts

    @property
    def _tenant(self) -> str:
        return self.facts.organization.id

    def _position(self) -> int:
        with self.here.store.read() as tx:
            return events.last_position(tx)


def _numbers(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields as they come in: numbers are decimals."""
    return {name: Decimal(v) if isinstance(v, int) else v for name, v in fields.items()}


def _of(tx: Any, subscription: str) -> tuple[Invoice, ...]:
    return invoices.of_subscription(tx, subscription)


@contextmanager
def lived(image: bytes, seed: int) -> Iterator[World]:
    """A world that has lived, in a database that begins as an image of an empty one."""
    store, clock, bits = open_store("sqlite://"), FrozenClock(START), repeatable_bits(str(seed))
    driver: Any = store.writer_engine.raw_connection().driver_connection
    driver.deserialize(image)
    try:
        world = World(Installation(store, clock, IdSource(clock, bits)), seed)
        world.live()
        yield world
    finally:
        store.close()
