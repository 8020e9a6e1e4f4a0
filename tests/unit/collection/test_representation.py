"""How an invoice of ours stands on the provider's."""

from collections.abc import Collection
from dataclasses import replace
from decimal import Decimal

from tests.unit.collection.dealings import (
    BEGUN,
    BOUNDARY,
    FEBRUARY,
    HELD,
    JANUARY,
    collected,
    day,
    invoice,
    line,
    seen_invoice,
    seen_line,
)

from tallygate.catalog.model import Coupon
from tallygate.collection.billed_ahead import with_counts_made_up
from tallygate.collection.progress import occasion_of
from tallygate.collection.representation import (
    MAX_DESCRIPTION,
    Own,
    Put,
    Representation,
    represent,
    represent_alone,
)
from tallygate.collection.totals import Division, RatedHere
from tallygate.core.period import Period
from tallygate.invoicing.model import Invoice
from tallygate.rating.line import Discount, Line

EVERY = frozenset(("basic_m", "pro_m", "seats", "calls"))
FLAT = line("pro_m", "flat", 2900)
SEATS = line("seats", "counted", 600)
CALLS = line("calls", "metered", 250)
GB = line("gb", "metered", 100)


def product_of(_version: int, key: str) -> str | None:
    return f"prod_{key}"


def shown(
    ours: Invoice,
    division: Division | None = None,
    there: Collection[str] = EVERY,
    *,
    prorated: bool = False,
) -> Representation:
    reported = division or Division({"calls": 5})
    return represent(ours, HELD, reported, there, product_of, prorated=prorated)


def test_what_the_provider_bills_by_itself_is_its_own() -> None:
    got = shown(invoice(FLAT, SEATS, CALLS))
    assert got.own == (
        Own("pro_m", "flat", 2900, FEBRUARY),
        Own("seats", "counted", 600, FEBRUARY),
        Own("calls", "metered", 250, JANUARY),
    )
    assert (got.put, got.totals, got.net) == ((), {"calls": 5}, False)


def test_what_it_cannot_hold_is_put_gross_with_its_product() -> None:
    ours = invoice(replace(GB, discounts=(Discount("EARLY", 12),)))
    [put] = shown(ours).put
    assert put == Put(
        f"{occasion_of(ours)}/0", "gb", 100, "gb: 1 charged of 1", JANUARY, "prod_gb", True
    )


def test_usage_that_is_rated_here_is_put_and_its_total_is_said() -> None:
    rated = Division({"calls": 0}, (RatedHere(CALLS, "the plan changes"),))
    got = shown(invoice(CALLS), rated)
    assert ([one.amount for one in got.put], got.own, got.totals) == ([250], (), {"calls": 0})
    unsaid = shown(invoice(CALLS), Division({}))
    assert ([one.amount for one in unsaid.put], unsaid.totals) == ([250], {})


def test_what_the_subscription_there_has_no_item_of_is_put() -> None:
    got = shown(invoice(FLAT, SEATS, CALLS), there={"pro_m"})
    assert [one.key for one in got.own] == ["pro_m"]
    assert ([one.amount for one in got.put], got.totals) == ([600, 250], {})


def test_a_line_of_nothing_is_not_put() -> None:
    assert shown(invoice(replace(GB, amount=0))).put == ()


def test_what_is_not_for_the_period_that_begins_is_put() -> None:
    arrears = replace(SEATS, period=JANUARY)
    assert [one.amount for one in shown(invoice(arrears)).put] == [600]


def test_credits_and_adjustments_are_net_and_say_their_note() -> None:
    credit = line("pro_m", "credit", -1000, note="unused: 10.00 USD is given back")
    late = line("calls", "adjustment", 50, note="late by 1")
    got = shown(invoice(credit, late))
    assert [(one.amount, one.discountable, one.description) for one in got.put] == [
        (-1000, False, "pro_m: unused: 10.00 USD is given back"),
        (50, False, "calls: late by 1"),
    ]


def test_a_line_says_what_it_charges_in_a_sentence_of_bounded_length() -> None:
    seats = line("seats", "counted", 600, note="owed by the second", period=JANUARY)
    gb = replace(GB, quantity=Decimal("2.50"), measured=Decimal(12), unit="GB")
    long = replace(seats, note="x" * 1000)
    said = [one.description for one in shown(invoice(seats, gb, long)).put]
    assert said[:2] == ["seats: owed by the second", "gb: 2.5 charged of 12 GB"]
    assert len(said[2]) == MAX_DESCRIPTION


def test_a_change_that_is_charged_there_is_prorations_net_of_coupons() -> None:
    ours = invoice(
        line("pro_m", "flat", 1945, discounts=(Discount("EARLY", 243),)),
        line("basic_m", "credit", -587),
        replace(SEATS, period=FEBRUARY),
        reason="change",
    )
    got = shown(ours, prorated=True)
    assert [(one.key, one.kind, one.amount) for one in got.own] == [
        ("pro_m", "proration", 1702),
        ("basic_m", "proration", -587),
    ]
    assert ([one.amount for one in got.put], got.net) == ([600], True)


def test_an_invoice_of_its_own_has_every_line_net() -> None:
    gratis = replace(FLAT, discounts=(Discount("ALL", 2900),))
    less = replace(CALLS, discounts=(Discount("EARLY", 31),))
    got = represent_alone(invoice(gratis, less), product_of)
    assert (got.own, got.totals, got.net) == ((), {}, True)
    [put] = got.put
    assert (put.mark[-2:], put.amount, put.discountable) == ("/1", 219, False)


def test_what_an_earlier_invoice_lacked_or_had_too_much_is_made_up_for() -> None:
    short = collected(dated=BEGUN, shortfall=230)
    over = collected(dated=day(11), shortfall=-70)
    got = represent_alone(invoice(FLAT), product_of, [short, over])
    ours = occasion_of(invoice(FLAT))
    assert got.put[1:] == (
        Put(
            f"{ours}/for/2026-01-01T00:00:00Z",
            "",
            230,
            "Correction: the invoice of 2026-01-01 had too little by 2.30 USD.",
            JANUARY,
            None,
            discountable=False,
            makes_up=True,
        ),
        Put(
            f"{ours}/for/2026-01-11T00:00:00Z",
            "",
            -70,
            "Correction: the invoice of 2026-01-11 had too much by 0.70 USD.",
            Period(day(11), BOUNDARY),
            None,
            discountable=False,
            makes_up=True,
        ),
    )


def made_up(ours: Invoice, *theirs: tuple[str, int]) -> tuple[list[Own], list[Put]]:
    lines = [seen_line("flat", amount, key) for key, amount in theirs]
    item = seen_line("item", 999, item="else")
    got = with_counts_made_up(shown(ours), ours, [seen_invoice(*lines, item)], HELD.counted_keys)
    return list(got.own), list(got.put)


def test_a_quantity_that_was_right_needs_nothing() -> None:
    ours = invoice(FLAT, SEATS)
    assert made_up(ours, ("pro_m", 2900), ("seats", 600)) == (list(shown(ours).own), [])


def test_what_a_quantity_lacked_at_the_boundary_is_put() -> None:
    ours = invoice(FLAT, SEATS)
    own, [put] = made_up(ours, ("pro_m", 2900), ("seats", 300))
    assert own[1] == Own("seats", "counted", 300, FEBRUARY)
    said = "seats: 6.00 USD for the count at the boundary, 3.00 USD stands here already"
    mark = f"{occasion_of(ours)}/count/seats"
    assert put == Put(mark, "seats", 300, said, FEBRUARY, None, discountable=True)


def test_what_is_counted_no_more_is_taken_off_and_a_flat_never_is() -> None:
    own, [put] = made_up(invoice(FLAT), ("pro_m", 2900), ("seats", 600), ("basic_m", 1000))
    assert [(one.key, one.amount) for one in own] == [("pro_m", 2900), ("seats", 600)]
    assert (put.key, put.amount, put.discountable, put.period) == ("seats", -600, False, FEBRUARY)


def ended(
    ours: Invoice, *coupons: Coupon, spent_there: bool = False
) -> tuple[dict[str, int], list[tuple[str, int]]]:
    """What is put, and taken off, at an end beside a flat of 10.00 for the month after it."""
    off = {} if spent_there else {one.key: 1 for one in coupons}
    there = seen_invoice(seen_line("flat", 1000, "basic_m", discounts=off))
    keys = (HELD.counted_keys, HELD.flat_keys)
    got = with_counts_made_up(shown(ours), ours, [there], *keys, coupons=coupons)
    assert got.own[-1] == Own("basic_m", "counted", 1000, FEBRUARY)
    assert not any(one.discountable for one in got.put)
    return dict(got.off_more), [(one.mark.split("/", 3)[-1], one.amount) for one in got.put]


def test_at_an_end_the_flat_ahead_is_taken_off_and_what_coupons_took_off_it_is_put_back() -> None:
    ours = invoice(replace(CALLS, discounts=(Discount("TENTH", 25),)), reason="end")
    tenth = Coupon("TENTH", "forever", percent_off=Decimal(10))
    fixed = Coupon("FIXED", "forever", amount_off={"usd": Decimal(8)})
    flat = ("count/basic_m", -1000)
    assert ended(invoice(CALLS, reason="end")) == ({}, [flat])
    assert ended(ours, tenth) == ({"TENTH": 100}, [flat, ("coupon/TENTH", 100)])
    # A tenth of 12.50 is 1.25, then 8.00 of 11.25; here a tenth of 2.50, and nothing of the rest.
    assert ended(ours, tenth, fixed) == (
        {"TENTH": 100, "FIXED": 800},
        [flat, ("coupon/TENTH", 100), ("coupon/FIXED", 800)],
    )
    assert ended(invoice(CALLS, reason="end"), replace(tenth, duration="once")) == (
        {"TENTH": 125},
        [flat, ("coupon/TENTH", 125)],
    )


def test_a_coupon_that_held_once_and_is_spent_there_is_not_put_back() -> None:
    once = Coupon("TENTH", "once", percent_off=Decimal(10))
    ours = invoice(CALLS, reason="end")
    assert ended(ours, once, spent_there=True) == ({}, [("count/basic_m", -1000)])


def test_the_intent_to_put_a_line_says_it_all() -> None:
    ours: Line = GB
    [put] = represent_alone(invoice(ours), product_of).put
    asked = put.on("in_1", "cus_1", "usd")
    assert (asked.draft, asked.customer, asked.item) == ("in_1", "cus_1", put.mark)
    assert (asked.amount.amount, asked.amount.currency, asked.product) == (100, "usd", "prod_gb")
