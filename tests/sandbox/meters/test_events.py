"""One event by a call: what is refused at once, what counts, what is taken back."""

from typing import Any

import pytest
from stripe import InvalidRequestError, StripeClient
from tests.sandbox.conftest import START
from tests.sandbox.meters.conftest import DAY, HOUR, Metering

from tallygate_sandbox.testing import RunningSandbox


def test_version_1_answers_the_event(client: StripeClient, metering: Metering) -> None:
    metering.meter("messages")
    event = client.v1.billing.meter_events.create(
        {
            "event_name": "messages",
            "payload": {"stripe_customer_id": metering.customer, "value": "25"},
            "identifier": "one",
            "timestamp": START - HOUR,
        }
    )
    assert event.to_dict() == {
        "object": "billing.meter_event",
        "created": START,
        "event_name": "messages",
        "identifier": "one",
        "livemode": False,
        "payload": {"stripe_customer_id": metering.customer, "value": "25"},
        "timestamp": START - HOUR,
    }


def test_version_2_answers_the_event(client: StripeClient, metering: Metering) -> None:
    meter = metering.meter("messages")
    event = client.v2.billing.meter_events.create(
        {
            "event_name": "messages",
            "payload": {"stripe_customer_id": metering.customer, "value": "25"},
            "timestamp": "2025-12-31T23:00:00+01:00",
        }
    )
    assert event.timestamp == "2025-12-31T22:00:00.000Z"
    assert event.created == "2026-01-01T00:00:00.000Z"
    assert event.object == "v2.billing.meter_event"
    assert len(event.identifier) >= 16
    assert metering.used(meter) == 25.0


def test_a_sum_a_count_and_the_last(metering: Metering) -> None:
    meters = {formula: metering.meter(formula, formula) for formula in ("sum", "count", "last")}
    for name in meters:
        metering.send(name, "10", START - 3 * HOUR)
        metering.send(name, "-4", START - HOUR)
        metering.send(name, "2.5", START - 2 * HOUR)
    # 10 - 4 + 2.5 = 8.5; three events; the newest by time says -4, though it came second.
    assert metering.used(meters["sum"]) == 8.5
    assert metering.used(meters["count"]) == 3.0
    assert metering.used(meters["last"]) == -4.0


def test_of_two_at_one_instant_the_last_is_the_later_to_come(metering: Metering) -> None:
    meter = metering.meter("peak", "last")
    metering.send("peak", "7", START)
    metering.send("peak", "5", START)
    assert metering.used(meter) == 5.0


def test_a_window_holds_its_start_and_not_its_end(metering: Metering) -> None:
    meter = metering.meter("messages")
    metering.send("messages", "1", START - HOUR)
    metering.send("messages", "10", START)
    assert metering.used(meter, START - HOUR, START) == 1.0
    assert metering.used(meter, START, START + HOUR) == 10.0


@pytest.mark.parametrize(("formula", "total"), [("sum", 9.0), ("count", 2.0), ("last", 4.0)])
def test_a_day_total_replaces_the_earlier_one(
    metering: Metering, formula: str, total: float
) -> None:
    meter = metering.meter("daily", formula, "day")
    metering.send("daily", "3", START - 20 * HOUR)  # December 31, 04:00
    metering.send("daily", "5", START - 10 * HOUR)  # the same day, 14:00: replaces 3
    metering.send("daily", "4", START)  # January 1
    assert metering.used(meter) == total


def test_a_count_needs_no_value(client: StripeClient, metering: Metering) -> None:
    meter = metering.meter("calls", "count")
    client.v1.billing.meter_events.create(
        {"event_name": "calls", "payload": {"stripe_customer_id": metering.customer}}
    )
    assert metering.used(meter) == 1.0


def test_a_repeated_identifier_is_refused_for_a_day(
    metering: Metering, sandbox: RunningSandbox
) -> None:
    meter = metering.meter("messages")
    metering.send("messages", "1", identifier="same")
    sandbox.advance_to(START + DAY - 1)
    with pytest.raises(InvalidRequestError) as refused:
        metering.send("messages", "1", identifier="same")
    assert refused.value.http_status == 400
    assert refused.value.user_message == "An event already exists with identifier same."
    sandbox.advance_to(START + DAY)
    metering.send("messages", "1", identifier="same")
    assert metering.used(meter, end=START + 2 * DAY) == 2.0


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"event_name": None}, "parameter_missing", "event_name"),
        ({"event_name": "x" * 101}, None, "event_name"),
        ({"identifier": "x" * 101}, None, "identifier"),
        ({"payload": None}, "parameter_missing", "payload"),
        ({"payload": "all"}, None, "payload"),
        ({"timestamp": "now"}, "parameter_invalid_integer", "timestamp"),
        ({"timestamp": START - 35 * DAY - 1}, "timestamp_too_far_in_past", "timestamp"),
        ({"timestamp": START + 301}, "timestamp_in_future", "timestamp"),
        (
            {"payload": {"value": "1234567890123456"}},
            "meter_event_value_too_many_digits",
            "payload[value]",
        ),
        (
            {"payload": {"value": "0.1234567890123456"}},
            None,
            None,
        ),
    ],
)
def test_version_1_refuses_at_once(
    client: StripeClient,
    metering: Metering,
    params: dict[str, Any],
    code: str | None,
    param: str | None,
) -> None:
    metering.meter("messages")
    whole = {
        "event_name": "messages",
        "payload": {"stripe_customer_id": metering.customer, "value": "1"},
    }
    sent: Any = {key: value for key, value in (whole | params).items() if value is not None}
    if code is None and param is None:
        client.v1.billing.meter_events.create(sent)  # more decimals than a value has: found later
        return
    with pytest.raises(InvalidRequestError) as refused:
        client.v1.billing.meter_events.create(sent)
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (
        400,
        code,
        param,
    )


def test_the_edges_of_time_and_digits_are_taken(metering: Metering) -> None:
    meter = metering.meter("messages")
    metering.send("messages", "999999999999999", START - 35 * DAY)
    metering.send("messages", "-000123456789.012345", START + 300)
    total = metering.used(meter, START - 36 * DAY, START + DAY)
    assert total == 999999999999999 - 123456789.012345


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"event_name": "nothing"}, "no_meter"),
        ({"payload": {"value": "1"}}, "meter_event_no_customer_defined"),
        (
            {"payload": {"stripe_customer_id": "cus_0", "value": "1"}},
            "meter_event_customer_not_found",
        ),
        ({"timestamp": "2025-11-26T23:59:59Z"}, "timestamp_too_far_in_past"),
        ({"timestamp": "2026-01-01T00:05:01Z"}, "timestamp_in_future"),
        ({"timestamp": "2026-01-01T00:00:00"}, None),
        ({"timestamp": "yesterday"}, None),
    ],
)
def test_version_2_checks_everything_at_once(
    client: StripeClient, metering: Metering, params: dict[str, Any], code: str | None
) -> None:
    metering.meter("messages")
    whole: Any = {
        "event_name": "messages",
        "payload": {"stripe_customer_id": metering.customer, "value": "1"},
    }
    with pytest.raises(InvalidRequestError) as refused:
        client.v2.billing.meter_events.create(whole | params)
    assert refused.value.http_status == 400
    if code:
        assert refused.value.code == code


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("many", "meter_event_invalid_value"),
        ("1e5", "meter_event_invalid_value"),
        ("NaN", "meter_event_invalid_value"),
        ("\u0661", "meter_event_invalid_value"),
        ("1234567890.123456", "meter_event_value_too_many_digits"),
    ],
)
def test_version_2_refuses_a_value_that_is_none(
    client: StripeClient, metering: Metering, value: str, code: str | None
) -> None:
    metering.meter("messages")
    payload = {"stripe_customer_id": metering.customer, "value": value}
    with pytest.raises(InvalidRequestError) as refused:
        client.v2.billing.meter_events.create({"event_name": "messages", "payload": payload})
    assert refused.value.code == code


def test_an_event_of_a_turned_off_meter_is_lost(client: StripeClient, metering: Metering) -> None:
    meter = metering.meter("messages")
    client.v1.billing.meters.deactivate(meter)
    metering.send("messages", "1")
    with pytest.raises(InvalidRequestError) as refused:
        client.v2.billing.meter_events.create(
            {
                "event_name": "messages",
                "payload": {"stripe_customer_id": metering.customer, "value": "1"},
            }
        )
    assert refused.value.code == "archived_meter"
    client.v1.billing.meters.reactivate(meter)
    assert metering.used(meter) == 0.0


def test_an_event_is_taken_back_within_a_day(
    client: StripeClient, metering: Metering, sandbox: RunningSandbox
) -> None:
    meter = metering.meter("messages")
    metering.send("messages", "5", identifier="kept")
    metering.send("messages", "7", identifier="wrong")
    adjustments = client.v1.billing.meter_event_adjustments
    cancel: Any = {"event_name": "messages", "type": "cancel", "cancel": {"identifier": "wrong"}}
    assert (
        adjustments.create(cancel).to_dict()
        == {
            "object": "billing.meter_event_adjustment",
            "livemode": False,
            "status": "complete",
        }
        | cancel
    )
    assert metering.used(meter) == 5.0
    with pytest.raises(InvalidRequestError):
        adjustments.create(cancel)
    sandbox.advance_to(START + DAY)
    cancel["cancel"] = {"identifier": "kept"}
    with pytest.raises(InvalidRequestError) as refused:
        adjustments.create(cancel)
    assert refused.value.param == "cancel[identifier]"
    assert metering.used(meter) == 5.0


def test_taking_back_names_the_event_rightly(client: StripeClient, metering: Metering) -> None:
    metering.meter("messages")
    metering.meter("devices")
    metering.send("messages", "5", identifier="one")
    for event_name, identifier in (("messages", "two"), ("devices", "one")):
        with pytest.raises(InvalidRequestError) as refused:
            client.v1.billing.meter_event_adjustments.create(
                {
                    "event_name": event_name,
                    "type": "cancel",
                    "cancel": {"identifier": identifier},
                }
            )
        assert refused.value.code == "resource_missing"


def test_version_2_takes_an_event_back(client: StripeClient, metering: Metering) -> None:
    meter = metering.meter("peak", "last")
    metering.send("peak", "5", identifier="right")
    metering.send("peak", "9", identifier="wrong")
    made = client.v2.billing.meter_event_adjustments.create(
        {"event_name": "peak", "type": "cancel", "cancel": {"identifier": "wrong"}}
    )
    assert (made.status, made.object) == ("complete", "v2.billing.meter_event_adjustment")
    assert metering.used(meter) == 5.0


def test_a_customer_of_a_test_clock_lives_in_its_time(
    client: StripeClient, metering: Metering
) -> None:
    meter = metering.meter("messages")
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": START - 100 * DAY})
    metering.customer = client.v1.customers.create({"test_clock": clock.id}).id
    with pytest.raises(InvalidRequestError) as refused:
        metering.send("messages", "1", START)
    assert refused.value.code == "timestamp_in_future"
    metering.send("messages", "1", START - 101 * DAY)
    assert metering.used(meter, START - 102 * DAY, START) == 1.0
