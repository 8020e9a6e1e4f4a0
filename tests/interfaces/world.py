"""One application, two tenants with one of everything, and a client that fails on any 5xx."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2

from tallygate.adapters.store import purchases
from tallygate.collection.records import Purchase
from tallygate.testing import FrozenClock
from tallygate.workflows import accounts, keys, publish
from tallygate.workflows.installation import Installation

START = datetime(2026, 3, 1, tzinfo=UTC)
OPERATOR = "operator-of-these-tests"

CATALOG = """
name: shop
currency: usd
meters:
  calls: {event: api.call, value: calls, aggregation: sum, unit: call}
  peak: {event: disk.report, value: gb, aggregation: max, per: [disk], round: {to: "1", mode: up}}
  hours: {event: resource, value: running, aggregation: time_weighted, unit: h}
plans:
  free: {name: Free, limits: {services: 1}}
  small:
    name: Small
    prices:
      - {key: small_monthly, flat: "29.00", every: month}
      - {key: small_annual, flat: "290.00", every: year}
      - {key: calls, meter: calls, included: 100, per_unit: "0.10"}
      - {key: peak, meter: peak, per_unit: "1.00"}
  large:
    name: Large
    prices:
      - {key: large_monthly, flat: "99.00", every: month}
      - {key: calls_large, meter: calls, included: 1000, per_unit: "0.05"}
prices:
  - {key: vm_monthly, per_unit: "25.00", every: month}
resources:
  vm: {price: vm_monthly, spec: {vcpu: 4, ram_gb: 8}, cost: {amount: "13.37", every: month}}
  vm.big: {price: vm_monthly, spec: {vcpu: 8, ram_gb: 16}}
coupons:
  EARLY: {percent_off: 30, duration: forever}
"""


@dataclass
class Api:
    """A client with a key, which fails on any 5xx."""

    client: httpx2.Client
    key: str | None = None

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content: bytes | str | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx2.Response:
        sent = dict(headers or {})
        if self.key is not None:
            sent.setdefault("Authorization", f"Bearer {self.key}")
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
            answer = self.client.request(method, path, content=content, headers=sent)
        else:
            answer = self.client.request(method, path, json=body, headers=sent)
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            check_problem(answer)
        return answer

    def ok(self, method: str, path: str, body: Any = None, **sent: Any) -> Any:
        """The answer's JSON, where the request must succeed."""
        answer = self(method, path, body, **sent)
        assert answer.status_code < 300, answer.text
        return answer.json()


def check_problem(answer: httpx2.Response) -> None:
    """Every error has the shape of RFC 9457, and a sentence."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    told = answer.json()
    assert told["status"] == answer.status_code
    assert told["type"].endswith(told["code"])
    assert told["title"]
    assert told["detail"].strip()
    assert told["request_id"] == answer.headers["x-request-id"]
    assert "Traceback" not in answer.text


@dataclass
class Tenant:
    """An organization with one of everything, and its keys by scope."""

    id: str
    billing_account: str
    keys: dict[str, str] = field(default_factory=dict)
    things: dict[str, str] = field(default_factory=dict)


@dataclass
class World:
    """The application, the platform's client, and two tenants."""

    installation: Installation
    clock: FrozenClock
    client: httpx2.Client
    platform: Api
    acme: Tenant
    rival: Tenant

    def as_(self, tenant: Tenant, scope: str = "write") -> Api:
        """A client with one of a tenant's keys."""
        return Api(self.client, tenant.keys[scope])


def make_world(installation: Installation, clock: FrozenClock, client: httpx2.Client) -> World:
    """Two tenants on a price list, as of START."""
    publish.apply(installation, CATALOG)
    platform = Api(client, OPERATOR)
    acme, rival = (_tenant(installation, platform, name) for name in ("acme", "rival"))
    return World(installation, clock, client, platform, acme, rival)


def _tenant(installation: Installation, platform: Api, name: str) -> Tenant:
    made = accounts.create_organization(installation, name.title(), external_id=name)
    tenant = Tenant(made.id, made.billing_account)
    for scope in ("ingest", "read", "write"):
        key = keys.create_key(installation, organization=made.id, scopes=[scope])
        tenant.keys[scope] = key.text
        tenant.things.setdefault("key", key.key.id)
    own = Api(platform.client, tenant.keys["write"])
    things = tenant.things
    things["organization"] = made.id
    things["billing_account"] = made.billing_account
    things["project"] = own.ok("POST", "/v1/projects", {"name": "Web", "external_id": "web"})["id"]
    things["member"] = own.ok("POST", "/v1/members", {"person": "Ada"})["id"]
    body = {"project": things["project"], "type": "vm", "external_id": "vm-1"}
    things["resource"] = own.ok("POST", "/v1/resources", body)["id"]
    things["customer"] = things["service"] = things["resource"]  # what platforms call them
    body = {"billing_account": made.billing_account, "plan": "small"}
    begun = own.ok("POST", "/v1/subscriptions", body)
    things["subscription"] = begun["subscription"]["id"]
    things["invoice"] = begun["invoice"]["id"]
    things["purchase"] = _given_up(installation, tenant)
    return tenant


def _given_up(installation: Installation, tenant: Tenant) -> str:
    """A purchase of the past that came to nothing."""
    purchase = Purchase(
        id=installation.ids.new("pur"),
        organization=tenant.id,
        billing_account=tenant.billing_account,
        plan="small",
        interval="month",
        currency="usd",
        catalog_version=1,
        way="checkout",
        created_at=installation.now,
        state="expired",
    )
    with installation.store.write() as tx:
        purchases.add(tx, purchase)
    return purchase.id
