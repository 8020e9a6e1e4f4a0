"""Webhooks arrive, signed as Stripe signs, and are tried again by the sandbox's clock."""

import hashlib
import hmac
import json
import time

import pytest
import stripe
from stripe import StripeClient
from tests.sandbox.conftest import START
from tests.sandbox.webhooks.conftest import Receiver, deliveries

from tallygate_sandbox.testing import RunningSandbox


def test_an_event_arrives_as_it_was_and_verifies(
    sandbox: RunningSandbox, client: StripeClient, receiver: Receiver, secret: str
) -> None:
    customer = client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "key-1"})
    client.v1.customers.update(customer.id, {"name": "Bea"})
    sandbox.settle()
    created, updated = receiver.events(client, secret)
    assert (created.type, updated.type) == ("customer.created", "customer.updated")
    assert created.data.object["name"] == "Ada"
    assert updated.data.object["name"] == "Bea"
    assert updated.data.previous_attributes is not None
    assert updated.data.previous_attributes.to_dict() == {"name": "Ada"}
    assert created.api_version == "2026-10-28.endive"
    assert created.request is not None
    assert created.request.idempotency_key == "key-1"
    assert created.pending_webhooks == 1
    assert client.v1.events.retrieve(created.id).pending_webhooks == 0
    body, headers = receiver.got[0]
    assert b"\n  " in body  # as Stripe writes it: who parses and prints it again fails to verify
    assert headers["Content-Type"] == "application/json; charset=utf-8"


def test_the_signature_is_made_by_hand(
    sandbox: RunningSandbox, client: StripeClient, receiver: Receiver, secret: str
) -> None:
    client.v1.customers.create({})
    sandbox.settle()
    body, headers = receiver.got[0]
    t, v1 = headers["Stripe-Signature"].split(",")
    at = int(t.removeprefix("t="))
    assert abs(at - time.time()) < 60  # noqa: TID251  # the receiver's clock
    by_hand = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert v1 == f"v1={by_hand}"
    with pytest.raises(stripe.SignatureVerificationError):
        client.construct_event(body + b" ", headers["Stripe-Signature"], secret)
    with pytest.raises(stripe.SignatureVerificationError):
        client.construct_event(body, headers["Stripe-Signature"], "whsec_other")


def test_an_endpoint_gets_what_it_wants(
    sandbox: RunningSandbox, client: StripeClient, receiver: Receiver
) -> None:
    client.v1.webhook_endpoints.create(
        {"url": receiver.url, "enabled_events": ["customer.updated", "product.created"]}
    )
    customer = client.v1.customers.create({"name": "Ada"})
    client.v1.customers.update(customer.id, {"name": "Bea"})
    sandbox.settle()
    assert receiver.types() == ["customer.updated"]


def test_nothing_is_sent_of_what_was_refused(
    sandbox: RunningSandbox, client: StripeClient, receiver: Receiver, secret: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.create({"name": "Ada", "expand": ["nothing"]})
    sandbox.settle()
    assert receiver.got == []


def test_three_retries_by_the_sandboxs_clock_then_it_gives_up(
    sandbox: RunningSandbox, client: StripeClient, receiver: Receiver, secret: str
) -> None:
    receiver.answers = [500, 302, 404, 500, 500]
    client.v1.customers.create({})
    sandbox.settle()
    assert len(receiver.got) == 1
    [event] = client.v1.events.list({"delivery_success": False}).data
    assert event.pending_webhooks == 1
    assert sandbox.control("clock")["next_due"] == START + 600

    sandbox.advance_to(START + 599)
    assert len(receiver.got) == 1
    sandbox.advance_to(START + 600)
    assert len(receiver.got) == 2
    sandbox.advance_to(START + 600 + 3600)
    assert len(receiver.got) == 3
    sandbox.advance_to(START + 600 + 3600 + 3 * 3600)
    assert len(receiver.got) == 4
    sandbox.advance_to(START + 5 * 86_400)
    assert len(receiver.got) == 4

    [delivery] = deliveries(sandbox)
    assert delivery["state"] == "failed"
    assert [one["status"] for one in delivery["attempts"]] == [500, 302, 404, 500]
    assert [one["at"] - START for one in delivery["attempts"]] == [0, 600, 4200, 15_000]
    assert len({headers["Stripe-Signature"] for _, headers in receiver.got}) >= 1
    assert client.v1.events.list({"delivery_success": True}).data == []


def test_a_retry_that_succeeds_ends_it(
    sandbox: RunningSandbox, client: StripeClient, receiver: Receiver, secret: str
) -> None:
    receiver.answers = [500]
    client.v1.customers.create({})
    sandbox.settle()
    sandbox.advance_to(START + 86_400)
    assert len(receiver.got) == 2
    assert deliveries(sandbox)[0]["state"] == "delivered"
    assert client.v1.events.list({"delivery_success": False}).data == []


def test_who_is_not_there_is_tried_again_too(
    sandbox: RunningSandbox, client: StripeClient
) -> None:
    client.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/nobody", "enabled_events": ["*"]}
    )
    client.v1.customers.create({})
    sandbox.settle()
    [delivery] = deliveries(sandbox)
    assert delivery["state"] == "waiting"
    [attempt] = delivery["attempts"]
    assert attempt["status"] is None
    assert attempt["error"]


def test_time_waits_for_what_the_receiver_does(
    sandbox: RunningSandbox, client: StripeClient, receiver: Receiver, secret: str
) -> None:
    """A receiver that answers to an event by a request does so at the event's time."""
    seen: list[int] = []

    def ask(body: bytes) -> None:
        if json.loads(body)["type"] == "test_helpers.test_clock.deleted":
            seen.append(sandbox.control("clock")["now"])

    receiver.act = ask
    client.v1.test_helpers.test_clocks.create({"frozen_time": START})
    sandbox.advance_to(START + 60)
    client.v1.test_helpers.test_clocks.create({"frozen_time": START})
    sandbox.advance_to(START + 30 * 86_400)
    assert seen == [START + 7 * 86_400, START + 7 * 86_400 + 60]


def test_resent_by_hand(
    sandbox: RunningSandbox, client: StripeClient, receiver: Receiver, secret: str
) -> None:
    client.v1.customers.create({})
    sandbox.settle()
    [event] = client.v1.events.list().data
    answer = sandbox.control(f"events/{event.id}/resend", {})
    assert [one["url"] for one in answer["resent"]] == [receiver.url]
    sandbox.settle()
    assert [one.id for one in receiver.events(client, secret)] == [event.id, event.id]


def test_while_a_secret_is_rotated_both_sign(
    sandbox: RunningSandbox, client: StripeClient, receiver: Receiver, secret: str
) -> None:
    [endpoint] = client.v1.webhook_endpoints.list().data
    new = sandbox.control(f"webhook_endpoints/{endpoint.id}/rotate", {"seconds": 3600})["secret"]
    client.v1.customers.create({})
    sandbox.settle()
    assert receiver.events(client, secret)[0].id == receiver.events(client, new)[0].id
    assert receiver.got[0][1]["Stripe-Signature"].count("v1=") == 2

    sandbox.advance_to(START + 3600)
    receiver.got.clear()
    client.v1.customers.create({})
    sandbox.settle()
    assert len(receiver.events(client, new)) == 1
    with pytest.raises(stripe.SignatureVerificationError):
        receiver.events(client, secret)


def test_duplicated_on_request(
    sandbox: RunningSandbox, client: StripeClient, receiver: Receiver, secret: str
) -> None:
    sandbox.control("faults/webhooks", {"duplicate": 1})
    client.v1.customers.create({})
    sandbox.settle()
    first, second = receiver.events(client, secret)
    assert first.id == second.id
    sandbox.control("faults/webhooks", method="DELETE")
    client.v1.customers.create({})
    sandbox.settle()
    assert len(receiver.got) == 3


def test_lost_on_request(
    sandbox: RunningSandbox, client: StripeClient, receiver: Receiver, secret: str
) -> None:
    sandbox.control("faults/webhooks", {"lose": 1})
    client.v1.customers.create({})
    sandbox.advance_to(START + 86_400)
    assert receiver.got == []
    assert len(client.v1.events.list({"delivery_success": False}).data) == 1
    assert deliveries(sandbox)[0]["state"] == "lost"


def test_delayed_on_request(
    sandbox: RunningSandbox, client: StripeClient, receiver: Receiver, secret: str
) -> None:
    [endpoint] = client.v1.webhook_endpoints.list().data
    sandbox.control("faults/webhooks", {"endpoint": endpoint.id, "delay": 900, "seed": 3})
    for _ in range(5):
        client.v1.customers.create({})
    sandbox.settle()
    waits = [one["next_at"] - START for one in deliveries(sandbox) if one["next_at"]]
    assert len(waits) == 5 - len(receiver.got)
    assert len(set(waits)) > 2
    assert max(waits) <= 900
    sandbox.advance_to(START + 900)
    assert len(receiver.got) == 5


def test_reordered_on_request(
    sandbox: RunningSandbox, client: StripeClient, receiver: Receiver, secret: str
) -> None:
    sandbox.control("faults/webhooks", {"reorder": True, "seed": 7, "delay": 0})
    with sandbox.world.transaction():  # many events at one moment
        for number in range(20):
            sandbox.world.emit("customer.updated", {"object": "customer", "id": f"cus_{number}"})
    sandbox.settle()
    came = [one.data.object["id"] for one in receiver.events(client, secret)]
    in_order = [f"cus_{number}" for number in range(20)]
    assert sorted(came) == sorted(in_order)
    assert came != in_order


@pytest.mark.parametrize("width", [1, 4])
def test_one_attempt_at_a_time_unless_told_otherwise(
    sandbox: RunningSandbox, client: StripeClient, receiver: Receiver, secret: str, width: int
) -> None:
    inside: list[int] = []
    most: list[int] = []

    def count(_: bytes) -> None:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.05)
        inside.pop()

    receiver.act = count
    sandbox.control("faults/webhooks", {"parallel": width})
    with sandbox.world.transaction():
        for number in range(8):
            sandbox.world.emit("customer.updated", {"object": "customer", "id": f"cus_{number}"})
    sandbox.settle()
    assert len(receiver.got) == 8
    assert (max(most) > 1) == (width > 1)


def test_the_event_of_a_test_clock_is_not_forgotten_for_its_age(
    sandbox: RunningSandbox, client: StripeClient, receiver: Receiver, secret: str
) -> None:
    long_ago = START - 400 * 86_400
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": long_ago})
    customer = client.v1.customers.create({"test_clock": clock.id})
    sandbox.settle()
    event = receiver.events(client, secret)[-1]
    assert event.data.object["id"] == customer.id
    assert event.created == long_ago
    assert client.v1.events.retrieve(event.id).id == event.id
