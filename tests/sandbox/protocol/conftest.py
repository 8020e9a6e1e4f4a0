"""The official SDK, by the network."""

import pytest
from stripe import StripeClient
from tests.sandbox.conftest import StrictClient

from tallygate_sandbox.testing import RunningSandbox


@pytest.fixture
def client(sandbox: RunningSandbox) -> StripeClient:
    sends = StrictClient()
    sends.by_network = True
    return StripeClient("sk_test_sandbox", base_addresses=sandbox.addresses, http_client=sends)
