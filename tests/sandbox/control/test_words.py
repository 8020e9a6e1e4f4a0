"""What who steers the sandbox is told when the address or the body is wrong."""

from typing import Any

import httpx2
import pytest

from tallygate_sandbox.testing import RunningSandbox


def said(answer: httpx2.Response) -> str:
    return str(answer.json()["error"]["message"])


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            {"by": "day"},
            "Received unknown parameter: by. Known: to, advance, to_next, frozen, deliver.",
        ),
        (
            {"to": "2026-02-01"},
            "to is a whole number of seconds; an instant is counted from 1970.",
        ),
        ([], 'Send the parameters as a JSON object, such as {"name": 1}.'),
    ],
)
def test_a_wrong_body_is_told_what_is_right(
    sandbox: RunningSandbox, body: Any, sentence: str
) -> None:
    answer = httpx2.post(f"{sandbox.url}/_sandbox/clock", json=body)
    assert (answer.status_code, said(answer)) == (400, sentence)
    # Requests of the sandbox's own are not kept, so there is nothing to link to.
    assert "request_log_url" not in answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/_sandbox/help"), ("DELETE", "/_sandbox/clock")]
)
def test_an_address_that_is_not_there_names_those_that_are(
    sandbox: RunningSandbox, method: str, path: str
) -> None:
    answer = httpx2.request(method, sandbox.url + path)
    assert answer.status_code == 404
    assert said(answer).startswith(f"There is no {method} {path}. There are: GET /_sandbox/clock,")
    assert "POST /_sandbox/faults/webhooks" in said(answer)
