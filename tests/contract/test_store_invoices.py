"""What is kept of subscriptions and invoices is what comes back, on both engines."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from tallygate.accounts.model import BillingAccount, Organization
from tallygate.adapters.store import Store, accounts, invoices, subscriptions
from tallygate.adapters.store.catalogs import save_catalog
from tallygate.catalog import read_catalog
from tallygate.core.errors import Conflict
from tallygate.core.period import Period
from tallygate.invoicing.model import Invoice, WriteOff
from tallygate.rating.line import Discount, Line, Step
from tallygate.subscriptions.model import Phase, Redemption, Subscription

START = datetime(2026, 1, 31, 1, 2, 3, 4, tzinfo=UTC)
MONTH = Period(START, START + timedelta(days=28))
TEXT = "name: test\ncurrency: usd\nplans:\n  pro: {name: Pro, prices: []}\n"

SUBSCRIPTION = Subscription(
    id="sub_1",
    organization="org_1",
    billing_account="bil_1",
    currency="usd",
    started_at=START,
    anchor=START + timedelta(days=14),
    billed_until=START,
    phases=(
        Phase("pro", "month", 1, START, MONTH.end, START),
        Phase("pro", "year", 1, MONTH.end),
    ),
    trial_end=START + timedelta(days=14),
    cancel_at=START + timedelta(days=400),
    redemptions=(Redemption("A", START, "inv_0", 1), Redemption("B", START, None, 1)),
)

LINE = Line(
    price="calls",
    kind="metered",
    currency="usd",
    amount=1234,
    quantity=Decimal("1E+3"),
    measured=Decimal("999999999999999.999999999999"),
    period=MONTH,
    included=Decimal("0.10"),
    steps=(
        Step("unit", Decimal("0.30"), Decimal("1.00"), Decimal("0.3000"), Decimal(5)),
        Step("block", Decimal(2), Decimal("4.5"), Decimal("9.0"), None, Decimal(1000)),
    ),
    meter="calls",
    share=Fraction(123_456_789, 2_419_200_000_000),
    bound="maximum",
    discounts=(Discount("A", 30), Discount("B", 1)),
    note='„Ümläut“, "quotes"\nand a line',
    catalog_version=1,
    corrects="inv_0",
    unit="call",
    level=True,
)

INVOICE = Invoice(
    id="inv_1",
    organization="org_1",
    billing_account="bil_1",
    subscription="sub_1",
    reason="boundary",
    currency="usd",
    dated=MONTH.end,
    period=MONTH,
    position=17,
    lines=(LINE, replace(LINE, kind="credit", amount=-7, discounts=(), meter=None, bound=None)),
    coupons=("A", "B"),
)


@pytest.fixture
def furnished(store: Store) -> Store:
    with store.write() as tx:
        save_catalog(tx, TEXT, read_catalog(TEXT), START)
        for number in (1, 2):
            organization = Organization(f"org_{number}", "Acme", f"bil_{number}", START)
            accounts.save_organization(tx, organization)
            account = BillingAccount(f"bil_{number}", organization.id, "main", START)
            accounts.save_billing_account(tx, account)
        subscriptions.add(tx, SUBSCRIPTION)
    return store


def test_a_subscription_comes_back_as_it_was(furnished: Store) -> None:
    with furnished.write() as tx:
        assert subscriptions.get(tx, "sub_1") == SUBSCRIPTION
        changed = subscriptions.save(
            tx, replace(SUBSCRIPTION, refund=True, phases=SUBSCRIPTION.phases[:1])
        )
    with furnished.read() as tx:
        assert subscriptions.get(tx, "sub_1", "org_1") == changed
        assert subscriptions.of_account(tx, "bil_1") == (changed,)
        assert subscriptions.page(tx, "org_1") == (changed,)
        assert subscriptions.get(tx, "sub_1", "org_2") is None
        assert subscriptions.page(tx, "org_2") == ()
    assert changed.revision == 1


def test_a_stale_subscription_is_not_written(furnished: Store) -> None:
    with furnished.write() as tx:
        subscriptions.save(tx, SUBSCRIPTION)
    with furnished.write() as tx, pytest.raises(Conflict, match="at the same time"):
        subscriptions.save(tx, SUBSCRIPTION)


def test_what_is_due_is_found_by_its_instant(furnished: Store) -> None:
    due = START + timedelta(days=14)
    with furnished.write() as tx:
        assert subscriptions.due_by(tx, due - timedelta(microseconds=1)) == {}
        assert subscriptions.due_by(tx, due) == {"sub_1": "bil_1"}
        assert subscriptions.due_by(tx, due, "bil_2") == {}
        ended = replace(SUBSCRIPTION, ended_at=due, billed_until=due, closed=True)
        subscriptions.save(tx, ended)
        assert subscriptions.due_by(tx, due + timedelta(days=999)) == {}
        assert subscriptions.closed_since(tx, due) == ("sub_1",)
        assert subscriptions.closed_since(tx, due + timedelta(microseconds=1)) == ()
        assert subscriptions.redemptions_of(tx, "A") == 1


def test_an_account_has_one_subscription_that_lives(furnished: Store) -> None:
    with pytest.raises(Exception, match=r"(?i)unique"), furnished.write() as tx:
        subscriptions.add(tx, replace(SUBSCRIPTION, id="sub_2"))


def test_an_invoice_comes_back_to_the_last_digit(furnished: Store) -> None:
    with furnished.write() as tx:
        saved = invoices.add(tx, INVOICE, START)
    with furnished.read() as tx:
        assert invoices.get(tx, "inv_1") == saved == replace(INVOICE, number=1)
        assert repr(invoices.get(tx, "inv_1")) == repr(saved)
        assert invoices.get(tx, "inv_1", "org_2") is None
        assert invoices.of_subscription(tx, "sub_1", MONTH.end) == (saved,)
        later = MONTH.end + timedelta(microseconds=1)
        assert invoices.of_subscription(tx, "sub_1", later) == ()


def test_numbers_count_without_gaps_within_an_organization(furnished: Store) -> None:
    with furnished.write() as tx:
        other = replace(SUBSCRIPTION, id="sub_2", organization="org_2", billing_account="bil_2")
        subscriptions.add(tx, other)
    numbers = []
    for place, subscription in enumerate(("sub_1", "sub_2", "sub_1", "sub_1")):
        mine = replace(
            INVOICE,
            id=f"inv_{place}",
            subscription=subscription,
            organization="org_1" if subscription == "sub_1" else "org_2",
            dated=INVOICE.dated + timedelta(days=place),
        )
        with furnished.write() as tx:
            numbers.append(invoices.add(tx, mine, START).number)
    assert numbers == [1, 1, 2, 3]
    with furnished.read() as tx:
        assert [i.id for i in invoices.page(tx, "org_1", limit=2)] == ["inv_0", "inv_2"]
        assert [i.id for i in invoices.page(tx, "org_1", after="inv_2")] == ["inv_3"]


def test_several_are_kept_and_read_as_one_by_one(furnished: Store) -> None:
    other = replace(SUBSCRIPTION, id="sub_2", organization="org_2", billing_account="bil_2")
    theirs = replace(INVOICE, id="inv_2", subscription="sub_2", organization="org_2")
    second = replace(INVOICE, id="inv_3", dated=INVOICE.dated + timedelta(days=1))
    with furnished.write() as tx:
        subscriptions.add(tx, other)
        assert invoices.add_all(tx, [], START) == []
        kept = invoices.add_all(tx, [INVOICE, theirs, second], START)
        assert [one.number for one in kept] == [1, 1, 2]
        fewer = replace(other, phases=other.phases[:1])
        changed = subscriptions.save_all(
            tx, [(replace(SUBSCRIPTION, refund=True), SUBSCRIPTION), (fewer, other)]
        )
    with furnished.read() as tx:
        assert invoices.of_subscriptions(tx, ["sub_1", "sub_2", "sub_3"]) == {
            "sub_1": (kept[0], kept[2]),
            "sub_2": (kept[1],),
        }
        assert subscriptions.by_ids(tx, ["sub_2", "sub_3", "sub_1"]) == {
            one.id: one for one in changed
        }
        accounts_ = ["bil_2", "bil_1", "bil_3"]
        assert subscriptions.of_accounts(tx, accounts_) == {
            one.billing_account: (one,) for one in changed
        }
    with furnished.write() as tx, pytest.raises(Conflict, match="sub_2, sub_1 was changed"):
        subscriptions.save_all(tx, [(changed[1], None), (SUBSCRIPTION, None)])


def test_the_second_invoice_for_an_instant_and_reason_is_refused(furnished: Store) -> None:
    with furnished.write() as tx:
        invoices.add(tx, INVOICE, START)
    with pytest.raises(Conflict, match="already"), furnished.write() as tx:
        invoices.add(tx, replace(INVOICE, id="inv_2"), START)
    with furnished.write() as tx:
        assert invoices.add(tx, replace(INVOICE, id="inv_3", reason="change"), START).number == 2


def test_the_latest_write_off_stands(furnished: Store) -> None:
    first = WriteOff("wof_1", "org_1", "bil_1", "sub_1", "usd", START, 5, (LINE,))
    second = replace(first, id="wof_2", dated=MONTH.end, lines=())
    with furnished.write() as tx:
        assert invoices.latest_write_off(tx, "sub_1") is None
        invoices.add_write_off(tx, first, START)
        assert invoices.latest_write_off(tx, "sub_1") == first
        invoices.add_write_off(tx, second, START)
        assert invoices.latest_write_off(tx, "sub_1") == second
