"""A whole life at Stripe, looked at on the way: every value is stated by hand."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.contract.stripe_shop import (
    FEBRUARY,
    IN_FEBRUARY,
    IN_JANUARY,
    JANUARY,
    MARCH,
    START,
    Shop,
    item_of,
    on,
)

from tallygate.collection.intents import (
    CancelSubscription,
    ChangeFlats,
    ChangeItems,
    Finalize,
    HoldDraft,
    OpenCheckout,
    PutItem,
    ScheduleFlats,
    SetEnd,
    StartSubscription,
    Total,
)
from tallygate.collection.seen import (
    SeenCustomer,
    SeenInvoice,
    SeenItem,
    SeenLine,
    SeenSchedule,
    SeenSession,
    SeenSubscription,
)
from tallygate.core.money import Money
from tallygate.core.period import Period
from tallygate_sandbox.testing import running_sandbox


@pytest.fixture
def shop() -> Iterator[Shop]:
    with running_sandbox(frozen=START) as sandbox:
        yield Shop(sandbox)


def flat(key: str, amount: int, period: Period, quantity: int = 1, early: int = 0) -> SeenLine:
    off = {"EARLY": early} if early else {}
    return SeenLine("flat", amount, period, key=key, quantity=quantity, discounts=off)


def used(key: str, amount: int, quantity: int, period: Period, early: int = 0) -> SeenLine:
    off = {"EARLY": early} if early else {}
    return SeenLine("metered", amount, period, key=key, quantity=quantity, discounts=off)


def plain(invoice: SeenInvoice) -> SeenInvoice:
    """Without what Stripe makes up: ids, numbers and addresses."""
    lines = tuple(replace(line, item_id=line.item_id and "ii") for line in invoice.lines)
    number = invoice.number and invoice.number[-4:]
    return replace(invoice, id="", lines=lines, number=number, hosted_url=None, pdf_url=None)


def bought(shop: Shop) -> tuple[str, str]:
    """A customer who has paid for a plan and two seats in a checkout, and their subscription."""
    customer = shop.customer(card=None)
    items = (shop.item("pro_base"), shop.item("seats", 2))
    where = ("https://shop.example/thanks", "https://shop.example/back")
    wish = OpenCheckout("pur_1", "bil_1", customer, items, "usd", *where, coupons=("EARLY",))
    session, url = shop.books.carry_out(wish, shop.key()).split()
    assert shop.books.session(session) == SeenSession(
        id=session,
        status="open",
        paid=False,
        url=url,
        customer=customer,
        email="acme@example.com",
        reference="pur_1",
        purchase="pur_1",
    )
    shop.sandbox.control(f"checkout/sessions/{session}/complete", {"card": "4242424242424242"})
    paid = shop.books.session(session)
    assert paid.subscription is not None
    assert paid == SeenSession(
        id=session,
        status="complete",
        paid=True,
        customer=customer,
        subscription=paid.subscription,
        email="acme@example.com",
        reference="pur_1",
        purchase="pur_1",
    )
    return customer, paid.subscription


def test_what_was_bought_is_seen(shop: Shop) -> None:
    customer, subscription = bought(shop)
    seen = shop.books.look(customer, on(0, hour=5))
    assert seen.at == on(0, hour=5)
    assert seen.customer == SeenCustomer(
        customer, "bil_1", "ins_1", 1, "acme@example.com", "usd", deleted=False
    )
    [there] = seen.subscriptions
    card = shop.client.v1.subscriptions.retrieve(subscription).default_payment_method
    base, seats = there.items
    assert base.price.terms == shop.held["pro_base"]
    assert seats.price.terms == shop.held["seats"]
    assert there == SeenSubscription(
        id=subscription,
        status="active",
        started_at=JANUARY,
        anchor=JANUARY,
        items=(
            SeenItem(base.id, base.price, 1, IN_JANUARY),
            SeenItem(seats.id, seats.price, 2, IN_JANUARY),
        ),
        coupons=("EARLY",),
        purchase="pur_1",
        has_payment_method=True,
        payment_method=str(card),
    )
    [first] = seen.invoices
    assert first.hosted_url is not None
    assert first.pdf_url is not None
    assert plain(first) == SeenInvoice(
        id="",
        status="paid",
        reason="subscription_create",
        currency="usd",
        created_at=JANUARY,
        lines=(
            flat("pro_base", 2900, IN_JANUARY, early=290),
            flat("seats", 1000, IN_JANUARY, quantity=2, early=100),
        ),
        total=3510,
        subscription=subscription,
        number="0001",
        advances=False,
        finalized_at=JANUARY,
        paid_at=JANUARY,
        attempts=1,
        amount_due=3510,
        amount_paid=3510,
    )


def test_a_renewal_bills_what_was_used(shop: Shop) -> None:
    """40 calls at 5 cents; 25 gigabytes, 10 of them at 1.00 and 15 at 0.50; the next month."""
    customer, subscription = bought(shop)
    metered = ChangeItems(subscription, (shop.item("calls"), shop.item("disk")))
    shop.books.carry_out(metered, shop.key())
    shop.advance(on(20))
    for event, total in (("calls", 40), ("disk", 25)):
        shop.books.report(Total(customer, event, total, on(19), f"{event}-1"))
        shop.books.report(Total(customer, event, total, on(19), f"{event}-1"))
        assert shop.books.counted(customer, event, IN_JANUARY) == total
    renewal = (
        used("calls", 200, 40, IN_JANUARY, early=20),
        used("disk", 1000, 10, IN_JANUARY, early=100),
        used("disk", 750, 15, IN_JANUARY, early=75),
        flat("pro_base", 2900, IN_FEBRUARY, early=290),
        flat("seats", 1000, IN_FEBRUARY, quantity=2, early=100),
    )
    upcoming = shop.books.upcoming(subscription)
    assert upcoming is not None
    assert (upcoming.lines, upcoming.total, upcoming.boundary) == (renewal, 5265, FEBRUARY)
    shop.advance(FEBRUARY)
    draft = shop.latest(customer)
    assert plain(draft) == SeenInvoice(
        id="",
        status="draft",
        reason="subscription_cycle",
        currency="usd",
        created_at=FEBRUARY,
        lines=renewal,
        total=5265,
        subscription=subscription,
        boundary=FEBRUARY,
        finalizes_at=FEBRUARY + timedelta(hours=1),
        next_attempt=FEBRUARY + timedelta(hours=1),
        amount_due=5265,
    )
    held = _held_and_filled(shop, customer, draft)
    shop.advance(FEBRUARY + timedelta(hours=5))
    assert shop.latest(customer) == held  # nobody goes on with what is held
    shop.books.carry_out(Finalize(draft.id), shop.key())
    final = shop.latest(customer)
    assert final.number is not None
    assert (final.status, final.number[-4:], final.advances) == ("open", "0002", True)
    assert final.lines == held.lines
    shop.advance(FEBRUARY + timedelta(hours=7))
    paid = shop.latest(customer)
    assert (paid.status, paid.amount_paid, paid.attempts) == ("paid", 5711, 1)
    assert paid.paid_at is not None


def _held_and_filled(shop: Shop, customer: str, draft: SeenInvoice) -> SeenInvoice:
    """Two items of ours join: 5.00 that a coupon reaches, and 0.04 less that it does not."""
    shop.books.carry_out(HoldDraft(draft.id), shop.key())
    more = Money(500, "usd"), Money(-4, "usd")
    for number, amount in enumerate(more):
        said = f"What we rated, {number}"
        put = PutItem(customer, draft.id, f"lin_{number}", amount, said, IN_JANUARY, "prod_pro")
        shop.books.carry_out(replace(put, discountable=amount.amount > 0), shop.key())
    held = shop.latest(customer)
    assert plain(held) == replace(
        plain(draft),
        lines=(
            *plain(draft).lines,
            SeenLine("item", 500, IN_JANUARY, None, "lin_0", "ii", discounts={"EARLY": 50}),
            SeenLine("item", -4, IN_JANUARY, None, "lin_1", "ii"),
        ),
        total=5711,
        amount_due=5711,
        advances=False,
        finalizes_at=None,
        next_attempt=None,
    )
    return held


def test_an_upgrade_is_invoiced_as_it_was_foreseen(shop: Shop) -> None:
    """21 of 31 days: 26.10 (with the coupon) come back as 17.68, and 89.10 come to 60.36."""
    customer, subscription = bought(shop)
    shop.advance(on(10))
    there = shop.subscription(customer)
    change = ChangeFlats(
        subscription,
        (shop.item("max_base"),),
        (item_of(there, "pro_base"),),
        on(10),
        "inv_7",
        charged=True,
    )
    rest = Period(on(10), FEBRUARY)
    lines = (
        SeenLine("proration", -1768, rest, key="pro_base", item_id="ii"),
        SeenLine("proration", 6036, rest, key="max_base", item_id="ii"),
    )
    foreseen = plain(shop.books.foresee_change(change))
    assert (foreseen.lines, foreseen.total) == (lines, 4268)
    assert shop.subscription(customer) == there  # to foresee changes nothing
    shop.books.carry_out(change, shop.key())
    assert plain(shop.latest(customer)) == SeenInvoice(
        id="",
        status="paid",
        reason="subscription_update",
        currency="usd",
        created_at=on(10),
        lines=lines,
        total=4268,
        subscription=subscription,
        change="inv_7",
        number="0002",
        advances=False,
        finalized_at=on(10),
        paid_at=on(10),
        attempts=1,
        amount_due=4268,
        amount_paid=4268,
    )
    after = shop.subscription(customer)
    assert after.change == "inv_7"
    assert [item.key for item in after.items] == ["max_base", "seats"]
    # Somebody else's change carries the mark of ours on; it is told once.
    shop.client.v1.subscriptions.update(
        subscription,
        {
            "items": [{"id": item_of(after, "seats"), "quantity": 4}],
            "proration_behavior": "always_invoice",
        },
    )
    changes = [one.change for one in shop.look(customer).invoices]
    assert changes == [None, "inv_7", None]
    assert shop.latest(customer).reason == "subscription_update"


def test_a_scheduled_downgrade_happens_at_its_boundary(shop: Shop) -> None:
    """The coupon stays, seats and usage too; a day later the subscription is its own again."""
    customer, subscription = bought(shop)
    shop.books.carry_out(ChangeItems(subscription, (shop.item("calls"),)), shop.key())
    there = shop.subscription(customer)
    later = ScheduleFlats(
        subscription, FEBRUARY, (shop.item("max_base"),), (item_of(there, "pro_base"),)
    )
    schedule = shop.books.carry_out(later, shop.key())
    planned = shop.subscription(customer)
    expected = SeenSchedule(schedule, FEBRUARY, {"max_base": 1, "seats": 2})
    assert planned == replace(there, schedule=expected)
    shop.advance(FEBRUARY)
    draft = shop.latest(customer)
    assert draft.lines == (
        flat("max_base", 9900, IN_FEBRUARY, early=990),
        flat("seats", 1000, IN_FEBRUARY, quantity=2, early=100),
    )
    after = shop.subscription(customer)
    assert [(item.key, item.quantity) for item in after.items] == [
        ("max_base", 1),
        ("seats", 2),
        ("calls", None),
    ]
    assert after.schedule == SeenSchedule(schedule, None)
    assert after.coupons == ("EARLY",)
    shop.advance(FEBRUARY + timedelta(days=1, hours=1))
    assert shop.subscription(customer).schedule is None
    assert len(shop.look(customer).invoices) == 2


def test_a_schedule_leaves_a_trial_its_end(shop: Shop) -> None:
    customer = shop.customer()
    items = (shop.item("pro_base"), shop.item("calls"))
    begun = StartSubscription("pur_1", "bil_1", customer, items, "usd", trial_days=14)
    subscription = shop.books.carry_out(begun, shop.key())
    there = shop.subscription(customer)
    former = (item_of(there, "pro_base"),)
    later = ScheduleFlats(subscription, on(14), (shop.item("max_base"),), former)
    schedule = shop.books.carry_out(later, shop.key())
    expected = SeenSchedule(schedule, on(14), {"max_base": 1})
    assert shop.subscription(customer) == replace(there, schedule=expected)
    shop.advance(on(14))
    first = shop.latest(customer)
    assert (first.boundary, first.total) == (on(14), 9900)


def test_an_end_is_set_and_taken_back_and_comes(shop: Shop) -> None:
    """Nothing is prorated, and what was used is ours to bill."""
    customer, subscription = bought(shop)
    shop.books.carry_out(SetEnd(subscription, on(12)), shop.key())
    assert shop.subscription(customer).cancel_at == on(12)
    shop.books.carry_out(SetEnd(subscription, None), shop.key())
    assert shop.subscription(customer).cancel_at is None
    # As the dashboard does it: with the period.
    shop.client.v1.subscriptions.update(subscription, {"cancel_at_period_end": True})
    assert shop.subscription(customer).cancel_at == FEBRUARY
    shop.books.carry_out(SetEnd(subscription, None), shop.key())
    assert shop.subscription(customer).cancel_at is None
    shop.advance(on(3))
    shop.books.carry_out(CancelSubscription(subscription), shop.key())
    ended = shop.subscription(customer)
    assert (ended.status, ended.ended_at) == ("canceled", on(3))
    assert ended.end_reason == "cancellation_requested"
    assert not ended.lives
    assert len(shop.look(customer).invoices) == 1
    waiting = shop.client.v1.invoice_items.list({"customer": customer, "pending": True})
    assert waiting.data == []


def test_a_year_beside_its_months(shop: Shop) -> None:
    """The months have invoices of their own, each with its boundary; the year joins its last."""
    customer = shop.customer()
    there = shop.subscribed(customer, "pro_year", "calls")
    year = Period(JANUARY, datetime(2027, 1, 1, tzinfo=JANUARY.tzinfo))
    periods = {item.key: item.period for item in there.items}
    assert periods == {"pro_year": year, "calls": IN_JANUARY}
    shop.advance(on(5))
    shop.books.report(Total(customer, "calls", 100, on(4), "calls-1"))
    shop.advance(FEBRUARY)
    draft = shop.latest(customer)
    assert draft.lines == (used("calls", 500, 100, IN_JANUARY),)
    assert (draft.boundary, draft.reason) == (FEBRUARY, "subscription_cycle")
    shop.advance(MARCH)
    assert shop.latest(customer).boundary == MARCH
    shop.advance(year.end)
    renewal = shop.latest(customer)
    assert [line.key for line in renewal.lines] == ["pro_year"]
    assert (renewal.boundary, renewal.total) == (year.end, 29000)
