from typing import Any

import pytest
from stripe import InvalidRequestError, StripeClient
from tests.sandbox.conftest import START
from tests.sandbox.meters.conftest import DAY, Metering

from tallygate_sandbox.testing import RunningSandbox


def test_a_meter_has_stripes_defaults(client: StripeClient) -> None:
    meter = client.v1.billing.meters.create(
        {
            "display_name": "Messages",
            "event_name": "messages",
            "default_aggregation": {"formula": "sum"},
        }
    )
    assert meter.to_dict() == {
        "id": meter.id,
        "object": "billing.meter",
        "created": START,
        "customer_mapping": {"event_payload_key": "stripe_customer_id", "type": "by_id"},
        "default_aggregation": {"formula": "sum"},
        "display_name": "Messages",
        "event_name": "messages",
        "event_time_window": None,
        "livemode": False,
        "status": "active",
        "status_transitions": {"deactivated_at": None},
        "updated": START,
        "value_settings": {"event_payload_key": "value"},
    }
    assert client.v1.billing.meters.retrieve(meter.id).to_dict() == meter.to_dict()


def test_a_meter_takes_own_keys_and_a_window(client: StripeClient) -> None:
    meter = client.v1.billing.meters.create(
        {
            "display_name": "Storage",
            "event_name": "storage",
            "default_aggregation": {"formula": "last"},
            "event_time_window": "day",
            "customer_mapping": {"event_payload_key": "who", "type": "by_id"},
            "value_settings": {"event_payload_key": "gigabytes"},
        }
    )
    assert meter.customer_mapping.event_payload_key == "who"
    assert meter.value_settings.event_payload_key == "gigabytes"
    assert meter.event_time_window == "day"


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"display_name": None}, "parameter_missing", "display_name"),
        ({"display_name": "x" * 251}, None, "display_name"),
        ({"event_name": "x" * 101}, None, "event_name"),
        ({"default_aggregation": {"formula": "max"}}, None, "default_aggregation[formula]"),
        ({"event_time_window": "month"}, None, "event_time_window"),
        ({"color": "red"}, "parameter_unknown", "color"),
    ],
)
def test_a_malformed_meter_is_refused(
    client: StripeClient, params: dict[str, Any], code: str | None, param: str | None
) -> None:
    whole = {
        "display_name": "Messages",
        "event_name": "messages",
        "default_aggregation": {"formula": "sum"},
    }
    sent: Any = {key: value for key, value in (whole | params).items() if value is not None}
    with pytest.raises(InvalidRequestError) as refused:
        client.v1.billing.meters.create(sent)
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (
        400,
        code,
        param,
    )


def test_an_event_name_has_one_meter(metering: Metering) -> None:
    metering.meter("messages")
    with pytest.raises(InvalidRequestError) as refused:
        metering.meter("messages")
    assert refused.value.param == "event_name"


def test_only_the_name_can_be_changed(
    client: StripeClient, metering: Metering, sandbox: RunningSandbox
) -> None:
    meter = metering.meter("messages")
    sandbox.advance_to(START + DAY)
    changed = client.v1.billing.meters.update(meter, {"display_name": "Mail"})
    assert (changed.display_name, changed.updated) == ("Mail", START + DAY)
    wrong: Any = {"event_name": "mail"}
    with pytest.raises(InvalidRequestError) as refused:
        client.v1.billing.meters.update(meter, wrong)
    assert refused.value.code == "parameter_unknown"


def test_a_meter_is_turned_off_and_on(
    client: StripeClient, metering: Metering, sandbox: RunningSandbox
) -> None:
    off, on = metering.meter("messages"), metering.meter("devices")
    turned = client.v1.billing.meters.deactivate(off)
    assert (turned.status, turned.status_transitions.deactivated_at) == ("inactive", START)
    listed = client.v1.billing.meters.list
    assert [m.id for m in listed({"status": "inactive"}).data] == [off]
    assert [m.id for m in listed({"status": "active"}).data] == [on]
    assert [m.id for m in listed().data] == [on, off]
    with pytest.raises(InvalidRequestError):
        client.v1.billing.meters.deactivate(off)
    turned = client.v1.billing.meters.reactivate(off)
    assert (turned.status, turned.status_transitions.deactivated_at) == ("active", None)
    types = [event["type"] for event in sandbox.world.objects.newest_first("event")]
    assert types[:2] == ["billing.meter.reactivated", "billing.meter.deactivated"]


def test_a_meter_that_is_not_there(client: StripeClient) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        client.v1.billing.meters.retrieve("mtr_none")
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
