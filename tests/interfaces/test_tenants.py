"""A tenant sees its own: what belongs to another is a 404, whatever is asked of it (law 13)."""

from typing import Any

import httpx2
import pytest
from tests.interfaces.operations import OPERATIONS, Operation
from tests.interfaces.world import World

NAMING = [operation for operation in OPERATIONS if operation.names and not operation.platform]
SCOPES = ("ingest", "read", "write")


def title(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def test_every_operation_is_listed(client: httpx2.Client) -> None:
    document = client.get("/openapi.json").json()
    known = {(one.method.lower(), one.path) for one in OPERATIONS}
    served = {
        (method, path)
        for path, operations in document["paths"].items()
        for method in operations
        if path.startswith(("/v1/", "/api/")) and not path.endswith("/webhooks/stripe")
    }
    assert served == known | {("post", "/v1/events")}  # shown by its own tests


def test_a_foreign_id_is_a_404(shared_world: World) -> None:
    mine, theirs = shared_world.acme.things, shared_world.rival.things
    before = everything(shared_world)
    for operation in NAMING:
        rival = shared_world.as_(shared_world.rival, operation.key)
        for name in operation.names:
            method, path, body = operation.filled(theirs | {name: mine[name]})
            answer = rival(method, path, body)
            assert answer.status_code == 404, f"{title(operation)}, {name}: {answer.text}"
            assert "Web" not in answer.text
    assert everything(shared_world) == before


def test_an_unknown_id_is_the_same_404(shared_world: World) -> None:
    mine = shared_world.rival.things
    for operation in NAMING:
        for name in operation.names:
            prefix = mine[name].partition("_")[0]
            for nobody in (f"{prefix}_{'0' * 26}", "nobody"):
                method, path, body = operation.filled(mine | {name: nobody})
                rival = shared_world.as_(shared_world.rival, operation.key)
                answer = rival(method, path, body)
                assert answer.status_code == 404, f"{title(operation)}, {name}: {answer.text}"


def test_its_own_is_let_in(world: World) -> None:
    for operation in OPERATIONS:
        method, path, body = operation.filled(world.rival.things)
        answer = world.as_(world.rival, operation.key)(method, path, body)
        assert answer.status_code not in {401, 404}, f"{title(operation)}: {answer.text}"
        assert (answer.status_code == 403) == operation.platform, title(operation)


def test_what_the_platform_alone_may_do_is_refused_before_anything_is_looked_up(
    world: World,
) -> None:
    for operation in OPERATIONS:
        if operation.names and operation.platform:
            for things in (world.rival.things, world.acme.things):
                answer = world.as_(world.rival)(*operation.filled(things))
                assert answer.json()["code"] == "platform_only", title(operation)
            nobody = dict.fromkeys(operation.names, "nobody")
            assert world.platform(*operation.filled(nobody)).status_code == 404


def test_lists_show_the_tenants_own_only(shared_world: World) -> None:
    world, rival = shared_world, shared_world.as_(shared_world.rival)
    for operation in OPERATIONS:
        if not operation.lists:
            continue
        own = rival.ok("GET", operation.path)["data"]
        for thing in own:
            assert world.acme.id not in str(thing), operation.path
        everybodys = world.platform.ok("GET", operation.path)["data"]
        assert len(everybodys) == 2 * len(own) or not own, operation.path


@pytest.mark.parametrize("scope", ["ingest", "read"])
def test_a_key_does_what_its_scope_says(scope: str, shared_world: World) -> None:
    own = shared_world.as_(shared_world.acme, scope)
    for operation in OPERATIONS:
        answer = own(*operation.filled(shared_world.acme.things))
        if scope == operation.scope and operation.platform:
            assert answer.json()["code"] == "platform_only", title(operation)
        elif scope == operation.scope:
            assert answer.status_code in {200, 201}, f"{title(operation)}: {answer.text}"
        else:
            assert answer.status_code == 403, title(operation)
            assert answer.json()["code"] == "missing_scope"


@pytest.mark.parametrize("scope", SCOPES)
def test_events_ask_for_the_scope_ingest(scope: str, shared_world: World) -> None:
    answer = shared_world.as_(shared_world.acme, scope)("POST", "/v1/events", [])
    assert (answer.status_code == 403) == (scope != "ingest"), answer.text


@pytest.mark.parametrize(
    "sent",
    [None, "", "Bearer", "Bearer ", "Basic dTpw", "Bearer tg_live_x", "Bearer \xff", "Bearer a b"],
)
def test_nothing_is_open_without_a_key(sent: str | None, shared_world: World) -> None:
    headers: dict[str, Any] = {} if sent is None else {"Authorization": sent.encode("latin-1")}
    for operation in (*OPERATIONS, Operation("POST", "/v1/events", "write", [])):
        method, path, body = operation.filled(shared_world.acme.things)
        answer = shared_world.client.request(method, path, json=body, headers=headers)
        assert answer.status_code == 401, title(operation)
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_revoked_key_opens_nothing(world: World) -> None:
    acme = world.as_(world.acme)
    made = acme.ok("POST", "/v1/keys", {"scopes": ["read", "write"], "name": "laptop"})
    assert made["key"].endswith(made["tail"])
    laptop = world.as_(world.acme)
    laptop.key = made["key"]
    assert laptop.ok("GET", "/v1/keys")["data"][-1]["key"] is None
    assert laptop("DELETE", f"/v1/keys/{made['id']}").json()["code"] == "own_key"
    acme.ok("DELETE", f"/v1/keys/{made['id']}")
    assert laptop("GET", "/v1/keys").status_code == 401


def test_a_tenants_key_gives_no_scope_that_it_has_not(world: World) -> None:
    write_only = world.as_(world.acme, "write")
    asked = {"scopes": ["read", "ingest"]}
    refused = write_only("POST", "/v1/keys", asked)
    assert refused.status_code == 403
    assert refused.json()["code"] == "missing_scope"
    assert write_only.ok("POST", "/v1/keys", {"scopes": ["read"]})["scopes"] == ["read"]
    assert world.platform.ok("POST", "/v1/keys", {"organization": world.acme.id, **asked})["key"]
    assert world.platform.ok("POST", "/v1/keys", {})["scopes"] == ["ingest"]


def test_events_for_another_tenant_are_rejected(world: World) -> None:
    sensor = world.as_(world.rival, "ingest")
    event = {
        "id": "e1",
        "source": "x",
        "type": "api.call",
        "subject": world.acme.things["resource"],
        "data": {"calls": 5},
    }
    told = sensor.ok("POST", "/v1/events", event)
    assert (told["accepted"], len(told["rejected"])) == (0, 1)


def everything(world: World) -> list[Any]:
    """All that the tenant under attack has, as its own key sees it."""
    acme = world.as_(world.acme)
    paths = ("projects", "members", "billing_accounts", "resources", "subscriptions", "invoices")
    return [acme.ok("GET", f"/v1/{path}")["data"] for path in (*paths, "keys")]
