"""A creating request is done once per Idempotency-Key, however often it is sent."""

import threading
from typing import Any

import pytest
from tests.interfaces.operations import OPERATIONS
from tests.interfaces.world import World

from tallygate.core.failpoints import armed
from tallygate.workflows import idempotency

BODY = {"name": "Shop"}
KEY = {"Idempotency-Key": "order-1"}
KEYLESS = {
    *("/v1/invoices/close", "/v1/catalog", "/v1/resource_types"),
    # They do the same each time.
    *("/v1/invoices/{invoice}/approve", "/v1/invoices/{invoice}/retry"),
    "/v1/payment_link_references",
    # Their answer is never stored.
    "/v1/billing_accounts/{billing_account}/portal",
    *("/api/v1/billing/portal", "/api/billing/portal-session"),
}


def test_a_repeated_request_gets_the_first_answer(world: World) -> None:
    acme = world.as_(world.acme)
    first = acme("POST", "/v1/projects", BODY, headers=KEY)
    again = acme("POST", "/v1/projects", BODY, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert len(acme.ok("GET", "/v1/projects")["data"]) == 2


def test_another_request_under_the_same_key_is_refused(world: World) -> None:
    acme = world.as_(world.acme)
    acme.ok("POST", "/v1/projects", BODY, headers=KEY)
    other_body = acme("POST", "/v1/projects", {"name": "Else"}, headers=KEY)
    other_path = acme("POST", "/v1/billing_accounts", BODY, headers=KEY)
    for answer in (other_body, other_path):
        assert answer.status_code == 422
        assert answer.json()["code"] == "idempotency_key_reused"


def test_a_key_belongs_to_its_caller(world: World) -> None:
    first = world.as_(world.acme).ok("POST", "/v1/projects", BODY, headers=KEY)
    second = world.as_(world.rival).ok("POST", "/v1/projects", BODY, headers=KEY)
    assert first["id"] != second["id"]


def test_a_request_that_is_still_at_work_is_a_conflict(world: World) -> None:
    """The first request waits at its commit; the second one finds its key taken."""
    answers: list[int] = []
    began, go_on = threading.Event(), threading.Event()
    original = idempotency.finish

    def wait(*given: Any) -> None:
        began.set()
        assert go_on.wait(10)
        original(*given)

    def create() -> None:
        acme = world.as_(world.acme)
        answers.append(acme("POST", "/v1/projects", BODY, headers=KEY).status_code)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(idempotency, "finish", wait)
        first = threading.Thread(target=create)
        first.start()
        assert began.wait(10)
        second = world.as_(world.acme)("POST", "/v1/projects", BODY, headers=KEY)
        go_on.set()
        first.join()
    assert second.status_code == 409
    assert second.json()["code"] == "request_in_flight"
    assert answers == [201]


def test_a_refused_request_may_be_corrected_under_its_key(world: World) -> None:
    acme = world.as_(world.acme)
    assert acme("POST", "/v1/projects", {"name": ""}, headers=KEY).status_code == 422
    taken = {"name": "Twice", "external_id": "web"}
    assert acme("POST", "/v1/projects", taken, headers=KEY).status_code == 409
    assert acme("POST", "/v1/projects", BODY, headers=KEY).status_code == 201


def test_a_server_that_falls_after_the_commit_does_not_create_twice(world: World) -> None:
    acme = world.as_(world.acme)

    def fall() -> None:
        raise SystemError

    with armed("idempotency.finish.before", fall):
        answer = world.client.post(
            "/v1/projects", json=BODY, headers=KEY | {"Authorization": f"Bearer {acme.key}"}
        )
    assert answer.status_code == 500
    projects = acme.ok("GET", "/v1/projects")["data"]
    assert [one["name"] for one in projects].count(BODY["name"]) == 1
    again = acme("POST", "/v1/projects", BODY, headers=KEY)
    assert again.status_code == 409
    assert len(acme.ok("GET", "/v1/projects")["data"]) == len(projects)


def test_the_text_of_a_key_is_not_kept_for_a_repetition(world: World) -> None:
    acme = world.as_(world.acme)
    asked = {"scopes": ["read"]}
    first = acme("POST", "/v1/keys", asked, headers=KEY).json()
    again = acme("POST", "/v1/keys", asked, headers=KEY).json()
    assert first["scopes"] == ["read"]
    assert first["key"]
    assert again == first | {"key": None}
    with world.installation.store.read() as tx:
        kept = [row.answer for row in tx.exec_driver_sql("SELECT answer FROM idempotency_keys")]
    assert kept
    assert all(first["key"] not in answer for answer in kept)


@pytest.mark.parametrize("key", ["", "x" * 129, "a\x7f", "a\tb"])
def test_a_key_has_a_plain_form(key: str, world: World) -> None:
    acme = world.as_(world.acme)
    answer = acme("POST", "/v1/projects", BODY, headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert answer.json()["param"] == "Idempotency-Key"


def test_every_creating_post_takes_a_key(world: World) -> None:
    document = world.client.get("/openapi.json").json()
    for operation in OPERATIONS:
        if operation.method != "POST" or operation.scope == "read":
            continue
        described = document["paths"][operation.path]["post"]
        named = [one["name"] for one in described.get("parameters", [])]
        assert ("Idempotency-Key" in named) == (operation.path not in KEYLESS), operation.path
