from typing import Any

import pytest
from stripe import InvalidRequestError, StripeClient
from stripe.billing import Alert
from tests.sandbox.conftest import START
from tests.sandbox.meters.conftest import Metering

from tallygate_sandbox.testing import RunningSandbox
from tallygate_sandbox.world.events import data_of


def alert(client: StripeClient, meter: str, gte: int = 10, customer: str | None = None) -> Alert:
    threshold: Any = {"meter": meter, "gte": gte, "recurrence": "one_time"}
    if customer:
        threshold["filters"] = [{"type": "customer", "customer": customer}]
    return client.v1.billing.alerts.create(
        {"title": "Much", "alert_type": "usage_threshold", "usage_threshold": threshold}
    )


def fired(sandbox: RunningSandbox) -> list[tuple[str, int]]:
    events = [
        data_of(event)["object"]
        for event in sandbox.world.objects.newest_first("event")
        if event["type"] == "billing.alert.triggered"
    ]
    return [(one["customer"], one["value"]) for one in reversed(events)]


def test_an_alert_fires_once_for_each_customer(
    client: StripeClient, metering: Metering, sandbox: RunningSandbox
) -> None:
    meter = metering.meter("messages")
    metering.send("messages", "100", START - 1)  # before the alert: does not count
    alert(client, meter)
    ada = metering.customer
    sandbox.advance_to(START + 1)
    metering.send("messages", "9")
    assert fired(sandbox) == []
    metering.send("messages", "3")
    metering.send("messages", "50")
    metering.customer = client.v1.customers.create({}).id
    metering.send("messages", "10")
    assert fired(sandbox) == [(ada, 12), (metering.customer, 10)]


def test_an_alert_of_one_customer(
    client: StripeClient, metering: Metering, sandbox: RunningSandbox
) -> None:
    meter, ada = metering.meter("messages"), metering.customer
    made = alert(client, meter, customer=ada)
    shown: Any = made.usage_threshold
    assert shown.filters[0].customer == ada
    metering.customer = client.v1.customers.create({}).id
    metering.send("messages", "10")
    assert fired(sandbox) == []


def test_an_alert_is_turned_off_and_on_and_archived(
    client: StripeClient, metering: Metering, sandbox: RunningSandbox
) -> None:
    meter = metering.meter("messages")
    made = alert(client, meter)
    alerts = client.v1.billing.alerts
    assert made.status == "active"
    assert alerts.deactivate(made.id).status == "inactive"
    metering.send("messages", "10")
    assert fired(sandbox) == []
    assert alerts.activate(made.id).status == "active"
    metering.send("messages", "1")
    assert fired(sandbox) == [(metering.customer, 11)]
    other = alert(client, metering.meter("devices"))
    assert [a.id for a in alerts.list().data] == [other.id, made.id]
    assert [a.id for a in alerts.list({"meter": meter}).data] == [made.id]
    assert alerts.archive(made.id).status == "archived"
    assert [a.id for a in alerts.list().data] == [other.id]
    for verb in (alerts.activate, alerts.deactivate, alerts.archive):
        with pytest.raises(InvalidRequestError):
            verb(made.id)


def test_a_meter_has_at_most_25_alerts_of_a_scope(
    client: StripeClient, metering: Metering
) -> None:
    meter = metering.meter("messages")
    for _ in range(25):
        alert(client, meter)
    with pytest.raises(InvalidRequestError):
        alert(client, meter)
    alert(client, meter, customer=metering.customer)


def test_test_clocks_have_no_alerts(
    client: StripeClient, metering: Metering, sandbox: RunningSandbox
) -> None:
    meter = metering.meter("messages")
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": START})
    metering.customer = client.v1.customers.create({"test_clock": clock.id}).id
    alert(client, meter)
    metering.send("messages", "10")
    assert fired(sandbox) == []
    with pytest.raises(InvalidRequestError):
        alert(client, meter, customer=metering.customer)


def test_a_threshold_is_above_zero_and_on_a_meter(
    client: StripeClient, metering: Metering
) -> None:
    meter = metering.meter("messages")
    with pytest.raises(InvalidRequestError) as refused:
        alert(client, meter, gte=0)
    assert refused.value.param == "usage_threshold[gte]"
    with pytest.raises(InvalidRequestError) as refused:
        alert(client, "mtr_0")
    assert refused.value.code == "resource_missing"
