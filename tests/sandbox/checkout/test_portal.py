"""What the portal's configurations and sessions say. What customers do there: tests of pages."""

from typing import Any

import pytest
from stripe import APIError, InvalidRequestError, StripeClient
from tests.sandbox.checkout.shop import Shop
from tests.sandbox.checkout.test_completion import complete

from tallygate_sandbox.testing import RunningSandbox


def test_there_is_a_default_configuration(client: StripeClient) -> None:
    (default,) = client.v1.billing_portal.configurations.list({"is_default": True}).data
    assert default.features.subscription_cancel.enabled
    assert default.features.subscription_cancel.mode == "at_period_end"
    assert not default.features.subscription_update.enabled
    customer = client.v1.customers.create({}).id
    session = client.v1.billing_portal.sessions.create({"customer": customer})
    assert session.configuration == default.id
    assert session.flow is None
    assert session.return_url is None
    with pytest.raises(InvalidRequestError, match="cannot be deactivated"):
        client.v1.billing_portal.configurations.update(default.id, {"active": False})


def test_a_configuration_is_made_and_changed_part_by_part(
    client: StripeClient, shop: Shop
) -> None:
    product = client.v1.prices.retrieve(shop.monthly).product
    features: Any = {
        "subscription_cancel": {
            "enabled": True,
            "mode": "immediately",
            "proration_behavior": "create_prorations",
            "cancellation_reason": {"enabled": True, "options": ["unused", "too_expensive"]},
        },
        "subscription_update": {
            "enabled": True,
            "default_allowed_updates": ["price"],
            "products": [{"product": product, "prices": [shop.monthly, shop.yearly]}],
        },
    }
    configurations = client.v1.billing_portal.configurations
    made = configurations.create(
        {"features": features, "business_profile": {"headline": "Magicbox"}, "name": "Main"}
    )
    assert made.features.subscription_cancel.mode == "immediately"
    assert made.features.invoice_history.enabled is False
    changed = configurations.update(
        made.id, {"features": {"subscription_cancel": {"enabled": False}}, "metadata": {"v": "2"}}
    )
    assert changed.features.subscription_cancel.enabled is False
    assert changed.features.subscription_cancel.mode == "immediately"
    assert changed.features.subscription_update.products is not None
    assert changed.features.subscription_update.products[0].prices == [shop.monthly, shop.yearly]
    assert changed.business_profile.headline == "Magicbox"
    assert [c.id for c in configurations.list({"is_default": False}).data] == [made.id]


@pytest.mark.parametrize(
    ("features", "param"),
    [
        (
            {"subscription_cancel": {"enabled": True, "proration_behavior": "always_invoice"}},
            "features[subscription_cancel][proration_behavior]",
        ),
        (
            {
                "subscription_update": {
                    "enabled": True,
                    "default_allowed_updates": ["price"],
                    "products": [{"product": "PRODUCT", "prices": ["MONTHLY", "SECOND"]}],
                }
            },
            "features[subscription_update][products][0][prices][1]",
        ),
    ],
)
def test_what_the_portal_cannot_do_is_refused(
    client: StripeClient, shop: Shop, features: Any, param: str
) -> None:
    product = str(client.v1.prices.retrieve(shop.monthly).product)
    second = client.v1.prices.create(
        {
            "product": product,
            "currency": "usd",
            "unit_amount": 900,
            "recurring": {"interval": "month"},
        }
    ).id
    for entry in features.get("subscription_update", {}).get("products", []):
        entry |= {"product": product, "prices": [shop.monthly, second]}
    with pytest.raises(InvalidRequestError) as refused:
        client.v1.billing_portal.configurations.create({"features": features})
    assert refused.value.param == param


def test_a_session_leads_to_the_portal(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    done = complete(sandbox, shop.open().id, email="a@example.com")
    session = client.v1.billing_portal.sessions.create(
        {
            "customer": done["customer"],
            "return_url": "http://127.0.0.1:9/account",
            "flow_data": {
                "type": "subscription_cancel",
                "subscription_cancel": {"subscription": done["subscription"]},
                "after_completion": {
                    "type": "redirect",
                    "redirect": {"return_url": "http://127.0.0.1:9/gone"},
                },
            },
        }
    )
    assert session.url.startswith(f"{sandbox.url}/p/session/test_")
    assert session.flow is not None
    assert session.flow.type == "subscription_cancel"
    assert session.flow.subscription_cancel is not None
    assert session.flow.subscription_cancel.subscription == done["subscription"]
    other = client.v1.customers.create({}).id
    flow: Any = {
        "type": "subscription_cancel",
        "subscription_cancel": {"subscription": done["subscription"]},
    }
    with pytest.raises(InvalidRequestError, match="another customer"):
        client.v1.billing_portal.sessions.create({"customer": other, "flow_data": flow})
    for wrong, param in (
        ({}, "customer"),
        ({"customer": "cus_none"}, "customer"),
        ({"customer": other, "return_url": "javascript:alert(1)"}, "return_url"),
        ({"customer": other, "configuration": "bpc_none"}, "configuration"),
    ):
        sent: Any = wrong
        with pytest.raises(InvalidRequestError) as refused:
            client.v1.billing_portal.sessions.create(sent)
        assert refused.value.param == param


@pytest.mark.parametrize(
    "feature",
    [
        {"subscription_pause": {"enabled": True}},
        {"customer_update": {"enabled": True, "allowed_updates": ["email", "shipping"]}},
        {
            "subscription_update": {
                "enabled": True,
                "schedule_at_period_end": {"conditions": [{"type": "decreasing_item_amount"}]},
            }
        },
    ],
)
def test_what_the_pages_would_not_do_is_said_to_be_absent(
    client: StripeClient, feature: dict[str, object]
) -> None:
    with pytest.raises(APIError) as absent:
        client.v1.billing_portal.configurations.create({"features": feature})  # type: ignore[typeddict-item]  # made of parts
    assert absent.value.http_status == 501
