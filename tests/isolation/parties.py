"""Two tenants with something of everything, on a platform that collects through a local Stripe."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, NamedTuple, get_args

import httpx2
from fastapi import FastAPI
from tests.interfaces.direct import direct_client
from tests.interfaces.world import Api
from tests.isolation.declared import WORDS
from tests.workflows.trade import Trade

from tallygate.accounts.model import Role
from tallygate.adapters.store import Store, notices
from tallygate.adapters.store.tables import metadata
from tallygate.collection.notices import Notice
from tallygate.interfaces.api import create_app
from tallygate.testing import FrozenClock
from tallygate.workflows.installation import Installation, Settings
from tallygate_sandbox.testing import running_sandbox

OPERATOR = "operator-of-the-matrix"
SETTINGS = Settings(
    success_url="https://shop.test/thanks",
    cancel_url="https://shop.test/plans",
    portal_return_url="https://shop.test/account",
    collects=True,
)
CATALOG = """\
name: shop
currency: usd
meters:
  calls: {event: api.call, value: calls, aggregation: sum, unit: call}
  devices: {event: device.report, value: devices, aggregation: max, per: [instance_id]}
  hours: {event: resource, value: running, aggregation: time_weighted, unit: h}
plans:
  free: {name: Free}
  small:
    name: Small
    prices:
      - {key: small_monthly, flat: "29.00", every: month}
      - {key: calls, meter: calls, included: 100, per_unit: "0.10"}
  large:
    name: Large
    prices:
      - {key: large_monthly, flat: "99.00", every: month}
      - {key: calls, meter: calls, included: 1000, per_unit: "0.10"}
prices:
  - {key: vm_monthly, per_unit: "25.00", every: month}
resources:
  vm: {price: vm_monthly, spec: {vcpu: 4, ram_gb: 8}}
coupons:
  EARLY: {percent_off: 30, duration: forever}
"""
ROLES: tuple[Role, ...] = get_args(Role)
MONTH = timedelta(days=31, hours=1)
EVERYBODYS = {"catalogs", "meters"}
LEAST_TEXT = 5
LEAST_AMOUNT = 10_000
"""In minor units, or of anything: smaller numbers are everybody's."""


class Secrets(NamedTuple):
    """What only one tenant has: texts, and numbers."""

    texts: frozenset[str]
    numbers: frozenset[str]

    def told(self, answer: str, asked: str) -> list[str]:
        """Those that an answer tells, and that were not in what was asked."""
        leaves = set(_leaves(answer))
        found = {one for one in self.texts if one in answer}
        found |= {one for one in self.numbers if one in leaves}
        return sorted(one for one in found if one not in asked)


@dataclass
class Party:
    """A tenant: its keys by what they may do, and the ids of its things.

    `aliases` are the platform's own ids of some of them, `shared` those that both tenants use.
    """

    name: str
    id: str
    keys: dict[str, str] = field(default_factory=dict)
    things: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    shared: dict[str, str] = field(default_factory=dict)

    def person(self, role: str, where: str = "organization") -> str:
        """The member who has a role in the organization, or in the project."""
        return f"{self.name}'s {role} of the {where}"


@dataclass
class Scene:
    """The platform, and its tenants: A holds the keys, B is not to be seen."""

    installation: Installation
    app: FastAPI
    client: httpx2.Client
    platform: Api
    a: Party
    b: Party

    @property
    def document(self) -> Any:
        """The API's own description."""
        return self.client.get("/openapi.json").json()


@contextmanager
def open_scene(installation: Installation) -> Iterator[Scene]:
    """The scene on an installation whose database is empty. Its clock is moved."""
    clock = installation.clock
    assert isinstance(clock, FrozenClock)
    with running_sandbox(frozen=int(clock.now().timestamp())) as sandbox:
        trade = Trade(installation, sandbox, CATALOG)
        app = create_app(installation, operator=OPERATOR, books=trade.books)
        with direct_client(app) as client:
            builder = _Builder(installation, trade, client)
            a, b = builder.party("acme", 87_653), builder.party("rival", 91_237)
            trade.go(clock.now() + MONTH)
            builder.bill(a)
            builder.bill(b)
            builder.once(b)
            yield Scene(installation, app, client, builder.platform, a, b)


class _Builder:
    def __init__(self, installation: Installation, trade: Trade, client: httpx2.Client) -> None:
        self._here, self._trade, self._client = installation, trade, client
        self.platform = Api(client, OPERATOR)

    def party(self, name: str, calls: int) -> Party:
        """A tenant that has used so many calls."""
        body = {"name": f"{name} Ltd", "external_id": name}
        made = self.platform.ok("POST", "/v1/organizations", body)
        party = Party(name, made["id"])
        party.things |= {"organization": party.id, "billing_account": made["billing_account"]}
        party.aliases["organization"] = name
        self._keys(party)
        self._tree(party)
        self._usage(party, calls)
        return party

    def bill(self, party: Party) -> None:
        """Its last invoice, and a plan that it buys at Stripe, and something to be told."""
        own, things = Api(self._client, party.keys["all"]), party.things
        listed = own.ok("GET", f"/v1/invoices?billing_account={things['side']}")["data"]
        things["invoice"] = listed[-1]["id"]
        wish = {"billing_account": things["billing_account"], "plan": "small"}
        bought = own.ok("POST", "/v1/checkouts", wish)
        things["purchase"] = bought["id"]
        self._trade.complete(SimpleNamespace(session=bought["provider_session"]))  # type: ignore[arg-type]  # all that it reads
        self._trade.work()
        notice = Notice(
            id=self._here.ids.new("ntc"),
            organization=party.id,
            billing_account=things["billing_account"],
            kind="payment_failed",
            key=f"payment_failed:{party.name}",
            created_at=self._here.now,
            facts={"sentence": f"{party.name}'s payment did not go through."},
        )
        with self._here.store.write() as tx:
            notices.queue(tx, notice)

    def once(self, party: Party) -> None:
        """A request with the `Idempotency-Key` that the other party uses for the same one."""
        once = {"Idempotency-Key": WORDS["Idempotency-Key"]}
        own = Api(self._client, party.keys["all"])
        own.ok("POST", "/v1/projects", {"name": WORDS["name"]}, headers=once)

    def _keys(self, party: Party) -> None:
        every = ["ingest", "read", "write"]
        for kind, scopes in {**{one: [one] for one in every}, "all": every, "old": every}.items():
            body = {"organization": party.id, "scopes": scopes, "name": f"{party.name}'s {kind}"}
            made = self.platform.ok("POST", "/v1/keys", body)
            party.keys[kind] = made["key"]
        own = Api(self._client, party.keys["all"])
        own.ok("DELETE", f"/v1/keys/{made['id']}")
        made = own.ok("POST", "/v1/keys", {"scopes": ["read"], "name": f"{party.name}'s spare"})
        party.things["key"] = made["id"]

    def _tree(self, party: Party) -> None:
        own, name = Api(self._client, party.keys["all"]), party.name
        for alias in ("web", f"{name}-web"):
            body = {"name": f"{name} {alias}", "external_id": alias}
            party.things["project"] = own.ok("POST", "/v1/projects", body)["id"]
        for alias in ("vm-1", f"{name}-vm"):
            body = {"project": party.things["project"], "type": "vm", "external_id": alias}
            party.things["resource"] = own.ok("POST", "/v1/resources", body)["id"]
        party.things["member"] = own.ok("POST", "/v1/members", {"person": f"{name} Ada"})["id"]
        for role in ROLES:
            for where, within in (("organization", {}), ("project", party.things)):
                person = {"person": party.person(role, where), "role": role}
                only = {"project": within["project"]} if within else {}
                own.ok("POST", "/v1/members", person | only)
        body = {"name": f"{name} side", "external_id": f"{name}-side"}
        side = party.things["side"] = own.ok("POST", "/v1/billing_accounts", body)["id"]
        own.ok("PUT", f"/v1/projects/{party.things['project']}/payer", {"billing_account": side})
        begun = {"billing_account": side, "plan": "large", "collect": False}
        made = self.platform.ok("POST", "/v1/subscriptions", begun)
        party.things["subscription"] = made["subscription"]["id"]
        party.aliases |= {"project": f"{name}-web", "resource": f"{name}-vm"}
        party.shared |= {"project": "web", "resource": "vm-1"}

    def _usage(self, party: Party, calls: int) -> None:
        own, name = Api(self._client, party.keys["all"]), party.name
        resource = party.things["resource"]
        event = {"id": f"{name}-1", "source": f"{name}-sensor", "type": "api.call"}
        own.ok("POST", "/v1/events", event | {"subject": resource, "data": {"calls": calls}})
        report = {"customer_id": resource, "instance_id": f"{name}-k8s", "report_id": f"{name}-r"}
        own.ok("POST", "/api/usage/report", report | {"active_devices": calls})


Dump = Mapping[str, list[tuple[Any, ...]]]


def dump(store: Store) -> Dump:
    """Every row of every table."""
    with store.read() as tx:
        return {
            table.name: sorted(map(tuple, tx.execute(table.select())), key=repr)
            for table in metadata.sorted_tables
        }


def secrets_of(store: Store, party: Party, other: Party) -> Secrets:
    """What stands in rows of one party's and in none of the other's, nor in anybody's."""
    mine: set[str] = set()
    others: set[str] = set()
    known = {party.id: mine, other.id: others}
    with store.read() as tx:
        for table in metadata.sorted_tables:
            owner = "id" if table.name == "organizations" else "organization"
            for row in tx.execute(table.select()).mappings():
                if owner not in row and table.name not in EVERYBODYS:
                    continue  # found by another table's rows
                into = known.get(row.get(owner) or "", others)
                for value in row.values():
                    into.update(_leaves(value))
    mine -= others
    texts = {one for one in mine if not one.lstrip("-").isdigit() and len(one) >= LEAST_TEXT}
    numbers = {one for one in mine if one.isdigit() and int(one) >= LEAST_AMOUNT}
    return Secrets(frozenset(texts), frozenset(numbers))


def _leaves(value: Any) -> Iterator[str]:
    """Every scalar in a value, or in the JSON that a text is, as a text."""
    if isinstance(value, str):
        if value[:1] in "{[":
            with suppress(json.JSONDecodeError):
                yield from _leaves(json.loads(value))
                return
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield str(value)
