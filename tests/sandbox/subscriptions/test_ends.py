import pytest
import stripe
from tests.sandbox.subscriptions.shop import DAY, FEBRUARY, HOUR, MARCH, START, YEAR, Shop, amounts


def test_canceled_now_drops_usage_and_keeps_the_money(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(3100), shop.metered(amount="10"))
    shop.use(customer.id, 4, START + DAY)
    gone = shop.client.v1.subscriptions.cancel(
        sub.id, {"cancellation_details": {"feedback": "too_expensive", "comment": "so it is"}}
    )
    assert (gone.status, gone.ended_at, gone.canceled_at) == (
        "canceled",
        START + DAY,
        START + DAY,
    )
    details = gone.cancellation_details
    assert details is not None
    assert (details.reason, details.feedback, details.comment) == (
        "cancellation_requested",
        "too_expensive",
        "so it is",
    )
    (event,) = shop.events("customer.subscription.deleted")
    assert event.data.object.status == "canceled"
    shop.advance(MARCH)
    assert len(shop.invoices(sub)) == 1
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.subscriptions.cancel(sub.id)
    with pytest.raises(stripe.InvalidRequestError):
        shop.update(sub, items=[{"id": sub["items"].data[0].id, "quantity": 2}])
    shop.update(sub, metadata={"a": "1"})


def test_canceled_now_with_a_last_invoice(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(3100), shop.metered(amount="1000"))
    shop.use(customer.id, 4, START + DAY)
    shop.advance(START + 21 * DAY)
    shop.client.v1.subscriptions.cancel(sub.id, {"invoice_now": True, "prorate": True})
    invoice = shop.latest(sub)
    assert sorted(amounts(invoice)) == [-1000, 4000]
    assert (invoice.status, invoice.total) == ("paid", 3000)


def test_at_the_end_of_the_period_the_usage_is_still_billed(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(3100), shop.metered(amount="10"))
    changed = shop.update(sub, cancel_at_period_end=True)
    assert (changed.status, changed.cancel_at, changed.canceled_at) == (
        "active",
        FEBRUARY,
        START,
    )
    shop.use(customer.id, 4, START + DAY)
    shop.advance(FEBRUARY)
    assert shop.read(sub).status == "canceled"
    assert shop.read(sub).ended_at == FEBRUARY
    assert (shop.latest(sub).status, amounts(shop.latest(sub))) == ("draft", [40])
    shop.use(customer.id, 100, FEBRUARY - 1)  # late, and still in time
    shop.use(customer.id, 9, FEBRUARY + 1)  # after the end
    shop.advance(FEBRUARY + HOUR)
    assert (shop.latest(sub).status, amounts(shop.latest(sub))) == ("paid", [1040])
    shop.advance(MARCH + DAY)
    assert len(shop.invoices(sub)) == 2


def test_the_end_may_be_taken_back(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price(3100))
    shop.update(sub, cancel_at_period_end=True)
    back = shop.update(sub, cancel_at_period_end=False)
    assert (back.cancel_at, back.canceled_at, back.cancel_at_period_end) == (None, None, False)
    shop.advance(FEBRUARY + HOUR)
    assert shop.read(sub).status == "active"
    assert shop.latest(sub).total == 3100


def test_with_mixed_intervals_the_earliest_end_counts_unless_fixed(shop: Shop) -> None:
    prices = [shop.price(120_000, "year"), shop.metered(amount="10")]
    early = shop.subscribe(shop.customer(), *prices)
    assert shop.update(early, cancel_at_period_end=True).cancel_at == FEBRUARY
    late = shop.subscribe(shop.customer(), *prices)
    fixed = shop.update(late, cancel_at="max_period_end")
    assert (fixed.cancel_at, fixed.cancel_at_period_end) == (YEAR, False)
    assert shop.update(late, cancel_at="min_period_end").cancel_at == FEBRUARY
    shop.update(late, cancel_at="max_period_end")
    shop.advance(MARCH + HOUR)
    assert shop.read(early).status == "canceled"
    assert shop.read(late).status == "active"
    shop.advance(YEAR + HOUR)
    assert shop.read(late).status == "canceled"


def test_a_fixed_end_within_the_period_is_credited(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(3100))
    shop.update(sub, cancel_at=START + 21 * DAY)
    waiting = shop.client.v1.invoice_items.list({"customer": customer.id, "pending": True})
    assert [item.amount for item in waiting.data] == [-1000]
    shop.update(sub, cancel_at="")
    waiting = shop.client.v1.invoice_items.list({"customer": customer.id, "pending": True})
    assert sorted(item.amount for item in waiting.data) == [-1000, 1000]
    shop.update(sub, cancel_at=START + 21 * DAY)
    shop.advance(START + 21 * DAY)
    assert shop.read(sub).status == "canceled"
    assert shop.latest(sub).total == -1000


def test_a_fixed_end_in_a_later_period_shortens_its_bill(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price(2800), cancel_at=FEBRUARY + 7 * DAY)
    shop.advance(FEBRUARY + HOUR)
    assert amounts(shop.latest(sub)) == [700]  # 7 of 28 days
    shop.advance(FEBRUARY + 7 * DAY)
    assert shop.read(sub).status == "canceled"


def test_a_first_invoice_voided_ends_an_incomplete_subscription(shop: Shop) -> None:
    sub = shop.subscribe(
        shop.customer(card=None), shop.price(), payment_behavior="default_incomplete"
    )
    shop.client.v1.invoices.void_invoice(shop.latest(sub).id)
    assert shop.read(sub).status == "incomplete_expired"
    other = shop.subscribe(
        shop.customer(card=None), shop.price(), payment_behavior="default_incomplete"
    )
    assert shop.client.v1.subscriptions.cancel(other.id).status == "incomplete_expired"


def test_a_customer_that_goes_takes_its_subscriptions_along(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price())
    shop.client.v1.customers.delete(customer.id)
    assert shop.read(sub).status == "canceled"
