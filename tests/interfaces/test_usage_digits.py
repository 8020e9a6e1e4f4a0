"""A sum or a product may have more digits than a quantity that is sent; it is answered exactly."""

from datetime import timedelta
from typing import Any

from tests.interfaces.world import World

from tallygate.workflows import publish

HOUR = timedelta(hours=1)
MOST = "999999999999999"
CATALOG = """
name: shop
currency: usd
meters:
  calls: {event: api.call, value: calls, aggregation: sum, unit: call, round: {to: "0.000001"}}
plans:
  tiny:
    name: Tiny
    prices:
      - {key: calls, meter: calls, per_unit: "0.00000648"}
"""


def send(world: World, *calls: str) -> None:
    batch = [
        {
            "specversion": "1.0",
            "id": f"call-{number}",
            "source": "gateway",
            "type": "api.call",
            "subject": "digits",
            "data": {"calls": count},
        }
        for number, count in enumerate(calls)
    ]
    assert world.platform.ok("POST", "/v1/events", batch)["accepted"] == len(calls)
    world.clock.advance(HOUR)


def subscribed(world: World) -> Any:
    publish.apply(world.installation, CATALOG)
    body = {"name": "Digits", "external_id": "digits"}
    account = world.platform.ok("POST", "/v1/organizations", body)["billing_account"]
    begun = {"billing_account": account, "plan": "tiny", "collect": False}
    return world.platform.ok("POST", "/v1/subscriptions", begun)["subscription"]


def test_a_sum_of_more_than_fifteen_digits_is_answered(world: World) -> None:
    mine = subscribed(world)
    send(world, MOST, MOST, "2.000001")
    account = mine["billing_account"]
    [row] = world.platform.ok("GET", f"/v1/usage?billing_account={account}")["data"]
    assert row["quantity"] == row["days"][0]["quantity"] == "2000000000000000.000001"
    [line] = preview(world, mine)
    assert line["measured"] == line["quantity"] == "2000000000000000.000001"
    assert line["amount"] == 1_296_000_000_000, "in cents"


def test_a_product_of_more_than_twelve_decimals_is_answered(world: World) -> None:
    mine = subscribed(world)
    send(world, "0.000001", "0.000002")
    [line] = preview(world, mine)
    [step] = line["steps"]
    assert step["amount"] == "0.00000000001944"
    assert (step["quantity"], step["rate"]) == ("0.000003", "0.00000648")


def preview(world: World, mine: Any) -> Any:
    path = f"/v1/invoices/preview?subscription={mine['id']}"
    return world.platform.ok("GET", path)["lines"]
