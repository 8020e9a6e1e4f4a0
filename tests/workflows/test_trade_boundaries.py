"""What happens at the very instant of a boundary at a local Stripe; amounts computed by hand."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.workflows.glances import compared
from tests.workflows.stripe_account import START
from tests.workflows.trade import Trade
from tests.workflows.trading import SHOP

from tallygate.workflows.accounts import create_project
from tallygate.workflows.change import cancel, change_plan
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.carry_out import Account
from tallygate.workflows.mirror.reconcile import reconcile
from tallygate.workflows.operate import create_resource, delete_resource
from tallygate_sandbox.testing import running_sandbox

OFF = """\
  FIVE: {amount_off: {usd: "5.00"}, duration: forever}
  TEN: {amount_off: {usd: "10.00"}, duration: forever}
"""
YEARLY = """\
  kept:
    name: Kept
    product: prod_kept
    prices:
      - {key: kept_y, flat: "100.00", every: year}
      - key: gb
        meter: gb
        graduated: [{up_to: 5, unit: "0.123"}, {unit: "0.1115"}]
        minimum: "1.00"
"""


@pytest.fixture
def trade(installation: Installation) -> Iterator[Trade]:
    with running_sandbox(frozen=START) as sandbox, compared(installation) as glances:
        text = SHOP.replace("  machines:\n", f"{YEARLY}  machines:\n")
        trade = Trade(installation, sandbox, text + OFF)
        yield trade
        assert glances.missed == []
        assert reconcile(installation, trade.books) == []


def day(month: int, number: int, hour: int = 0) -> datetime:
    return datetime(2026, month, number, hour, tzinfo=UTC)


def test_what_is_counted_no_more_at_the_boundary_is_taken_off_again(trade: Trade) -> None:
    acme = trade.subscribed("machines")
    project = create_project(trade.installation, acme.organization, "web", tenant=None).id
    only = create_resource(trade.installation, project, "vm.small", tenant=None)
    trade.go(day(2, 1))
    delete_resource(trade.installation, only.id, tenant=None)
    trade.go(day(3, 1, 2))
    assert trade.bills(acme) == [
        ("2026-01-01", 500, "paid"),
        # One for January; Stripe's draft has one for February too, which is taken off again.
        ("2026-02-01", 500 + 700, "paid"),
        ("2026-03-01", 500, "paid"),
    ]
    [_, renewal] = reversed(trade.v1.invoices.list().data[1:])
    assert sorted(line.amount for line in renewal.lines) == [-700, 500, 700, 700]


def test_a_flat_that_was_billed_ahead_is_billed_once_if_an_upgrade_follows_at_once(
    trade: Trade,
) -> None:
    """The renewal is still a draft when the upgrade exchanges the flat at Stripe."""
    acme = trade.subscribed("basic")
    trade.go(day(2, 1) + timedelta(minutes=28))
    change_plan(trade.installation, trade.subscription(acme).id, "pro")
    trade.work()
    trade.go(day(2, 1, 4))
    assert trade.bills(acme) == [
        ("2026-01-01", 1000, "paid"),
        ("2026-02-01", 1000, "paid"),
        # All but 28 minutes of the 28 days, 40292/40320: 28.98 of 29.00, less 9.99 of 10.00.
        ("2026-02-01", 2898 - 999, "paid"),
    ]
    assert trade.stripe_lines()[1] == [("basic_m", 1000)]


def test_a_year_that_follows_months_is_a_whole_one_from_its_boundary(trade: Trade) -> None:
    acme = trade.subscribed("basic")
    trade.go(day(1, 11))
    change_plan(trade.installation, trade.subscription(acme).id, "basic", "year")
    trade.go(day(3, 1, 2))
    assert trade.bills(acme) == [
        ("2026-01-01", 1000, "paid"),
        ("2026-02-01", 10000, "paid"),
        ("2026-03-01", 0, "paid"),
    ]
    ends = {item.key: item.period.end for item in trade.there(acme).items}
    assert ends["basic_y"] == datetime(2027, 2, 1, tzinfo=UTC)


def test_usage_beside_a_year_is_billed_each_month_also_where_stripe_has_nothing_monthly(
    trade: Trade,
) -> None:
    acme = trade.subscribed("kept")
    trade.send("gb.report", gb=20)
    for month in (2, 3):
        trade.go(day(month, 1, 1))
        trade.go(day(month, 1, 3))
    assert trade.bills(acme) == [
        ("2026-01-01", 10000, "paid"),
        # 5 at 0.123 and 15 at 0.1115 are 2.2875; nothing in February is the minimum.
        ("2026-02-01", 229, "paid"),
        ("2026-03-01", 100, "paid"),
    ]


def test_a_coupon_that_held_once_is_not_asked_back(trade: Trade) -> None:
    acme = trade.tenant()
    bought = trade.buy(acme, "pro", coupons=["EARLY", "HALF"], way="direct")
    first = trade.v1.subscriptions.retrieve(bought.provider_id).latest_invoice
    trade.v1.invoices.pay(first, {"payment_method": "pm_card_visa"})
    trade.work()
    trade.use_card(acme, "pm_card_visa")
    trade.go(day(2, 1, 2))
    assert trade.bills(acme) == [
        # 29.00 less 12.5 % is 25.37, half of it off once is 12.68; then 12.5 % off 30.00 alone,
        # the minimum of gb being one of them.
        ("2026-01-01", 1268, "paid"),
        ("2026-02-01", 2625, "paid"),
    ]


def test_an_end_now_comes_before_an_end_that_was_told(trade: Trade) -> None:
    acme = trade.subscribed("basic", interval="year")
    subscription = trade.subscription(acme).id
    cancel(trade.installation, subscription)
    trade.work()
    assert trade.there(acme).cancel_at == datetime(2027, 1, 1, tzinfo=UTC)
    trade.go(day(1, 11))
    cancel(trade.installation, subscription, now=True)
    trade.go(day(1, 11, 2))
    assert trade.mirror(acme).status == "canceled"
    assert trade.bills(acme) == [("2026-01-01", 10000, "paid"), ("2026-01-11", 0, "nothing")]


def test_a_refund_is_given_back_on_an_invoice_that_can_bear_it(trade: Trade) -> None:
    acme = trade.subscribed("basic", interval="year")
    trade.send_calls(50)
    trade.go(day(2, 1, 3))
    trade.go(day(2, 11))
    cancel(trade.installation, trade.subscription(acme).id, now=True, refund=True)
    trade.go(day(2, 11, 3))
    # 324 of 365 days of 100.00 are given back, on the year and not on the 2.00 of January's calls.
    year, calls, refund = trade.collected(acme)
    assert [(one.total, one.state) for one in (year, calls, refund)] == [
        (10000, "paid"),
        (200, "paid"),
        (-8877, "paid"),
    ]
    [note] = trade.v1.credit_notes.list().data
    assert (note.invoice, note.total) == (year.provider_invoices[0], 8877)


def ended_at_the_boundary(trade: Trade, acme: Account, calls: int) -> None:
    trade.send_calls(calls)
    trade.go(day(2, 1))
    cancel(trade.installation, trade.subscription(acme).id, now=True)
    trade.go(day(2, 1, 3))


def test_an_end_at_the_very_boundary_owes_no_flat_ahead(trade: Trade) -> None:
    acme = trade.subscribed("basic")
    ended_at_the_boundary(trade, acme, 30)
    # 20 calls beyond ten at 0.05; the flat for February, drafted at Stripe already, is taken off.
    assert trade.bills(acme) == [("2026-01-01", 1000, "paid"), ("2026-02-01", 100, "paid")]
    last = trade.v1.invoices.list().data[0]
    assert sorted(line.amount for line in last.lines) == [-1000, 100, 1000]


@pytest.mark.parametrize(
    ("coupon", "calls", "totals", "lines"),
    [
        # 1.375 off 11.00 is 1.38, of which 0.13 are off the usage of 1.00: 1.25 is put back.
        ("EARLY", 30, (875, 87), [-1000, 100, 125, 1000]),
        # It takes 5.00 off 18.00 there, and as much off the usage of 8.00: nothing is put back.
        ("FIVE", 170, (500, 300), [-1000, 800, 1000]),
        # It takes 5.00 off 11.00 there, and 1.00 off all the usage that there is.
        ("FIVE", 30, (500, 0), [-1000, 100, 400, 1000]),
        # It was spent on the first invoice.
        ("HALF", 30, (500, 100), [-1000, 100, 1000]),
        # It takes 5.00 off 10.00 there, and has nothing to take off here.
        ("FIVE", 10, (500, 0), [-1000, 500, 1000]),
    ],
)
def test_what_coupons_take_off_a_flat_that_is_not_owed_is_put_back(
    trade: Trade, coupon: str, calls: int, totals: tuple[int, int], lines: list[int]
) -> None:
    acme = trade.subscribed("basic", coupons=[coupon])
    ended_at_the_boundary(trade, acme, calls)
    first, last = totals
    assert trade.bills(acme) == [("2026-01-01", first, "paid"), ("2026-02-01", last, "paid")]
    found = trade.v1.invoices.list().data[0]
    assert (found.total, sorted(line.amount for line in found.lines)) == (last, lines)


def test_of_two_coupons_each_is_put_back_what_it_took_off(trade: Trade) -> None:
    acme = trade.tenant()
    bought = trade.buy(acme, "basic", coupons=["FIVE", "EARLY"], way="direct")
    first = trade.v1.subscriptions.retrieve(bought.provider_id).latest_invoice
    trade.v1.invoices.pay(first, {"payment_method": "pm_card_visa"})
    trade.work()
    ended_at_the_boundary(trade, acme, 30)
    # 12.5 % of what 5.00 leaves, 0.625, is 0.63. Here 5.00 is more than the usage of 1.00; there
    # 11.00 less 5.00, less 0.75.
    assert trade.bills(acme) == [("2026-01-01", 437, "paid"), ("2026-02-01", 0, "paid")]
    found = trade.v1.invoices.list().data[0]
    assert sorted(line.amount for line in found.lines) == [-1000, 75, 100, 400, 1000]


def test_a_coupon_that_holds_once_and_was_spent_there_by_a_trial_is_not_put_back(
    trade: Trade,
) -> None:
    acme = trade.subscribed("tried", coupons=["HALF"])
    trade.go(day(1, 15))
    cancel(trade.installation, trade.subscription(acme).id, now=True)
    trade.go(day(1, 15, 3))
    assert [total for _, total, _ in trade.bills(acme)] == [0, 0]
    found = trade.v1.invoices.list().data[0]
    assert sorted(line.amount for line in found.lines) == [-2000, 2000]


def test_a_coupon_of_more_than_is_owed_reaches_what_is_counted_no_more(trade: Trade) -> None:
    acme = trade.subscribed("machines", coupons=["TEN"])
    project = create_project(trade.installation, acme.organization, "web", tenant=None).id
    only = create_resource(trade.installation, project, "vm.small", tenant=None)
    trade.go(day(3, 1))
    delete_resource(trade.installation, only.id, tenant=None)
    trade.go(day(3, 1, 3))
    assert trade.bills(acme) == [
        ("2026-01-01", 0, "paid"),
        ("2026-02-01", 700 + 700 + 500 - 1000, "paid"),
        # There 10.00 off 12.00, and 7.00 too much; here 5.00 off 5.00.
        ("2026-03-01", 0, "paid"),
    ]
    found = trade.v1.invoices.list().data[0]
    assert sorted(line.amount for line in found.lines) == [-700, 500, 500, 700]
