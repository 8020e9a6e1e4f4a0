"""An account reads under the names that two platforms keep in their own records."""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tallygate.accounts.model import BillingAccount, Resource
from tallygate.catalog import read_catalog
from tallygate.collection.platform_rows import (
    Known,
    account_row,
    allowance_of,
    billing_status,
    subscription_row,
)
from tallygate.collection.records import Collected, CollectedState, Mirror, Purchase
from tallygate.core.period import Period
from tallygate.subscriptions.model import Phase, Subscription

START = datetime(2026, 1, 31, tzinfo=UTC)
NOW = datetime(2026, 2, 10, tzinfo=UTC)
DAY = timedelta(days=1)
CATALOG = read_catalog("""
name: test
currency: eur
meters:
  cuh: {event: resource, value: running, aggregation: time_weighted}
  calls: {event: call, aggregation: count}
plans:
  STARTER:
    name: Starter
    prices:
      - {key: flat, flat: "299.00", every: month}
      - {key: cuh_overage, meter: cuh, included: 5500, per_unit: "0.02"}
      - {key: calls, meter: calls, per_unit: "0.01"}
""")
PLAN = CATALOG.plans["STARTER"]

ACCOUNT = BillingAccount("bil_1", "org_1", "main", START)
SUBSCRIPTION = Subscription(
    id="sub_1",
    organization="org_1",
    billing_account="bil_1",
    currency="eur",
    started_at=START,
    anchor=START,
    billed_until=START,
    phases=(Phase("STARTER", "month", 1, START),),
)
MIRROR = Mirror("sub_1", "org_1", "bil_1", "sub_there", "active", START)
PURCHASE = Purchase(
    *("pur_1", "org_1", "bil_1", "STARTER", "month", "eur", 1, "checkout", START),
    provider_id="sub_incomplete",
)
OVERDUE = Collected(
    *("inv_1", "org_1", "bil_1", "sub_1", "eur", START, 29900, "open", START), overdue_since=START
)
KNOWN = Known(ACCOUNT, NOW, customer="cus_1", subscription=SUBSCRIPTION, mirror=MIRROR, plan=PLAN)


def machine(name: str, created_at: datetime, deleted_at: datetime | None = None) -> Resource:
    return Resource(name, "org_1", "prj_1", "vm", created_at, f"hetzner-{name}", deleted_at)


def test_the_row_of_a_platform_that_rents_out_machines() -> None:
    known = replace(
        KNOWN,
        synced_at=NOW - DAY,
        resources=(machine("res_3", NOW), machine("res_2", START), machine("res_1", START, NOW)),
        standing="grace",
    )
    assert asdict(account_row(known)) == {
        "account_id": "bil_1",
        "stripe_customer_id": "cus_1",
        "stripe_subscription_id": "sub_there",
        "plan_tier": "STARTER",
        "billing_status": "ACTIVE",
        "usage_budget_cuh": Decimal(5500),
        "last_usage_sync_at": NOW - DAY,
        "vm_id": "res_2",
        "provider_vm_id": "hetzner-res_2",
        "standing": "grace",
    }


def test_an_account_that_has_nothing_yet() -> None:
    known = Known(ACCOUNT, NOW)
    row = asdict(account_row(known))
    assert {name for name, value in row.items() if value is not None} == {"account_id"}
    assert subscription_row(known) is None
    buying = replace(known, purchase=PURCHASE, customer="cus_1")
    row = asdict(account_row(buying))
    assert (row["billing_status"], row["plan_tier"]) == ("INCOMPLETE", "STARTER")
    assert row["stripe_subscription_id"] == "sub_incomplete"
    assert subscription_row(buying) is None


def test_the_row_of_a_platform_that_runs_containers() -> None:
    row = subscription_row(replace(KNOWN, user="ada", standing="good"))
    assert row is not None
    assert asdict(row) == {
        "id": "sub_1",
        "user_id": "ada",
        "organization_id": "org_1",
        "stripe_customer_id": "cus_1",
        "stripe_subscription_id": "sub_there",
        "plan": "STARTER",
        "status": "ACTIVE",
        "current_period_start": START,
        "current_period_end": datetime(2026, 2, 28, tzinfo=UTC),
        "standing": "good",
    }


@pytest.mark.parametrize(
    ("word", "status", "in_four"),
    [
        ("active", "ACTIVE", "ACTIVE"),
        ("trialing", "TRIALING", "ACTIVE"),
        ("past_due", "PAST_DUE", "PAST_DUE"),
        ("unpaid", "UNPAID", "UNPAID"),
        ("paused", "PAUSED", "UNPAID"),
        ("incomplete", "INCOMPLETE", "UNPAID"),
        ("incomplete_expired", "CANCELED", "CANCELED"),
        ("canceled", "CANCELED", "CANCELED"),
        ("something_new", "PAST_DUE", "PAST_DUE"),
    ],
)
def test_the_providers_word_is_read(word: str, status: str, in_four: str) -> None:
    known = replace(KNOWN, mirror=replace(MIRROR, status=word))
    row = subscription_row(known)
    assert row is not None
    assert (billing_status(known), row.status) == (status, in_four)


def test_our_own_end_counts_at_once() -> None:
    ends = replace(SUBSCRIPTION, cancel_at=NOW)
    known = replace(KNOWN, subscription=ends)
    assert billing_status(known) == "CANCELED"
    assert billing_status(replace(known, at=NOW - DAY)) == "ACTIVE"


def test_without_a_provider_the_subscription_says_it() -> None:
    trial = replace(SUBSCRIPTION, trial_end=NOW, anchor=NOW)
    known = replace(KNOWN, mirror=None, subscription=trial)
    assert billing_status(known) == "ACTIVE"
    assert billing_status(replace(known, at=NOW - DAY)) == "TRIALING"


def test_an_overdue_invoice_counts_where_the_provider_says_active() -> None:
    known = replace(KNOWN, collected=(OVERDUE,))
    assert billing_status(known) == "PAST_DUE"
    unpaid = replace(known, mirror=replace(MIRROR, status="unpaid"))
    assert billing_status(unpaid) == "UNPAID"
    assert billing_status(replace(known, collected=(replace(OVERDUE, overdue_since=None),))) == (
        "ACTIVE"
    )
    states: tuple[CollectedState, ...] = ("paid", "void", "uncollectible", "waiting", "held")
    for state in states:
        settled = replace(known, collected=(replace(OVERDUE, state=state),))
        assert billing_status(settled) == "ACTIVE"


@pytest.mark.parametrize(
    ("changed", "at", "period"),
    [
        ({}, START - DAY, Period(START, datetime(2026, 2, 28, tzinfo=UTC))),
        ({}, datetime(2026, 3, 1, tzinfo=UTC), Period(START + 28 * DAY, START + 59 * DAY)),
        ({"trial_end": NOW, "anchor": NOW}, START + DAY, Period(START, NOW)),
        # After the end it stays the last one.
        ({"ended_at": NOW}, NOW + 400 * DAY, Period(START, datetime(2026, 2, 28, tzinfo=UTC))),
        ({"ended_at": START}, NOW, Period(START, datetime(2026, 2, 28, tzinfo=UTC))),
        (
            {"ended_at": datetime(2026, 2, 28, tzinfo=UTC)},
            datetime(2026, 2, 28, tzinfo=UTC),
            Period(START, datetime(2026, 2, 28, tzinfo=UTC)),
        ),
        (
            {"phases": (Phase("STARTER", "year", 1, START),)},
            NOW,
            Period(START, datetime(2027, 1, 31, tzinfo=UTC)),
        ),
    ],
)
def test_the_present_period_is_the_bases(
    changed: dict[str, object], at: datetime, period: Period
) -> None:
    subscription = replace(SUBSCRIPTION, **changed)  # type: ignore[arg-type]  # its fields
    row = subscription_row(replace(KNOWN, subscription=subscription, at=at))
    assert row is not None
    assert Period(row.current_period_start, row.current_period_end) == period


def test_a_budget_is_what_the_plan_includes() -> None:
    assert allowance_of(PLAN, "cuh") == 5500
    assert allowance_of(PLAN, "calls") == 0
    assert allowance_of(PLAN, "storage") is None
    assert account_row(KNOWN, "calls").usage_budget_cuh == 0
