"""Faults on request, as the official SDK meets them."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
import stripe
from stripe import StripeClient
from stripe.params.billing import MeterListEventSummariesParams

from tallygate_sandbox.testing import RunningSandbox

Create = Callable[..., Any]


def names(client: StripeClient) -> list[str | None]:
    return [one.name for one in client.v1.customers.list().data]


def refused(client: StripeClient, kind: type[stripe.StripeError], key: str | None = None) -> Any:
    with pytest.raises(kind) as caught:
        client.v1.customers.create({"name": "Ada"}, {"idempotency_key": key} if key else {})
    return caught.value


def test_a_rate_limit_names_its_reason_and_does_nothing(
    sandbox: RunningSandbox, client: StripeClient
) -> None:
    sandbox.control("faults", {"kind": "rate_limit", "reason": "endpoint-rate"})
    error = refused(client, stripe.RateLimitError, "k")
    assert error.headers["stripe-rate-limited-reason"] == "endpoint-rate"
    assert "stripe-should-retry" not in error.headers
    assert names(client) == []
    client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})  # nothing was kept
    assert names(client) == ["Ada"]


def test_a_rate_limit_is_not_retried_by_the_sdk_and_a_lock_timeout_is(
    sandbox: RunningSandbox, client: StripeClient
) -> None:
    sandbox.control("faults", {"kind": "rate_limit"})
    with pytest.raises(stripe.RateLimitError):
        client.v1.customers.create({"name": "Ada"}, {"max_network_retries": 2})
    sandbox.control("faults", {"kind": "lock_timeout"})
    assert client.v1.customers.create({"name": "Bea"}, {"max_network_retries": 1}).name == "Bea"
    assert sandbox.control("faults")["data"] == []
    sandbox.control("faults", {"kind": "lock_timeout"})
    error = refused(client, stripe.RateLimitError)
    assert error.error.code == "lock_timeout"
    assert "stripe-rate-limited-reason" not in error.headers


def test_an_error_before_the_work_does_nothing(
    sandbox: RunningSandbox, client: StripeClient
) -> None:
    sandbox.control("faults", {"kind": "error"})
    assert refused(client, stripe.APIError, "k").http_status == 500
    assert names(client) == []
    client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})


def test_an_error_after_the_work_is_what_the_key_repeats(
    sandbox: RunningSandbox, client: StripeClient
) -> None:
    sandbox.control("faults", {"kind": "error_after"})
    first = refused(client, stripe.APIError, "k")
    assert first.http_status == 500
    assert names(client) == ["Ada"]
    again = refused(client, stripe.APIError, "k")
    assert again.http_status == 500
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["original-request"] == first.headers["request-id"]
    assert names(client) == ["Ada"]


@pytest.mark.parametrize(("kind", "done"), [("drop", []), ("drop_after", ["Ada"])])
def test_a_dropped_connection(
    sandbox: RunningSandbox, client: StripeClient, kind: str, done: list[str]
) -> None:
    sandbox.control("faults", {"kind": kind})
    refused(client, stripe.APIConnectionError, "k")
    assert names(client) == done
    client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})
    assert names(client) == ["Ada"]  # once: the key knows what was done


def test_the_sdks_own_retry_after_a_dropped_connection_does_it_once(
    sandbox: RunningSandbox, client: StripeClient
) -> None:
    sandbox.control("faults", {"kind": "drop_after"})
    made = client.v1.customers.create({"name": "Ada"}, {"max_network_retries": 1})
    assert made.last_response is not None
    assert made.last_response.headers["idempotent-replayed"] == "true"
    assert names(client) == ["Ada"]


def test_while_a_slow_answer_is_awaited_its_key_is_in_use(
    sandbox: RunningSandbox, client: StripeClient
) -> None:
    sandbox.control("faults", {"kind": "slow", "seconds": 1.5})
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(client.v1.customers.create, {"name": "Ada"}, {"idempotency_key": "k"})
        while sandbox.control("faults")["data"]:  # until the slow one was taken
            threading.Event().wait(0.01)
        error = refused(client, stripe.APIError, "k")
        assert error.http_status == 409
        assert error.error.code == "idempotency_key_in_use"
        other = client.v1.customers.create({"name": "Bea"}, {"idempotency_key": "other"})
        assert other.name == "Bea"
        assert slow.result().name == "Ada"
    again = client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})
    assert again.id == slow.result().id


def test_which_requests_and_how_many(sandbox: RunningSandbox, client: StripeClient) -> None:
    asked = {"kind": "error", "method": "POST", "path": "/v1/customers/", "times": 2, "skip": 1}
    sandbox.control("faults", asked)
    customer = client.v1.customers.create({"name": "Ada"})
    for name in ("one", "two", "three", "four"):
        client.v1.customers.retrieve(customer.id)
        try:
            client.v1.customers.update(customer.id, {"name": name})
        except stripe.APIError:
            assert name in {"two", "three"}
        else:
            assert name in {"one", "four"}
    sandbox.control("faults", {"kind": "error"})
    assert sandbox.control("faults", method="DELETE")["data"] == []
    client.v1.customers.retrieve(customer.id)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": ""},
        {"kind": "fire"},
        {"kind": "error", "times": 0},
        {"kind": "error", "times": True},
        {"kind": "slow", "seconds": -1},
        {"kind": "slow", "seconds": "1"},
        {"kind": "error", "path": 7},
        {"kind": "error", "color": "red"},
        {"kind": "rate_limit", "reason": "mood"},
    ],
)
def test_a_fault_that_makes_no_sense(sandbox: RunningSandbox, body: dict[str, Any]) -> None:
    answer = httpx2.post(f"{sandbox.url}/_sandbox/faults", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]
    assert sandbox.control("faults")["data"] == []


def test_meters_lag(sandbox: RunningSandbox, client: StripeClient) -> None:
    sandbox.control("settings/meters", {"lag_seconds": 60})
    meter = client.v1.billing.meters.create(
        {"display_name": "n", "event_name": "calls", "default_aggregation": {"formula": "sum"}}
    )
    customer = client.v1.customers.create({})
    payload = {"stripe_customer_id": customer.id, "value": "5"}
    client.v1.billing.meter_events.create({"event_name": "calls", "payload": payload})
    start = sandbox.control("clock")["now"]

    def used() -> list[float]:
        window: MeterListEventSummariesParams = {
            "customer": customer.id,
            "start_time": start - 60,
            "end_time": start + 60,
        }
        summaries = client.v1.billing.meters.event_summaries.list(meter.id, window)
        return [one.aggregated_value for one in summaries.data]

    sandbox.advance_to(start + 59)
    assert sum(used()) == 0
    sandbox.advance_to(start + 60)
    assert sum(used()) == 5
    assert sandbox.control("settings/meters") == {"lag_seconds": 60}
    assert sandbox.control("settings/meters", {"lag_seconds": None}) == {}
