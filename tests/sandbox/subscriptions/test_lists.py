import pytest
import stripe
from tests.sandbox.subscriptions.shop import DAY, FEBRUARY, START, YEAR, Shop


def listed(shop: Shop, **wanted: object) -> set[str]:
    found = shop.client.v1.subscriptions.list({"limit": 100, **wanted})
    return {sub.id for sub in found.data}


def test_canceled_ones_are_hidden_unless_asked_for(shop: Shop) -> None:
    price = shop.price()
    kept, gone = (shop.subscribe(shop.customer(), price) for _ in range(2))
    expired = shop.subscribe(
        shop.customer(card=None), price, payment_behavior="default_incomplete"
    )
    shop.client.v1.subscriptions.cancel(gone.id)
    shop.advance(START + DAY)
    assert listed(shop) == {kept.id, expired.id}
    assert listed(shop, status="all") == {kept.id, gone.id, expired.id}
    assert listed(shop, status="ended") == {gone.id, expired.id}
    assert listed(shop, status="canceled") == {gone.id}
    assert listed(shop, status="incomplete_expired") == {expired.id}
    assert listed(shop, status="active") == {kept.id}


def test_by_customer_price_and_period(shop: Shop) -> None:
    one, two = shop.customer(), shop.customer()
    month, year = shop.price(), shop.price(interval="year")
    a = shop.subscribe(one, month)
    b = shop.subscribe(two, month, year)
    c = shop.subscribe(two, year, trial_period_days=3)
    assert listed(shop, customer=two.id) == {b.id, c.id}
    assert listed(shop, price=year.id) == {b.id, c.id}
    assert listed(shop, price=month.id, customer=two.id) == {b.id}
    # With several items the earliest end counts.
    assert listed(shop, current_period_end=FEBRUARY) == {a.id, b.id}
    assert listed(shop, current_period_end={"lt": FEBRUARY}) == {c.id}
    assert listed(shop, current_period_end={"gte": YEAR}) == set()
    assert listed(shop, current_period_start={"gte": START}) == {a.id, b.id, c.id}
    assert listed(shop, collection_method="send_invoice") == set()


def test_those_of_a_test_clock_are_hidden_unless_asked_for(shop: Shop) -> None:
    clock = shop.client.v1.test_helpers.test_clocks.create({"frozen_time": START})
    tester = shop.customer(test_clock=clock.id)
    mine = shop.subscribe(tester, shop.price())
    other = shop.subscribe(shop.customer(), shop.price())
    assert mine.test_clock == clock.id
    assert listed(shop) == {other.id}
    assert listed(shop, test_clock=clock.id) == {mine.id}
    assert listed(shop, customer=tester.id) == {mine.id}


def test_a_test_clock_plays_a_renewal_of_its_own(shop: Shop) -> None:
    clock = shop.client.v1.test_helpers.test_clocks.create({"frozen_time": START})
    mine = shop.subscribe(shop.customer(test_clock=clock.id), shop.price())
    other = shop.subscribe(shop.customer(), shop.price())
    shop.client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": FEBRUARY + DAY})
    assert shop.latest(mine).created == FEBRUARY
    assert shop.latest(mine).status == "paid"
    assert shop.latest(other).created == START


def test_search(shop: Shop) -> None:
    a = shop.subscribe(shop.customer(), shop.price(), metadata={"team": "red"})
    shop.subscribe(shop.customer(), shop.price(), metadata={"team": "blue"})
    found = shop.client.v1.subscriptions.search(
        {"query": "status:'active' AND metadata['team']:'red'"}
    )
    assert [sub.id for sub in found.data] == [a.id]


def test_expansions(shop: Shop) -> None:
    sub = shop.subscribe(
        shop.customer(),
        shop.price(),
        expand=["latest_invoice.payments", "customer", "items.data.price.product"],
    )
    assert isinstance(sub.latest_invoice, stripe.Invoice)
    assert sub.latest_invoice.payments is not None
    assert sub.latest_invoice.payments.data[0].status == "paid"
    assert isinstance(sub.customer, stripe.Customer)
    product = sub["items"].data[0].price.product
    assert isinstance(product, stripe.Product)
    assert product.name == "Basic"


def test_there_is_none(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.client.v1.subscriptions.retrieve("sub_none")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
