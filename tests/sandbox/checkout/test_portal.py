"""What the portal's configurations and sessions say. What customers do there: tests of pages."""

from typing import Any

import pytest
from stripe import InvalidRequestError, StripeClient
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
    ("duration", "param"),
    [
        ({"type": "interval_options"}, "[interval_options]"),
        (
            {"type": "indefinite", "interval_options": [{"interval": "day"}]},
            "[interval_options]",
        ),
        (
            {
                "type": "interval_options",
                "interval_options": [{"interval": "month", "interval_count": 37}],
            },
            "[interval_options][0][interval_count]",
        ),
    ],
)
def test_a_pause_lasts_as_long_as_a_configuration_can_say(
    client: StripeClient, duration: Any, param: str
) -> None:
    features: Any = {"subscription_pause": {"enabled": True, "duration": duration}}
    with pytest.raises(InvalidRequestError) as refused:
        client.v1.billing_portal.configurations.create({"features": features})
    assert refused.value.param == f"features[subscription_pause][duration]{param}"
    features["subscription_pause"].pop("duration")
    made = client.v1.billing_portal.configurations.create({"features": features})
    usual = made.features.subscription_pause.duration
    assert usual.type == "interval_options"
    assert [(o.interval, o.interval_count) for o in usual.interval_options] == [("month", 1)]


def test_a_products_quantity_follows_the_allowed_updates(client: StripeClient, shop: Shop) -> None:
    product = str(client.v1.prices.retrieve(shop.monthly).product)
    entry: Any = {"product": product, "prices": [shop.monthly]}

    def bounds(allowed: list[str], **more: Any) -> Any:
        feature: Any = {
            "enabled": True,
            "default_allowed_updates": allowed,
            "products": [entry | more],
        }
        features: Any = {"subscription_update": feature}
        made = client.v1.billing_portal.configurations.create({"features": features})
        assert made.features.subscription_update.products
        return made.features.subscription_update.products[0].adjustable_quantity.to_dict()

    assert bounds(["price"]) == {"enabled": False, "maximum": None, "minimum": 1}
    assert bounds(["quantity"]) == {"enabled": True, "maximum": None, "minimum": 1}
    told = {"enabled": True, "minimum": 2, "maximum": 4}
    assert bounds(["quantity"], adjustable_quantity=told) == told
    with pytest.raises(InvalidRequestError, match="between"):
        bounds(["quantity"], adjustable_quantity=told | {"maximum": 1})
