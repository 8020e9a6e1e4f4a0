"""A month of a customer, all through the API: from nothing to an explained invoice."""

from datetime import timedelta
from typing import Any

from tests.interfaces.world import World


def event(number: int, subject: str, **fields: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"e{number}",
        "source": "gateway",
        "type": "api.call",
        "subject": subject,
        "time": "2026-03-05T12:00:00Z",
        "data": fields,
    }


def test_usage_becomes_an_explained_invoice(world: World) -> None:
    acme = world.as_(world.acme)
    world.clock.advance(timedelta(days=9))
    sensor = world.as_(world.acme, "ingest")
    sent = [event(1, "web", calls=150), event(2, "web", calls=0.5), event(1, "web", calls=150)]
    told = sensor.ok("POST", "/v1/events", sent)
    assert (told["accepted"], told["duplicates"]) == (2, 1)

    upcoming = acme.ok("GET", f"/v1/invoices/preview?billing_account={world.acme.billing_account}")
    assert upcoming["id"] is None
    lines = {line["price"]: line for line in upcoming["lines"]}
    assert lines["calls"]["measured"] == "150.5"
    assert (lines["calls"]["quantity"], lines["calls"]["amount"]) == ("50.5", 505)
    assert lines["vm_monthly"]["amount"] == 2500

    world.clock.advance(timedelta(days=23))
    foreseen = world.platform.ok("POST", "/v1/invoices/close", {})
    assert foreseen["committed"] is False
    closed = world.platform.ok("POST", "/v1/invoices/close", {"commit": True})
    [mine] = [i for i in closed["invoices"] if i["organization"] == world.acme.id]
    assert mine["number"] == 2
    assert mine["subtotal"] - mine["discount"] == mine["total"]
    assert world.platform.ok("POST", "/v1/invoices/close", {"commit": True})["invoices"] == []

    explained = acme.ok("GET", f"/v1/invoices/{mine['id']}/explain")
    assert explained["total"] == mine["total"]
    [calls] = [line for line in explained["lines"] if line["price"] == "calls"]
    assert any("150.5" in sentence for sentence in calls["sentences"])
    behind = acme.ok("GET", calls["events"])
    assert [(one["id"], one["value"]) for one in behind["data"]] == [("e1", "150"), ("e2", "0.5")]


def test_usage_is_reported_by_account_meter_and_day(world: World) -> None:
    acme = world.as_(world.acme)
    world.clock.advance(timedelta(days=9))
    acme_sensor, rival_sensor = (
        world.as_(world.acme, "ingest"),
        world.as_(world.rival, "ingest"),
    )
    acme_sensor.ok("POST", "/v1/events", [event(1, "web", calls=2), event(2, "vm-1", calls=3)])
    rival_sensor.ok("POST", "/v1/events", [event(1, "web", calls=70)])
    rows = acme.ok("GET", "/v1/usage")["data"]
    assert {row["organization"] for row in rows} == {world.acme.id}
    calls, hours = (
        next(row for row in rows if row["meter"] == name) for name in ("calls", "hours")
    )
    assert calls["quantity"] == "5"
    assert calls["days"] == [{"day": "2026-03-05", "quantity": "5"}]
    assert hours["quantity"] == str(9 * 24)
    assert [day["quantity"] for day in hours["days"]] == ["24"] * 9
    everybody = world.platform.ok("GET", "/v1/usage?meter=calls")["data"]
    assert sorted(row["quantity"] for row in everybody) == ["5", "70"]
    first = world.platform.ok("GET", "/v1/usage?meter=calls&limit=1")
    assert len(first["data"]) == 1
    second = world.platform.ok("GET", f"/v1/usage?meter=calls&cursor={first['next_cursor']}")
    assert second["has_more"] is False
    assert sorted(r["quantity"] for r in first["data"] + second["data"]) == ["5", "70"]


def test_a_resource_lives_by_calls(world: World) -> None:
    acme, name = world.as_(world.acme), world.acme.things["resource"]
    world.clock.advance(timedelta(hours=10))
    acme.ok("POST", f"/v1/resources/{name}/resize", {"type": "vm.big", "fields": {"gpu": 0.5}})
    world.clock.advance(timedelta(hours=10))
    acme.ok("POST", f"/v1/resources/{name}/stop")
    world.clock.advance(timedelta(hours=10))
    acme.ok("POST", f"/v1/resources/{name}/start", {})
    world.clock.advance(timedelta(hours=10))
    assert acme.ok("DELETE", f"/v1/resources/{name}")["deleted_at"] == "2026-03-02T16:00:00Z"
    assert acme.ok("DELETE", f"/v1/resources/{name}")["deleted_at"] == "2026-03-02T16:00:00Z"
    states = acme.ok("GET", f"/v1/resources/{name}/states")["data"]
    assert [(s["type"], s["running"]) for s in states] == [
        ("vm", True),
        ("vm.big", True),
        ("vm.big", False),
        ("vm.big", True),
    ]
    assert states[1]["fields"] == {"gpu": "0.5", "ram_gb": "16", "vcpu": "8"}
    rows = acme.ok("GET", "/v1/usage?meter=hours")["data"]
    assert rows[0]["quantity"] == "30"


def test_who_pays_for_a_project_is_switched(world: World) -> None:
    acme, project = world.as_(world.acme), world.acme.things["project"]
    other = acme.ok("POST", "/v1/billing_accounts", {"name": "Labs", "currency": "usd"})
    world.clock.advance(timedelta(days=1))
    wanted = {"billing_account": other["id"]}
    unable = acme("PUT", f"/v1/projects/{project}/payer", wanted)
    assert (unable.status_code, unable.json()["code"]) == (409, "no_subscription")
    acme.ok("POST", "/v1/subscriptions", wanted | {"plan": "small"})
    acme.ok("PUT", f"/v1/projects/{project}/payer", wanted)
    world.clock.advance(timedelta(days=1))
    acme.ok("PUT", f"/v1/projects/{project}/payer", {"billing_account": None})
    payers = acme.ok("GET", f"/v1/projects/{project}/payers")["data"]
    assert [payer["billing_account"] for payer in payers] == [other["id"], None]
    late = acme("PUT", f"/v1/projects/{project}/payer", {"billing_account": "bil_nobody"})
    assert late.status_code == 404


def test_a_plan_is_changed_ended_and_resumed(world: World) -> None:
    acme, name = world.as_(world.acme), world.acme.things["subscription"]
    world.clock.advance(timedelta(days=10))
    path = f"/v1/subscriptions/{name}"
    shown = acme.ok("POST", f"{path}/change", {"plan": "large", "dry_run": True})
    assert shown["applied"] is False
    assert shown["invoice"]["id"] is None
    assert acme.ok("GET", path)["plan"] == "small"
    changed = acme.ok("POST", f"{path}/change", {"plan": "large"})
    assert changed["invoice"]["total"] == shown["invoice"]["total"]
    assert changed["invoice"]["lines"] == shown["invoice"]["lines"]
    assert acme.ok("GET", path)["plan"] == "large"
    ending = acme.ok("POST", f"{path}/cancel")
    assert ending["subscription"]["cancel_at"] == "2026-04-01T00:00:00Z"
    assert acme.ok("POST", f"{path}/resume")["cancel_at"] is None
    assert acme("POST", f"{path}/resume").status_code == 409
    ended = acme.ok("POST", f"{path}/cancel", {"now": True, "refund": True})
    assert ended["subscription"]["status"] == "canceled"


def test_a_platform_that_moves_in_may_begin_in_the_past(world: World) -> None:
    made = world.platform.ok("POST", "/v1/organizations", {"name": "Old"})
    body = {
        "billing_account": made["billing_account"],
        "plan": "small",
        "starts_at": "2026-01-31T00:00:00Z",
    }
    begun = world.platform.ok("POST", "/v1/subscriptions", body)
    assert begun["subscription"]["anchor"] == "2026-01-31T00:00:00Z"
    for wrong in ("2026-03-02T00:00:00Z", "2024-01-01T00:00:00Z"):
        again = world.platform("POST", "/v1/subscriptions", body | {"starts_at": wrong})
        assert again.status_code == 422
    again = world.as_(world.acme)("POST", "/v1/subscriptions", body)
    assert again.status_code == 403


def test_the_price_list_is_read_quoted_and_replaced(world: World) -> None:
    acme = world.as_(world.acme, "read")
    seen = acme.ok("GET", "/v1/catalog")
    assert (seen["version"], seen["text"]) == (1, None)
    assert "13.37" not in str(seen), "what a resource costs the operator is the operator's"
    assert "13.37" in world.platform.ok("GET", "/v1/catalog")["text"]
    body = {"plan": "small", "usage": {"calls": "150.5"}, "coupons": ["EARLY"]}
    priced = acme.ok("POST", "/v1/quote", body)
    assert (priced["subtotal"], priced["discount"], priced["total"]) == (3405, 1022, 2383)
    text = world.platform.ok("GET", "/v1/catalog")["text"].replace("29.00", "39.00")
    planned = world.platform.ok("POST", "/v1/catalog", {"text": text, "dry_run": True})
    assert (planned["version"], planned["applied"]) == (2, False)
    published = world.platform("POST", "/v1/catalog", {"text": text})
    assert published.status_code == 201
    assert world.platform("POST", "/v1/catalog", {"text": text}).status_code == 200
    assert acme.ok("POST", "/v1/quote", {"plan": "small"})["total"] == 3900


def test_a_catalog_with_many_mistakes_shows_all_of_them(world: World) -> None:
    text = "name: x\ncurrency: nope\nmeters: {a: {}}\nplans: {b: {prices: [{key: c}]}}\n"
    answer = world.platform("POST", "/v1/catalog", {"text": text})
    assert answer.status_code == 422
    told = answer.json()
    assert told["code"] == "catalog_invalid"
    assert len(told["errors"]) >= 3
    assert all(":" in one["param"] and one["message"] for one in told["errors"])
