"""The lag of processing, and reports about what could not be counted."""

from pathlib import Path
from typing import Any

import pytest
from stripe import InvalidRequestError, StripeClient
from tests.sandbox.conftest import START
from tests.sandbox.meters.conftest import DAY, Metering

from tallygate_sandbox.meters import queue
from tallygate_sandbox.testing import RunningSandbox, running_sandbox


def reports(sandbox: RunningSandbox) -> list[dict[str, Any]]:
    return [dict(event) for event in sandbox.world.objects.newest_first("v2.core.event")]


def test_an_event_counts_after_the_lag(metering: Metering, sandbox: RunningSandbox) -> None:
    meter = metering.meter("messages")
    metering.settings(lag_seconds=60)
    metering.send("messages", "5")
    sandbox.advance_to(START + 59)
    assert metering.used(meter) == 0.0
    sandbox.advance_to(START + 60)
    assert metering.used(meter) == 5.0


def test_the_lag_is_the_clock_of_the_customer(client: StripeClient, metering: Metering) -> None:
    meter = metering.meter("messages")
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": START})
    metering.customer = client.v1.customers.create({"test_clock": clock.id}).id
    metering.settings(lag_seconds=60)
    metering.send("messages", "5")
    assert metering.used(meter) == 0.0
    client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": START + 60})
    assert metering.used(meter) == 5.0


def test_taking_back_waits_too(
    client: StripeClient, metering: Metering, sandbox: RunningSandbox
) -> None:
    meter = metering.meter("messages")
    metering.settings(lag_seconds=60)
    metering.send("messages", "5", identifier="wrong")
    made = client.v1.billing.meter_event_adjustments.create(
        {"event_name": "messages", "type": "cancel", "cancel": {"identifier": "wrong"}}
    )
    assert made.status == "pending"
    sandbox.advance_to(START + 120)
    assert metering.used(meter) == 0.0


def test_taking_back_overtakes_what_still_waits(
    client: StripeClient, metering: Metering, sandbox: RunningSandbox
) -> None:
    meter = metering.meter("messages")
    metering.settings(lag_seconds=60)
    metering.send("messages", "5", identifier="wrong")
    metering.settings(lag_seconds=0)
    client.v1.billing.meter_event_adjustments.create(
        {"event_name": "messages", "type": "cancel", "cancel": {"identifier": "wrong"}}
    )
    sandbox.advance_to(START + 120)
    assert metering.used(meter) == 0.0


def test_a_waiting_event_is_judged_by_its_arrival(
    metering: Metering, sandbox: RunningSandbox
) -> None:
    meter = metering.meter("messages")
    metering.settings(lag_seconds=60)
    metering.send("messages", "5", START - 35 * DAY)
    sandbox.advance_to(START + 60)
    assert metering.used(meter, START - 36 * DAY) == 5.0
    assert reports(sandbox) == []


def test_a_report_names_the_meter_the_code_and_the_request(
    client: StripeClient, metering: Metering, sandbox: RunningSandbox
) -> None:
    meter = metering.meter("messages")
    client.v1.billing.meter_events.create(
        {"event_name": "messages", "payload": {"value": "1"}}, {"idempotency_key": "my-key"}
    )
    (report,) = reports(sandbox)
    assert {key: value for key, value in report.items() if key[0] != "_"} == {
        "id": report["id"],
        "object": "v2.core.event",
        "changes": None,
        "context": None,
        "created": "2026-01-01T00:00:00.000Z",
        "data": {
            "developer_message_summary": "There is 1 invalid event",
            "reason": {
                "error_count": 1,
                "error_types": [
                    {
                        "code": "meter_event_no_customer_defined",
                        "error_count": 1,
                        "sample_errors": [
                            {
                                "error_message": "Customer mapping key stripe_customer_id not "
                                "found in payload.",
                                "request": {"identifier": "my-key"},
                            }
                        ],
                    }
                ],
            },
            "validation_end": "2026-01-01T00:00:10.000Z",
            "validation_start": "2026-01-01T00:00:00.000Z",
        },
        "livemode": False,
        "reason": None,
        "related_object": {
            "id": meter,
            "type": "billing.meter",
            "url": f"/v1/billing/meters/{meter}",
        },
        "snapshot_event": None,
        "type": "v1.billing.meter.error_report_triggered",
    }


def test_each_meter_and_window_has_one_report(
    client: StripeClient, metering: Metering, sandbox: RunningSandbox
) -> None:
    first, second = metering.meter("messages"), metering.meter("devices")
    metering.settings(report_seconds=10)
    for _ in range(7):
        metering.send("messages", "many")
    metering.send("devices", "many")
    client.v1.billing.meter_events.create(
        {"event_name": "messages", "payload": {"stripe_customer_id": "cus_0", "value": "1"}}
    )
    metering.send("nothing", "1")
    assert reports(sandbox) == []
    sandbox.advance_to(START + 10)
    about = {r.get("related_object", {}).get("id"): r for r in reports(sandbox)}
    assert len(reports(sandbox)) == 3
    reason = about[first]["data"]["reason"]
    assert reason["error_count"] == 8
    counts = {one["code"]: one["error_count"] for one in reason["error_types"]}
    assert counts == {"meter_event_invalid_value": 7, "meter_event_customer_not_found": 1}
    assert len(reason["error_types"][0]["sample_errors"]) == 5
    assert about[second]["data"]["reason"]["error_count"] == 1
    assert about[None]["type"] == "v1.billing.meter.no_meter_found"
    assert about[None]["data"]["reason"]["error_types"][0]["code"] == "no_meter"


def test_every_code_that_can_happen_is_reported(
    client: StripeClient, metering: Metering, sandbox: RunningSandbox
) -> None:
    """All of Stripe's codes but missing_dimension_payload_keys: meters here have no dimensions."""
    metering.meter("messages")
    client.v1.billing.meters.deactivate(metering.meter("old"))
    token = client.v2.billing.meter_event_session.create().authentication_token
    stream = StripeClient(token, base_addresses=sandbox.addresses)
    mine = {"stripe_customer_id": metering.customer, "value": "1"}
    wide = mine | {f"dimension{n}": "x" for n in range(11)}
    wrong: Any = [
        {"event_name": "old", "payload": mine},
        {"event_name": "nothing", "payload": mine},
        {"event_name": "messages", "payload": {"stripe_customer_id": "cus_0", "value": "1"}},
        {"event_name": "messages", "payload": {"value": "1"}},
        {"event_name": "messages", "payload": wide},
        {"event_name": "messages", "payload": mine | {"value": "one"}},
        {"event_name": "messages", "payload": mine | {"value": "1234567890123456"}},
        {"event_name": "messages", "payload": mine, "timestamp": "2026-01-01T00:05:01Z"},
        {"event_name": "messages", "payload": mine, "timestamp": "2025-11-26T23:59:59Z"},
    ]
    stream.v2.billing.meter_event_stream.create({"events": wrong})
    found = {one["code"] for r in reports(sandbox) for one in r["data"]["reason"]["error_types"]}
    assert found == {
        "archived_meter",
        "no_meter",
        "meter_event_customer_not_found",
        "meter_event_no_customer_defined",
        "meter_event_dimension_count_too_high",
        "meter_event_invalid_value",
        "meter_event_value_too_many_digits",
        "timestamp_in_future",
        "timestamp_too_far_in_past",
    }


def test_a_deleted_customer_uses_nothing(
    client: StripeClient, metering: Metering, sandbox: RunningSandbox
) -> None:
    metering.meter("messages")
    metering.send("messages", "1")
    assert sandbox.world.objects.count("_usage_chunk") == 1
    client.v1.customers.delete(metering.customer)
    assert sandbox.world.objects.count("_usage_chunk") == 0
    metering.send("messages", "1")
    (report,) = reports(sandbox)
    (one,) = report["data"]["reason"]["error_types"]
    assert one["code"] == "meter_event_customer_not_found"


def test_a_deleted_test_clock_takes_its_usage_along(
    client: StripeClient, metering: Metering, sandbox: RunningSandbox
) -> None:
    metering.meter("messages")
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": START})
    metering.customer = client.v1.customers.create({"test_clock": clock.id}).id
    metering.send("messages", "1")
    metering.settings(lag_seconds=60)
    metering.send("messages", "1")
    client.v1.test_helpers.test_clocks.delete(clock.id)
    kinds = ("_usage_chunk", "_usage_series", "_meter_queue")
    assert [sandbox.world.objects.count(kind) for kind in kinds] == [0, 0, 0]


def test_what_waits_survives_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "world.db"
    with running_sandbox(frozen=START, file=file) as sandbox:
        client = StripeClient("sk_test_sandbox", base_addresses=sandbox.addresses)
        metering = Metering(client, sandbox, client.v1.customers.create({}).id)
        meter = metering.meter("messages")
        metering.send("messages", "5", identifier="first")
        metering.settings(lag_seconds=60)
        metering.send("messages", "7", identifier="second")
    with running_sandbox(frozen=START, file=file) as sandbox:
        client = StripeClient("sk_test_sandbox", base_addresses=sandbox.addresses)
        metering = Metering(client, sandbox, metering.customer)
        assert metering.used(meter) == 5.0
        for identifier in ("first", "second"):
            with pytest.raises(InvalidRequestError):
                metering.send("messages", "1", identifier=identifier)
        sandbox.advance_to(START + 60)
        assert metering.used(meter) == 12.0


def test_what_waits_for_a_test_clock_outlives_its_identifier(
    client: StripeClient,
    metering: Metering,
    sandbox: RunningSandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queue, "SWEEP_EVERY", 1)
    meter = metering.meter("messages")
    ada = metering.customer
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": START})
    metering.customer = client.v1.customers.create({"test_clock": clock.id}).id
    waiting = metering.customer
    metering.settings(lag_seconds=60)
    metering.send("messages", "5")
    sandbox.advance_to(START + 2 * DAY)
    metering.customer = ada
    metering.send("messages", "1")
    metering.customer = waiting
    client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": START + 60})
    assert metering.used(meter) == 5.0
