"""The shop that the tests of subscriptions know."""

import pytest
from stripe import StripeClient
from tests.sandbox.subscriptions.shop import DAY, FEBRUARY, HOUR, MARCH, START, Shop, amounts

from tallygate_sandbox.testing import RunningSandbox

__all__ = ["DAY", "FEBRUARY", "HOUR", "MARCH", "START", "Shop", "amounts"]


@pytest.fixture
def shop(client: StripeClient, sandbox: RunningSandbox) -> Shop:
    return Shop(client, sandbox)
