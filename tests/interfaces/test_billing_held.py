"""An invoice on which Stripe and we differ waits, line by line, for an operator."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.interfaces.shop import Shop

from tallygate.core.failpoints import armed


@pytest.fixture
def held(shop: Shop) -> dict[str, Any]:
    """The renewal of February, to whose draft somebody has added a line by hand."""
    shop.bought(shop.acme)
    customer = shop.trade.v1.customers.list().data[0].id
    shop.trade.v1.invoice_items.create(
        {"customer": customer, "amount": 700, "currency": "usd", "description": "By hand"}
    )
    shop.trade.go(datetime(2026, 2, 1, 1, tzinfo=UTC))
    invoice: dict[str, Any] = shop.as_(shop.acme).ok("GET", "/v1/invoices")["data"][-1]
    return invoice


def test_what_differs_is_told_to_the_operator_and_then_approved(
    shop: Shop, held: dict[str, Any]
) -> None:
    path = f"/v1/invoices/{held['id']}"
    assert (held["collection"]["state"], held["collection"]["differences"]) == ("held", None)
    told = shop.platform.ok("GET", f"{path}/collection")
    assert told["differences"] == [
        "a price that is not ours (no line of ours): 0.00 USD here, 7.00 USD there"
    ]
    [notice] = shop.platform.ok("GET", "/v1/notices")["data"]
    assert (notice["kind"], notice["invoice"]) == ("invoice_held", held["id"])
    assert "7.00" in notice["facts"]["differences"]
    own = f"/v1/billing_accounts/{shop.acme.billing_account}/notices"
    assert shop.as_(shop.acme).ok("GET", own)["data"] == []
    assert shop.platform.ok("GET", own)["data"] == [notice]

    refused = shop.as_(shop.acme)("POST", f"{path}/approve")
    assert (refused.status_code, refused.json()["code"]) == (403, "platform_only")
    shop.trade.work()
    assert shop.platform.ok("GET", f"{path}/collection")["state"] == "held"
    approved = shop.platform.ok("POST", f"{path}/approve")
    assert approved["approved"] is True
    shop.trade.work()
    shop.trade.go(shop.trade.clock.now() + timedelta(hours=4))
    paid = shop.platform.ok("GET", f"{path}/collection")
    assert (paid["state"], paid["amount_paid"]) == ("paid", 3600)
    assert (paid["shortfall"], bool(paid["differences"])) == (-700, True)
    assert "invoice.approve" in [one["operation"] for one in shop.audited(shop.acme)]
    for again in ("approve", "retry"):
        assert shop.platform("POST", f"{path}/{again}").status_code == 409


def test_what_was_mended_is_compared_again(shop: Shop, held: dict[str, Any]) -> None:
    path = f"/v1/invoices/{held['id']}"
    still = shop.platform.ok("POST", f"{path}/retry")
    assert (still["state"], still["differences"]) == ("waiting", [])
    shop.trade.go(shop.trade.clock.now() + timedelta(minutes=2))
    assert shop.platform.ok("GET", f"{path}/collection")["state"] == "held", "nothing was mended"
    [item] = shop.trade.v1.invoice_items.list({"limit": 5}).data
    shop.trade.v1.invoice_items.delete(item.id)
    shop.platform.ok("POST", f"{path}/retry")
    shop.trade.work()
    shop.trade.go(shop.trade.clock.now() + timedelta(hours=4))
    paid = shop.platform.ok("GET", f"{path}/collection")
    assert (paid["state"], paid["amount_paid"], paid["differences"]) == ("paid", 2900, [])


def test_a_decision_that_stops_halfway_is_none(shop: Shop, held: dict[str, Any]) -> None:
    path = f"/v1/invoices/{held['id']}"
    before = len(shop.audited())
    with armed("decide.commit.before", stop), pytest.raises(AssertionError):
        shop.platform("POST", f"{path}/approve")
    assert shop.platform.ok("GET", f"{path}/collection")["approved"] is False
    assert len(shop.audited()) == before


def stop() -> None:
    raise RuntimeError("the world stops here")
