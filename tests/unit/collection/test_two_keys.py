"""Do both invoices say the same, line by line?"""

from dataclasses import replace
from typing import Any

from tests.unit.collection.dealings import (
    FEBRUARY,
    JANUARY,
    collected,
    invoice,
    line,
    seen_invoice,
    seen_line,
)

from tallygate.collection.representation import Own, Put, Representation, represent_alone
from tallygate.collection.seen import SeenInvoice, SeenLine
from tallygate.collection.two_keys import differences, owed_there
from tallygate.rating.line import Discount

OURS = invoice(
    line("pro_m", "flat", 2900, discounts=(Discount("EARLY", 363),)),
    line("calls", "metered", 250, discounts=(Discount("EARLY", 31),)),
    line("gb", "metered", 100, discounts=(Discount("EARLY", 13),)),
)
PUT = Put("mark/2", "gb", 100, "gb: 1 charged of 1", JANUARY, "prod_gb", discountable=True)
SHOWN = Representation(
    (Own("pro_m", "flat", 2900, FEBRUARY), Own("calls", "metered", 250, JANUARY)),
    (PUT,),
    {"calls": 50},
)
FLAT = seen_line("flat", 2900, "pro_m", discounts={"EARLY": 362})
CALLS = seen_line("metered", 250, "calls", discounts={"EARLY": 32})
ITEM = seen_line("item", 100, item="mark/2", discounts={"EARLY": 13})


def final(*lines: SeenLine, **more: Any) -> SeenInvoice:
    return seen_invoice(*lines, status="open", **more)


def test_equal_is_what_comes_to_the_same_by_line_and_by_coupon() -> None:
    # EARLY is allotted in another way there, and comes to 4.07 on both sides.
    assert differences(OURS, SHOWN, [final(FLAT, CALLS, ITEM)]) == ()


def test_a_coupon_takes_off_there_what_it_does_here_and_what_is_put_back() -> None:
    more = replace(SHOWN, off_more={"EARLY": 100})
    off = replace(FLAT, discounts={"EARLY": 462})
    told = "the coupon EARLY takes off 5.07 USD here, 4.07 USD there"
    assert differences(OURS, more, [final(FLAT, CALLS, ITEM)]) == (told,)
    assert differences(OURS, more, [final(off, CALLS, ITEM, total=2843)]) == ()


def test_a_line_of_nothing_may_be_left_out_there() -> None:
    ours = invoice(line("calls", "metered", 0))
    shown = Representation((Own("calls", "metered", 0, JANUARY),), ())
    assert differences(ours, shown, [final()]) == ()


def test_usage_and_sums_of_a_draft_are_not_looked_at_while_its_totals_are_to_come() -> None:
    early = replace(CALLS, amount=0, discounts={})
    assert differences(OURS, SHOWN, [seen_invoice(FLAT, early, ITEM)]) == ()
    unsaid = replace(SHOWN, own=SHOWN.own[:1])
    assert differences(OURS, unsaid, [seen_invoice(FLAT, CALLS, ITEM)]) == ()
    assert differences(OURS, SHOWN, [final(FLAT, early, ITEM)]) == (
        "calls (metered): 2.50 USD here, 0.00 USD there",
        "the coupon EARLY takes off 4.07 USD here, 3.75 USD there",
    )


def test_a_coupon_that_holds_no_more_there_is_told_of_a_draft() -> None:
    spent = [replace(one, discounts={}) for one in (FLAT, CALLS, ITEM)]
    assert differences(OURS, SHOWN, [seen_invoice(*spent)]) == (
        # 3.63 of the flat and 0.13 of gb; what it takes off usage is not known there yet.
        "the coupon EARLY takes off 3.76 USD here, and does not hold there",
    )
    on_usage = invoice(OURS.lines[1])
    shown = Representation(SHOWN.own[1:], (), {"calls": 50})
    assert differences(on_usage, shown, [seen_invoice(replace(CALLS, discounts={}))]) == ()
    nothing = invoice(line("gb", "metered", 100, discounts=(Discount("EARLY", 0),)))
    rated = Representation((), (PUT,), {"calls": 0})
    assert differences(nothing, rated, [seen_invoice(replace(ITEM, discounts={}))]) == ()


def test_a_draft_without_totals_to_come_is_compared_to_the_cent() -> None:
    ours = invoice(line("pro_m", "flat", 2900, discounts=(Discount("EARLY", 363),)))
    shown = Representation(SHOWN.own[:1], ())
    assert differences(ours, shown, [seen_invoice(FLAT)]) == (
        "the coupon EARLY takes off 3.63 USD here, 3.62 USD there",
    )


def test_flats_and_what_is_not_ours_are_told_by_key() -> None:
    dearer, foreign = replace(FLAT, amount=3100), seen_line("flat", 500, None)
    assert differences(OURS, SHOWN, [seen_invoice(dearer, ITEM, foreign)]) == (
        "pro_m (flat): 29.00 USD here, 31.00 USD there",
        "a price that is not ours (no line of ours): 0.00 USD here, 5.00 USD there",
    )


def test_items_are_told_by_their_sentence_or_their_mark() -> None:
    stray = seen_line("item", 5, item="mark/9")
    assert differences(OURS, SHOWN, [seen_invoice(FLAT, replace(ITEM, amount=90), stray)]) == (
        "gb: 1 charged of 1: 1.00 USD here, 0.90 USD there",
        "the item mark/9: 0.00 USD here, 0.05 USD there",
    )


def test_a_coupon_of_only_one_side_is_told() -> None:
    ours = invoice(line("pro_m", "flat", 2900))
    shown = Representation(SHOWN.own[:1], ())
    off = replace(FLAT, discounts={"TYPED": 100})
    assert differences(ours, shown, [final(off)]) == (
        "the coupon TYPED takes off 0.00 USD here, 1.00 USD there",
    )


def test_the_sum_is_told_where_no_line_has_said_why() -> None:
    lines = (FLAT, CALLS, ITEM)
    assert differences(OURS, SHOWN, [final(*lines, total=2844)]) == (
        "the total is 28.43 USD here, 28.44 USD there",
    )


def test_another_currency_is_told() -> None:
    other = final(FLAT, CALLS, ITEM, currency="eur")
    assert differences(OURS, SHOWN, [other]) == ("in_1 is in EUR, and ours in USD",)


def test_net_lines_are_compared_net_and_without_coupons() -> None:
    alone = represent_alone(invoice(*OURS.lines[:1]), lambda _version, _key: None)
    [put] = alone.put
    there = final(seen_line("item", 2537, item=put.mark))
    assert differences(invoice(*OURS.lines[:1]), alone, [there]) == ()
    prorated = Representation((Own("pro_m", "proration", 2537, FEBRUARY),), (), net=True)
    off = seen_line("proration", 2900, "pro_m", discounts={"EARLY": 363})
    assert differences(invoice(*OURS.lines[:1]), prorated, [final(off)]) == ()


def test_two_invoices_there_count_together() -> None:
    parts = [final(FLAT), replace(final(CALLS, ITEM), id="in_2")]
    assert differences(OURS, SHOWN, parts) == ()


def test_what_is_owed_there_includes_what_earlier_invoices_lacked() -> None:
    short = collected(dated=JANUARY.start, shortfall=230)
    alone = represent_alone(OURS, lambda _version, _key: None, [short])
    # 29.00 and 2.50 and 1.00 less 4.07, and 2.30 more.
    assert (OURS.total, owed_there(OURS, alone)) == (2843, 3073)
