"""An exporter reports what an instance used, as the IoT platform's guide has it (row D6)."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.interfaces.exporter import GUIDE, send, used
from tests.interfaces.world import START, Api, Tenant, World

from tallygate.adapters.store import customers, mirrors
from tallygate.collection.records import Mirror

HOUR = timedelta(hours=1)


def devices(world: World, **figures: Any) -> dict[str, Any]:
    return GUIDE | {"metrics": GUIDE["metrics"] | figures}


def test_a_report_is_answered_as_the_guide_says(guided: World) -> None:
    answer = send(guided)
    assert answer.status_code == 201
    told = answer.json()
    assert told["message"] == "Usage reported successfully"
    assert told["stripe_reported"] is False
    report = told["report"]
    assert isinstance(report["id"], int)
    assert report["customer_id"] == GUIDE["customer_id"]
    assert report["created_at"] == "2026-03-01T00:00:00Z"
    assert {name: report[name] for name in GUIDE} == GUIDE


def test_stripe_is_told_where_it_holds_the_subscription(guided: World) -> None:
    assert send(guided).json()["stripe_reported"] is False
    asked = f"/v1/organizations?external_id={GUIDE['customer_id']}"
    made = guided.platform.ok("GET", asked)["data"][0]
    account = made["billing_account"]
    asked = f"/v1/subscriptions?billing_account={account}"
    begun = guided.platform.ok("GET", asked)["data"][0]["id"]
    with guided.installation.store.write() as tx:
        customers.link(tx, account, made["id"], "cus_1", email=None, at=START)
        mirrors.add(tx, Mirror(begun, made["id"], account, "sub_there", "active", START))
    assert send(guided, GUIDE | {"report_id": "r"}).json()["stripe_reported"] is True
    elsewhere = GUIDE | {"customer_id": guided.rival.id}
    assert send(guided, elsewhere).json()["stripe_reported"] is False


def test_each_figure_is_an_ordinary_event(guided: World) -> None:
    send(guided)
    asked = f"/v1/events?subject={GUIDE['customer_id']}"
    events = guided.platform.ok("GET", asked)["data"]
    at = GUIDE["instance_id"]
    assert {one["type"]: one["data"] for one in events if one["type"] != "usage.report"} == {
        "device.report": {"instance_id": at, "devices": 3},
        "mqtt.report": {"instance_id": at, "mqtt_messages": 15000},
        "storage.report": {"instance_id": at, "storage_gb": "2.5"},
        "api.report": {"instance_id": at, "api_requests": 50000},
    }


def test_gauges_are_peaks_and_counts_add_up_on_the_bill(guided: World) -> None:
    # The guide: 8 devices on Starter are 29 + 3 x 5 = 44; here with messages and storage.
    for hour, found in enumerate((8, 5, 6)):
        guided.clock.set(START + hour * HOUR)
        assert send(guided, devices(guided, devices=found)).status_code == 201
    guided.clock.set(START + 3 * HOUR)
    assert used(guided) == {"devices": 8, "messages": 45000, "storage": 3}
    account = guided.platform.ok("GET", "/v1/organizations?external_id=cust_abc123")["data"][0]
    asked = f"/v1/invoices/preview?billing_account={account['billing_account']}"
    amounts = {one["price"]: one["amount"] for one in guided.platform.ok("GET", asked)["lines"]}
    assert amounts["device_usage"] == 1500
    assert amounts["mqtt_messages"] == 450
    assert amounts["storage_gb"] == 150


def test_the_history_shows_the_current_period(guided: World) -> None:
    for hour in range(3):
        guided.clock.set(START + hour * HOUR)
        send(guided, GUIDE | {"report_id": f"r{hour}", "interval": 3600000})
    guided.clock.set(START + 3 * HOUR)
    told = guided.platform.ok("GET", f"/api/usage/{GUIDE['customer_id']}?limit=2")
    assert told["customer_id"] == GUIDE["customer_id"]
    assert told["period"] == {"start": "2026-03-01T00:00:00Z", "end": "2026-04-01T00:00:00Z"}
    assert [one["report_id"] for one in told["reports"]] == ["r2", "r1"]
    assert told["reports"][0]["interval"] == 3600000
    assert told["reports"][0]["timestamp"] == "2026-03-01T02:00:00Z"
    assert told["total"] == 3
    assert told["usage"][0] == {"meter": "devices", "quantity": 3, "unit": "device"}
    guided.clock.set(START + timedelta(days=31))
    assert guided.platform.ok("GET", f"/api/usage/{GUIDE['customer_id']}")["reports"] == []


def test_the_latest_is_told_of_each_instance(guided: World) -> None:
    nothing = guided.platform.ok("GET", f"/api/usage/{GUIDE['customer_id']}/latest")
    assert (nothing["report"], nothing["reports"]) == (None, [])
    for hour, instance in enumerate(("eu", "us", "eu")):
        guided.clock.set(START + hour * HOUR)
        send(guided, GUIDE | {"instance_id": instance})
    told = guided.platform.ok("GET", f"/api/usage/{GUIDE['customer_id']}/latest")
    assert told["customer_id"] == GUIDE["customer_id"]
    seen = [(one["instance_id"], one["timestamp"][11:13]) for one in told["reports"]]
    assert seen == [("eu", "02"), ("us", "01")]
    assert told["report"] == told["reports"][0]


def test_a_late_report_counts_when_it_was_taken(guided: World) -> None:
    guided.clock.set(START + 5 * HOUR)
    body = GUIDE | {"timestamp": "2026-03-01T02:00:00+01:00"}
    report = send(guided, body).json()["report"]
    assert report["timestamp"] == "2026-03-01T01:00:00Z"
    assert report["created_at"] == "2026-03-01T05:00:00Z"


def test_a_refused_report_keeps_its_name_free(guided: World) -> None:
    body = GUIDE | {"report_id": "r", "timestamp": "2026-03-01T00:06:00Z"}
    refused = send(guided, body)
    assert (refused.status_code, "in the future" in refused.json()["detail"]) == (422, True)
    assert used(guided)["messages"] == 0
    assert send(guided, body | {"timestamp": "2026-03-01T00:00:00Z"}).status_code == 201


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"metrics": {}, "active_devices": None}, "metrics"),
        ({"metrics": {"devices": -1}}, "metrics.devices"),
        ({"metrics": {"devices": 2.5}}, "metrics.devices"),
        ({"metrics": {"devices": True}}, "metrics.devices"),
        ({"metrics": {"mqtt_messages": 10**16}}, "metrics.mqtt_messages"),
        ({"metrics": {"storage_gb": -0.5}}, "metrics.storage_gb"),
        ({"metrics": {"storage_gb": "much"}}, "metrics.storage_gb"),
        ({"metrics": {"cpu_hours": 1}}, "metrics.cpu_hours"),
        ({"metrics": []}, "metrics"),
        ({"instance_id": "a b"}, "instance_id"),
        ({"instance_id": "x" * 129}, "instance_id"),
        ({"instance_id": None}, "instance_id"),
        ({"customer_id": ""}, "customer_id"),
        ({"customer_id": 7}, "customer_id"),
        ({"report_id": "ü"}, "report_id"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"timestamp": 1760000000}, "timestamp"),
        ({"interval": 3600}, "interval"),
        ({"interval": 10**12}, "interval"),
        ({"total_devices": -1}, "total_devices"),
        ({"device": 3}, "device"),
    ],
)
def test_a_bad_field_is_named(change: dict[str, Any], param: str, guided: World) -> None:
    answer = send(guided, GUIDE | change)
    assert (answer.status_code, answer.json()["param"]) == (422, param)
    assert guided.platform.ok("GET", f"/api/usage/{GUIDE['customer_id']}")["total"] == 0


@pytest.mark.parametrize("key", ["", "x" * 129, "a\tb"])
def test_a_bad_key_is_refused(key: str, guided: World) -> None:
    assert send(guided, Idempotency_Key=key).status_code == 422


def test_a_key_may_be_any_text(guided: World) -> None:
    key = "{weird} key = ./%&" * 7
    assert send(guided, Idempotency_Key=key).status_code == 201


def test_active_devices_stand_in_for_devices(guided: World) -> None:
    body = {"customerId": GUIDE["customer_id"], "instance_id": "one", "active_devices": 7}
    report = send(guided, body).json()["report"]
    assert report["customer_id"] == GUIDE["customer_id"]
    assert report["metrics"] == {"devices": 7}
    assert used(guided)["devices"] == 7


def test_a_zero_is_a_figure_and_a_gap_is_none(guided: World) -> None:
    send(guided, GUIDE | {"metrics": {"mqtt_messages": 0, "api_requests": None}})
    report = guided.platform.ok("GET", f"/api/usage/{GUIDE['customer_id']}")["reports"][0]
    assert report["metrics"] == {"devices": 3, "mqtt_messages": 0}


def test_fractions_stay_exact(guided: World) -> None:
    content = json.dumps(GUIDE).replace("2.5", "123456789012345.000000000001")
    answer = guided.platform("POST", "/api/usage/report", content=content)
    assert "123456789012345.000000000001" in answer.text
    shown = guided.platform("GET", f"/api/usage/{GUIDE['customer_id']}").text
    assert Decimal("123456789012345.000000000001") in [
        one["metrics"]["storage_gb"] for one in json.loads(shown, parse_float=Decimal)["reports"]
    ]


@pytest.mark.parametrize("noun", ["organization", "billing_account", "project", "resource"])
def test_a_customer_may_be_anything_that_has_usage(noun: str, world: World) -> None:
    own = Api(world.client, world.acme.keys["ingest"])
    reads = Api(world.client, world.acme.keys["read"])
    body = GUIDE | {"customer_id": world.acme.things[noun]}
    assert own("POST", "/api/usage/report", body).status_code == 201
    for whose in (noun, "organization"):
        told = reads.ok("GET", f"/api/usage/{world.acme.things[whose]}")
        assert told["total"] == 1
        assert told["reports"][0]["customer_id"] == body["customer_id"]
    # A resource's usage is its project's, and paid for by the organization's account.
    for whose in ("project", "billing_account"):
        told = reads.ok("GET", f"/api/usage/{world.acme.things[whose]}")
        inside = noun == "resource" or (noun == "organization" and whose == "billing_account")
        inside = inside or (noun == "project" and whose == "billing_account") or noun == whose
        assert told["total"] == (1 if inside else 0), whose
    assert reads.ok("GET", "/api/usage/web")["customer_id"] == "web"


def test_a_foreign_customer_is_not_there(guided: World) -> None:
    for foreign in (GUIDE["customer_id"], "rival", guided.rival.id, "nobody"):
        refused = tell(guided, guided.acme, "ingest", GUIDE | {"customer_id": foreign})
        assert (refused.status_code, refused.json()["param"]) == (404, "customer_id")
        for path in (f"/api/usage/{foreign}", f"/api/usage/{foreign}/latest"):
            assert guided.as_(guided.acme, "read")("GET", path).status_code == 404
    assert used(guided)["messages"] == 0


def test_the_same_names_in_two_tenants_are_two_reports(guided: World) -> None:
    for tenant in (guided.acme, guided.rival):
        body = devices(guided) | {"customer_id": "web", "report_id": "r"}  # both have a `web`
        answer = tell(guided, tenant, "ingest", body)
        assert (answer.status_code, answer.headers.get("idempotent-replayed")) == (201, None)
    confused = send(guided, GUIDE | {"customer_id": "web"})
    assert (confused.status_code, "several organizations" in confused.text) == (422, True)


def test_an_event_that_only_looks_like_a_report_does_no_harm(guided: World) -> None:
    send(guided)
    looks = {
        "id": "x",
        "source": "usage-report",
        "type": "usage.report",
        "subject": GUIDE["customer_id"],
    }
    odd = [
        {},
        {"metrics": 7},
        {"customer_id": "a", "instance_id": "b", "metrics": {"devices": []}},
    ]
    events = [looks | {"id": f"x{n}", "data": data} for n, data in enumerate(odd)]
    assert guided.platform.ok("POST", "/v1/events", events)["accepted"] == 3
    assert len(guided.platform.ok("GET", f"/api/usage/{GUIDE['customer_id']}")["reports"]) == 1
    assert guided.platform.ok("GET", f"/api/usage/{GUIDE['customer_id']}/latest")["report"]


def tell(world: World, tenant: Tenant, scope: str, body: dict[str, Any]) -> Any:
    return world.as_(tenant, scope)("POST", "/api/usage/report", body)
