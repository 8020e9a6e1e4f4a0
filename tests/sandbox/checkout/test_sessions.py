"""What a checkout session says when it is opened, and what it refuses."""

from typing import Any

import pytest
from stripe import InvalidRequestError, StripeClient
from tests.sandbox.checkout.shop import CANCEL, SUCCESS, Shop, event_types
from tests.sandbox.conftest import START

from tallygate_sandbox.testing import RunningSandbox

HOUR, DAY = 3600, 86_400


def test_a_new_session_is_open_and_knows_its_amounts(sandbox: RunningSandbox, shop: Shop) -> None:
    session = shop.open(
        line_items=[
            {"price": shop.monthly, "quantity": 2},
            {"price": shop.metered},
            {"price": shop.once, "quantity": 1},
        ],
        cancel_url=CANCEL,
        client_reference_id="cart-7",
        metadata={"a": "b"},
        customer_email="ada@example.com",
    )
    assert session.status == "open"
    assert session.payment_status == "unpaid"
    assert (session.amount_subtotal, session.amount_total) == (14900, 14900)
    assert session.currency == "usd"
    assert session.expires_at == START + DAY
    assert session.url == f"{sandbox.url}/c/pay/{session.id}"
    assert session.id.startswith("cs_test_")
    assert session.customer is None
    assert session.customer_creation == "always"
    assert session.payment_method_collection == "always"
    assert session.client_reference_id == "cart-7"
    assert session.success_url == SUCCESS
    assert session.subscription is None


def test_its_lines_are_listed_in_order_and_stand_in_it_when_asked_for(
    client: StripeClient, shop: Shop
) -> None:
    session = shop.open(
        line_items=[
            {"price": shop.metered},
            {"price": shop.monthly, "quantity": 3},
        ]
    )
    lines = client.v1.checkout.sessions.line_items.list(session.id)
    assert [(line.description, line.quantity, line.amount_total) for line in lines.data] == [
        ("Messages", None, 0),
        ("Pro plan", 3, 7500),
    ]
    second = client.v1.checkout.sessions.line_items.list(
        session.id, {"starting_after": lines.data[0].id}
    )
    assert [line.id for line in second.data] == [lines.data[1].id]
    found = client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["line_items.data.price.product"]}
    )
    assert found.line_items is not None
    product = found.line_items.data[0].price.product  # type: ignore[union-attr]  # it was expanded
    assert product.name == "Messages"  # type: ignore[union-attr]  # it was expanded
    assert "line_items" not in session


def test_a_price_may_be_made_on_the_spot(shop: Shop, client: StripeClient) -> None:
    session = shop.open(
        mode="payment",
        line_items=[
            {
                "price_data": {
                    "currency": "eur",
                    "unit_amount": 1250,
                    "product_data": {"name": "T-shirt"},
                },
                "quantity": 2,
            }
        ],
    )
    assert (session.amount_total, session.currency) == (2500, "eur")
    (line,) = client.v1.checkout.sessions.line_items.list(session.id).data
    assert line.price is not None
    assert line.price.active is False


def test_a_trial_costs_nothing_today_but_what_is_paid_once_does(shop: Shop) -> None:
    lines = [{"price": shop.monthly, "quantity": 1}, {"price": shop.once, "quantity": 1}]
    session = shop.open(line_items=lines, subscription_data={"trial_period_days": 14})
    assert session.amount_total == 9900
    only = shop.open(subscription_data={"trial_end": START + 2 * DAY})
    assert only.amount_total == 0


def test_until_an_anchor_only_a_part_is_due(shop: Shop) -> None:
    # 1 January 00:00 to 16 January 12:00 is 15.5 of the 31 days from 16 December: half.
    anchor = START + 15 * DAY + 12 * HOUR
    session = shop.open(subscription_data={"billing_cycle_anchor": anchor})
    assert session.amount_total == 1250
    nothing = shop.open(
        subscription_data={"billing_cycle_anchor": anchor, "proration_behavior": "none"}
    )
    assert nothing.amount_total == 0
    # The first of February at midnight is a whole month away.
    config = {"day_of_month": 1, "hour": 0, "minute": 0, "second": 0}
    whole = shop.open(subscription_data={"billing_cycle_anchor_config": config})
    assert whole.amount_total == 2500


def test_a_coupon_reduces_what_it_applies_to(client: StripeClient, shop: Shop) -> None:
    third = client.v1.coupons.create({"percent_off": 33.33, "duration": "once"})
    session = shop.open(discounts=[{"coupon": third.id}])
    assert session.amount_subtotal == 2500
    assert session.amount_total == 1667  # 833.25 off, rounded once
    assert session.total_details is not None
    assert session.total_details.amount_discount == 833
    assert session.discounts[0].coupon == third.id  # type: ignore[index]  # it was expanded
    much = client.v1.coupons.create({"amount_off": 99999, "currency": "usd", "duration": "once"})
    assert shop.open(discounts=[{"coupon": much.id}]).amount_total == 0


def test_a_setup_session_has_an_intent_and_no_amount(client: StripeClient, shop: Shop) -> None:
    customer = client.v1.customers.create({"email": "a@example.com"})
    session = shop.open(mode="setup", line_items=None, currency="usd", customer=customer.id)
    assert session.amount_total is None
    assert session.payment_status == "no_payment_required"
    intent = client.v1.setup_intents.retrieve(str(session.setup_intent))
    assert intent.customer == customer.id
    assert intent.status == "requires_payment_method"


@pytest.mark.parametrize(
    ("change", "param", "words"),
    [
        ({"mode": None}, "mode", "Missing"),
        ({"line_items": None}, "line_items", "Missing"),
        ({"success_url": None}, "success_url", "Missing"),
        ({"success_url": "javascript:alert(1)"}, "success_url", "Not a valid URL"),
        ({"success_url": "javascript://a.example/%0aalert(1)"}, "success_url", "Not a valid URL"),
        ({"cancel_url": "no address"}, "cancel_url", "Not a valid URL"),
        ({"mode": "payment"}, "line_items", "recurring price"),
        ({"mode": "setup", "currency": "usd"}, "line_items", "can only be used"),
        ({"customer_creation": "always"}, "customer_creation", "can only be used"),
        ({"customer_email": "nobody"}, "customer_email", "Invalid email"),
        ({"expires_at": START + 1799}, "expires_at", "30 minutes"),
        ({"expires_at": START + DAY + 1}, "expires_at", "24 hours"),
        (
            {"subscription_data": {"trial_period_days": 0}},
            "subscription_data[trial_period_days]",
            "1",
        ),
        (
            {"subscription_data": {"trial_end": START + 2 * DAY - 1}},
            "subscription_data[trial_end]",
            "at least 2 days",
        ),
        (
            {
                "subscription_data": {
                    "trial_end": START + 3 * DAY,
                    "billing_cycle_anchor": START + 9,
                }
            },
            "subscription_data[trial_end]",
            "only specify one",
        ),
        (
            {"allow_promotion_codes": True, "discounts": [{"coupon": "any"}]},
            "allow_promotion_codes",
            "only specify one",
        ),
        ({"discounts": [{"coupon": "none-such"}]}, "discounts[0][coupon]", "No such coupon"),
        ({"customer": "cus_none"}, "customer", "No such customer"),
        ({"ui_mode": "embedded_page", "return_url": SUCCESS}, "success_url", "not allowed"),
    ],
)
def test_contradictions_are_refused(
    shop: Shop, change: dict[str, Any], param: str, words: str
) -> None:
    with pytest.raises(InvalidRequestError, match=words) as refused:
        shop.open(**change)
    assert refused.value.param == param


def test_wrong_lines_are_refused(client: StripeClient, shop: Shop) -> None:
    old = client.v1.prices.update(shop.once, {"active": False}).id
    for line, param in (
        ({"price": shop.metered, "quantity": 1}, "line_items[0][quantity]"),
        ({"price": shop.monthly}, "line_items[0][quantity]"),
        ({"price": shop.monthly, "quantity": 0}, "line_items[0][quantity]"),
        ({"price": old, "quantity": 1}, "line_items[0][price]"),
        ({"price": "price_none", "quantity": 1}, "line_items[0][price]"),
        ({"quantity": 1}, "line_items[0][price]"),
    ):
        with pytest.raises(InvalidRequestError) as refused:
            shop.open(line_items=[line])
        assert refused.value.param == param
    mixed = [{"price": shop.monthly, "quantity": 1}, {"price": shop.yearly, "quantity": 1}]
    with pytest.raises(InvalidRequestError, match="different billing intervals"):
        shop.open(line_items=mixed)


def test_a_customer_is_not_given_twice(client: StripeClient, shop: Shop) -> None:
    customer = client.v1.customers.create({}).id
    with pytest.raises(InvalidRequestError, match="only specify one"):
        shop.open(customer=customer, customer_email="a@example.com")


def test_a_session_expires_by_itself_after_a_day(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    session = shop.open(expires_at=START + HOUR)
    sandbox.advance_to(START + HOUR - 1)
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"
    sandbox.advance_to(START + HOUR)
    gone = client.v1.checkout.sessions.retrieve(session.id)
    assert (gone.status, gone.url) == ("expired", None)
    assert event_types(client)[-1] == "checkout.session.expired"


def test_a_session_is_expired_on_request_once(client: StripeClient, shop: Shop) -> None:
    session = shop.open()
    assert client.v1.checkout.sessions.expire(session.id).status == "expired"
    with pytest.raises(InvalidRequestError, match="status of `expired`"):
        client.v1.checkout.sessions.expire(session.id)


def test_sessions_are_found_by_status_and_customer(client: StripeClient, shop: Shop) -> None:
    customer = client.v1.customers.create({"email": "ada@example.com"}).id
    theirs = shop.open(customer=customer)
    other = shop.open()
    client.v1.checkout.sessions.expire(other.id)
    sessions = client.v1.checkout.sessions
    assert [s.id for s in sessions.list({"customer": customer}).data] == [theirs.id]
    assert [s.id for s in sessions.list({"status": "expired"}).data] == [other.id]
    assert [s.id for s in sessions.list().data] == [other.id, theirs.id]
    by_mail = sessions.list({"customer_details": {"email": "ada@example.com"}})
    assert [s.id for s in by_mail.data] == [theirs.id]


def test_lines_are_sent_again_whole(client: StripeClient, shop: Shop) -> None:
    session = shop.open(
        line_items=[{"price": shop.monthly, "quantity": 1}, {"price": shop.once, "quantity": 1}]
    )
    kept, gone = client.v1.checkout.sessions.line_items.list(session.id).data
    changed = client.v1.checkout.sessions.update(
        session.id,
        {
            "line_items": [{"price": shop.metered}, {"id": kept.id, "quantity": 4}],
            "metadata": {"cart": "2"},
        },
    )
    assert changed.amount_total == 10000
    assert changed.metadata is not None
    assert changed.metadata["cart"] == "2"
    now = client.v1.checkout.sessions.line_items.list(session.id).data
    assert [line.description for line in now] == ["Messages", "Pro plan"]
    assert now[1].id == kept.id
    with pytest.raises(InvalidRequestError) as refused:
        client.v1.checkout.sessions.update(session.id, {"line_items": [{"id": gone.id}]})
    assert refused.value.param == "line_items[0][id]"
