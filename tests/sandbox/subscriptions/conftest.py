"""A shop that sells subscriptions."""

import pytest
from stripe import StripeClient
from tests.sandbox.subscriptions.shop import Shop

from tallygate_sandbox.testing import RunningSandbox


@pytest.fixture
def shop(client: StripeClient, sandbox: RunningSandbox) -> Shop:
    return Shop(client, sandbox)
