"""What is kept of our dealings with a payment provider comes back, on both engines."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tallygate.accounts.model import BillingAccount, Organization
from tallygate.adapters.store import (
    Store,
    accounts,
    collections,
    customers,
    invoices,
    mirrors,
    purchases,
    subscriptions,
    totals,
)
from tallygate.adapters.store.catalogs import save_catalog
from tallygate.catalog import read_catalog
from tallygate.collection.records import Collected, Mirror, Purchase, ReportedTotal
from tallygate.core.errors import Conflict
from tallygate.core.period import Period
from tallygate.invoicing.model import Invoice
from tallygate.subscriptions.model import Phase, Subscription

START = datetime(2026, 1, 31, 1, 2, 3, 4, tzinfo=UTC)
MONTH = Period(START, START + timedelta(days=28))
DAY = timedelta(days=1)
TEXT = "name: test\ncurrency: usd\nplans:\n  pro: {name: Pro, prices: []}\n"

PURCHASE = Purchase(
    id="pur_1",
    organization="org_1",
    billing_account="bil_1",
    plan="pro",
    interval="month",
    currency="usd",
    catalog_version=1,
    way="checkout",
    created_at=START,
    coupons=("A", 'Ü"'),
    trial_days=14,
    session="cs_1",
    url="https://pay.example/1",
)
MIRROR = Mirror("sub_1", "org_1", "bil_1", "sub_there_1", "past_due", START)
COLLECTED = Collected(
    invoice="inv_1",
    organization="org_1",
    billing_account="bil_1",
    subscription="sub_1",
    currency="usd",
    dated=START,
    total=-(2**60),
    state="waiting",
    since=START,
)
TOTAL = ReportedTotal(
    subscription="sub_1",
    organization="org_1",
    billing_account="bil_1",
    customer="cus_1",
    price="calls",
    event="tallygate_calls",
    period=MONTH,
    revision=1,
    total=999_999_999_999_999,
    stamp=START + DAY,
    identifier="calls-1",
    created_at=START,
)


def subscription(number: int) -> Subscription:
    return Subscription(
        id=f"sub_{number}",
        organization=f"org_{number}",
        billing_account=f"bil_{number}",
        currency="usd",
        started_at=START,
        anchor=START,
        billed_until=START,
        phases=(Phase("pro", "month", 1, START),),
    )


def invoice(name: str, whose: int, dated: datetime) -> Invoice:
    return Invoice(
        id=name,
        organization=f"org_{whose}",
        billing_account=f"bil_{whose}",
        subscription=f"sub_{whose}",
        reason="boundary",
        currency="usd",
        dated=dated,
        period=MONTH,
        position=0,
        lines=(),
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
            subscriptions.add(tx, subscription(number))
        invoices.add(tx, invoice("inv_2", 1, START + DAY), START)
        invoices.add(tx, invoice("inv_1", 1, START), START)
        invoices.add(tx, invoice("inv_3", 2, START), START)
    return store


def test_an_account_is_one_customer_and_a_customer_one_account(furnished: Store) -> None:
    with furnished.write() as tx:
        assert customers.customer_of(tx, "bil_1") is None
        for _ in range(2):
            customers.link(tx, "bil_1", "org_1", "cus_1", email="a@example.org", at=START)
        with pytest.raises(Conflict, match="bil_1 is the customer cus_1 already"):
            customers.link(tx, "bil_1", "org_1", "cus_2", email=None, at=START)
        with pytest.raises(Conflict, match="cus_1 belongs to another") as refused:
            customers.link(tx, "bil_2", "org_2", "cus_1", email=None, at=START)
        assert "bil_1" not in str(refused.value), "another tenant's"
        customers.link(tx, "bil_2", "org_2", "cus_2", email=None, at=START)
    with furnished.read() as tx:
        assert customers.customer_of(tx, "bil_1") == "cus_1"
        assert customers.account_of(tx, "cus_2") == ("org_2", "bil_2")
        assert customers.account_of(tx, "cus_3") is None
        known = {"cus_1": ("org_1", "bil_1"), "cus_2": ("org_2", "bil_2")}
        assert customers.accounts_of(tx, ("cus_2", "cus_1", "cus_3", "cus_1")) == known
        assert customers.accounts_of(tx, [f"cus_{one}" for one in range(40_000)]) == known
        assert customers.accounts_of(tx, ()) == {}
        assert customers.linked(tx, limit=1) == (("bil_1", "org_1", "cus_1"),)
        assert customers.of_organizations(tx, ("org_2", "org_3")) == (("bil_2", "org_2", "cus_2"),)
        assert customers.linked(tx, after="bil_1") == (("bil_2", "org_2", "cus_2"),)
    with furnished.write() as tx:
        customers.unlink(tx, "bil_1")
        customers.link(tx, "bil_1", "org_1", "cus_3", email=None, at=START)
        assert customers.account_of(tx, "cus_1") is None
        assert customers.customer_of(tx, "bil_2") == "cus_2"


def test_a_purchase_comes_back_as_it_was(furnished: Store) -> None:
    bare = replace(
        PURCHASE, id="pur_0", coupons=(), trial_days=0, session=None, url=None, state="expired"
    )
    with furnished.write() as tx:
        for one in (PURCHASE, bare):
            purchases.add(tx, one)
            assert purchases.get(tx, one.id) == one
        assert purchases.get(tx, "pur_1", "org_1") == PURCHASE
        assert purchases.get(tx, "pur_1", "org_2") is None
        assert purchases.open_of(tx, "bil_1") == PURCHASE
        assert purchases.open_of(tx, "bil_2") is None
        assert purchases.having_open(tx, ["bil_1", "bil_2"]) == {"bil_1"}
        assert purchases.by_session(tx, "cs_1") == PURCHASE
        assert purchases.by_session(tx, "cs_2") is None
        assert purchases.of_account(tx, "bil_1") == (bare, PURCHASE)
        begun = replace(PURCHASE, state="begun", subscription="sub_1", provider_id="sub_there")
        purchases.save(tx, begun)
        assert purchases.get(tx, "pur_1") == begun == purchases.by_provider_id(tx, "sub_there")
        assert purchases.get(tx, "pur_0") == bare


def test_an_account_has_one_purchase_that_is_open(furnished: Store) -> None:
    second = replace(PURCHASE, id="pur_2", session=None)
    elsewhere = replace(second, id="pur_3", organization="org_2", billing_account="bil_2")
    with furnished.write() as tx:
        purchases.add(tx, PURCHASE)
        with pytest.raises(Conflict, match=r"still open: pur_1, of the plan pro"):
            purchases.add(tx, second)
        purchases.add(tx, replace(second, id="pur_4", state="refused"))
        purchases.add(tx, elsewhere)
        purchases.save(tx, replace(PURCHASE, state="expired"))
        purchases.add(tx, second)
        assert purchases.open_of(tx, "bil_1") == second
    with pytest.raises(IntegrityError), furnished.write() as tx:
        purchases.save(tx, PURCHASE)


def test_a_mirror_links_one_subscription_to_one(furnished: Store) -> None:
    other = replace(MIRROR, subscription="sub_2", organization="org_2", billing_account="bil_2")
    with furnished.write() as tx:
        mirrors.add(tx, MIRROR)
        for taken in (other, replace(MIRROR, provider_id="sub_there_2")):
            with pytest.raises(Conflict, match="linked to another already"):
                mirrors.add(tx, taken)
        ended = replace(
            MIRROR,
            status="canceled",
            looked_at=START + DAY,
            cancel_at=START + DAY,
            end_reason="payment_failed",
        )
        mirrors.save(tx, ended)
        assert mirrors.of_subscription(tx, "sub_1") == ended
        assert mirrors.of_subscription(tx, "sub_2") is None
        assert mirrors.by_provider_id(tx, "sub_there_1") == ended
        subscriptions.save(tx, replace(subscription(1), ended_at=START + DAY))
        subscriptions.add(tx, replace(subscription(1), id="sub_3"))
        newest = replace(MIRROR, subscription="sub_3", provider_id="sub_there_3")
        mirrors.add(tx, newest)
        assert mirrors.of_account(tx, "bil_1") == (newest, ended)
        assert mirrors.of_account(tx, "bil_2") == ()


def test_what_is_collected_comes_back_and_is_found_by_any_document(furnished: Store) -> None:
    full = replace(
        COLLECTED,
        state="open",
        since=START + DAY,
        provider_invoices=("in_9", "in_1", "in_9"),
        attempts=3,
        next_attempt=START + DAY,
        overdue_since=START,
        paid_at=START + DAY,
        amount_due=1,
        amount_paid=2,
        tax=-3,
        number="T-0001",
        hosted_url="https://pay.example/in_1",
        pdf_url="https://pay.example/in_1.pdf",
        differences=("„calls“: 3 here\nand 4 there.", "x"),
        approved=True,
        shortfall=-4,
        carried_by="inv_2",
    )
    with furnished.write() as tx:
        collections.add(tx, COLLECTED)
        assert collections.get(tx, "inv_1") == COLLECTED
        collections.save(tx, full)
        assert collections.get(tx, "inv_1", "org_1") == full
        assert collections.get(tx, "inv_1", "org_2") is None
        assert collections.by_provider_invoice(tx, "in_1") == full
        credit = replace(
            COLLECTED, invoice="inv_2", dated=START + DAY, provider_invoices=("in_1", "in_2")
        )
        collections.add(tx, credit)
        assert collections.by_provider_invoice(tx, "in_1") == full, "the oldest"
        assert collections.by_provider_invoice(tx, "in_2") == credit
        collections.save(tx, replace(full, provider_invoices=("in_9",)))
        assert collections.by_provider_invoice(tx, "in_1") == credit
        assert collections.by_provider_invoice(tx, "in_3") is None


def test_what_is_to_be_collected_is_found_by_its_state(furnished: Store) -> None:
    first = replace(COLLECTED, state="held")
    second = replace(COLLECTED, invoice="inv_2", dated=START - DAY)
    others = replace(COLLECTED, invoice="inv_3", organization="org_2", billing_account="bil_2")
    with furnished.write() as tx:
        for one in (first, second, others):
            collections.add(tx, one)
        assert collections.of_account(tx, "bil_1") == (second, first), "by date"
        assert collections.of_account(tx, "bil_1", ["held", "paid"]) == (first,)
        assert collections.of_account(tx, "bil_1", ()) == ()
        assert collections.unsettled_of(tx, "bil_1") == (second, first)
        assert collections.having_open(tx, ["bil_1", "bil_2", "bil_3"]) == {"bil_1", "bil_2"}
        assert collections.with_state(tx, None, "waiting") == (second, others)
        assert collections.with_state(tx, None, "waiting", after="inv_2") == (others,)
        assert collections.with_state(tx, None, "waiting", limit=1) == (second,)
        assert collections.with_state(tx, "org_1", "waiting") == (second,)
        for state in ("paid", "uncollectible", "void", "nothing"):
            collections.save(tx, replace(first, state=state))
            assert collections.unsettled_of(tx, "bil_1") == (second,)
        unpaid = replace(first, state="open")
        collections.save(tx, unpaid)
        assert collections.unsettled_of(tx, "bil_1") == (second, unpaid)


def test_a_later_invoice_makes_up_for_what_earlier_ones_lack(furnished: Store) -> None:
    lacking = replace(COLLECTED, state="paid", shortfall=-3)
    later = replace(COLLECTED, invoice="inv_2", dated=START + DAY)
    with furnished.write() as tx:
        collections.add(tx, lacking)
        collections.claim_shortfalls(tx, "bil_1")
        assert collections.get(tx, "inv_1") == lacking, "there is no later one yet"
        collections.add(tx, later)
        for standing in (
            replace(lacking, shortfall=0),
            replace(lacking, state="void"),
            replace(lacking, currency="eur"),
        ):
            collections.save(tx, standing)
            collections.claim_shortfalls(tx, "bil_1")
            assert collections.carried_by(tx, "inv_2") == ()
        collections.save(tx, replace(later, state="paid"))
        assert collections.having_open(tx, ["bil_1"]) == {"bil_1"}, (
            "it is owed in another currency"
        )
        collections.save(tx, replace(lacking, state="void"))
        assert collections.having_open(tx, ["bil_1"]) == set()
        collections.save(tx, later)
        collections.save(tx, lacking)
        for _ in range(2):
            collections.claim_shortfalls(tx, "bil_1")
            carried = replace(lacking, carried_by="inv_2")
            assert collections.carried_by(tx, "inv_2") == (carried,)
        assert collections.get(tx, "inv_2") == later


def test_what_was_never_added_cannot_be_saved(furnished: Store) -> None:
    with furnished.write() as tx, pytest.raises(AssertionError, match="no row of collections"):
        collections.save(tx, COLLECTED)


def test_every_revision_of_a_total_is_kept(furnished: Store) -> None:
    second = replace(
        TOTAL,
        revision=2,
        identifier="calls-2",
        total=0,
        state="failed",
        sent_at=START + DAY,
        problem="too late",
    )
    tenth = replace(TOTAL, revision=10, identifier="calls-10", created_at=START - DAY)
    other_price = replace(TOTAL, price="a", identifier="a-1")
    next_period = replace(
        TOTAL, period=Period(MONTH.end, MONTH.end + DAY), identifier="next", state="sent"
    )
    with furnished.write() as tx:
        for one in (TOTAL, second, tenth, other_price, next_period):
            totals.add(tx, one)
        assert totals.latest(tx, "sub_1", "calls", START) == tenth
        assert totals.latest(tx, "sub_1", "calls", START + DAY) is None
        assert totals.of_period(tx, "sub_1", START) == (other_price, TOTAL, second, tenth)
        asked = [("sub_1", START), ("sub_1", MONTH.end), ("sub_1", START + DAY), ("sub_2", START)]
        assert totals.newest(tx, asked) == {
            ("sub_1", START): {"calls": tenth, "a": other_price},
            ("sub_1", MONTH.end): {"calls": next_period},
        }
        assert totals.newest(tx, []) == {}
        assert totals.having_waiting(tx, ["bil_1", "bil_2"]) == {"bil_1"}
        assert totals.having_waiting(tx, ["bil_2"]) == set()
        assert totals.of_account(tx, "bil_1", ["sent", "failed"]) == (second, next_period)
        assert totals.of_account(tx, "bil_2", ["sent", "failed"]) == ()
        assert totals.by_identifiers(tx, ["next", "none", "calls-2"]) == (second, next_period)
        assert totals.waiting(tx, 2) == (tenth, other_price)
        assert totals.waiting(tx, 9) == (tenth, other_price, TOTAL)
        confirmed = replace(tenth, state="confirmed", sent_at=START)
        totals.save(tx, confirmed)
        assert totals.latest(tx, "sub_1", "calls", START) == confirmed
        assert totals.of_period(tx, "sub_1", START)[2] == second, "the others stay"


def test_many_revisions_are_kept_at_once(furnished: Store) -> None:
    second = replace(TOTAL, revision=2, identifier="calls-2", total=43)
    with furnished.write() as tx:
        totals.add_all(tx, [])
        totals.add_all(tx, [TOTAL, second])
    changed = [replace(one, state="sent", sent_at=START + DAY) for one in (TOTAL, second)]
    with furnished.write() as tx:
        totals.save_all(tx, [])
        totals.save_all(tx, changed)
        assert totals.of_period(tx, "sub_1", START) == tuple(changed)
    lost = replace(second, revision=3, identifier="calls-3")
    with pytest.raises(AssertionError, match="no rows"), furnished.write() as tx:
        totals.save_all(tx, [TOTAL, lost])
    with furnished.read() as tx:
        assert totals.of_period(tx, "sub_1", START) == tuple(changed), "nothing was changed"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE reported_totals SET identifier = 'same'",
        "UPDATE reported_totals SET revision = 0",
        "UPDATE reported_totals SET state = 'lost'",
        "UPDATE collections SET state = 'lost'",
        "UPDATE collections SET attempts = -1",
        "UPDATE purchases SET way = 'by hand'",
        "UPDATE purchases SET session = 'same'",
        "UPDATE mirrors SET subscription = 'sub_none'",
        "UPDATE provider_customers SET customer = ''",
    ],
)
def test_the_tables_refuse_what_cannot_be(furnished: Store, statement: str) -> None:
    with furnished.write() as tx:
        for revision in (1, 2):
            totals.add(tx, replace(TOTAL, revision=revision, identifier=f"calls-{revision}"))
        collections.add(tx, COLLECTED)
        purchases.add(tx, PURCHASE)
        purchases.add(tx, replace(PURCHASE, id="pur_2", state="expired", session="cs_2"))
        mirrors.add(tx, MIRROR)
        customers.link(tx, "bil_1", "org_1", "cus_1", email=None, at=START)
    with pytest.raises(IntegrityError), furnished.write() as tx:
        tx.execute(text(statement))
