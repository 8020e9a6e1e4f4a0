"""Products, prices and what makes them cheaper, as the official SDK sees them."""

from decimal import Decimal

import pytest
import stripe
from stripe import StripeClient

from tallygate_sandbox.testing import RunningSandbox

START = 1_767_225_600


@pytest.fixture
def product(client: StripeClient) -> str:
    return client.v1.products.create({"id": "prod_magicbox_starter", "name": "Starter"}).id


def refused(call: object, *args: object) -> stripe.InvalidRequestError:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        call(*args)  # type: ignore[operator]  # a method of the SDK
    return caught.value


def test_a_products_id_may_be_chosen_once(client: StripeClient, product: str) -> None:
    assert product == "prod_magicbox_starter"
    again = refused(client.v1.products.create, {"id": product, "name": "Starter"})
    assert (again.http_status, again.code, again.param) == (400, "resource_already_exists", "id")


def test_a_product_with_prices_stays(client: StripeClient, product: str) -> None:
    client.v1.prices.create({"product": product, "currency": "eur", "unit_amount": 9900})
    assert refused(client.v1.products.delete, product).http_status == 400
    bare = client.v1.products.create({"name": "Bare"}).id
    assert client.v1.products.delete(bare).deleted
    assert refused(client.v1.products.retrieve, bare).code == "resource_missing"


def test_amounts_are_integers_where_they_can_be(client: StripeClient, product: str) -> None:
    whole = client.v1.prices.create(
        {"product": product, "currency": "eur", "unit_amount_decimal": Decimal("500.0")}
    )
    assert (whole.unit_amount, whole.unit_amount_decimal) == (500, Decimal(500))
    fine = client.v1.prices.create(
        {"product": product, "currency": "usd", "unit_amount_decimal": Decimal("2.3")}
    )
    assert (fine.unit_amount, fine.unit_amount_decimal) == (None, Decimal("2.3"))


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({}, "parameter_missing", "unit_amount"),
        ({"unit_amount": -1}, None, "unit_amount"),
        (
            {"unit_amount": 1, "unit_amount_decimal": "1"},
            "parameters_exclusive",
            "unit_amount",
        ),
        ({"unit_amount_decimal": "0.0000000000001"}, None, "unit_amount"),
        ({"billing_scheme": "tiered", "tiers_mode": "volume"}, "parameter_missing", "tiers"),
        (
            {"unit_amount": 1, "recurring": {"interval": "month", "usage_type": "metered"}},
            "parameter_missing",
            "recurring[meter]",
        ),
        (
            {"unit_amount": 1, "recurring": {"interval": "year", "interval_count": 4}},
            None,
            "recurring[interval_count]",
        ),
        (
            {
                "billing_scheme": "tiered",
                "tiers_mode": "graduated",
                "tiers": [{"up_to": 5, "unit_amount": 10}, {"up_to": 4, "unit_amount": 1}],
            },
            None,
            "tiers",
        ),
    ],
)
def test_a_price_that_stripe_would_refuse(
    client: StripeClient, product: str, params: dict[str, object], code: str, param: str
) -> None:
    error = refused(client.v1.prices.create, {"product": product, "currency": "usd"} | params)
    assert (error.http_status, error.code, error.param) == (400, code, param)


def test_tiers_and_other_currencies_show_when_asked_for(
    client: StripeClient, product: str
) -> None:
    price = client.v1.prices.create(
        {
            "product": product,
            "currency": "usd",
            "billing_scheme": "tiered",
            "tiers_mode": "graduated",
            "tiers": [{"up_to": 5, "unit_amount": 0}, {"up_to": "inf", "unit_amount": 500}],
            "currency_options": {
                "eur": {
                    "tiers": [
                        {"up_to": 5, "unit_amount": 0},
                        {"up_to": "inf", "unit_amount": 450},
                    ]
                }
            },
        }
    )
    assert "tiers" not in price
    shown = client.v1.prices.retrieve(price.id, {"expand": ["tiers", "currency_options"]})
    assert [(t.up_to, t.unit_amount) for t in shown.tiers or []] == [(5, 0), (None, 500)]
    assert shown.currency_options is not None
    assert sorted(shown.currency_options.to_dict()) == ["eur", "usd"]


def test_a_lookup_key_moves_when_it_is_transferred(client: StripeClient, product: str) -> None:
    def create(amount: int, *, transfer: bool) -> stripe.Price:
        return client.v1.prices.create(
            {
                "product": product,
                "currency": "usd",
                "unit_amount": amount,
                "lookup_key": "starter_monthly",
                "transfer_lookup_key": transfer,
            }
        )

    old = create(2900, transfer=False)
    with pytest.raises(stripe.InvalidRequestError) as taken:
        create(3100, transfer=False)
    assert taken.value.param == "lookup_key"
    new = create(3100, transfer=True)
    found = client.v1.prices.list({"lookup_keys": ["starter_monthly"]}).data
    assert [price.id for price in found] == [new.id]
    assert client.v1.prices.retrieve(old.id).lookup_key is None


def test_a_coupon_is_valid_until_it_is_not(client: StripeClient, sandbox: RunningSandbox) -> None:
    client.v1.coupons.create(
        {"id": "LAUNCH", "percent_off": 20, "duration": "once", "redeem_by": START + 3600}
    )
    assert client.v1.coupons.retrieve("LAUNCH").valid
    sandbox.advance_to(START + 3600)
    assert not client.v1.coupons.retrieve("LAUNCH").valid


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({}, "percent_off"),
        ({"percent_off": 10, "amount_off": 5, "currency": "usd"}, "percent_off"),
        ({"percent_off": 101}, "percent_off"),
        ({"amount_off": 5}, "currency"),
        ({"percent_off": 5, "duration": "repeating"}, "duration_in_months"),
        ({"percent_off": 5, "redeem_by": START - 1}, "redeem_by"),
    ],
)
def test_a_coupon_that_stripe_would_refuse(
    client: StripeClient, params: dict[str, object], param: str
) -> None:
    assert refused(client.v1.coupons.create, params).param == param


def test_promotion_codes_are_one_regardless_of_case(client: StripeClient) -> None:
    coupon = client.v1.coupons.create({"percent_off": 30, "duration": "forever"}).id
    made = client.v1.promotion_codes.create(
        {"code": "EarlyBird30", "promotion": {"type": "coupon", "coupon": coupon}}
    )

    def again() -> stripe.PromotionCode:
        return client.v1.promotion_codes.create(
            {"code": "EARLYBIRD30", "promotion": {"type": "coupon", "coupon": coupon}}
        )

    assert refused(again).param == "code"
    assert [c.id for c in client.v1.promotion_codes.list({"code": "earlybird30"}).data] == [
        made.id
    ]
    client.v1.promotion_codes.update(made.id, {"active": False})
    assert again().active


def test_products_and_prices_are_found_by_a_search(client: StripeClient, product: str) -> None:
    price = client.v1.prices.create(
        {"product": product, "currency": "eur", "unit_amount": 1, "lookup_key": "vm_hours"}
    )
    other = client.v1.prices.create({"product": product, "currency": "usd", "unit_amount": 1})
    assert [p.id for p in client.v1.products.search({"query": "name:'Starter'"}).data] == [product]
    found = client.v1.prices.search({"query": "lookup_key:'vm_hours'"}).data
    assert [p.id for p in found] == [price.id]
    assert [p.id for p in client.v1.prices.search({"query": "-currency:'eur'"}).data] == [other.id]
