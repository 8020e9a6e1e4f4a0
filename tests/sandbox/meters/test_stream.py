"""Many events by a call, with a short-lived token, checked later."""

from typing import Any

import pytest
from stripe import InvalidRequestError, StripeClient, TemporarySessionExpiredError
from tests.sandbox.conftest import START
from tests.sandbox.meters.conftest import Metering

from tallygate_sandbox.testing import RunningSandbox


def streaming(client: StripeClient, sandbox: RunningSandbox) -> StripeClient:
    session = client.v2.billing.meter_event_session.create()
    assert session.created == "2026-01-01T00:00:00.000Z"
    assert session.expires_at == "2026-01-01T00:15:00.000Z"
    return StripeClient(session.authentication_token, base_addresses=sandbox.addresses)


def event(metering: Metering, value: str, identifier: str) -> Any:
    return {
        "event_name": "messages",
        "payload": {"stripe_customer_id": metering.customer, "value": value},
        "identifier": identifier,
    }


def test_a_hundred_events_in_one_call(
    client: StripeClient, metering: Metering, sandbox: RunningSandbox
) -> None:
    meter = metering.meter("messages")
    stream = streaming(client, sandbox)
    events = [event(metering, str(n), f"n{n}") for n in range(101)]
    stream.v2.billing.meter_event_stream.create({"events": events[:100]})
    assert metering.used(meter) == 4950.0  # 0 + 1 + ... + 99
    for wrong in (events, []):
        with pytest.raises(InvalidRequestError) as refused:
            stream.v2.billing.meter_event_stream.create({"events": wrong})
        assert refused.value.http_status == 400


def test_what_is_repeated_is_dropped_in_silence(
    client: StripeClient, metering: Metering, sandbox: RunningSandbox
) -> None:
    meter = metering.meter("messages")
    stream = streaming(client, sandbox)
    twice = [event(metering, "1", "same"), event(metering, "1", "same")]
    stream.v2.billing.meter_event_stream.create({"events": twice})
    stream.v2.billing.meter_event_stream.create({"events": twice})
    assert metering.used(meter) == 1.0


def test_what_is_wrong_is_taken_and_does_not_count(
    client: StripeClient, metering: Metering, sandbox: RunningSandbox
) -> None:
    meter = metering.meter("messages")
    stream = streaming(client, sandbox)
    late = event(metering, "1", "late") | {"timestamp": "2020-01-01T00:00:00Z"}
    events = [event(metering, "x", "a"), late, event(metering, "2", "c")]
    stream.v2.billing.meter_event_stream.create({"events": events})
    assert metering.used(meter) == 2.0


def test_a_token_lives_for_fifteen_minutes(
    client: StripeClient, metering: Metering, sandbox: RunningSandbox
) -> None:
    metering.meter("messages")
    stream = streaming(client, sandbox)
    sandbox.advance_to(START + 899)
    stream.v2.billing.meter_event_stream.create({"events": [event(metering, "1", "a")]})
    sandbox.advance_to(START + 900)
    with pytest.raises(TemporarySessionExpiredError) as refused:
        stream.v2.billing.meter_event_stream.create({"events": [event(metering, "1", "b")]})
    assert refused.value.http_status == 401
    assert refused.value.code == "billing_meter_event_session_expired"


def test_a_key_and_a_made_up_token_are_no_tokens(
    client: StripeClient, metering: Metering, sandbox: RunningSandbox
) -> None:
    for key in ("sk_test_sandbox", "mes_test_made_up"):
        stream = StripeClient(key, base_addresses=sandbox.addresses)
        with pytest.raises(TemporarySessionExpiredError):
            stream.v2.billing.meter_event_stream.create({"events": [event(metering, "1", "a")]})
