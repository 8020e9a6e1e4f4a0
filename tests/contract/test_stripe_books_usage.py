"""What was used is reported once and counted exactly; what happened is told as it was written."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
import stripe
from tests.contract.stripe_shop import (
    IN_JANUARY,
    JANUARY,
    START,
    Shop,
    on,
)

from tallygate.collection.intents import (
    Total,
)
from tallygate.collection.provider import Failure
from tallygate.core.errors import Refused
from tallygate.core.period import Period
from tallygate_sandbox.testing import running_sandbox


@pytest.fixture
def shop() -> Iterator[Shop]:
    with running_sandbox(frozen=START) as sandbox:
        yield Shop(sandbox)


# Usage


def test_a_total_is_counted_in_whole_minutes(shop: Shop) -> None:
    customer = shop.customer()
    shop.advance(on(2))
    noon = on(1, hour=12)
    for number, seconds in enumerate((59, 61, 119)):
        stamp = noon + timedelta(seconds=seconds)
        shop.books.report(Total(customer, "calls", 10 + number, stamp, f"calls-{number}"))

    def counted(start: float, end: float) -> int | None:
        window = Period(noon + timedelta(seconds=start), noon + timedelta(seconds=end))
        return shop.books.counted(customer, "calls", window)

    assert counted(0, 60) == 10
    assert counted(0, 119.9) == 10
    assert counted(0, 120) == 12
    assert counted(0.5, 120) == 12  # of the minute that has begun nothing is asked
    assert counted(1, 59) is None
    assert counted(120, 180) == 0
    assert shop.books.counted(customer, "nothing", IN_JANUARY) is None


def test_fifteen_digits_are_counted_exactly(shop: Shop) -> None:
    customer, most = shop.customer(), 999_999_999_999_999
    shop.advance(on(2))
    shop.books.report(Total(customer, "calls", most, on(1), "calls-1"))
    assert shop.books.counted(customer, "calls", IN_JANUARY) == most
    with pytest.raises(Refused):
        shop.books.report(Total(customer, "calls", most + 1, on(1), "calls-2"))


@pytest.mark.parametrize("kind", ["drop_after", "error_after", "drop", "rate_limit"])
def test_a_total_is_reported_once_whatever_happens(shop: Shop, kind: str) -> None:
    customer = shop.customer()
    shop.advance(on(2))
    total = Total(customer, "calls", 7, on(1), "calls-1")
    shop.fail(kind, path="/v1/billing/meter_events")
    if kind == "error_after":
        with pytest.raises(Exception, match="Stripe failed"):
            shop.books.report(total)
    else:
        shop.open_books(tries=2).report(total)
        shop.books.report(total)
    assert shop.books.counted(customer, "calls", IN_JANUARY) == 7
    # A day later the key is forgotten, and a little later the identifier is.
    shop.advance(on(2, hour=12))
    assert shop.books.counted(customer, "calls", IN_JANUARY) == 7


def test_a_total_that_did_not_count_is_told_by_its_identifier(shop: Shop) -> None:
    customer = shop.customer()
    shop.books.report(Total("cus_nobody", "calls", 7, JANUARY, "calls-1"))
    shop.books.report(Total(customer, "nothing", 7, JANUARY, "nothing-1"))
    listed = shop.client.v2.core.events.list().data
    told = [failure for one in listed for failure in shop.books.failures(one.id)]
    codes = {(one.identifier, one.code) for one in told}
    assert codes == {
        ("calls-1", "meter_event_customer_not_found"),
        ("nothing-1", "no_meter"),
    }
    assert all(isinstance(one, Failure) and one.message for one in told)
    with pytest.raises(Refused):
        shop.books.failures("evt_test_nothing")


# Events


def test_events_are_listed_as_their_webhooks_tell_them(shop: Shop) -> None:
    """All pages, oldest first, each as Stripe wrote it."""
    shop.advance(on(1))
    made = [shop.client.v1.customers.create().id for _ in range(120)]
    happened = shop.books.happened(on(1))
    told = [json.loads(one.body) for one in happened]
    assert [one["data"]["object"]["id"] for one in told] == made
    assert [one.id for one in happened] == [one["id"] for one in told]
    assert {(one.created, one.api_version) for one in happened} == {(on(1), stripe.api_version)}
    assert shop.books.happened(on(1) + timedelta(seconds=1)) == []
    everything = shop.books.happened(JANUARY)
    assert {one.type for one in everything} > {"customer.created", "price.created"}
