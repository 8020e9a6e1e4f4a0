"""Discounts and taxes, against amounts stated by hand."""

from typing import Any

import pytest
from stripe import Subscription
from tests.sandbox.invoices.conftest import DAY, HOUR, Shop


def coupon(shop: Shop, **terms: Any) -> str:
    params: Any = {"duration": "forever", **terms}
    return shop.client.v1.coupons.create(params).id


def test_a_lines_own_discount_lowers_the_subtotal(shop: Shop) -> None:
    # As recorded: half off an item of 1900.
    customer = shop.customer().id
    half = coupon(shop, percent_off=50)
    shop.item(customer, 1900, discounts=[{"coupon": half}])
    paid = shop.paid(customer)
    assert (paid.subtotal, paid.total, paid.amount_paid) == (950, 950, 950)
    (line,) = paid.lines.data
    assert (line.amount, line.subtotal) == (1900, 1900)
    (off,) = line.discount_amounts or []
    assert (off.amount, [off.discount]) == (950, line.discounts)
    (total_off,) = paid.total_discount_amounts or []
    (pretax,) = paid.total_pretax_credit_amounts or []
    assert (total_off.amount, pretax.amount, pretax.type) == (950, 950, "discount")


def test_an_invoices_discount_lowers_the_total_alone(shop: Shop) -> None:
    # As recorded: 10 % off 2500.
    customer = shop.customer().id
    ten = coupon(shop, percent_off=10)
    invoice = shop.draft(customer, 2500, discounts=[{"coupon": ten}])
    assert (invoice.subtotal, invoice.total, invoice.total_excluding_tax) == (2500, 2250, 2250)
    assert invoice.subtotal_excluding_tax == 2500
    (line,) = invoice.lines.data
    assert [off.amount for off in line.discount_amounts or []] == [250]
    assert line.discounts == []


def test_discounts_apply_in_their_order(shop: Shop) -> None:
    customer = shop.customer().id
    half, three = coupon(shop, percent_off=50), coupon(shop, amount_off=300, currency="usd")
    ways = [[{"coupon": half}, {"coupon": three}], [{"coupon": three}, {"coupon": half}]]
    totals = [shop.draft(customer, 1000, discounts=way).total for way in ways]
    assert totals == [200, 350]


def test_a_lines_discount_comes_before_the_invoices(shop: Shop) -> None:
    customer = shop.customer().id
    half, hundred = coupon(shop, percent_off=50), coupon(shop, amount_off=100, currency="usd")
    shop.item(customer, 1000, discounts=[{"coupon": half}])
    shop.item(customer, 500)
    invoice = shop.draft(customer, discounts=[{"coupon": hundred}])
    assert (invoice.subtotal, invoice.total) == (1000, 900)
    parts = [[off.amount for off in line.discount_amounts or []] for line in invoice.lines.data]
    assert parts == [[500, 50], [50]]


@pytest.mark.parametrize(
    ("amounts", "terms", "parts"),
    [
        ((5, 5, 5), {"percent_off": 10}, [1, 1, 0]),
        ((100, 100, 100), {"amount_off": 100, "currency": "usd"}, [34, 33, 33]),
        ((100, 50), {"amount_off": 1000, "currency": "usd"}, [100, 50]),
        ((100,), {"amount_off": 10, "currency": "eur"}, []),
    ],
)
def test_the_parts_of_a_discount_sum(
    shop: Shop, amounts: tuple[int, ...], terms: dict[str, Any], parts: list[int]
) -> None:
    customer = shop.customer().id
    invoice = shop.draft(customer, *amounts, discounts=[{"coupon": coupon(shop, **terms)}])
    found = [off.amount for line in invoice.lines.data for off in line.discount_amounts or []]
    assert found == parts
    assert invoice.total == sum(amounts) - sum(parts)


def test_credits_and_undiscountable_lines_keep_their_amount(shop: Shop) -> None:
    customer = shop.customer().id
    half = coupon(shop, percent_off=50)
    shop.item(customer, -400)
    shop.item(customer, 600, discountable=False)
    shop.item(customer, 1000)
    assert shop.draft(customer, discounts=[{"coupon": half}]).total == 700


def test_a_coupon_reaches_its_products_only(shop: Shop) -> None:
    customer = shop.customer().id
    prices = [
        shop.client.v1.prices.create(
            {"currency": "usd", "unit_amount": 1000, "product_data": {"name": name}}
        )
        for name in ("Base", "Overage")
    ]
    base = coupon(shop, percent_off=50, applies_to={"products": [str(prices[0].product)]})
    for price in prices:
        shop.item_of(customer, pricing={"price": price.id})
    assert shop.draft(customer, discounts=[{"coupon": base}]).total == 1500


def test_a_discount_is_changed_and_cleared_on_a_draft(shop: Shop) -> None:
    customer = shop.customer().id
    invoice = shop.draft(customer, 1000)
    ten = coupon(shop, percent_off=10)
    update = shop.client.v1.invoices.update
    assert update(invoice.id, {"discounts": [{"coupon": ten}]}).total == 900
    assert update(invoice.id, {"discounts": ""}).total == 1000


def tax_rate(shop: Shop, percentage: float, *, inclusive: bool) -> str:
    return shop.client.v1.tax_rates.create(
        {"display_name": "VAT", "inclusive": inclusive, "percentage": percentage}
    ).id


def test_exclusive_tax_comes_on_top_of_what_discounts_leave(shop: Shop) -> None:
    customer = shop.customer().id
    vat = tax_rate(shop, 19, inclusive=False)
    half = coupon(shop, percent_off=50)
    invoice = shop.draft(
        customer, 999, 1001, default_tax_rates=[vat], discounts=[{"coupon": half}]
    )
    # 999 and 1001 leave 499 (the sum of the parts is 1000) and 501, taxed 94.81 and 95.19.
    assert (invoice.subtotal, invoice.total_excluding_tax, invoice.total) == (2000, 1000, 1190)
    (tax,) = invoice.total_taxes or []
    assert (tax.amount, tax.taxable_amount, tax.tax_behavior) == (190, 1000, "exclusive")
    assert [rate.id for rate in invoice.default_tax_rates] == [vat]


def test_inclusive_tax_is_inside_the_amount(shop: Shop) -> None:
    customer = shop.customer().id
    vat = tax_rate(shop, 19, inclusive=True)
    shop.item(customer, 1190, tax_rates=[vat])
    invoice = shop.draft(customer)
    assert (invoice.total, invoice.total_excluding_tax) == (1190, 1000)
    (tax,) = invoice.total_taxes or []
    assert (tax.amount, tax.taxable_amount, tax.tax_behavior) == (190, 1000, "inclusive")


def test_automatic_tax_of_an_account_without_registrations_is_none(shop: Shop) -> None:
    customer = shop.customer(address={"country": "CH"}).id
    invoice = shop.draft(customer, 1000, automatic_tax={"enabled": True})
    assert (invoice.automatic_tax.enabled, invoice.automatic_tax.status) == (True, "complete")
    assert (invoice.total, invoice.total_taxes) == (1000, [])


def test_a_currency_without_cents_has_its_own_least_charge(shop: Shop) -> None:
    customer = shop.customer().id
    for amount, due in ((49, 0), (500, 549)):
        shop.item_of(customer, amount=amount, currency="jpy")
        draft = shop.draft(customer, currency="jpy")
        assert shop.client.v1.invoices.finalize_invoice(draft.id).amount_due == due


def test_an_invoice_in_another_currency_leaves_the_balance_alone(shop: Shop) -> None:
    customer = shop.customer(balance=-300).id
    shop.draft(customer, 100)
    for amount in (1000, 20):
        shop.item_of(customer, amount=amount, currency="eur")
        draft = shop.draft(customer, currency="eur")
        opened = shop.client.v1.invoices.finalize_invoice(draft.id)
        assert opened.amount_due == (0 if amount == 20 else 1000)
        assert (opened.starting_balance, opened.ending_balance) == (0, 0)
    assert shop.client.v1.customers.retrieve(customer).balance == -300


def test_discounts_come_before_credit_and_credit_before_tax(shop: Shop) -> None:
    customer = shop.customer("pm_card_chargeCustomerFail").id
    v1 = shop.client.v1
    meter = v1.billing.meters.create(
        {
            "display_name": "Calls",
            "event_name": "calls",
            "default_aggregation": {"formula": "sum"},
        }
    )
    price = v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 2,
            "recurring": {"interval": "month", "usage_type": "metered", "meter": meter.id},
            "product_data": {"name": "Calls"},
        }
    )
    v1.billing.credit_grants.create(
        {
            "customer": customer,
            "category": "paid",
            "amount": {"type": "monetary", "monetary": {"currency": "usd", "value": 300}},
            "applicability_config": {"scope": {"price_type": "metered"}},
        }
    )
    v1.subscriptions.create(
        {
            "customer": customer,
            "items": [{"price": price.id}],
            "discounts": [{"coupon": coupon(shop, percent_off=50)}],
            "default_tax_rates": [tax_rate(shop, 20, inclusive=False)],
        }
    )
    shop.item(customer, 2500)
    v1.billing.meter_events.create(
        {"event_name": "calls", "payload": {"stripe_customer_id": customer, "value": "500"}}
    )
    shop.after(31 * DAY + 2 * HOUR)
    (invoice,) = v1.invoices.list({"customer": customer}).data
    # 3500 halved is 1750; 300 of the 500 for calls are prepaid; a fifth of 1450 is tax.
    assert (invoice.subtotal, invoice.total_excluding_tax, invoice.total) == (3500, 1450, 1740)
    credited = [(c.type, c.amount) for c in invoice.total_pretax_credit_amounts or []]
    assert credited == [("discount", 1750), ("credit_balance_transaction", 300)]

    def prepaid() -> int:
        summary = v1.billing.credit_balance_summary.retrieve(
            {
                "customer": customer,
                "filter": {
                    "type": "applicability_scope",
                    "applicability_scope": {"price_type": "metered"},
                },
            }
        )
        money = summary.balances[0].available_balance.monetary
        assert money is not None
        return money.value

    assert prepaid() == 0
    v1.invoices.void_invoice(invoice.id)
    assert prepaid() == 300
    shown = v1.invoices.retrieve(
        invoice.id,
        {
            "expand": [
                "parent.subscription_details.subscription",
                "total_pretax_credit_amounts.credit_balance_transaction",
                "discounts.source.coupon",
            ]
        },
    )
    assert shown.parent is not None
    assert shown.parent.subscription_details is not None
    assert isinstance(shown.parent.subscription_details.subscription, Subscription)
