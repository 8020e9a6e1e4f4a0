"""A sandbox whose clock stands still until it is moved, and the official SDK talking to it."""

from collections.abc import Iterator

import pytest
from stripe import StripeClient

from tallygate_sandbox.testing import RunningSandbox, running_sandbox

START = 1_767_225_600  # 2026-01-01T00:00:00Z


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(frozen=START) as running:
        yield running


@pytest.fixture
def client(sandbox: RunningSandbox) -> StripeClient:
    return StripeClient("sk_test_sandbox", base_addresses=sandbox.addresses)
