"""Which of a provider's invoices stand for ours, and how far they have come."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.collection.dealings import (
    BEGUN,
    BOUNDARY,
    FEBRUARY,
    JANUARY,
    NEXT,
    collected,
    day,
    invoice,
    item,
    line,
    seen,
    seen_invoice,
    there,
)

from tallygate.collection.progress import come_to, draft_may_come, occasion_of, standing_for
from tallygate.collection.seen import InvoiceStatus, SeenInvoice
from tallygate.core.period import Period
from tallygate.invoicing.model import InvoiceReason

OURS = invoice(line("pro_m", "flat", 2900))
LATER = BOUNDARY + timedelta(hours=2)


def test_an_occasion_is_the_subscription_what_for_and_when() -> None:
    assert occasion_of(OURS) == "sub_1/boundary/2026-02-01T00:00:00Z"
    assert occasion_of(replace(OURS, id="inv_2")) == occasion_of(OURS)


def test_the_occasion_of_an_adjustment_is_what_it_says_and_not_when() -> None:
    late = invoice(line("calls", "adjustment", 50), reason="adjustment")
    assert occasion_of(replace(late, dated=NEXT)) == occasion_of(late)
    more = invoice(line("calls", "adjustment", 60), reason="adjustment")
    assert occasion_of(more) != occasion_of(late)


BEGINNING = seen_invoice(reason="subscription_create", boundary=None)
RENEWAL = seen_invoice()
CHANGE = seen_invoice(
    reason="subscription_update", change="sub_1/change/2026-02-01T00:00:00Z", boundary=None
)
OTHERS = seen_invoice(subscription="sub_other")
MARKED = seen_invoice(
    subscription=None,
    reason="manual",
    boundary=None,
    invoice="sub_1/boundary/2026-02-01T00:00:00Z",
)
TAKEN = replace(RENEWAL, invoice="sub_1/end/2026-02-01T00:00:00Z")
EVERY = (BEGINNING, RENEWAL, CHANGE, OTHERS, MARKED, TAKEN)


@pytest.mark.parametrize(
    ("reason", "standing"),
    [
        ("subscribe", BEGINNING),
        ("boundary", RENEWAL),
        ("end", RENEWAL),
        ("change", CHANGE),
        ("adjustment", None),
    ],
)
def test_each_occasion_has_its_invoice_there(
    reason: InvoiceReason, standing: SeenInvoice | None
) -> None:
    ours = replace(OURS, reason=reason)
    named = tuple(replace(one, id=f"in_{number}") for number, one in enumerate(EVERY[:4]))
    found = standing_for(ours, seen(*named), "sub_there")
    assert [replace(one, id="in_1") for one in found] == ([] if standing is None else [standing])
    assert standing_for(ours, seen(*named), None) == ()


def test_our_mark_and_what_is_known_count_whatever_else_it_is() -> None:
    assert standing_for(OURS, seen(MARKED), None) == (MARKED,)
    assert standing_for(OURS, seen(OTHERS), "sub_there", ["in_1"]) == (OTHERS,)
    assert standing_for(OURS, seen(TAKEN), "sub_there") == ()
    assert standing_for(replace(OURS, dated=NEXT), seen(RENEWAL), "sub_there") == ()


def test_a_draft_comes_where_a_period_ends_at_the_boundary() -> None:
    assert draft_may_come(OURS, there(item("pro_m")))
    assert not draft_may_come(OURS, there(item("pro_m", period=FEBRUARY)))
    year = Period(BEGUN, day(1).replace(year=2027))
    assert not draft_may_come(OURS, there(item("pro_m", period=year)))
    assert draft_may_come(OURS, there(item("pro_m", period=year), item("calls", None, JANUARY)))
    assert not draft_may_come(OURS, None)
    assert not draft_may_come(OURS, there(item("pro_m"), status="canceled"))


def test_a_draft_is_noted_and_changes_nothing_else() -> None:
    assert come_to(collected(), [], LATER) == collected()
    assert come_to(collected(), [seen_invoice()], LATER) == collected(provider_invoices=("in_1",))


def test_what_is_paid_says_when_and_how_much() -> None:
    paid = seen_invoice(
        status="paid", paid_at=LATER, amount_due=1000, amount_paid=1000, tax=70, attempts=1
    )
    paid = replace(paid, number="A-1", hosted_url="h", pdf_url="p")
    assert come_to(collected(overdue_since=BOUNDARY), [paid], LATER) == collected(
        state="paid",
        since=LATER,
        provider_invoices=("in_1",),
        attempts=1,
        paid_at=LATER,
        amount_due=1000,
        amount_paid=1000,
        tax=70,
        number="A-1",
        hosted_url="h",
        pdf_url="p",
    )


def test_it_is_overdue_since_its_first_failure_or_its_day_of_payment() -> None:
    open_ = seen_invoice(status="open", attempts=0, next_attempt=NEXT)
    fresh = come_to(collected(), [open_], LATER)
    assert (fresh.state, fresh.overdue_since, fresh.next_attempt) == ("open", None, NEXT)
    failed = replace(open_, attempts=1)
    assert come_to(fresh, [failed], LATER).overdue_since == LATER
    assert come_to(collected(overdue_since=BOUNDARY), [failed], LATER).overdue_since == BOUNDARY
    due = replace(open_, due_at=BOUNDARY)
    assert come_to(fresh, [due], LATER).overdue_since == BOUNDARY
    assert come_to(fresh, [replace(open_, due_at=NEXT)], LATER).overdue_since is None


def test_the_time_of_a_state_is_when_it_came() -> None:
    since = collected(state="open", since=BOUNDARY)
    assert come_to(since, [seen_invoice(status="open")], LATER).since == BOUNDARY
    assert come_to(since, [seen_invoice(status="void")], LATER).since == LATER


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        (("paid", "open", "uncollectible"), "open"),
        (("paid", "uncollectible"), "uncollectible"),
        (("void", "paid"), "paid"),
        (("void",), "void"),
    ],
)
def test_several_are_as_far_as_the_slowest(
    statuses: tuple[InvoiceStatus, ...], state: str
) -> None:
    found = [
        replace(seen_invoice(), id=f"in_{status}", status=status, amount_due=100, tax=7)
        for status in statuses
    ]
    came = come_to(collected(), found, LATER)
    assert (came.state, came.amount_due, came.tax) == (state, 100 * len(found), 7 * len(found))
