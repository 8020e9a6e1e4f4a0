"""Bodies, addresses and hosts that are none: refused, and never a mistake of the sandbox."""

import socket
from urllib.parse import urlsplit

import pytest
from stripe import StripeClient
from tests.sandbox.protocol.asking import AUTH, ask, error_of

from tallygate_sandbox.testing import RunningSandbox


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ('{"name": "Ada"}', "application/json", 400),
        ("--x\r\n\r\n", "multipart/form-data; boundary=x", 400),
        ("name=%FF%FE", "application/x-www-form-urlencoded", 200),
        (b"name=\xff\xfe", "application/x-www-form-urlencoded", 400),
        ("name=%00", "application/x-www-form-urlencoded; charset=utf-8", 200),
        ("name[" * 2000, "application/x-www-form-urlencoded", 400),
        ("a=1&" * 20_000, "application/x-www-form-urlencoded", 400),
        ("name=" + "x" * 1_000_001, "application/x-www-form-urlencoded", 413),
        ("name" + "[x]" * 2000 + "=1", "application/x-www-form-urlencoded", 400),
        ("&&&==&=", "application/x-www-form-urlencoded", 400),
        ("balance=" + "9" * 400, "application/x-www-form-urlencoded", 400),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bodies_that_are_no_form(
    sandbox: RunningSandbox, body: str | bytes, content_type: str, status: int
) -> None:
    headers = {"content_type": content_type}
    answer = ask(sandbox, "POST", "/v1/customers", body, **headers)
    assert answer.status_code == status, answer.text
    if status != 200:
        error_of(answer)


@pytest.mark.parametrize(
    "body",
    [
        "[1]",
        "null",
        "{",
        "[" * 100_000,
        '{"name":' * 100_000,
        '{"name": "\\ud800"}',
        b"\xff",
        '{"name": 1e999}',
        '{"name": ' + "9" * 5000 + "}",
        '{"name": [], "enabled_events": {}, "event_payload": 1, "type": null}',
        '{"enabled_events": [[[1]]]}',
    ],
    ids=lambda value: str(value)[:30],
)
def test_bodies_that_are_no_json(sandbox: RunningSandbox, body: str | bytes) -> None:
    headers = {"content_type": "application/json"}
    answer = ask(sandbox, "POST", "/v2/core/event_destinations", body, **headers)
    assert answer.status_code == 400
    error_of(answer)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/customers/%00",
        "/v1/customers/%FF%FE",
        "/v1/customers/" + "x" * 20_000,
        "/v1/customers/..%2F..%2Fetc",
        "/v1/customers/cus_1%20OR%201=1",
        "/v1/customers?expand[]=" + "a" * 9000,
        "/v1/customers?limit=%00",
        "/v1/customers?%FF=%FF",
        "/_sandbox/requests/%00",
        "/_sandbox/nothing",
    ],
    ids=lambda value: str(value)[:30],
)
def test_addresses_that_mean_harm(sandbox: RunningSandbox, path: str) -> None:
    answer = ask(sandbox, "GET", path)
    assert 400 <= answer.status_code < 500
    error_of(answer)


@pytest.mark.parametrize("host", ["[", "a b", "", "x" * 300, "[::1", "host:port", "\xff"])
def test_a_host_that_is_none(sandbox: RunningSandbox, host: str) -> None:
    where = urlsplit(sandbox.url)
    request = f"GET {{}} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {AUTH['authorization']}\r\n"
    for path in ("/v1/customers", "/_sandbox/clock"):
        with socket.create_connection((where.hostname, where.port)) as line:
            line.sendall((request.format(path) + "Connection: close\r\n\r\n").encode("latin-1"))
            said = line.makefile("rb").readline()
        assert b" 500 " not in said
        assert said


def test_a_client_that_goes_away_is_no_harm(sandbox: RunningSandbox, client: StripeClient) -> None:
    where = urlsplit(sandbox.url)
    for half in (
        b"POST /v1/customers HTTP/1.1\r\n",
        b"POST /v1/customers HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nname=A",
    ):
        with socket.create_connection((where.hostname, where.port)) as line:
            line.sendall(half)
    assert client.v1.customers.list().data == []
