"""Requests as they are on the wire, without the SDK."""

from typing import Any

import httpx2

from tallygate_sandbox.testing import RunningSandbox

AUTH = {"authorization": "Bearer sk_test_sandbox"}


def ask(
    sandbox: RunningSandbox, method: str, path: str, body: str | bytes = b"", **headers: str
) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if body and "content-type" not in named:
        named["content-type"] = "application/x-www-form-urlencoded"
    return httpx2.request(method, sandbox.url + path, content=body, headers=AUTH | named)


def error_of(answer: httpx2.Response) -> dict[str, Any]:
    error: dict[str, Any] = answer.json()["error"]
    assert error["message"]
    assert error["type"]
    return error
