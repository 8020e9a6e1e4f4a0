"""A sandbox whose clock stands still until it is moved, and the official SDK talking to it.

Every answer that the SDK receives in these tests is held to the SDK's own types.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
from requests.structures import CaseInsensitiveDict
from stripe import APIConnectionError, RequestsClient, StripeClient
from tests.sandbox.sdk_shapes import disagreements

from tallygate_sandbox.testing import INSIDE, RunningSandbox, running_sandbox

START = 1_767_225_600  # 2026-01-01T00:00:00Z


class NearClient(RequestsClient):
    """Sends requests to a sandbox of this process without a network, which takes half the time.

    That the network makes no difference is shown by `tests/sandbox/protocol`, which goes by it.
    """

    by_network = False

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        **more: Any,
    ) -> tuple[Any, int, Mapping[str, str]]:
        split = urlsplit(url)
        inside = INSIDE.get(f"{split.scheme}://{split.netloc}")
        if inside is None or self.by_network:
            return super().request(method, url, headers, post_data, **more)
        body = post_data.encode() if isinstance(post_data, str) else post_data or b""
        answer = inside.ask(method.upper(), url, headers or {}, body)
        if answer is None:
            raise APIConnectionError("the connection was dropped", should_retry=True)  # type: ignore[no-untyped-call]  # the SDK's
        status, told, received = answer
        return told, status, CaseInsensitiveDict(received)


class StrictClient(NearClient):
    """Sends requests as the SDK does, and looks at each answer before the SDK does."""

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        **more: Any,
    ) -> tuple[Any, int, Mapping[str, str]]:
        body, status, received = super().request(method, url, headers, post_data, **more)
        answer = json.loads(body)
        if answer:
            wrong = disagreements(answer, version_2="/v2/" in url)
            assert not wrong, f"{method} {url}: {wrong[:8]}"
        return body, status, received


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(frozen=START) as running:
        yield running


@pytest.fixture
def client(sandbox: RunningSandbox) -> StripeClient:
    return StripeClient(
        "sk_test_sandbox", base_addresses=sandbox.addresses, http_client=StrictClient()
    )
