from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tallygate.adapters.store import accounts
from tallygate.core.errors import Conflict, Invalid, NotFound
from tallygate.workflows.accounts import create_billing_account, create_project
from tallygate.workflows.change import cancel, change_plan, resume
from tallygate.workflows.questions.preview import preview
from tallygate.workflows.subscribe import subscribe

CATALOG = """
name: test
currency: [eur, usd]
meters:
  calls: {event: call, aggregation: count}
plans:
  free: {name: Free, prices: []}
  pro:
    name: Pro
    trial_days: 14
    prices:
      - {key: pro_monthly, flat: {eur: "99.00", usd: "109.00"}, every: month}
      - {key: pro_annual, flat: {eur: "990.00", usd: "1090.00"}, every: year}
  usage:
    name: Usage
    prices:
      - {key: calls_made, meter: calls, per_unit: {eur: "0.01", usd: "0.01"}}
coupons:
  EARLYBIRD30: {percent_off: 30, duration: forever}
  LAUNCH: {percent_off: 20, duration: once, redeem_by: 2026-01-31T23:59:59Z, max_redemptions: 2}
  EURO: {amount_off: {eur: "5.00"}, duration: once}
"""


def at(month: int, day: int, hour: int = 0) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def test_a_subscription_bills_its_flats_at_once(each_platform: Any) -> None:
    platform = each_platform
    platform.publish(CATALOG)
    account = platform.tenant().billing_account
    made, invoice = subscribe(
        platform.installation,
        account,
        "pro",
        interval="year",
        currency="eur",
        coupons=["EARLYBIRD30"],
        trial=False,
    )
    assert invoice is not None
    assert (invoice.total, invoice.reason, invoice.number) == (69300, "subscribe", 1)
    assert (made.currency, made.anchor, made.trial_end) == ("eur", at(1, 1), None)
    with platform.installation.store.read() as tx:
        assert accounts.get_billing_account(tx, account).currency == "eur"


def test_an_account_has_several_names_and_an_organization_names_its_own(platform: Any) -> None:
    platform.publish(CATALOG)
    here, acme = platform.installation, platform.tenant()
    lab = create_billing_account(here, acme.id, "Lab", tenant=None, external_id="acme-lab")
    for name, account in [("acme", acme.billing_account), ("acme-lab", lab.id)]:
        made, _ = subscribe(here, name, "free", currency="eur", tenant=acme.id)
        assert made.billing_account == account
    project = create_project(here, acme.id, "Web", tenant=None, external_id="web")
    for name in ("web", project.id, "nobody"):
        with pytest.raises(NotFound):
            subscribe(here, name, "free", currency="eur")


def test_a_trial_comes_with_the_plan(platform: Any) -> None:
    platform.publish(CATALOG)
    subscription = platform.subscribed("pro", currency="eur")
    assert subscription.trial_end == subscription.anchor == at(1, 15)
    assert preview(platform.installation, subscription.billing_account).total == 9900


def test_a_free_plan_has_no_invoice_and_an_empty_preview(platform: Any) -> None:
    platform.publish(CATALOG)
    account = platform.tenant().billing_account
    subscription, invoice = subscribe(platform.installation, account, "free", currency="eur")
    assert invoice is None
    seen = preview(platform.installation, account)
    assert (seen.lines, seen.total, seen.dated) == ((), 0, at(2, 1))
    assert subscription.currency == "eur"


def test_the_first_subscription_fixes_the_currency(platform: Any) -> None:
    platform.publish(CATALOG)
    first = platform.subscribed("usage", currency="usd")
    cancel(platform.installation, first.id, now=True)
    with pytest.raises(Conflict, match="pays in usd, as its first subscription did"):
        subscribe(platform.installation, first.billing_account, "usage", currency="eur")
    again, _ = subscribe(platform.installation, first.billing_account, "usage")
    assert again.currency == "usd"


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        ({"plan": "gold"}, r"There is no plan 'gold'. There are: free, pro, usage."),
        ({}, "Say in which currency: eur, usd."),
        ({"currency": "gbp"}, "no prices in gbp, only in eur, usd"),
        ({"currency": "eur", "interval": "year", "plan": "usage"}, "choose month"),
        ({"currency": "eur", "coupons": ["NOPE"]}, "There is no coupon 'NOPE'"),
        ({"currency": "usd", "coupons": ["EURO"]}, "takes off an amount in eur, not in usd"),
        ({"currency": "eur", "anchor_day": 31}, "A trial's end becomes the day of billing"),
        ({"currency": "eur", "anchor_day": 32, "trial": False}, "1 to 31"),
    ],
)
def test_what_cannot_be_had_gets_a_sentence(
    platform: Any, terms: dict[str, Any], sentence: str
) -> None:
    platform.publish(CATALOG)
    account = platform.tenant().billing_account
    plan = terms.pop("plan", "pro")
    with pytest.raises(Invalid, match=sentence):
        subscribe(platform.installation, account, plan, **terms)
    subscribe(platform.installation, account, "usage", currency="eur")


def test_without_a_price_list_nothing_can_be_sold(platform: Any) -> None:
    account = platform.tenant().billing_account
    with pytest.raises(Conflict, match="catalog apply"):
        subscribe(platform.installation, account, "pro")


def test_a_coupon_is_redeemed_as_often_as_it_may_be(platform: Any) -> None:
    """Counted over the whole installation."""
    platform.publish(CATALOG)
    for name in ("one", "two"):
        platform.subscribed("usage", name, currency="eur", coupons=["LAUNCH"])
    account = platform.tenant("three").billing_account
    with pytest.raises(Conflict, match="redeemed 2 times, as often as it may be"):
        subscribe(platform.installation, account, "usage", currency="eur", coupons=["LAUNCH"])


def test_a_coupon_cannot_be_redeemed_too_late(platform: Any) -> None:
    """B8's redeem_by, to the second."""
    platform.publish(CATALOG)
    platform.clock.set(at(2, 1) - timedelta(seconds=1))
    platform.subscribed("usage", "one", currency="eur", coupons=["LAUNCH"])
    platform.clock.set(at(2, 1))
    account = platform.tenant("two").billing_account
    with pytest.raises(Conflict, match="until 2026-01-31T23:59:59Z"):
        subscribe(platform.installation, account, "usage", currency="eur", coupons=["LAUNCH"])


def test_another_tenants_account_is_not_found(platform: Any) -> None:
    platform.publish(CATALOG)
    mine, other = platform.tenant("mine"), platform.tenant("other")
    account = other.billing_account
    with pytest.raises(NotFound):
        subscribe(platform.installation, account, "usage", currency="eur", tenant=mine.id)
    theirs, _ = subscribe(platform.installation, account, "usage", currency="eur")
    calls: list[Any] = [
        lambda: change_plan(platform.installation, theirs.id, "pro", tenant=mine.id),
        lambda: cancel(platform.installation, theirs.id, tenant=mine.id),
        lambda: resume(platform.installation, theirs.id, tenant=mine.id),
        lambda: preview(platform.installation, theirs.id, tenant=mine.id),
        lambda: preview(platform.installation, account, tenant=mine.id),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            call()


def test_a_customer_leaves_and_comes_back(platform: Any) -> None:
    platform.publish(CATALOG)
    subscription = platform.subscribed("usage", currency="eur")
    platform.clock.set(at(1, 10))
    leaving = cancel(platform.installation, subscription.id)
    assert leaving.cancel_at == at(2, 1)
    assert resume(platform.installation, subscription.id).cancel_at is None
    [invoice] = platform.close(at(2, 1))
    assert invoice.reason == "boundary"
    with pytest.raises(Conflict, match="invoiced for 2026-02-01T00:00:00Z already"):
        cancel(platform.installation, subscription.id, at=at(1, 20))
