"""Stripe's protocol over real HTTP: keys, versions, pages, expansion, idempotency, refusals."""

import base64
import json
from typing import Any

import httpx2
import pytest
import stripe
from stripe import StripeClient
from stripe.params.v2.core import EventDestinationCreateParams
from tests.sandbox.conftest import START
from tests.sandbox.protocol.asking import ask, error_of

from tallygate_sandbox.testing import RunningSandbox

# Keys and versions


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("Bearer sk_test_1", 200),
        ("bearer rk_test_1", 200),
        ("Basic " + base64.b64encode(b"sk_test_1:").decode(), 200),
        ("Basic " + base64.b64encode(b"sk_test_1").decode(), 200),
        ("", 401),
        ("Bearer", 401),
        ("Bearer pk_test_1", 401),
        ("Bearer sk_live_1", 401),
        ("Basic !!!", 401),
        ("Basic " + base64.b64encode(b"\xff\xfe").decode(), 401),
        ("Digest sk_test_1 x", 401),
    ],
)
def test_keys(sandbox: RunningSandbox, authorization: str, status: int) -> None:
    answer = ask(sandbox, "GET", "/v1/customers", authorization=authorization)
    assert answer.status_code == status
    if status == 401:
        assert error_of(answer)["type"] == "invalid_request_error"
        assert "sk_live_1" not in answer.text


def test_the_sdk_says_who_it_could_not_be(sandbox: RunningSandbox) -> None:
    stranger = StripeClient("sk_nonsense", base_addresses=sandbox.addresses)
    with pytest.raises(stripe.AuthenticationError):
        stranger.v1.customers.list()


@pytest.mark.parametrize(
    ("version", "status"),
    [
        ("2026-10-28.endive", 200),
        ("2025-03-31.basil", 200),
        ("2025-12-15.clover; feature_beta=v3", 200),
        ("2024-06-20", 400),
        ("latest", 400),
        ("2026-13", 400),
        ("x" * 5000, 400),
    ],
    ids=lambda value: str(value)[:40],
)
def test_versions(sandbox: RunningSandbox, version: str, status: int) -> None:
    answer = ask(sandbox, "GET", "/v1/customers", stripe_version=version)
    assert answer.status_code == status
    assert answer.headers["stripe-version"] == version


def test_every_answer_names_its_request(sandbox: RunningSandbox) -> None:
    first = ask(sandbox, "GET", "/v1/customers")
    second = ask(sandbox, "GET", "/v1/customers/cus_none")
    assert first.headers["request-id"].startswith("req_")
    assert first.headers["request-id"] != second.headers["request-id"]
    assert first.headers["stripe-version"] == "2026-10-28.endive"
    told = httpx2.get(sandbox.url + error_of(second)["request_log_url"]).json()
    assert (told["method"], told["path"], told["status"]) == ("GET", "/v1/customers/cus_none", 404)
    assert json.loads(told["answer"]) == second.json()


def test_the_log_of_requests_keeps_no_secrets(
    sandbox: RunningSandbox, client: StripeClient
) -> None:
    made = client.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/", "enabled_events": ["*"]}
    )
    assert made.last_response is not None
    told = sandbox.control(f"requests/{made.last_response.request_id}")
    assert made.id in told["answer"]
    assert str(made.secret) not in str(told)
    assert "sk_test" not in str(told)
    assert len(sandbox.control("requests")["data"]) == 1


# What is not there


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1", 404),
        ("GET", "/v1/customers/", 404),
        ("DELETE", "/v1/customers", 404),
        ("PUT", "/v1/customers", 404),
        ("PATCH", "/v1/customers/cus_1", 404),
        ("OPTIONS", "/v1/customers", 404),
        ("GET", "/v3/customers", 404),
        ("GET", "/v1/customers/cus_none", 404),
        ("GET", "/v1/terminal/readers", 501),
        ("POST", "/v1/issuing/cards", 501),
        ("GET", "/v1/customers/cus_1/cash_balance", 501),
    ],
)
def test_what_nobody_has_and_what_only_stripe_has(
    sandbox: RunningSandbox, method: str, path: str, status: int
) -> None:
    answer = ask(sandbox, method, path)
    assert answer.status_code == status
    error = error_of(answer)
    if status == 501:
        assert error["code"] == "not_in_the_sandbox"
        assert "doc_url" not in error
        assert f"{method} {path}" in error["message"]


def test_no_such_customer(client: StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.customers.retrieve("cus_none")
    error = refused.value
    assert (error.http_status, error.code, error.param) == (404, "resource_missing", "id")
    assert error.user_message == "No such customer: 'cus_none'"


def test_an_unknown_parameter(client: StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.customers.create({"nmae": "Ada"})  # type: ignore[arg-type]  # planted
    error = refused.value
    assert (error.http_status, error.code, error.param) == (400, "parameter_unknown", "nmae")
    assert error.user_message == "Received unknown parameter: nmae"


def test_a_missing_parameter(client: StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.test_helpers.test_clocks.create({})  # type: ignore[typeddict-item]  # planted
    error = refused.value
    assert (error.code, error.param) == ("parameter_missing", "frozen_time")


# Pages and expansion


def test_pages_by_cursor(client: StripeClient) -> None:
    made = [client.v1.customers.create({"name": str(number)}).id for number in range(25)][::-1]
    first = client.v1.customers.list({"limit": 10})
    assert (len(first.data), first.has_more, first.url) == (10, True, "/v1/customers")
    assert [one.id for one in first.auto_paging_iter()] == made
    later = client.v1.customers.list({"limit": 10, "starting_after": made[9]})
    assert [one.id for one in later.data] == made[10:20]
    back = client.v1.customers.list({"limit": 10, "ending_before": made[20]})
    assert ([one.id for one in back.data], back.has_more) == (made[10:20], True)
    assert [one.id for one in back.auto_paging_iter()] == made[:20][::-1]
    last = client.v1.customers.list({"limit": 10, "starting_after": made[19]})
    assert (len(last.data), last.has_more) == (5, False)
    assert len(client.v1.customers.list().data) == 10


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("starting_after=cus_none", "starting_after"),
        ("ending_before=cus_none", "ending_before"),
        ("created=soon", "created"),
        ("created[gte]=soon", "created"),
        ("color=red", "color"),
    ],
)
def test_pages_that_are_none(sandbox: RunningSandbox, query: str, param: str) -> None:
    answer = ask(sandbox, "GET", f"/v1/customers?{query}")
    assert answer.status_code == 400
    assert error_of(answer)["param"].partition("[")[0] == param


def test_by_the_time_of_creation(sandbox: RunningSandbox, client: StripeClient) -> None:
    early = client.v1.customers.create({}).id
    sandbox.advance_to(START + 10)
    late = client.v1.customers.create({}).id

    def found(created: Any) -> list[str]:
        return [one.id for one in client.v1.customers.list({"created": created}).data]

    assert found({"gte": START + 1}) == [late]
    assert found({"lt": START + 10}) == [early]
    assert found({"gt": START, "lte": START + 10}) == [late]
    assert found(START) == [early]


def test_expansion(client: StripeClient) -> None:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": START})
    customer = client.v1.customers.create({"test_clock": clock.id})
    shown = client.v1.customers.retrieve(customer.id, {"expand": ["test_clock"]})
    assert isinstance(shown.test_clock, stripe.test_helpers.TestClock)
    assert shown.test_clock.frozen_time == START
    listed = client.v1.customers.list({"test_clock": clock.id, "expand": ["data.test_clock"]})
    assert isinstance(listed.data[0].test_clock, stripe.test_helpers.TestClock)
    for path in ("nothing", "id", "a.b.c.d.e", "", "test_clock.frozen_time"):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.customers.retrieve(customer.id, {"expand": [path]})


def test_nothing_is_expanded_where_there_never_is_an_object(client: StripeClient) -> None:
    """A field that is null now is one that can be expanded only if it ever holds an object."""
    customer = client.v1.customers.create({})
    for path in ("name", "invoice_settings.footer", "preferred_locales"):
        with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
            client.v1.customers.retrieve(customer.id, {"expand": [path]})
        with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
            client.v1.customers.list({"expand": [f"data.{path}"]})
    for path in ("default_source", "test_clock", "invoice_settings.default_payment_method"):
        shown = client.v1.customers.retrieve(customer.id, {"expand": [path]})
        assert shown.test_clock is None


# Idempotency


def test_what_was_answered_is_answered_again(
    sandbox: RunningSandbox, client: StripeClient
) -> None:
    first = client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})
    again = client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})
    assert first.id == again.id
    assert first.last_response is not None
    assert again.last_response is not None
    assert again.last_response.body == first.last_response.body
    headers = again.last_response.headers
    assert headers["idempotent-replayed"] == "true"
    assert headers["original-request"] == first.last_response.headers["request-id"]
    assert headers["request-id"] != first.last_response.headers["request-id"]
    assert headers["idempotency-key"] == "k"
    assert "idempotent-replayed" not in first.last_response.headers
    assert len(client.v1.customers.list().data) == 1
    assert len(client.v1.events.list().data) == 1


def test_a_key_stands_for_one_request(client: StripeClient) -> None:
    customer = client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})
    with pytest.raises(stripe.IdempotencyError) as refused:
        client.v1.customers.create({"name": "Bea"}, {"idempotency_key": "k"})
    assert refused.value.http_status == 400
    with pytest.raises(stripe.IdempotencyError):
        client.v1.customers.update(customer.id, {"name": "Ada"}, {"idempotency_key": "k"})
    assert client.v1.customers.retrieve(customer.id).name == "Ada"


def test_a_key_is_forgotten_after_a_day(sandbox: RunningSandbox, client: StripeClient) -> None:
    first = client.v1.customers.create({}, {"idempotency_key": "k"}).id
    sandbox.advance_to(START + 86_399)
    assert client.v1.customers.create({}, {"idempotency_key": "k"}).id == first
    sandbox.advance_to(START + 86_400)
    assert client.v1.customers.create({}, {"idempotency_key": "k"}).id != first


def test_what_was_refused_while_it_was_executed_is_refused_again(client: StripeClient) -> None:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": START})
    with pytest.raises(stripe.InvalidRequestError) as first:
        client.v1.test_helpers.test_clocks.advance(
            clock.id, {"frozen_time": START}, {"idempotency_key": "k"}
        )
    with pytest.raises(stripe.InvalidRequestError) as again:
        client.v1.test_helpers.test_clocks.advance(
            clock.id, {"frozen_time": START}, {"idempotency_key": "k"}
        )
    assert again.value.http_body == first.value.http_body


def test_what_was_malformed_leaves_its_key_free(client: StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.create({"balance": 10**30}, {"idempotency_key": "k"})
    assert client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"}).name == "Ada"


def test_version_2_executes_a_failed_request_again(
    sandbox: RunningSandbox, client: StripeClient
) -> None:
    destination: EventDestinationCreateParams = {
        "name": "n",
        "type": "webhook_endpoint",
        "event_payload": "thin",
        "enabled_events": ["*"],
        "webhook_endpoint": {"url": "http://127.0.0.1:9/"},
    }
    sandbox.control("faults", {"kind": "error_after"})
    with pytest.raises(stripe.APIError):
        client.v2.core.event_destinations.create(destination, {"idempotency_key": "k"})
    client.v2.core.event_destinations.create(destination, {"idempotency_key": "k"})
    assert len(client.v2.core.event_destinations.list().data) == 2


def test_a_key_that_is_too_long(client: StripeClient) -> None:
    client.v1.customers.create({}, {"idempotency_key": "k" * 255})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.create({}, {"idempotency_key": "k" * 256})


# Other clients, and none


def test_as_with_curl(sandbox: RunningSandbox) -> None:
    basic = "Basic " + base64.b64encode(b"sk_test_1:").decode()
    form = "name=Ada&metadata[plan]=gold&preferred_locales[]=de&preferred_locales[]=en"
    answer = ask(sandbox, "POST", "/v1/customers", form, authorization=basic)
    made = answer.json()
    assert made["metadata"] == {"plan": "gold"}
    assert made["preferred_locales"] == ["de", "en"]
    changed = ask(sandbox, "POST", f"/v1/customers/{made['id']}", "metadata[plan]=&name=")
    assert (changed.json()["metadata"], changed.json()["name"]) == ({}, None)
    head = ask(sandbox, "HEAD", f"/v1/customers/{made['id']}")
    assert head.content == b""


# The sandbox's own addresses


def test_ready_objects_are_put_and_everything_is_shown(
    sandbox: RunningSandbox, client: StripeClient
) -> None:
    made = client.v1.customers.create({"name": "Ada"}).to_dict()
    chosen = {**made, "id": "cus_chosen", "name": "Bea"}
    assert sandbox.control("objects", {"objects": [chosen]}) == {"put": 1}
    assert client.v1.customers.retrieve("cus_chosen").name == "Bea"
    sandbox.control("objects", {"objects": [{**chosen, "name": "Cleo"}]})
    assert client.v1.customers.retrieve("cus_chosen").name == "Cleo"
    shown = sandbox.control("objects?kind=customer")["data"]
    assert [one["name"] for one in shown] == ["Cleo", "Ada"]
    assert sandbox.control("objects")["kinds"]["customer"] == 2
    assert len(client.v1.events.list().data) == 1  # of what was created, not of what was put


@pytest.mark.parametrize(
    "body", [{}, {"objects": []}, {"objects": [1]}, {"objects": [{"id": "x"}]}, {"x": 1}, [], 1]
)
def test_objects_that_are_none(sandbox: RunningSandbox, body: Any) -> None:
    assert httpx2.post(f"{sandbox.url}/_sandbox/objects", json=body).status_code == 400
