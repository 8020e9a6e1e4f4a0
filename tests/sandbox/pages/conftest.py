import pytest
from stripe import StripeClient
from tests.sandbox.checkout.shop import Shop, a_shop


@pytest.fixture
def shop(client: StripeClient) -> Shop:
    return a_shop(client)
