"""What the tests of other rooms ask for, under one roof: their checks are called by name."""

from typing import Any

import pytest
from stripe import StripeClient
from tests.sandbox.checkout.shop import Shop as Checkout
from tests.sandbox.checkout.shop import a_shop
from tests.sandbox.checkout.test_completion import complete
from tests.sandbox.clocks.test_clocks import steps
from tests.sandbox.credits.conftest import crediting
from tests.sandbox.invoices.test_automatic_tax import RATES
from tests.sandbox.products.test_products import product
from tests.sandbox.subscriptions.shop import Shop
from tests.sandbox.webhooks.conftest import receiver, secret

from tallygate_sandbox.testing import RunningSandbox

__all__ = ["crediting", "product", "receiver", "secret", "steps"]


@pytest.fixture
def shop(client: StripeClient, sandbox: RunningSandbox) -> Shop:
    return Shop(client, sandbox)


@pytest.fixture
def taxing(shop: Shop) -> Shop:
    shop.sandbox.control("settings/taxes", {"rates": RATES})
    return shop


@pytest.fixture
def checkout(client: StripeClient) -> Checkout:
    return a_shop(client)


@pytest.fixture
def bought(sandbox: RunningSandbox, checkout: Checkout) -> dict[str, Any]:
    return complete(sandbox, checkout.open().id, email="ada@example.com", name="Ada")
