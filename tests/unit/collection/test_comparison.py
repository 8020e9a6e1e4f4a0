"""From what is held to what should be, in numbered steps, and nothing where both agree."""

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.unit.collection.examples import NAMES, list_of, mirrored

from tallygate.collection import compare
from tallygate.collection.held import (
    Asked,
    FoundCode,
    FoundCoupon,
    FoundPrice,
    FoundProduct,
    HeldCoupon,
    HeldMeter,
    HeldPrice,
    HeldProduct,
    Holdings,
    PriceList,
)
from tallygate.collection.steps import CreateCode, CreateCoupon, CreatePrice, SwitchCode

CALLS = HeldPrice("calls", "prod", "month", {"usd": Asked(Decimal(5))}, "calls")
BASE = HeldPrice("base", "prod", "month", {"usd": Asked(Decimal(2900))})
EARLY = HeldCoupon("EARLY", "forever", Decimal(30), code="EARLY")
WANTED = PriceList(
    products=(HeldProduct("prod", "Pro"),),
    meters=(HeldMeter("calls", "calls beyond the allowance"),),
    prices=(BASE, CALLS),
    coupons=(EARLY,),
)


def said(wanted: PriceList, found: Holdings) -> list[str]:
    return [str(step) for step in compare(wanted, found).steps]


@pytest.mark.parametrize("example", NAMES)
def test_what_agrees_needs_no_step(example: str) -> None:
    wanted = list_of(example)
    difference = compare(wanted, mirrored(wanted))
    assert (difference.steps, difference.obstacles) == ((), ())


def test_an_empty_account_gets_everything_in_order() -> None:
    assert said(WANTED, Holdings()) == [
        "Create the product prod, named 'Pro'.",
        "Create the meter calls: calls beyond the allowance.",
        "Create the price base: 29.00 USD a month.",
        "Create the price calls: 0.05 USD a unit.",
        "Create the coupon EARLY: 30 % off, forever.",
        "Create the promotion code EARLY.",
    ]


def with_base(found: FoundPrice, *more: FoundPrice) -> Holdings:
    there = mirrored(WANTED)
    return replace(there, prices=(found, there.prices[1], *more))


DEARER = replace(BASE, amounts={"usd": Asked(Decimal(3100))})
OLD = FoundPrice("price_1", "base", DEARER, made_for="base")


def test_a_price_is_followed_by_another() -> None:
    assert said(WANTED, with_base(OLD)) == [
        "Replace the price base: 31.00 USD a month -> 29.00 USD a month. The key moves.",
        "Archive the former price base (price_1).",
    ]


def test_a_price_that_lost_its_key_is_archived_later() -> None:
    there = FoundPrice("price_2", "base", BASE, made_for="base")
    for terms in (DEARER, BASE):  # the same terms too: a second price made by mistake
        lost = replace(OLD, key=None, terms=terms)
        assert said(WANTED, with_base(there, lost)) == ["Archive the former price base (price_1)."]


def test_what_we_did_not_make_stays_in_sale() -> None:
    [step] = compare(WANTED, with_base(replace(OLD, made_for=None))).steps
    assert isinstance(step, CreatePrice)
    assert step.replaces is not None
    foreign = mirrored(replace(WANTED, products=(HeldProduct("prod_other", "Other"),)))
    found = replace(mirrored(WANTED), products=(*mirrored(WANTED).products, *foreign.products))
    assert said(WANTED, found) == [
        "Archive the product prod_other: the catalog needs it no longer."
    ]
    [own, other] = found.products
    assert said(WANTED, replace(found, products=(own, replace(other, ours=False)))) == []


@pytest.mark.parametrize(
    "other",
    [
        replace(BASE, product="prod_other"),
        replace(BASE, every="year"),
        replace(BASE, amounts={"usd": Asked(Decimal(2900)), "eur": Asked(Decimal(2700))}),
        replace(BASE, block=10),
        replace(BASE, meter="calls"),
        replace(BASE, base_unit=Decimal("0.1")),
        None,
    ],
)
def test_each_part_of_a_price_counts(other: HeldPrice | None) -> None:
    first = compare(WANTED, with_base(FoundPrice("price_1", "base", other))).steps[0]
    assert isinstance(first, CreatePrice)


def test_what_was_archived_is_sold_again() -> None:
    found = mirrored(WANTED)
    found = replace(
        found,
        products=(FoundProduct(HeldProduct("prod", "Old"), active=False),),
        meters=(replace(found.meters[0], active=False),),
        prices=(replace(found.prices[0], active=False), found.prices[1]),
    )
    assert said(WANTED, found) == [
        "Rename the product prod: 'Old' -> 'Pro'.",
        "Take the product prod out of the archive.",
        "Let the meter calls count again.",
        "Take the price base out of the archive (price_base).",
    ]


def test_a_made_up_name_is_not_insisted_on() -> None:
    made_up = replace(WANTED, products=(HeldProduct("prod", "Prod", made_up=True),))
    assert said(made_up, mirrored(WANTED)) == []


def test_what_the_catalog_drops_goes_out_of_sale() -> None:
    empty = PriceList((), (), (), ())
    assert said(empty, mirrored(WANTED)) == [
        "Switch the promotion code EARLY off: the catalog has it no longer.",
        "Archive the price base (price_base): the catalog needs it no longer.",
        "Archive the price calls (price_calls): the catalog needs it no longer.",
        "Archive the product prod: the catalog needs it no longer.",
    ]


def test_codes_that_others_made_stay_on() -> None:
    found = mirrored(WANTED)
    theirs = FoundCode("promo_2", "PARTNER", "EARLY", ours=False)
    [coupon] = found.coupons
    found = replace(found, coupons=(replace(coupon, codes=(*coupon.codes, theirs)),))
    steps = compare(replace(WANTED, coupons=()), found).steps
    assert steps == (SwitchCode(coupon.codes[0], on=False),)


def test_a_meter_that_adds_up_cannot_be_used() -> None:
    found = mirrored(WANTED)
    found = replace(found, meters=(replace(found.meters[0], fits=False),), prices=found.prices[:1])
    difference = compare(WANTED, found)
    assert difference.steps == ()
    assert "There is a meter calls (mtr_calls) that does not keep" in difference.obstacles[0]


def test_a_coupon_that_differs_is_an_obstacle() -> None:
    found = mirrored(WANTED)
    other = replace(EARLY, percent_off=Decimal(20), duration=3)
    difference = compare(WANTED, replace(found, coupons=(FoundCoupon(other),), codes=()))
    assert difference.steps == ()
    [obstacle] = difference.obstacles
    assert "EARLY is another one there (duration, percent_off)" in obstacle


def test_a_code_belongs_to_one_coupon() -> None:
    other = FoundCode("promo_1", "early", "OTHER", ours=False)
    difference = compare(WANTED, replace(mirrored(WANTED), coupons=(), codes=(other,)))
    assert [type(step) for step in difference.steps] == [CreateCoupon]
    assert "The promotion code EARLY belongs to the coupon OTHER" in difference.obstacles[0]


def test_a_code_is_switched_on_again_rather_than_made_twice() -> None:
    found = mirrored(WANTED)
    off = replace(found.codes[0], active=False)
    [step] = compare(WANTED, replace(found, coupons=(FoundCoupon(EARLY, (off,)),), codes=())).steps
    assert step == SwitchCode(off, on=True)
    [step] = compare(WANTED, replace(found, coupons=(FoundCoupon(EARLY),), codes=())).steps
    assert step == CreateCode("EARLY", "EARLY")
    spent = FoundCoupon(EARLY, (off,), valid=False)
    assert compare(WANTED, replace(found, coupons=(spent,), codes=())).steps == ()
