"""Bad input gets a sentence within a second, on both databases, and never a 5xx (law 14)."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from tests.interfaces.commands import Drawn
from tests.interfaces.direct import direct_client
from tests.interfaces.operations import OPERATIONS
from tests.interfaces.world import OPERATOR, START, World, make_world

from tallygate.interfaces.api import create_app
from tallygate.interfaces.api.application import MAX_JSON_BYTES
from tallygate.testing import FrozenClock
from tallygate.workflows.installation import Installation

DEEP = '{"name":' * 5000 + "1" + "}" * 5000
RAW = [
    b"",
    b"{",
    b"nothing",
    b"null",
    b"[]",
    b"7",
    b'"text"',
    b"\xff\xfe",
    b"\x00",
    b"{}",
    b'{"unknown": 1}',
    b'{"name": NaN}',
    b'{"name": Infinity}',
    b'{"name": 1E+1000000}',
    b'{"name": ' + b"9" * 400 + b"}",
    b'{"name": "a", "name": "b"}',
    b'{"name": "\\u0000"}',
    b'{"name": "\\ud800"}',
    DEEP.encode(),
    b"[" * 100_000,
    b" " * (MAX_JSON_BYTES - 2) + b"{}",
    b"{" + b" " * MAX_JSON_BYTES + b"}",
]
VALUES: list[Any] = [
    None,
    True,
    -1,
    0,
    1.5,
    2**63,
    10**39,
    "",
    " ",
    "\x00",
    "a\x00b",
    "a\nb",
    "\u202e",
    "' OR 1=1 --",
    "../../etc/passwd",
    "{{7*7}}",
    "é" * 128,
    "x" * 129,
    "x" * 10_000,
    "NaN",
    "1e308",
    "9" * 400,
    "-1",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "2026-13-01T00:00:00Z",
    "2026-03-01T00:00:00+99:99",
    [],
    [[]],
    ["x"] * 1000,
    {},
    {"a": {"b": 1}},
    {"a\x00": 1},
    {"calls": "1e9"},
    {f"f{n}": n for n in range(100)},
]
QUERIES = [
    "limit=0",
    "limit=101",
    "limit=-1",
    "limit=abc",
    "limit=" + "9" * 5000,
    "cursor=%00",
    "cursor=..%2F..",
    "cursor=1.1",
    "cursor=" + "9" * 200,
    "cursor=999999999999999999.999999999999999999",
    "organization=%00",
    "organization=%FF%FE",
    "organization=" + "x" * 5000,
    "billing_account=%00",
    "subscription=%00",
    "project=%00",
    "external_id=%00",
    "external_id=%F0%9F%92%A9",
    "subject=%00",
    "type=%00",
    "meter=%00",
    "meter=nope",
    "from=yesterday",
    "from=0001-01-01T00:00:00Z",
    "to=9999-12-31T23:59:59Z",
    "from=9999-12-31T23:59:59Z",
    "from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z",
    "from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59Z",
    "since=9999-12-31T23:59:59Z",
    "until=0001-01-01T00:00:00Z",
    "at=0001-01-01T00:00:00Z",
    "at=9999-12-31T23:59:59Z",
    "at=%00",
]
IDS = ["%00", "%2e%2e", "x" * 5000, "%F0%9F%92%A9", "'%20OR%201=1", "a%0Ab", "org_%25", "*"]


@pytest.fixture
def world(each_installation: Installation, clock: FrozenClock) -> Iterator[World]:
    clock.set(START)
    app = create_app(each_installation, operator=OPERATOR)
    with direct_client(app) as client:
        yield make_world(each_installation, clock, client)


def ask(world: World, method: str, path: str, content: bytes | None = None) -> int:
    """The status of a hostile request; `Api` asks for a problem with a sentence, and no 5xx."""
    try:
        answer = world.platform(method, path, content=content)
    except AssertionError as error:
        shown = (content or b"")[:200]
        raise AssertionError(f"{method} {path[:200]} {shown!r}: {error}") from None
    return answer.status_code


def test_bodies_that_are_no_request(world: World, drawn: Drawn) -> None:
    paths = [(one.method, one.path) for one in OPERATIONS if one.body is not None]
    for number, (method, path) in enumerate(paths):
        target = path.format(**world.acme.things)
        for content in drawn(RAW, number):
            status = ask(world, method, target, content)
            if content not in {b"{}", b"null", b"", RAW[-2]}:
                assert 400 <= status < 500, f"{method} {path} {content[:80]!r}: {status}"
            if len(content) > MAX_JSON_BYTES and path != "/v1/catalog":
                assert status == 413


def test_every_field_with_every_odd_value(world: World, drawn: Drawn) -> None:
    # Texts are what Postgres is strict with; numbers and shapes never come as far.
    on_postgres = world.installation.store.dialect != "sqlite"
    values = [one for one in VALUES if isinstance(one, str) == on_postgres]
    asked, number = 0, 0
    document = world.client.get("/openapi.json").json()
    for operation in OPERATIONS:
        if operation.body is None:
            continue
        described = document["paths"][operation.path][operation.method.lower()]
        fields = _fields_of(document, described)
        method, path, body = operation.filled(world.acme.things)
        for name in fields:
            number += 1
            for value in drawn(values, number):
                content = json.dumps(body | {name: value}).encode()
                ask(world, method, path, content)
                asked += 1
    assert asked > 200


def test_queries_and_paths(world: World, drawn: Drawn) -> None:
    for number, operation in enumerate(OPERATIONS):
        method, path, body = operation.filled(world.acme.things)
        if operation.method == "GET":
            for query in drawn(QUERIES, number):
                joint = "&" if "?" in path else "?"
                ask(world, method, f"{path}{joint}{query}")
        for noun in operation.names:
            if f"{{{noun}}}" not in operation.path:
                continue
            for odd in drawn(IDS, number):
                target = operation.path.format(**world.acme.things | {noun: odd})
                content = None if body is None else json.dumps(body).encode()
                assert ask(world, method, target, content) in {404, 405}, target[:200]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/jsonx", 415),
        ("", 415),
        ("application/json; charset=utf-8", 201),
        ("application/merge-patch+json", 201),
    ],
)
def test_a_body_says_that_it_is_json(kind: str, status: int, shared_world: World) -> None:
    answer = shared_world.platform(
        "POST",
        "/v1/projects",
        content=json.dumps({"organization": shared_world.acme.id, "name": "P"}),
        headers={"Content-Type": kind},
    )
    assert answer.status_code == status


def test_a_body_without_a_length_is_counted(shared_world: World) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(64):
            yield b" " * 8192

    answer = shared_world.client.post(
        "/v1/projects",
        content=pieces(),
        headers={"Authorization": f"Bearer {OPERATOR}", "Content-Type": "application/json"},
    )
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"


def test_paths_and_methods_that_are_not_there(shared_world: World) -> None:
    for path in (
        "/",
        "/v1",
        "/v2/projects",
        "/v1/projects/",
        "//v1/projects",
        "/v1/" + quote("ü"),
    ):
        assert shared_world.platform("GET", path).status_code == 404
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS"):
        answer = shared_world.platform(method, "/v1/projects")
        assert answer.status_code == 405
        assert answer.headers["allow"] == "GET, POST"


def test_our_own_mistake_tells_nothing_of_the_inside(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the secret is hunter2")

    monkeypatch.setattr("tallygate.adapters.store.accounts.list_projects", broken)
    answer = world.client.get("/v1/projects", headers={"Authorization": f"Bearer {OPERATOR}"})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "internal"
    assert answer.json()["request_id"].startswith("req_")
    assert "hunter2" not in answer.text


def _fields_of(document: dict[str, Any], described: dict[str, Any]) -> list[str]:
    schema = described["requestBody"]["content"]["application/json"]["schema"]
    choices = schema.get("anyOf", [schema])
    name = next(one["$ref"] for one in choices if "$ref" in one).rpartition("/")[2]
    return list(document["components"]["schemas"][name]["properties"])


def test_events_in_a_foreign_form_get_the_status_of_http(world: World) -> None:
    acme = world.as_(world.acme, "ingest")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert acme("POST", "/v1/events", content="id=3", headers=form).status_code == 415
    broken = acme("POST", "/v1/events", content='[{"id": 3')
    assert (broken.status_code, broken.json()["code"]) == (400, "malformed_json")
