"""The paths that the platforms' documents name, with their bodies and answers (B7, C3, C6)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.interfaces.shop import Shop
from tests.interfaces.world import World

from tallygate.adapters.store import mirrors
from tallygate.workflows.plans_meant import sold_as

SUBSCRIPTION, CHECKOUT = "/api/v1/billing/subscription", "/api/v1/billing/checkout"


def test_a_customer_starts_on_free_buys_upgrades_and_leaves(shop: Shop) -> None:
    acme = shop.as_(shop.acme)
    free = acme.ok("GET", SUBSCRIPTION)
    assert (free["plan"], free["status"]) == ("FREE", "ACTIVE")
    assert (free["stripeCustomerId"], free["stripeSubscriptionId"]) == (None, None)
    assert free["organizationId"] == shop.acme.id

    opened = acme.ok("POST", CHECKOUT, {"plan": "SMALL", "successUrl": "https://shop.test/ok"})
    assert set(opened) == {"sessionId", "url"}
    shop.pay(opened["sessionId"])
    mine = shop.platform.ok("GET", f"{SUBSCRIPTION}?userId=acme")
    assert (mine["plan"], mine["status"], mine["userId"]) == ("SMALL", "ACTIVE", "acme")
    assert mine["stripeCustomerId"].startswith("cus_")
    assert mine["stripeSubscriptionId"].startswith("sub_")
    assert mine["currentPeriodStart"] == "2026-01-01T00:00:00Z"
    assert mine["currentPeriodEnd"] == "2026-02-01T00:00:00Z"

    shop.trade.clock.advance(timedelta(days=10))
    shown = acme.ok("PATCH", SUBSCRIPTION, {"plan": "LARGE", "dryRun": True})
    assert (shown["applied"], shown["subscription"]["plan"]) == (False, "LARGE")
    assert acme.ok("GET", SUBSCRIPTION)["plan"] == "SMALL"
    shop.trade.clock.advance(timedelta(minutes=10))
    done = acme.ok("PATCH", SUBSCRIPTION, {"plan": "LARGE", "at": shown["at"]})
    assert (done["applied"], done["amount"]) == (True, shown["amount"])

    assert acme.ok("DELETE", SUBSCRIPTION)["cancelAt"] == "2026-02-01T00:00:00Z"
    assert acme("DELETE", SUBSCRIPTION).status_code == 409
    assert acme.ok("DELETE", f"{SUBSCRIPTION}?now=true")["status"] == "CANCELED"


def test_invoices_are_listed_with_their_pdf_newest_first(shop: Shop) -> None:
    shop.bought(shop.acme)
    shop.trade.go(shop.trade.clock.now() + timedelta(days=31, hours=4))
    acme = shop.as_(shop.acme)
    newest, oldest = acme.ok("GET", "/api/v1/billing/invoices")["invoices"]
    assert (newest["status"], newest["amount_paid"], newest["amount_due"]) == ("paid", 2900, 2900)
    assert newest["created"] == "2026-02-01T00:00:00Z"
    assert oldest["created"] == "2026-01-01T00:00:00Z"
    for one in (newest, oldest):
        assert one["invoice_pdf"].endswith("/pdf")
        assert one["hosted_invoice_url"].startswith(shop.sandbox.url)
        assert one["number"]
    assert shop.as_(shop.rival).ok("GET", "/api/v1/billing/invoices") == {"invoices": []}


def test_the_portal_opens_on_both_platforms_paths(shop: Shop) -> None:
    shop.bought(shop.acme)
    acme = shop.as_(shop.acme)
    urls = [
        acme.ok("POST", "/api/v1/billing/portal", {"returnUrl": "https://shop.test/a"}),
        acme.ok("POST", "/api/v1/billing/portal"),
        acme.ok("POST", "/api/billing/portal-session"),
        shop.platform.ok("POST", "/api/billing/portal-session?userId=acme"),
    ]
    assert all(set(one) == {"url"} for one in urls)
    assert len({one["url"] for one in urls}) == len(urls)
    rival = shop.as_(shop.rival)
    early = rival("POST", "/api/billing/portal-session")
    assert early.json()["code"] == "no_customer", "only its own customer's"
    nameless = shop.platform("POST", "/api/billing/portal-session")
    assert (nameless.status_code, nameless.json()["param"]) == (422, "organizationId")


@pytest.mark.parametrize(
    ("theirs", "standing"),
    [
        ("active", "ACTIVE"),
        ("trialing", "ACTIVE"),
        ("past_due", "PAST_DUE"),
        ("unpaid", "UNPAID"),
        ("paused", "UNPAID"),
        ("never heard of", "PAST_DUE"),
        ("canceled", "CANCELED"),
    ],
)
def test_a_status_that_is_not_known_is_no_active_one(
    theirs: str, standing: str, shop: Shop
) -> None:
    shop.bought(shop.acme)
    with shop.installation.store.write() as tx:
        [mirror] = mirrors.of_account(tx, shop.acme.billing_account)
        mirrors.save(tx, replace(mirror, status=theirs))
    assert shop.as_(shop.acme).ok("GET", SUBSCRIPTION)["status"] == standing


def test_a_plan_may_be_named_by_its_price(shop: Shop) -> None:
    here = shop.installation
    assert sold_as(here, None, "small_annual") == ("small", "year")
    assert sold_as(here, "SMALL", "small_monthly") == ("small", "month")
    acme = shop.as_(shop.acme)
    for body, param in (
        ({"plan": "LARGE", "priceId": "small_monthly"}, "priceId"),
        ({"priceId": "calls"}, "priceId"),
        ({"priceId": "small"}, "priceId"),
        ({"plan": "HUGE"}, "plan"),
        ({}, "plan"),
    ):
        refused = acme("POST", CHECKOUT, body)
        assert (refused.status_code, refused.json()["param"]) == (422, param), body


def test_without_a_subscription_there_is_none_to_read(world: World) -> None:
    made = world.platform.ok("POST", "/v1/organizations", {"name": "Bare"})
    bare = world.platform("GET", f"{SUBSCRIPTION}?organizationId={made['id']}")
    assert bare.status_code == 404
    assert "buy a plan" in bare.json()["detail"]
