"""Automatic tax: what an account collects where its customers are."""

from typing import Any
from urllib.error import HTTPError

import pytest
from stripe import InvalidRequestError
from tests.sandbox.subscriptions.shop import FEBRUARY, HOUR, Shop, refused

from tallygate_sandbox.testing import RunningSandbox

BERN = {"country": "CH"}
ON = {"enabled": True}
RATES = {"CH": "8.1", "DE": "19", "US-NY": "8.875", "US": "6", "AE": "0"}


@pytest.fixture
def shop(client: Any, sandbox: RunningSandbox) -> Shop:
    sandbox.control("settings/taxes", {"rates": RATES})
    return Shop(client, sandbox)


def draft(shop: Shop, customer: Any, *items: dict[str, Any], **more: Any) -> Any:
    made = shop.client.v1.invoices.create(
        {"customer": customer.id, "automatic_tax": ON, "currency": "usd", **more}
    )
    for item in items:
        shop.client.v1.invoice_items.create({"customer": customer.id, "invoice": made.id, **item})
    return shop.client.v1.invoices.retrieve(made.id)


def tax_of(invoice: Any) -> list[tuple[int, int, str, str]]:
    return [
        (t.amount, t.taxable_amount, t.tax_behavior, t.taxability_reason)
        for t in invoice.total_taxes
    ]


def test_tax_comes_on_top_or_is_inside_as_each_price_says(shop: Shop) -> None:
    params = {"currency": "usd", "unit_amount": 1081, "product_data": {"name": "Server"}}
    inside = shop.client.v1.prices.create({**params, "tax_behavior": "inclusive"})
    made = draft(
        shop,
        shop.customer(address=BERN),
        {"pricing": {"price": inside.id}},
        {"amount": 333},
        {"amount": 1000, "tax_behavior": "inclusive"},
    )
    # 1081 holds 81; 1000 holds 74.93; 333 gets 26.973 on top. Each line is rounded for itself.
    assert tax_of(made) == [
        (27, 333, "exclusive", "standard_rated"),
        (156, 1925, "inclusive", "standard_rated"),
    ] or tax_of(made) == [
        (156, 1925, "inclusive", "standard_rated"),
        (27, 333, "exclusive", "standard_rated"),
    ]
    assert (made.subtotal, made.total) == (2414, 2441)
    assert made.total_excluding_tax == 2258
    assert made.automatic_tax.to_dict() == {
        "disabled_reason": None,
        "enabled": True,
        "liability": {"type": "self"},
        "provider": "stripe",
        "status": "complete",
    }
    rate = shop.client.v1.tax_rates.retrieve(made.total_taxes[0].tax_rate_details.tax_rate)
    assert (rate.percentage, rate.country, rate.active) == (8.1, "CH", False)


def test_a_price_that_does_not_say_is_taxed_as_the_account_wants(shop: Shop) -> None:
    customer = shop.customer(address=BERN)
    assert draft(shop, customer, {"amount": 1081}).total == 1169  # 87.561 on top
    shop.sandbox.control("settings/taxes", {"behavior": "inclusive"})
    made = draft(shop, customer, {"amount": 1081})
    assert (made.total, tax_of(made)[0][:2]) == (1081, (81, 1000))


@pytest.mark.parametrize(
    ("customer", "tax", "reason"),
    [
        ({"address": {"country": "DE"}}, 190, "standard_rated"),
        ({"address": {"country": "AE"}}, 0, "zero_rated"),
        ({"address": {"country": "NO"}}, None, None),
        ({"address": {"country": "US", "state": "NY", "postal_code": "10001"}}, 89, None),
        ({"address": {"country": "US", "state": "OR", "postal_code": "97712"}}, 60, None),
        ({"address": BERN, "tax_exempt": "exempt"}, 0, "customer_exempt"),
        ({"address": BERN, "tax_exempt": "reverse"}, 0, "reverse_charge"),
        (
            {"address": BERN, "shipping": {"name": "Ada", "address": {"country": "DE"}}},
            190,
            "standard_rated",
        ),
        ({"tax": {"ip_address": "203.0.113.7"}, "card": None}, 81, "standard_rated"),
    ],
)
def test_the_place_decides(
    shop: Shop, customer: dict[str, Any], tax: int | None, reason: str | None
) -> None:
    shop.sandbox.control("settings/taxes", {"ip_countries": {"203.0.113.7": "CH"}})
    made = draft(shop, shop.customer(**customer), {"amount": 1000})
    assert made.automatic_tax.status == "complete"
    assert [one[0] for one in tax_of(made)] == ([] if tax is None else [tax])
    assert reason is None or tax_of(made)[0][3] == reason
    assert made.total == 1000 + (tax or 0)


@pytest.mark.parametrize(
    ("card", "address", "says"),
    [
        ("pm_card_visa", None, "unrecognized_location"),  # American, and no postal code
        ("pm_card_ch", None, "supported"),
        (None, {"country": "US", "state": "NY"}, "unrecognized_location"),
        (None, {"country": "CA", "state": "ON"}, "not_collecting"),
        (None, {"city": "Bern"}, "unrecognized_location"),
    ],
)
def test_a_customer_says_whether_tax_can_be_calculated(
    shop: Shop, card: str | None, address: Any, says: str
) -> None:
    customer = shop.customer(card, **({"address": address} if address else {}))
    found = shop.client.v1.customers.retrieve(customer.id, {"expand": ["tax"]})
    assert found.tax.automatic_tax == says
    assert (found.tax.location is None) == (says == "unrecognized_location")


def test_an_invoice_without_a_location_is_not_finalized(shop: Shop) -> None:
    customer = shop.customer(None)
    made = draft(shop, customer, {"amount": 1000})
    assert (made.automatic_tax.status, made.total) == ("requires_location_inputs", 1000)
    with pytest.raises(InvalidRequestError) as error:
        shop.client.v1.invoices.finalize_invoice(made.id)
    assert refused(error.value)[:2] == (400, "customer_tax_location_invalid")
    kept = shop.client.v1.invoices.retrieve(made.id)
    assert kept.status == "draft"
    assert kept.last_finalization_error.code == "customer_tax_location_invalid"
    assert len(shop.events("invoice.finalization_failed")) == 1
    shop.client.v1.customers.update(customer.id, {"address": BERN})
    opened = shop.client.v1.invoices.finalize_invoice(made.id)
    assert (opened.total, opened.automatic_tax.status) == (1081, "complete")


def test_one_that_advances_by_itself_stays_a_draft_and_says_why(shop: Shop) -> None:
    made = draft(shop, shop.customer(address=BERN), {"amount": 1000}, auto_advance=True)
    shop.sandbox.control("settings/taxes", {"fails": True})
    shop.advance(made.created + 2 * HOUR)
    failed = shop.client.v1.invoices.retrieve(made.id)
    assert (failed.status, failed.auto_advance) == ("draft", False)
    assert failed.automatic_tax.status == "failed"
    assert failed.last_finalization_error.code == "taxes_calculation_failed"
    assert len(shop.events("invoice.finalization_failed")) == 1


def test_a_subscription_is_taxed_at_each_renewal(shop: Shop) -> None:
    price = shop.price(1000, tax_behavior="exclusive")
    calls = shop.metered(amount="10", tax_behavior="inclusive")
    customer = shop.customer(address=BERN)
    shown = shop.client.v1.invoices.create_preview(
        {
            "customer": customer.id,
            "automatic_tax": ON,
            "subscription_details": {"items": [{"price": price.id}]},
        }
    )
    sub = shop.subscribe(customer, price, calls, automatic_tax=ON)
    assert shop.latest(sub).total == 1081 == shown.total
    assert tax_of(shop.latest(sub)) == tax_of(shown) == [(81, 1000, "exclusive", "standard_rated")]
    shop.use(customer.id, 100, sub.created + HOUR)
    shown = shop.client.v1.invoices.create_preview({"subscription": sub.id})
    shop.advance(FEBRUARY + 2 * HOUR)
    # 1000 by use hold 74.93 of tax.
    assert shop.latest(sub).total == 2081 == shown.total
    assert sorted(tax_of(shop.latest(sub)), reverse=True) == [
        (81, 1000, "exclusive", "standard_rated"),
        (75, 925, "inclusive", "standard_rated"),
    ]


def test_an_item_of_a_preview_says_how_it_is_taxed(shop: Shop) -> None:
    customer = shop.customer(address=BERN)
    item = {"amount": 1000, "currency": "usd", "tax_behavior": "inclusive"}
    shown = shop.client.v1.invoices.create_preview(
        {
            "customer": customer.id,
            "automatic_tax": {"enabled": True, "liability": {"type": "self"}},
            "subscription_details": {"items": [{"price": shop.price(1000).id}]},
            "invoice_items": [item],
        }
    )
    assert shown.total == 2081


def test_no_subscription_begins_taxed_without_a_location(shop: Shop) -> None:
    customer, price = shop.customer(), shop.price(1000)
    with pytest.raises(InvalidRequestError) as error:
        shop.subscribe(customer, price, automatic_tax=ON)
    assert refused(error.value)[:2] == (400, "customer_tax_location_invalid")
    details = {"items": [{"price": price.id}]}
    shown = shop.client.v1.invoices.create_preview(
        {"customer": customer.id, "automatic_tax": ON, "subscription_details": details}
    )
    assert (shown.automatic_tax.status, shown.total) == ("requires_location_inputs", 1000)
    sub = shop.subscribe(customer, price)
    with pytest.raises(InvalidRequestError):
        shop.update(sub, automatic_tax=ON)
    assert shop.read(sub).automatic_tax.enabled is False


@pytest.mark.parametrize("scheduled", [False, True])
def test_a_renewal_without_a_location_goes_on_untaxed(shop: Shop, *, scheduled: bool) -> None:
    customer = shop.customer(address=BERN)
    sub = shop.subscribe(customer, shop.price(1000), automatic_tax=ON)
    if scheduled:
        shop.client.v1.subscription_schedules.create({"from_subscription": sub.id})
    shop.client.v1.customers.update(customer.id, {"address": ""})
    shop.advance(FEBRUARY + 2 * HOUR)
    invoice = shop.latest(sub)
    assert (invoice.status, invoice.total, invoice.total_taxes) == ("paid", 1000, [])
    tax = invoice.automatic_tax
    assert (tax.enabled, tax.disabled_reason) == (False, "finalization_requires_location_inputs")
    tax = shop.read(sub).automatic_tax
    assert (tax.enabled, tax.disabled_reason) == (False, "requires_location_inputs")
    assert not shop.events("invoice.finalization_failed")
    told = shop.events("customer.subscription.updated")[-1].data
    assert told.object.automatic_tax.enabled is False
    shop.client.v1.customers.update(customer.id, {"address": BERN})
    again = shop.update(sub, automatic_tax=ON)
    assert (again.automatic_tax.enabled, again.automatic_tax.disabled_reason) == (True, None)


def test_a_renewal_whose_tax_fails_goes_on_and_is_taxed_the_next_time(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(address=BERN), shop.price(1000), automatic_tax=ON)
    shop.sandbox.control("settings/taxes", {"fails": True})
    shop.advance(FEBRUARY + 2 * HOUR)
    assert shop.latest(sub).total == 1000
    assert shop.latest(sub).automatic_tax.disabled_reason == "finalization_system_error"
    assert shop.read(sub).automatic_tax.enabled
    shop.sandbox.control("settings/taxes", {"fails": None})
    shop.advance(FEBRUARY + 29 * 86_400)
    assert shop.latest(sub).total == 1081


def test_how_a_price_is_taxed_is_fixed_once_it_is_said(shop: Shop) -> None:
    price = shop.price(1000)
    said = shop.client.v1.prices.update(price.id, {"tax_behavior": "exclusive"})
    assert said.tax_behavior == "exclusive"
    with pytest.raises(InvalidRequestError) as error:
        shop.client.v1.prices.update(price.id, {"tax_behavior": "inclusive"})
    assert refused(error.value)[2] == "tax_behavior"


@pytest.mark.parametrize(
    "wrong",
    [
        {"rates": {"Germany": "19"}},
        {"rates": {"DE": "nineteen"}},
        {"rates": {"DE": 19}},
        {"rates": ["DE"]},
        {"behavior": "unspecified"},
        {"fails": "yes"},
        {"rate": {}},
    ],
)
def test_settings_that_are_none_are_refused(shop: Shop, wrong: dict[str, Any]) -> None:
    with pytest.raises(HTTPError) as answer:
        shop.sandbox.control("settings/taxes", wrong)
    assert answer.value.code == 400
    answer.value.close()
    assert shop.sandbox.control("settings/taxes") == {"rates": RATES}
