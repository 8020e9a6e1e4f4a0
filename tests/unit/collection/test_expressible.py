"""What a provider would charge otherwise is rated here, and a sentence says why."""

from decimal import Decimal

import pytest
from tests.unit.collection.examples import held_in, price

from tallygate.catalog import read_catalog
from tallygate.collection import meter_event
from tallygate.collection.held import Asked, HeldTier

HEAD = """
name: shop
currency: {currency}
meters:
  hours: {{event: h, value: n, aggregation: sum}}
  things: {{event: t, value: n, aggregation: sum, round: {{to: "1"}}}}
  tens: {{event: t, value: n, aggregation: sum, round: {{to: "10"}}}}
plans:
  pro:
    name: Pro
    prices:
"""


def shop(*prices: str, currency: str = "usd", rest: str = "") -> str:
    return HEAD.format(currency=currency) + "".join(f"      - {one}\n" for one in prices) + rest


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ('meter: things, per_unit: "1.00", minimum: "10.00"', "it has a minimum or a maximum"),
        ('meter: things, per_unit: "1.00", maximum: "10.00"', "it has a minimum or a maximum"),
        (
            'meter: things, included: "0.5", per_unit: "1.00"',
            "its allowance of 0.5 is no whole number",
        ),
        (
            'meter: things, package: {size: "2.5", price: "1.00"}',
            "its package of 2.5 is no whole number",
        ),
        (
            'meter: tens, graduated: [{up_to: 15, unit: "1"}, {unit: "0.50"}]',
            "its tier of 15 is no multiple of 10",
        ),
        (
            'every: month, graduated: [{up_to: "1.5", unit: "1"}, {unit: "2"}]',
            "its tier of 1.5 is no whole number",
        ),
        (
            'meter: hours, package: {size: 1000000000, price: "1.00"}',
            "its package of 1000000000 has more than 15 digits in base units",
        ),
        (
            'meter: hours, graduated: [{up_to: 5, unit: "2.00"}, {unit: "1.00"}]',
            "two or more tiers have rates below the minor unit, each rounded by itself",
        ),
        (
            'meter: things, volume: [{up_to: 5, unit: "2", flat: "1"}, {unit: "1"}]',
            "its first tier has a fee, which a provider may charge without usage",
        ),
        (
            'every: month, graduated: [{up_to: 5, flat: "1"}, {unit: "1"}]',
            "its first tier has a fee, which a provider may charge without usage",
        ),
    ],
)
def test_what_cannot_be_held_is_rated_here(written: str, why: str) -> None:
    held = held_in(shop(f"{{key: odd, {written}}}"))
    assert held.notes == (f"odd is rated here and billed as an invoice item: {why}.",)
    assert (held.prices, held.meters) == ((), ())
    assert [product.id for product in held.products] == ["tallygate_plan_pro"]  # items have it


def test_one_tier_below_the_minor_unit_is_rounded_as_here() -> None:
    """The whole tiers come to whole cents, so that rounding the other is rounding the sum."""
    tiers = '[{up_to: 5, unit: "0.005"}, {up_to: 9, unit: "2.00"}, {unit: "0"}]'
    held = held_in(shop(f"{{key: mixed, meter: things, graduated: {tiers}}}"))
    assert held.notes == ()
    assert price(held, "mixed").amounts["usd"].tiers == (
        HeldTier(5, Decimal("0.5")),
        HeldTier(9, Decimal(200)),
        HeldTier(None, Decimal(0)),
    )


def test_in_volume_one_tier_prices_all_and_is_rounded_alone() -> None:
    tiers = '[{up_to: 20, unit: "0.005"}, {unit: "0.001", flat: "1.50"}]'
    held = held_in(shop(f"{{key: bulk, meter: tens, volume: {tiers}}}"))
    bulk = price(held, "bulk")
    assert (bulk.mode, bulk.base_unit) == ("volume", Decimal(10))
    assert bulk.amounts["usd"].tiers == (
        HeldTier(2, Decimal(5)),  # 0.05 for ten
        HeldTier(None, Decimal(1), Decimal(150)),  # 0.01 for ten, and a fee of 1.50
    )


def test_minor_units_are_those_of_the_currency() -> None:
    amounts = '{jpy: "5", kwd: "0.0125", usd: "0.05"}'
    held = held_in(
        shop(f"{{key: calls, meter: things, per_unit: {amounts}}}", currency="[jpy, kwd, usd]")
    )
    assert price(held, "calls").amounts == {
        "jpy": Asked(Decimal(5)),
        "kwd": Asked(Decimal("12.5")),
        "usd": Asked(Decimal(5)),
    }


def test_the_allowance_of_any_plan_counts() -> None:
    """A key is one price: where one plan's allowance cannot be taken off, it is rated here."""
    twice = """\
  max:
    prices:
      - {key: calls, meter: things, included: "0.5", per_unit: "1.00"}
"""
    held = held_in(shop('{key: calls, meter: things, included: 5, per_unit: "1.00"}', rest=twice))
    assert "its allowance of 0.5" in held.notes[0]
    assert held.prices == ()


def test_an_allowance_is_never_held() -> None:
    with_one = held_in(shop('{key: calls, meter: things, included: 5, per_unit: "1.00"}'))
    without = held_in(shop('{key: calls, meter: things, per_unit: "1.00"}'))
    assert with_one == without


def test_an_event_name_is_the_key_or_a_short_form_of_it() -> None:
    long, longer = "k" * 101, "k" * 102
    assert meter_event("k" * 100) == "k" * 100
    assert len(meter_event(long)) == len(meter_event(longer)) == 100
    assert meter_event(long) != meter_event(longer)


COUPONS = """
coupons:
  BASE: {percent_off: 10, duration: {months: 3}, applies_to: [base]}
  FIVE: {amount_off: {usd: "5.00", eur: "4.50"}, duration: once}
  odd.name: {percent_off: 10, duration: once}
  LATE: {percent_off: 10, duration: once, redeem_by: 2040-01-01T00:00:00Z}
"""


def test_a_limited_coupon_reaches_products() -> None:
    amounts = '{usd: "9.00", eur: "8.00"}'
    base = f"{{key: base, flat: {amounts}, every: month, product: prod_base}}"
    calls = f"{{key: calls, meter: things, per_unit: {amounts}}}"
    held = held_in(shop(base, calls, currency="[usd, eur]", rest=COUPONS))
    limited, five, odd = held.coupons
    assert (limited.products, limited.duration) == (frozenset({"prod_base"}), 3)
    assert (five.products, five.amount_off) == (None, {"usd": 500, "eur": 450})
    assert odd.code is None
    unspelled, late = held.notes
    assert unspelled.startswith("The coupon odd.name has no code that customers could type")
    assert late.endswith("2040-01-01T00:00:00Z, is more than five years ahead.")


def test_a_coupon_that_would_reach_more_is_left_out() -> None:
    base = '{key: base, flat: "9.00", every: month}'
    calls = '{key: calls, meter: things, per_unit: "1.00"}'
    rest = "coupons:\n  BASE: {percent_off: 10, duration: once, applies_to: [base]}\n"
    held = held_in(shop(base, calls, rest=rest))
    assert held.coupons == ()
    assert held.notes[0].startswith(
        "The coupon BASE is left out: it applies to some prices of the product "
        "tallygate_plan_pro, which has calls too;"
    )


def test_a_product_of_several_plans_has_a_made_up_name() -> None:
    text = shop('{key: base, flat: "9.00", every: month}').replace(
        "name: Pro", "name: Pro\n    product: prod_vm_rental"
    )
    second = """\
  max:
    product: prod_vm_rental
    prices: [{key: max_base, flat: "19.00", every: month}]
"""
    [product] = held_in(text + second).products
    assert (product.name, product.made_up) == ("Vm rental", True)
    assert read_catalog(text).plans["pro"].product == "prod_vm_rental"
