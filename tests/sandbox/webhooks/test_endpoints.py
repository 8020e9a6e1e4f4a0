"""Who is told: webhook endpoints and event destinations, and the lists of what was told."""

import json
from typing import Unpack

import pytest
import stripe
from stripe import StripeClient
from stripe.params import EventListParams
from tests.sandbox.conftest import START
from tests.sandbox.webhooks.conftest import Receiver

from tallygate_sandbox.testing import RunningSandbox


def test_the_life_of_an_endpoint(client: StripeClient) -> None:
    endpoints = client.v1.webhook_endpoints
    made = endpoints.create(
        {
            "url": "https://example.org/hook",
            "enabled_events": ["invoice.paid"],
            "api_version": "2026-10-28.endive",
            "description": "ours",
            "metadata": {"a": "1"},
        }
    )
    assert made.secret is not None
    assert made.secret.startswith("whsec_")
    assert made.id.startswith("we_")
    found = endpoints.retrieve(made.id)
    assert "secret" not in found
    assert (found.status, found.enabled_events, found.description) == (
        "enabled",
        ["invoice.paid"],
        "ours",
    )
    changed = endpoints.update(
        made.id, {"url": "http://127.0.0.1:1/", "enabled_events": ["*"], "disabled": True}
    )
    assert (changed.status, changed.enabled_events) == ("disabled", ["*"])
    assert [one.id for one in endpoints.list().data] == [made.id]
    assert endpoints.delete(made.id).deleted is True
    with pytest.raises(stripe.InvalidRequestError) as refused:
        endpoints.retrieve(made.id)
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


@pytest.mark.parametrize(
    "url", ["example.org/hook", "ftp://example.org", "http://", "http://[", " "]
)
def test_an_address_that_is_none(client: StripeClient, url: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.webhook_endpoints.create({"url": url, "enabled_events": ["*"]})
    assert (refused.value.code, refused.value.param) == ("url_invalid", "url")


def test_an_event_that_stripe_does_not_have(client: StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.webhook_endpoints.create(
            {"url": "http://127.0.0.1:1/", "enabled_events": ["invoice.payed"]}  # type: ignore[list-item]  # planted
        )
    assert refused.value.param == "enabled_events[0]"


def test_another_version_is_said_to_be_absent(client: StripeClient) -> None:
    with pytest.raises(stripe.APIError) as refused:
        client.v1.webhook_endpoints.create(
            {
                "url": "http://127.0.0.1:1/",
                "enabled_events": ["*"],
                "api_version": "2025-03-31.basil",
            }
        )
    assert refused.value.http_status == 501


def test_a_disabled_endpoint_hears_nothing(
    sandbox: RunningSandbox, client: StripeClient, receiver: Receiver, secret: str
) -> None:
    [endpoint] = client.v1.webhook_endpoints.list().data
    receiver.answers = [500]
    client.v1.customers.create({})
    sandbox.settle()
    client.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    client.v1.customers.create({})
    sandbox.advance_to(START + 86_400)
    assert len(receiver.got) == 1  # its retry is dropped, too
    client.v1.webhook_endpoints.update(endpoint.id, {"disabled": False})
    client.v1.customers.create({})
    sandbox.settle()
    assert len(receiver.got) == 2


def test_events_are_listed_for_thirty_days(sandbox: RunningSandbox, client: StripeClient) -> None:
    customer = client.v1.customers.create({"name": "Ada"})
    client.v1.customers.update(customer.id, {"name": "Bea"})
    newest, oldest = client.v1.events.list().data
    assert (newest.type, oldest.type) == ("customer.updated", "customer.created")
    assert oldest.data.object["name"] == "Ada"
    assert client.v1.events.retrieve(oldest.id).type == "customer.created"

    def types(**asked: Unpack[EventListParams]) -> list[str]:
        return [str(one.type) for one in client.v1.events.list(asked).data]

    assert types(type="customer.created") == ["customer.created"]
    assert types(type="customer.*") == ["customer.updated", "customer.created"]
    assert types(types=["customer.updated", "invoice.paid"]) == ["customer.updated"]
    assert types(type="invoice.*") == []
    assert types(created={"gt": START}) == []
    sandbox.advance_to(START + 30 * 86_400 - 1)
    assert len(types()) == 2
    sandbox.advance_to(START + 30 * 86_400)
    assert types() == []
    with pytest.raises(stripe.InvalidRequestError) as gone:
        client.v1.events.retrieve(oldest.id)
    assert gone.value.http_status == 404


def test_the_life_of_a_destination(client: StripeClient) -> None:
    destinations = client.v2.core.event_destinations
    made = destinations.create(
        {
            "name": "thin",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": ["v1.billing.meter.no_meter_found"],
            "webhook_endpoint": {"url": "http://127.0.0.1:1/thin"},
            "include": ["webhook_endpoint.signing_secret", "webhook_endpoint.url"],
            "metadata": {"a": "1"},
        }
    )
    assert made.webhook_endpoint is not None
    assert made.webhook_endpoint.url == "http://127.0.0.1:1/thin"
    assert str(made.webhook_endpoint.signing_secret).startswith("whsec_")
    assert made.snapshot_api_version is None
    found = destinations.retrieve(made.id)
    assert found.webhook_endpoint is not None
    assert (found.webhook_endpoint.url, found.webhook_endpoint.signing_secret) == (None, None)
    changed = destinations.update(made.id, {"name": "new", "metadata": {"a": None, "b": "2"}})
    assert changed.name == "new"
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"b": "2"}
    off = destinations.disable(made.id)
    assert off.status == "disabled"
    assert off.status_details is not None
    assert off.status_details.disabled is not None
    assert off.status_details.disabled.reason == "user"
    assert destinations.enable(made.id).status == "enabled"
    assert [one.id for one in destinations.list().data] == [made.id]
    assert destinations.delete(made.id).id == made.id
    assert destinations.list().data == []


def test_lists_of_version_2_are_paged(client: StripeClient) -> None:
    made = [
        client.v2.core.event_destinations.create(
            {
                "name": str(number),
                "type": "webhook_endpoint",
                "event_payload": "snapshot",
                "enabled_events": ["*"],
                "webhook_endpoint": {"url": "http://127.0.0.1:9/"},
            }
        ).id
        for number in range(5)
    ]
    listed = client.v2.core.event_destinations.list({"limit": 2})
    assert len(listed.data) == 2
    assert [one.id for one in listed.auto_paging_iter()] == made[::-1]


def test_a_thin_event_says_what_to_fetch(
    sandbox: RunningSandbox, client: StripeClient, receiver: Receiver
) -> None:
    made = client.v2.core.event_destinations.create(
        {
            "name": "thin",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": ["v1.customer.created"],
            "webhook_endpoint": {"url": receiver.url},
            "include": ["webhook_endpoint.signing_secret"],
        }
    )
    assert made.webhook_endpoint is not None
    secret = str(made.webhook_endpoint.signing_secret)
    customer = client.v1.customers.create({"name": "Ada"})
    client.v1.customers.update(customer.id, {"name": "Bea"})
    sandbox.settle()
    [(body, headers)] = receiver.got
    signed = headers["Stripe-Signature"]
    note = client.parse_event_notification(body, signed, secret)
    assert isinstance(note, stripe.events.V1CustomerCreatedEventNotification)
    assert note.related_object.id == customer.id
    assert note.fetch_related_object().name == "Bea"
    event = note.fetch_event()
    assert event.type == "v1.customer.created"
    assert client.v1.events.retrieve(str(event.snapshot_event)).type == "customer.created"
    assert b'"data"' not in body
    with pytest.raises(ValueError, match="thin event"):
        client.construct_event(body, signed, secret)
    assert [one.id for one in client.v2.core.events.list({"object_id": customer.id}).data] == [
        note.id
    ]
    assert client.v2.core.events.list({"types": ["v1.invoice.paid"]}).data == []


def test_a_destination_is_pinged(
    sandbox: RunningSandbox, client: StripeClient, receiver: Receiver
) -> None:
    made = client.v2.core.event_destinations.create(
        {
            "name": "pinged",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": ["v1.invoice.paid"],
            "webhook_endpoint": {"url": receiver.url},
            "include": ["webhook_endpoint.signing_secret"],
        }
    )
    assert made.webhook_endpoint is not None
    event = client.v2.core.event_destinations.ping(made.id)
    sandbox.settle()
    [(body, headers)] = receiver.got
    secret = str(made.webhook_endpoint.signing_secret)
    note = client.parse_event_notification(body, headers["Stripe-Signature"], secret)
    assert isinstance(note, stripe.events.V2CoreEventDestinationPingEventNotification)
    assert (note.id, note.related_object.id) == (event.id, made.id)
    client.v2.core.event_destinations.disable(made.id)
    with pytest.raises(stripe.InvalidRequestError):
        client.v2.core.event_destinations.ping(made.id)


def test_what_a_meter_could_not_count_comes_as_a_thin_event(
    sandbox: RunningSandbox, client: StripeClient, receiver: Receiver
) -> None:
    made = client.v2.core.event_destinations.create(
        {
            "name": "meters",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": ["v1.billing.meter.error_report_triggered"],
            "webhook_endpoint": {"url": receiver.url},
            "include": ["webhook_endpoint.signing_secret"],
        }
    )
    assert made.webhook_endpoint is not None
    meter = client.v1.billing.meters.create(
        {
            "display_name": "Calls",
            "event_name": "calls",
            "default_aggregation": {"formula": "sum"},
        }
    )
    client.v1.billing.meter_events.create(
        {"event_name": "calls", "payload": {"stripe_customer_id": "cus_nobody", "value": "1"}}
    )
    sandbox.settle()
    [(body, headers)] = receiver.got
    secret = str(made.webhook_endpoint.signing_secret)
    note = client.parse_event_notification(body, headers["Stripe-Signature"], secret)
    assert isinstance(note, stripe.events.V1BillingMeterErrorReportTriggeredEventNotification)
    assert note.related_object.id == meter.id
    assert "data" not in json.loads(body)
    [fault] = note.fetch_event().data.reason.error_types
    assert fault.code == "meter_event_customer_not_found"


def test_a_snapshot_destination_gets_whole_events(
    sandbox: RunningSandbox, client: StripeClient, receiver: Receiver
) -> None:
    made = client.v2.core.event_destinations.create(
        {
            "name": "snapshots",
            "type": "webhook_endpoint",
            "event_payload": "snapshot",
            "enabled_events": ["customer.created"],
            "webhook_endpoint": {"url": receiver.url},
            "include": ["webhook_endpoint.signing_secret"],
        }
    )
    assert made.webhook_endpoint is not None
    client.v1.customers.create({"name": "Ada"})
    sandbox.settle()
    [event] = receiver.events(client, str(made.webhook_endpoint.signing_secret))
    assert event.data.object["name"] == "Ada"
