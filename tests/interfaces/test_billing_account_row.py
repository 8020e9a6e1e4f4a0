"""A platform of rented machines reads its accounts under the names of its own table (row A11)."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.interfaces.shop import Shop

from tallygate.adapters.store import mirrors
from tallygate.core.period import instant_text

ROW = "/api/v1/billing/account"
CATALOG = Path(__file__).parents[2] / "examples/lab_by_kraliki/catalog.yaml"
FIELDS = {
    "account_id",
    "stripe_customer_id",
    "stripe_subscription_id",
    "plan_tier",
    "billing_status",
    "usage_budget_cuh",
    "last_usage_sync_at",
    "vm_id",
    "provider_vm_id",
}


@pytest.fixture
def rental(shop: Shop) -> Shop:
    shop.trade.publish(CATALOG.read_text("utf-8"))
    return shop


def made(shop: Shop, name: str) -> dict[str, Any]:
    body = {"name": name.title(), "external_id": name}
    organization: dict[str, Any] = shop.platform.ok("POST", "/v1/organizations", body)
    return organization


def row(shop: Shop, name: str) -> dict[str, Any]:
    found: dict[str, Any] = shop.platform.ok("GET", f"{ROW}?organizationId={name}")
    assert set(found) == FIELDS
    return found


def test_a_customer_buys_rents_a_machine_and_uses_it_up(rental: Shop) -> None:
    api, ada = rental.platform, made(rental, "ada")
    nothing = row(rental, "ada")
    assert {name for name, value in nothing.items() if value is not None} == {"account_id"}
    assert nothing["account_id"] == ada["billing_account"]

    wish = {"billing_account": "ada", "plan": "starter"}
    session = api.ok("POST", "/v1/checkouts", wish)["provider_session"]
    buying = row(rental, "ada")
    assert (buying["plan_tier"], buying["billing_status"]) == ("starter", "INCOMPLETE")
    rental.pay(session)
    paid = row(rental, "ada")
    assert (paid["plan_tier"], paid["billing_status"]) == ("starter", "ACTIVE")
    assert paid["usage_budget_cuh"] == 5500
    assert paid["stripe_customer_id"].startswith("cus_")
    assert paid["stripe_subscription_id"].startswith("sub_")
    assert (paid["vm_id"], paid["provider_vm_id"]) == (None, None)

    project = api.ok("POST", "/v1/projects", {"organization": ada["id"], "name": "main"})["id"]
    rented = {"project": project, "type": "vm.cpx31", "external_id": "hetzner-4711"}
    machine = api.ok("POST", "/v1/resources", rented)["id"]
    renting = row(rental, "ada")
    assert (renting["vm_id"], renting["provider_vm_id"]) == (machine, "hetzner-4711")

    rental.trade.clock.advance(timedelta(hours=2))
    rental.trade.send("llm.request", "ada", input_tokens=1_500_000, output_tokens=0)
    rental.trade.clock.advance(timedelta(hours=1))
    rental.sandbox.advance_to(int(rental.trade.clock.now().timestamp()))
    rental.trade.work()
    assert row(rental, "ada")["last_usage_sync_at"] == instant_text(rental.trade.clock.now())

    api.ok("DELETE", f"/v1/resources/{machine}")
    assert row(rental, "ada")["vm_id"] is None


def test_a_machine_is_of_the_account_that_pays_for_it(rental: Shop) -> None:
    api = rental.platform
    ada = made(rental, "ada")["id"]
    extra = {"organization": ada, "name": "apart", "external_id": "apart"}
    apart = api.ok("POST", "/v1/billing_accounts", extra)["id"]
    own = api.ok("POST", "/v1/projects", {"organization": ada, "name": "own"})["id"]
    for name, project in (("older", own), ("newer", own)):
        rented = {"project": project, "type": "vm.cpx31", "external_id": name}
        api.ok("POST", "/v1/resources", rented)
        rental.trade.clock.advance(timedelta(minutes=1))
    assert row(rental, "ada")["provider_vm_id"] == "older"
    assert row(rental, "apart")["provider_vm_id"] is None
    api.ok("PUT", f"/v1/projects/{own}/payer", {"billing_account": apart})
    assert row(rental, "ada")["provider_vm_id"] is None
    assert row(rental, "apart")["provider_vm_id"] == "older"


@pytest.mark.parametrize(
    ("theirs", "status"),
    [("past_due", "PAST_DUE"), ("unpaid", "UNPAID"), ("paused", "PAUSED"), ("new", "PAST_DUE")],
)
def test_the_status_is_what_stripe_says(theirs: str, status: str, shop: Shop) -> None:
    shop.bought(shop.acme)
    with shop.installation.store.write() as tx:
        [mirror] = mirrors.of_account(tx, shop.acme.billing_account)
        mirrors.save(tx, replace(mirror, status=theirs))
    mine = shop.as_(shop.acme, "read").ok("GET", ROW)
    assert mine["billing_status"] == status
    assert mine["usage_budget_cuh"] is None, "the plan has no such meter"
    foreign = shop.as_(shop.rival, "read")("GET", f"{ROW}?organizationId=acme")
    assert foreign.status_code == 404
