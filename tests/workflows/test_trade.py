"""Whole lives of subscriptions at a local Stripe; every amount was computed by hand.

After each of them both sides agree on everything.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from tests.workflows.glances import compared
from tests.workflows.stripe_account import START
from tests.workflows.trade import Trade
from tests.workflows.trading import SHOP

from tallygate.adapters.store import audit_log, notices
from tallygate.core.errors import Conflict
from tallygate.workflows.accounts import create_project
from tallygate.workflows.change import cancel, change_plan, resume
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.reconcile import reconcile
from tallygate.workflows.operate import create_resource, delete_resource
from tallygate_sandbox.testing import running_sandbox


@pytest.fixture
def trade(installation: Installation) -> Iterator[Trade]:
    with running_sandbox(frozen=START) as sandbox, compared(installation) as glances:
        trade = Trade(installation, sandbox, SHOP)
        yield trade
        assert glances.missed == []
        assert reconcile(installation, trade.books) == []


def day(month: int, number: int, hour: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, number, hour, tzinfo=UTC)


def test_usage_beyond_the_allowance_and_what_stripe_cannot_price_are_one_invoice(
    trade: Trade,
) -> None:
    acme = trade.subscribed("pro", coupons=["EARLY"])
    trade.send_calls(150)
    trade.send("gb.report", gb=Decimal(7))
    trade.go(day(4, 1, 2))
    # 29.00 less 12.5 %; then 50 calls at 0.05 and the minimum of gb besides; for three months.
    assert trade.bills(acme) == [
        ("2026-01-01", 2537, "paid"),
        ("2026-02-01", 2844, "paid"),
        ("2026-03-01", 2625, "paid"),
        ("2026-04-01", 3000, "paid"),
    ]
    assert trade.stripe_lines()[1] == [("calls", 250), ("gb", 100), ("pro_m", 2900)]


def test_an_upgrade_is_charged_by_the_second_at_once_and_its_month_is_rated_here(
    trade: Trade,
) -> None:
    acme = trade.subscribed("basic")
    trade.send_calls(50)
    trade.go(day(1, 11, 5))
    subscription = trade.subscription(acme).id
    foreseen = change_plan(trade.installation, subscription, "pro", commit=False)
    change_plan(trade.installation, subscription, "pro")
    trade.work()
    # 499 of 744 hours are left: 19.45 for the rest of Pro, 6.71 back for the rest of Basic.
    assert foreseen.invoice is not None
    assert foreseen.invoice.total == 1274
    trade.send_calls(250)
    trade.go(day(2, 1, 2))
    trade.send_calls(150)
    trade.go(day(3, 1, 2))
    assert trade.bills(acme) == [
        ("2026-01-01", 1000, "paid"),
        ("2026-01-11", 1274, "paid"),
        # Each part by its own plan from 0, allowances in proportion: 2.34, 9.15, and 0.67 of gb.
        ("2026-02-01", 4116, "paid"),
        ("2026-03-01", 3250, "paid"),
    ]
    assert trade.stripe_lines()[3] == [("calls", 250), ("gb", 100), ("pro_m", 2900)]


def test_a_coupon_holds_for_an_upgrade_and_for_an_end_that_comes_now(trade: Trade) -> None:
    acme = trade.subscribed("basic", coupons=["EARLY"])
    trade.go(day(1, 11, 5))
    change_plan(trade.installation, trade.subscription(acme).id, "pro")
    trade.go(day(2, 1, 2))
    trade.send_calls(150)
    trade.go(day(2, 10))
    cancel(trade.installation, trade.subscription(acme).id, now=True)
    trade.go(day(2, 10, 12))
    assert trade.bills(acme) == [
        ("2026-01-01", 875, "paid"),
        # 499 of 744 hours are left: of Pro 19.45 less 2.43, and 5.87 back of what Basic cost.
        ("2026-01-11", 1115, "paid"),
        # 29.00, and 0.67 of gb, less 3.71.
        ("2026-02-01", 2596, "paid"),
        # 50 calls and the minimum of gb, less 0.44: nobody has to redeem the coupon anew.
        ("2026-02-10", 306, "paid"),
    ]


def test_a_downgrade_waits_for_the_period_and_the_schedule_then_goes(trade: Trade) -> None:
    acme = trade.subscribed("pro")
    trade.go(day(1, 11, 5))
    change_plan(trade.installation, trade.subscription(acme).id, "basic")
    trade.work()
    trade.send_calls(150)
    trade.go(day(2, 1, 2))
    assert trade.there(acme).schedule is None
    trade.send_calls(20)
    trade.go(day(3, 1, 2))
    assert trade.bills(acme) == [
        ("2026-01-01", 2900, "paid"),
        ("2026-02-01", 1350, "paid"),
        ("2026-03-01", 1050, "paid"),
    ]


def test_an_end_at_the_period_can_be_taken_back_and_bills_the_last_usage(trade: Trade) -> None:
    acme = trade.subscribed("pro")
    trade.send_calls(150)
    subscription = trade.subscription(acme).id
    trade.go(day(1, 11, 5))
    cancel(trade.installation, subscription)
    trade.work()
    assert trade.there(acme).cancel_at == day(2, 1)
    resume(trade.installation, subscription)
    trade.work()
    assert trade.there(acme).cancel_at is None
    cancel(trade.installation, subscription)
    trade.go(day(2, 1, 2))
    assert trade.bills(acme) == [("2026-01-01", 2900, "paid"), ("2026-02-01", 350, "paid")]
    assert trade.mirror(acme).status == "canceled"


def test_an_end_now_is_rated_here_onto_an_invoice_of_its_own(trade: Trade) -> None:
    acme = trade.subscribed("pro")
    trade.send_calls(150)
    trade.go(day(1, 11, 5))
    cancel(trade.installation, trade.subscription(acme).id, now=True)
    trade.go(day(1, 11, 12))
    assert trade.bills(acme) == [("2026-01-01", 2900, "paid"), ("2026-01-11", 350, "paid")]
    assert trade.stripe_lines()[1] == [("calls", 250), ("gb", 100)]


def test_an_end_in_the_portal_is_taken_over_and_so_is_taking_it_back(trade: Trade) -> None:
    acme = trade.subscribed("basic")
    there = trade.mirror(acme).provider_id
    trade.v1.subscriptions.update(there, {"cancel_at": "max_period_end"})
    trade.work()
    assert trade.subscription(acme).cancel_at == day(2, 1)
    trade.v1.subscriptions.update(there, {"cancel_at": ""})
    trade.work()
    assert trade.subscription(acme).cancel_at is None


def test_what_stripe_ends_ends_here_and_its_usage_is_billed_by_us(trade: Trade) -> None:
    acme = trade.subscribed("basic")
    trade.send_calls(30)
    trade.go(day(1, 20, 6))
    trade.v1.subscriptions.cancel(trade.mirror(acme).provider_id)
    trade.go(day(1, 20, 12))
    assert trade.subscription(acme).ended_at == day(1, 20, 6)
    assert trade.bills(acme) == [("2026-01-01", 1000, "paid"), ("2026-01-20", 100, "paid")]


def test_counted_prices_follow_the_resources_by_the_second(trade: Trade) -> None:
    acme = trade.subscribed("machines")
    project = create_project(trade.installation, acme.organization, "web", tenant=None).id
    first = create_resource(trade.installation, project, "vm.small", tenant=None)
    trade.go(day(1, 16))
    create_resource(trade.installation, project, "vm.small", tenant=None)
    trade.go(day(2, 15))
    delete_resource(trade.installation, first.id, tenant=None)
    trade.go(day(3, 1, 2))
    assert trade.bills(acme) == [
        ("2026-01-01", 500, "paid"),
        # One for all of January and one for 16 of its 31 days, then two in advance.
        ("2026-02-01", 500 + 1400 + 1061, "paid"),
        # Two for half of February and one for the rest were owed, two were paid; then one.
        ("2026-03-01", 500 + 700 - 350, "paid"),
    ]


def test_a_year_in_advance_has_its_usage_billed_each_month(trade: Trade) -> None:
    acme = trade.subscribed("basic", interval="year")
    trade.send_calls(50)
    trade.go(day(3, 1, 2))
    trade.go(day(1, 1, 2, year=2027))
    bills = trade.bills(acme)
    assert bills[:2] == [("2026-01-01", 10000, "paid"), ("2026-02-01", 200, "paid")]
    assert bills[-1] == ("2027-01-01", 10000, "paid")
    assert sum(total for _, total, _ in bills) == 20200


def test_in_a_trial_nothing_is_charged_and_its_end_is_announced(trade: Trade) -> None:
    acme = trade.subscribed("tried")
    trade.send_calls(500)
    trade.go(day(1, 12))
    trade.send_calls(0)
    trade.go(day(2, 15, 2))
    assert trade.bills(acme) == [
        ("2026-01-01", 0, "paid"),
        ("2026-01-15", 2000, "paid"),
        ("2026-02-15", 2000, "paid"),
    ]
    with trade.installation.store.read() as tx:
        told = [one.kind for one in notices.of_account(tx, acme.id)]
    assert told == ["trial_ends"]


def test_a_decline_is_told_and_dunning_ends_in_an_end_here(trade: Trade) -> None:
    acme = trade.subscribed("basic")
    trade.use_card(acme, "pm_card_chargeCustomerFail")
    trade.go(day(2, 1, 3))
    assert trade.mirror(acme).status == "past_due"
    trade.go(day(2, 20))
    assert trade.mirror(acme).status == "canceled"
    assert trade.subscription(acme).ended_at == day(2, 16, 1).replace(minute=30)
    with trade.installation.store.read() as tx:
        told = sorted(one.kind for one in notices.of_account(tx, acme.id))
    assert told == [*["payment_failed"] * 4, "subscription_ended"]
    assert trade.collected(acme)[1].overdue_since == day(2, 1, 1).replace(minute=30)


def test_who_pays_after_all_is_current_again(trade: Trade) -> None:
    acme = trade.subscribed("basic")
    trade.use_card(acme, "pm_card_chargeCustomerFail")
    trade.go(day(2, 2))
    trade.use_card(acme, "pm_card_visa")
    trade.v1.invoices.pay(trade.collected(acme)[1].provider_invoices[0])
    trade.work()
    assert trade.mirror(acme).status == "active"
    paid = trade.collected(acme)[1]
    assert (paid.state, paid.overdue_since) == ("paid", None)


def test_a_second_subscription_is_not_bought_by_accident(trade: Trade) -> None:
    acme = trade.subscribed("basic")
    with pytest.raises(Conflict, match="already"):
        trade.buy(acme, "pro")
    bob = trade.tenant("bob")
    first, second = trade.buy(bob, "basic"), trade.buy(bob, "basic")
    assert first == second
    other = trade.buy(bob, "pro")
    assert trade.books.session(str(first.session)).status == "expired"
    trade.complete(other)
    trade.work()
    assert trade.bills(bob) == [("2026-01-01", 2900, "paid")]


def test_a_draft_that_differs_is_held_and_told_line_by_line(trade: Trade) -> None:
    acme = trade.subscribed("basic")
    customer = trade.v1.customers.list().data[0].id
    trade.go(day(2, 1))
    [draft] = [one for one in trade.v1.invoices.list().data if one.status == "draft"]
    trade.v1.invoice_items.create(
        {"customer": customer, "invoice": draft.id, "amount": 500, "currency": "usd"}
    )
    trade.go(day(2, 1, 2))
    held = trade.collected(acme)[-1]
    assert held.state == "held"
    assert held.differences == (
        "a price that is not ours (no line of ours): 0.00 USD here, 5.00 USD there",
    )
    trade.v1.invoice_items.delete(trade.v1.invoice_items.list({"invoice": draft.id}).data[0].id)
    trade.attend(acme)
    trade.go(day(2, 1, 5))
    assert trade.bills(acme)[-1] == ("2026-02-01", 1000, "paid")


def test_an_upgrade_with_a_coupon_comes_to_what_was_previewed(trade: Trade) -> None:
    acme = trade.subscribed("basic", coupons=["EARLY"])
    trade.go(day(1, 11, 5))
    change_plan(trade.installation, trade.subscription(acme).id, "pro")
    trade.go(day(1, 11, 9))
    # 8.75 was paid: 5.87 of it is given back. 19.45 less 12.5 % is 17.02.
    assert trade.bills(acme) == [("2026-01-01", 875, "paid"), ("2026-01-11", 1702 - 587, "paid")]


def test_the_last_invoice_of_one_who_left_is_billed_net_of_the_coupon(trade: Trade) -> None:
    acme = trade.subscribed("basic", coupons=["EARLY"])
    trade.send_calls(2000)
    trade.go(day(1, 20))
    cancel(trade.installation, trade.subscription(acme).id, now=True)
    trade.go(day(1, 20, 9))
    assert trade.bills(acme) == [("2026-01-01", 875, "paid"), ("2026-01-20", 9950 - 1244, "paid")]


def test_every_operation_is_recorded_and_nothing_of_it_can_be_changed_unseen(
    trade: Trade,
) -> None:
    acme = trade.subscribed("basic")
    trade.go(day(2, 1, 2))
    with trade.installation.store.read() as tx:
        told = [one.entry.operation for one in audit_log.page(tx, acme.organization)]
        assert audit_log.verify(tx) is None
    assert told == [
        *("OpenCustomer.done", "OpenCheckout.done"),
        *("subscription.begun", "invoice.paid", "ChangeItems.done"),
        *("HoldDraft.done", "invoice.made", "Finalize.done", "invoice.open", "invoice.paid"),
    ]


def test_a_draft_that_was_left_behind_is_told_and_nothing_is_done_about_it(
    trade: Trade, installation: Installation
) -> None:
    trade.subscribed("basic")
    customer = trade.v1.customers.list().data[0].id
    draft = trade.v1.invoices.create({"customer": customer, "auto_advance": False})
    trade.go(day(1, 1, 5))
    assert reconcile(installation, trade.books) == []
    trade.go(day(1, 1, 7))
    [one] = reconcile(installation, trade.books, commit=True)
    assert one.left is not None
    assert one.left.to_decide == (
        f"The invoice {draft.id} there (0.00 USD, draft) is none of ours.",
    )
    trade.v1.invoices.delete(draft.id)
