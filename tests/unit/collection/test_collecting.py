"""What comes next for an invoice of ours at the provider."""

from dataclasses import replace

import pytest
from tests.unit.collection.dealings import BOUNDARY, invoice, line, seen, seen_invoice, seen_line

from tallygate.collection.collecting import (
    Nothing,
    Ready,
    drafts_to_hold,
    next_alone,
    next_of_draft,
)
from tallygate.collection.intents import GiveCredit, HoldDraft, OpenInvoice, PutItem, TakeItem
from tallygate.collection.progress import occasion_of
from tallygate.collection.representation import Representation, represent_alone
from tallygate.core.money import Money
from tallygate.core.period import Period
from tallygate.invoicing.model import InvoiceReason

OURS = invoice(line("gb", "metered", 100))
MARK = f"{occasion_of(OURS)}/0"


def product_of(_version: int, key: str) -> str | None:
    return f"prod_{key}"


ALONE = represent_alone(OURS, product_of)
PUT = PutItem(
    "cus_1",
    "in_1",
    MARK,
    Money(100, "usd"),
    "gb: 1 charged of 1",
    Period(OURS.period.start, OURS.period.end),
    "prod_gb",
)


def test_renewals_of_ours_that_would_go_out_by_themselves_are_held() -> None:
    draft = seen_invoice()
    others = (
        replace(draft, id="in_2", status="open"),
        replace(draft, id="in_3", advances=False),
        replace(draft, id="in_4", subscription="sub_other"),
        replace(draft, id="in_5", reason="manual"),
        replace(draft, id="in_6", reason="subscription_threshold"),
    )
    held = list(drafts_to_hold(seen(draft, *others), ["sub_there"]))
    assert held == [HoldDraft("in_1"), HoldDraft("in_6")]


def test_what_a_draft_lacks_is_put_on_it() -> None:
    assert next_of_draft(ALONE, [seen_invoice()], "cus_1") == (PUT,)


def test_a_draft_that_has_all_is_ready_and_so_is_one_beside_a_final_invoice() -> None:
    full = seen_invoice(seen_line("item", 100, item=MARK, item_id="ii_1"))
    assert next_of_draft(ALONE, [full], "cus_1") == Ready((full,))
    final = replace(seen_invoice(), id="in_0", status="paid")
    assert next_of_draft(ALONE, [final, full], "cus_1") == Ready((full,))


def test_what_is_wrong_or_there_twice_is_taken_off() -> None:
    wrong = seen_invoice(seen_line("item", 90, item=MARK, item_id="ii_1"))
    assert next_of_draft(ALONE, [wrong], "cus_1") == (TakeItem("ii_1", "in_1"), PUT)
    unknown = seen_invoice(
        seen_line("flat", 2900, "pro_m"),
        seen_line("item", 100, item=MARK, item_id="ii_1"),
        seen_line("item", 100, item=MARK, item_id="ii_2"),
        seen_line("item", 5, item="sub_1/else/0", item_id="ii_3"),
        seen_line("item", 7, item="sub_1/else/1"),
    )
    expected = (TakeItem("ii_2", "in_1"), TakeItem("ii_3", "in_1"))
    assert next_of_draft(ALONE, [unknown], "cus_1") == expected


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("subscribe", "Beginning of 2026-02-01"),
        ("boundary", "Usage and charges up to the renewal of 2026-02-01"),
        ("change", "Plan change of 2026-02-01"),
        ("end", "Last invoice of 2026-02-01"),
        ("adjustment", "Adjustment of 2026-02-01"),
    ],
)
def test_where_no_draft_comes_one_is_made_for_the_occasion(
    reason: InvoiceReason, said: str
) -> None:
    ours = replace(OURS, reason=reason)
    made = next_alone(
        ours, represent_alone(ours, product_of), [], "cus_1", credited=None, payment_method="pm_1"
    )
    assert made == (OpenInvoice("cus_1", occasion_of(ours), "usd", said, "pm_1"),)


def test_one_that_was_made_is_filled() -> None:
    steps = next_alone(OURS, ALONE, [seen_invoice()], "cus_1", credited=None, payment_method=None)
    assert steps == (PUT,)


def test_nothing_is_collected_of_nothing() -> None:
    ours = invoice(line("gb", "metered", 0))
    nothing = represent_alone(ours, product_of)
    assert nothing == Representation((), (), net=True)
    assert isinstance(
        next_alone(ours, nothing, [], "cus_1", credited="in_0", payment_method=None), Nothing
    )


def test_a_sum_below_zero_is_credited_where_there_is_an_invoice_for_it() -> None:
    ours = invoice(line("calls", "adjustment", -250), reason="adjustment", dated=BOUNDARY)
    shown = represent_alone(ours, product_of)
    credit = next_alone(ours, shown, [], "cus_1", credited="in_0", payment_method=None)
    said = "Adjustment of 2026-02-01"
    assert credit == GiveCredit("in_0", occasion_of(ours), Money(250, "usd"), said)
    nowhere = next_alone(ours, shown, [], "cus_1", credited=None, payment_method=None)
    assert isinstance(nowhere, Nothing)
