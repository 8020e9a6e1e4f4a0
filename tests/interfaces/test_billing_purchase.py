"""A plan is bought through the API, and paid for at Stripe."""

import sqlite3

import pytest
from tests.interfaces.shop import Shop
from tests.interfaces.world import World

from tallygate.adapters.store.idempotency import find_request
from tallygate.workflows.mirror.welcome import reference_for

HOSTILE = (
    "https://evil.test/",
    "https://shop.test.evil.test/",
    "https://shop.test@evil.test/",
    "https://shop.test:443@evil.test/",
    "https://evil.test#https://shop.test/",
    "https://evil.test?https://shop.test/",
    "https://shop.test:8443/",
    "http://shop.test/",
    "//shop.test/",
    "//evil.test/",
    "/account",
    "javascript:alert(1)//https://shop.test/",
    "data:text/html,https://shop.test/",
    "https:shop.test/",
    "https:/shop.test/",
    "https:///shop.test/",
    "https://shop.test\\@evil.test/",
    "https://evil.test\\.shop.test/",
    "https:\\\\evil.test/",
    " https://shop.test/",
    "https://shop.test /",
    "https://sh\u043ep.test/",
    "https://shop\u3002test/",
    "https://[::1/",
    "ftp://shop.test/",
    "https://",
    "",
    "https://shop.test/" + "x" * 1000,
)


def test_a_checkout_leads_to_an_active_subscription(shop: Shop) -> None:
    acme = shop.as_(shop.acme)
    [free] = acme.ok("GET", "/v1/subscriptions")["data"]
    assert (free["plan"], free["status"]) == ("free", "active"), "everyone starts on FREE"
    wish = {"billing_account": "acme", "plan": "small", "email": "ada@acme.test"}
    opened = acme.ok("POST", "/v1/checkouts", wish)
    assert (opened["state"], opened["way"], opened["interval"]) == ("open", "checkout", "month")
    assert opened["url"].startswith(shop.sandbox.url)
    assert acme.ok("POST", "/v1/checkouts", wish)["id"] == opened["id"]
    shop.pay(opened["provider_session"])

    bought = acme.ok("GET", f"/v1/purchases/{opened['id']}")
    assert (bought["state"], bought["url"]) == ("begun", None)
    mine = acme.ok("GET", f"/v1/subscriptions/{bought['subscription']}")
    assert (mine["plan"], mine["status"]) == ("small", "active")
    assert mine["provider"]["status"] == "active"
    assert mine["provider"]["id"] == bought["provider_subscription"]
    assert acme.ok("GET", f"/v1/subscriptions/{free['id']}")["status"] == "canceled"
    [invoice] = acme.ok("GET", "/v1/invoices")["data"]
    collection = invoice["collection"]
    assert (collection["state"], collection["amount_paid"]) == ("paid", 2900)
    assert collection["hosted_url"].startswith(shop.sandbox.url)
    assert collection["pdf_url"].startswith(shop.sandbox.url)
    assert collection["differences"] is None, "they are for the operator"
    [told] = shop.platform.ok("GET", f"/v1/invoices?organization={shop.acme.id}")["data"]
    assert told["collection"]["differences"] == []
    again = acme("POST", "/v1/checkouts", wish)
    assert (again.status_code, again.json()["code"]) == (409, "subscribed_already")
    assert [one["id"] for one in acme.ok("GET", "/v1/purchases")["data"]] == [opened["id"]]
    assert shop.as_(shop.rival).ok("GET", "/v1/purchases")["data"] == []


def test_a_direct_purchase_tells_its_secret_once(shop: Shop) -> None:
    acme, key = shop.as_(shop.acme), {"Idempotency-Key": "order-7"}
    wish = {"billing_account": "acme", "plan": "small", "interval": "year"}
    made = acme.ok("POST", "/v1/purchases", wish, headers=key)
    assert made["client_secret"]
    assert made["provider_subscription"].startswith("sub_")
    again = acme.ok("POST", "/v1/purchases", wish, headers=key)
    assert (again["id"], again["client_secret"]) == (made["id"], None)
    assert acme.ok("GET", f"/v1/purchases/{made['id']}")["client_secret"] is None
    assert made["client_secret"] not in str(shop.audited())
    caller = shop.audited(shop.acme)[-1]["actor"]
    with shop.installation.store.read() as tx:
        kept = find_request(tx, caller, "order-7")
    assert kept is not None
    assert made["client_secret"] not in str(kept)


def test_a_purchase_that_the_provider_cut_off_goes_on_under_its_key(shop: Shop) -> None:
    acme, key = shop.as_(shop.acme), {"Idempotency-Key": "order-8"}
    wish = {"billing_account": "acme", "plan": "small"}
    shop.trade.stripe.fail("error", path="/v1/checkout/sessions")
    headers = key | {"Authorization": f"Bearer {acme.key}"}
    failed = shop.client.post("/v1/checkouts", json=wish, headers=headers)
    assert (failed.status_code, failed.json()["code"]) == (503, "failed_there")
    [open_] = acme.ok("GET", "/v1/purchases")["data"]
    opened = acme.ok("POST", "/v1/checkouts", wish, headers=key)
    assert opened["id"] == open_["id"], "it is the same purchase"
    again = acme("POST", "/v1/checkouts", wish, headers=key)
    assert (again.json(), again.headers["idempotent-replayed"]) == (opened, "true")


def test_the_portal_is_opened_on_the_click_and_kept_nowhere(shop: Shop) -> None:
    acme, path = shop.as_(shop.acme), f"/v1/billing_accounts/{shop.acme.billing_account}/portal"
    early = acme("POST", path, {})
    assert (early.status_code, early.json()["code"]) == (409, "no_customer")
    shop.bought(shop.acme)
    answer = acme("POST", path, {"return_url": "https://shop.test/elsewhere?tab=1"})
    assert answer.headers["cache-control"] == "no-store"
    url = answer.json()["url"]
    assert url.startswith(shop.sandbox.url)
    assert acme.ok("POST", path)["url"] != url, "each click makes a session of its own"
    assert "portal.open" in [one["operation"] for one in shop.audited(shop.acme)]
    assert url not in everything_stored(shop)
    assert shop.as_(shop.rival)("POST", path).status_code == 404


@pytest.mark.parametrize("page", HOSTILE)
def test_no_page_leads_away_from_the_platform(page: str, idle_shop: Shop) -> None:
    """Row X7: a way back is to a page of the platform's own, whoever asks."""
    shop = idle_shop
    account = shop.acme.billing_account
    for api in (shop.as_(shop.acme), shop.platform):
        for path, field, more in (
            (f"/v1/billing_accounts/{account}/portal", "return_url", {}),
            ("/v1/checkouts", "success_url", {"billing_account": account, "plan": "small"}),
            ("/v1/checkouts", "cancel_url", {"billing_account": account, "plan": "small"}),
            ("/api/v1/billing/portal", "returnUrl", {"organizationId": "acme"}),
            ("/api/v1/billing/checkout", "successUrl", {"userId": "acme", "plan": "SMALL"}),
        ):
            answer = api("POST", path, {field: page, **more})
            assert answer.status_code == 422, f"{path} {page!r}: {answer.text}"
    assert shop.platform.ok("GET", "/v1/purchases")["data"] == []


def test_what_nobody_would_collect_is_not_begun(shop: Shop) -> None:
    acme = shop.as_(shop.acme)
    wish = {"billing_account": "acme", "plan": "small"}
    refused = acme("POST", "/v1/subscriptions", wish)
    assert (refused.status_code, refused.json()["code"]) == (409, "purchase_needed")
    assert "checkout" in refused.json()["detail"]
    [free] = acme.ok("GET", "/v1/subscriptions")["data"]
    path = f"/v1/subscriptions/{free['id']}/change"
    for dry_run in (True, False):
        changed = acme("POST", path, {"plan": "small", "dry_run": dry_run})
        assert changed.json()["code"] == "purchase_needed"
    for body, where in ((wish, "/v1/subscriptions"), ({"plan": "small"}, path)):
        assert acme("POST", where, body | {"collect": False}).json()["code"] == "platform_only"
    begun = shop.platform.ok("POST", "/v1/subscriptions", wish | {"collect": False})
    assert begun["subscription"]["plan"] == "small"
    assert begun["invoice"]["collection"] is None
    moved = shop.platform.ok(
        "POST", f"/v1/subscriptions/{begun['subscription']['id']}/change", {"plan": "large"}
    )
    assert moved["subscription"]["plan"] == "large", "it is billed elsewhere already"
    found = acme.ok("GET", f"/v1/invoices/{begun['invoice']['id']}/collection")
    assert found["state"] == "not_collected"


def test_who_pays_through_the_provider_is_not_billed_elsewhere_too(shop: Shop) -> None:
    bought = shop.bought(shop.acme)
    path = f"/v1/subscriptions/{bought['subscription']}/cancel"
    shop.as_(shop.acme).ok("POST", path, {"now": True})
    wish = {"billing_account": "acme", "plan": "small", "collect": False}
    refused = shop.platform("POST", "/v1/subscriptions", wish)
    assert (refused.status_code, refused.json()["code"]) == (409, "collected_already")


def test_a_payment_link_is_bound_by_what_was_signed(shop: Shop) -> None:
    acme, body = shop.as_(shop.acme), {"billing_account": "acme"}
    told = acme.ok("POST", "/v1/payment_link_references", body)
    assert told["reference"] == reference_for(shop.installation, shop.acme.billing_account)
    foreign = {"billing_account": shop.rival.billing_account}
    assert acme("POST", "/v1/payment_link_references", foreign).status_code == 404


def test_without_a_provider_a_sentence_says_what_to_set(world: World) -> None:
    acme, account = world.as_(world.acme), world.acme.billing_account
    for path, body in (
        ("/v1/checkouts", {"billing_account": account, "plan": "small"}),
        ("/v1/purchases", {"billing_account": account, "plan": "small"}),
        (f"/v1/billing_accounts/{account}/portal", None),
        ("/api/v1/billing/checkout", {"plan": "SMALL"}),
        ("/api/v1/billing/portal", None),
        ("/api/billing/portal-session", None),
    ):
        answer = acme("POST", path, body)
        assert answer.status_code == 409, path
        assert answer.json()["code"] == "no_payment_provider"
        assert "STRIPE_SECRET_KEY" in answer.json()["detail"]
    upcoming = acme.ok("GET", f"/v1/subscriptions/{world.acme.things['subscription']}/upcoming")
    assert (upcoming["invoice"]["total"], upcoming["provider"]) == (5400, None)
    assert upcoming["provider_problem"]


def everything_stored(shop: Shop) -> str:
    """Every text of every row of the database."""
    with shop.installation.store.read() as tx:
        connection = tx.connection.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        return "\n".join(connection.iterdump())


def test_the_look_for_a_stored_address_would_find_one(shop: Shop) -> None:
    wish = {"billing_account": "acme", "plan": "small"}
    opened = shop.as_(shop.acme).ok("POST", "/v1/checkouts", wish)
    assert opened["url"] in everything_stored(shop)
