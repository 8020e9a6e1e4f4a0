"""The number that was previewed is the number that is charged, here and at Stripe."""

from datetime import timedelta
from typing import Any

import pytest
from tests.interfaces.shop import CATALOG, Shop

UPGRADE = {"plan": "large"}


@pytest.fixture
def path(shop: Shop) -> str:
    """The path of a subscription to the small plan, ten days old."""
    bought = shop.bought(shop.acme)
    shop.trade.go(shop.trade.clock.now() + timedelta(days=10))
    return f"/v1/subscriptions/{bought['subscription']}"


def preview(shop: Shop, path: str, **wish: Any) -> dict[str, Any]:
    shown: dict[str, Any] = shop.as_(shop.acme).ok("POST", path, wish | {"dry_run": True})
    return shown


def test_a_confirmed_upgrade_comes_to_what_was_shown(shop: Shop, path: str) -> None:
    acme = shop.as_(shop.acme)
    shown = preview(shop, f"{path}/change", **UPGRADE)
    assert (shown["applied"], shown["invoice"]["id"]) == (False, None)
    shop.trade.go(shop.trade.clock.now() + timedelta(minutes=14))
    later = preview(shop, f"{path}/change", **UPGRADE)
    assert later["invoice"]["total"] != shown["invoice"]["total"], "minutes make a difference"
    done = acme.ok("POST", f"{path}/change", UPGRADE | {"at": shown["at"]})
    assert done["at"] == shown["at"]
    assert done["invoice"]["total"] == shown["invoice"]["total"]
    shop.trade.work()
    collection = acme.ok("GET", f"/v1/invoices/{done['invoice']['id']}/collection")
    assert (collection["state"], collection["amount_paid"]) == ("paid", shown["invoice"]["total"])
    [told] = [one for one in shop.audited(shop.acme) if one["operation"] == "subscription.change"]
    assert told["detail"] is None
    [full] = [one for one in shop.audited() if one["number"] == told["number"]]
    assert full["detail"] == UPGRADE


def test_a_preview_holds_for_a_while_only(shop: Shop, path: str) -> None:
    acme, shown = shop.as_(shop.acme), preview(shop, f"{path}/change", **UPGRADE)
    for where in ("change", "cancel"):
        ahead = {"at": "2026-03-01T00:00:00Z"} | (UPGRADE if where == "change" else {})
        refused = acme("POST", f"{path}/{where}", ahead)
        assert (refused.status_code, refused.json()["param"]) == (422, "at")
    shop.trade.clock.advance(timedelta(minutes=15, seconds=1))
    for where in ("change", "cancel"):
        late = {"at": shown["at"]} | (UPGRADE if where == "change" else {})
        refused = acme("POST", f"{path}/{where}", late)
        assert (refused.status_code, refused.json()["code"]) == (409, "stale_preview")


def test_a_preview_of_an_older_price_list_is_stale(shop: Shop, path: str) -> None:
    acme, shown = shop.as_(shop.acme), preview(shop, f"{path}/change", **UPGRADE)
    shop.trade.clock.advance(timedelta(minutes=1))
    shop.trade.publish(CATALOG.replace("99.00", "199.00"))
    refused = acme("POST", f"{path}/change", UPGRADE | {"at": shown["at"]})
    assert refused.json()["code"] == "stale_preview"
    dearer = preview(shop, f"{path}/change", **UPGRADE)
    assert dearer["invoice"]["total"] > shown["invoice"]["total"]


def test_an_end_with_a_refund_is_shown_before_it_is_confirmed(shop: Shop, path: str) -> None:
    acme, wish = shop.as_(shop.acme), {"now": True, "refund": True}
    shown = preview(shop, f"{path}/cancel", **wish)
    assert (shown["applied"], shown["subscription"]["status"]) == (False, "canceled")
    assert shown["invoice"]["total"] == -1965, "21 of 31 days of 29.00"
    assert acme.ok("GET", path)["status"] == "active"
    shop.trade.clock.advance(timedelta(minutes=14))
    assert preview(shop, f"{path}/cancel", **wish)["invoice"]["total"] != -1965
    acme.ok("POST", f"{path}/cancel", wish | {"at": shown["at"]})
    shop.trade.go(shop.trade.clock.now() + timedelta(hours=1))
    last = acme.ok("GET", "/v1/invoices")["data"][-1]
    assert (last["reason"], last["total"]) == ("end", -1965)
    later = preview_of_an_end_to_come(shop)
    assert later["invoice"] is None


def preview_of_an_end_to_come(shop: Shop) -> dict[str, Any]:
    bought = shop.bought(shop.rival)
    rival = shop.as_(shop.rival)
    path = f"/v1/subscriptions/{bought['subscription']}/cancel"
    shown: dict[str, Any] = rival.ok("POST", path, {"dry_run": True})
    assert rival.ok("GET", f"/v1/subscriptions/{bought['subscription']}")["cancel_at"] is None
    assert shown["subscription"]["cancel_at"] is not None
    return shown


def test_the_upcoming_invoice_is_shown_beside_the_providers(shop: Shop, path: str) -> None:
    """Row D10: with metered charges; ours knows the usage before it was reported."""
    shop.trade.send("api.call", calls=150)
    shop.trade.clock.advance(timedelta(minutes=1))
    shown = shop.as_(shop.acme).ok("GET", f"{path}/upcoming")
    assert shown["invoice"]["total"] == 2900 + 500
    assert shown["provider_problem"] is None
    assert shown["provider"]["total"] == 2900
    shop.trade.go(shop.trade.clock.now() + timedelta(hours=2))
    shown = shop.as_(shop.acme).ok("GET", f"{path}/upcoming")
    assert shown["provider"]["total"] == shown["invoice"]["total"] == 2900 + 500
    metered = [one["amount"] for one in shown["provider"]["lines"] if one["kind"] == "metered"]
    assert metered == [500]
    shop.trade.stripe.fail("error", path="/v1/invoices")
    degraded = shop.as_(shop.acme).ok("GET", f"{path}/upcoming")
    assert degraded["provider"] is None
    assert degraded["provider_problem"]
    assert degraded["invoice"]["total"] == 3400
