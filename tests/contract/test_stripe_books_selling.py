"""What is sold at Stripe is foreseen, has the price that was meant, and is bought once."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from tests.contract.stripe_shop import (
    CATALOG,
    FEBRUARY,
    IN_JANUARY,
    JANUARY,
    START,
    Shop,
    item_of,
    on,
)

from tallygate.adapters.stripe import prices
from tallygate.collection.held import Asked
from tallygate.collection.intents import (
    ChangeFlats,
    ChangeItems,
    OpenCheckout,
    ScheduleFlats,
    SetEnd,
    StartSubscription,
    WantedItem,
)
from tallygate.collection.seen import SeenLine, SeenSchedule
from tallygate.core.errors import Refused
from tallygate.core.period import Period
from tallygate_sandbox.testing import running_sandbox


@pytest.fixture
def shop() -> Iterator[Shop]:
    with running_sandbox(frozen=START) as sandbox:
        yield Shop(sandbox)


# Previews


def start(shop: Shop, customer: str, *keys: str, **more: Any) -> StartSubscription:
    items = tuple(shop.item(key) for key in keys)
    return StartSubscription("pur_1", "bil_1", customer, items, "usd", **more)


def test_a_start_is_foreseen_and_not_made(shop: Shop) -> None:
    customer = shop.customer()
    before = shop.world()
    wish = start(shop, customer, "pro_base", "calls", coupons=("FIRST", "EARLY"))
    foreseen = shop.books.foresee_start(wish)
    assert foreseen is not None
    off = {"FIRST": 400, "EARLY": 250}
    assert foreseen.lines == (SeenLine("flat", 2900, IN_JANUARY, "pro_base", discounts=off),)
    assert (foreseen.total, foreseen.boundary) == (2250, None)
    assert shop.world() == before
    shop.books.carry_out(wish, shop.key())
    [made] = shop.look(customer).invoices
    assert (made.lines, made.total) == (foreseen.lines, foreseen.total)
    assert shop.subscription(customer).coupons == ("EARLY",)  # the other is spent


def test_a_trial_is_foreseen_to_cost_nothing(shop: Shop) -> None:
    customer = shop.customer()
    wish = start(shop, customer, "pro_base", "calls", trial_days=14)
    foreseen = shop.books.foresee_start(wish)
    assert foreseen is not None
    trial = Period(JANUARY, on(14))
    assert foreseen.lines == (SeenLine("flat", 0, trial, "pro_base"),)
    subscription = shop.books.carry_out(wish, shop.key())
    there = shop.subscription(customer)
    assert (there.status, there.trial_end) == ("trialing", on(14))
    assert shop.latest(customer).lines == foreseen.lines
    # A change in it is invoiced by nothing, though Stripe's preview shows the end of the trial.
    upgrade = ChangeFlats(
        subscription,
        (shop.item("max_base"),),
        (item_of(there, "pro_base"),),
        JANUARY,
        "inv_1",
        charged=True,
    )
    foreseen = shop.books.foresee_change(upgrade)
    assert (foreseen.lines, foreseen.total, foreseen.currency) == ((), 0, "usd")
    shop.books.carry_out(upgrade, shop.key())
    assert len(shop.look(customer).invoices) == 1
    assert shop.subscription(customer).trial_end == on(14)
    shop.advance(on(14))
    first = shop.latest(customer)
    assert (first.boundary, first.total) == (on(14), 9900)


def test_a_start_with_usage_only_has_no_invoice(shop: Shop) -> None:
    customer = shop.customer()
    wish = start(shop, customer, "calls")
    assert shop.books.foresee_start(wish) is None
    shop.books.carry_out(wish, shop.key())
    assert shop.look(customer).invoices == ()
    assert shop.subscription(customer).status == "active"


def test_nothing_is_upcoming_after_the_end(shop: Shop) -> None:
    customer = shop.customer()
    there = shop.subscribed(customer, "pro_base")
    assert shop.books.upcoming(there.id) is not None
    shop.books.carry_out(SetEnd(there.id, FEBRUARY), shop.key())
    assert shop.books.upcoming(there.id) is None


# Prices


def test_a_price_that_differs_from_the_catalog_is_refused_with_what_to_do(shop: Shop) -> None:
    customer, held = shop.customer(), shop.held["pro_base"]
    dear = WantedItem(replace(held, amounts={"usd": Asked(Decimal(3100))}))
    wish = StartSubscription("pur_1", "bil_1", customer, (dear,), "usd")
    with pytest.raises(Refused, match="catalog apply"):
        shop.books.carry_out(wish, shop.key())
    assert shop.look(customer).subscriptions == ()


DEARER = CATALOG.replace('flat: "29.00"', 'flat: "31.00"').replace(
    'per_unit: "0.05"', 'per_unit: "0.06"'
)


def test_a_former_price_is_known_by_what_it_was_made_for(shop: Shop) -> None:
    """Who has bought at 29.00 keeps it; the key belongs to 31.00 by now."""
    customer = shop.customer()
    there = shop.subscribed(customer, "pro_base")
    former = shop.item("pro_base")
    shop.publish(DEARER)
    books = shop.open_books()
    [item] = books.look(customer, JANUARY).subscriptions[0].items
    assert (item.key, item.price.key, item.price.active) == ("pro_base", None, False)
    assert item.price.terms == former.price
    begun = StartSubscription("pur_2", "bil_1", customer, (shop.item("pro_base"),), "usd")
    books.carry_out(begun, shop.key())
    seen = books.look(customer, JANUARY)
    assert [one.purchase for one in seen.subscriptions] == ["pur_1", "pur_2"]
    assert [one.total for one in seen.invoices] == [2900, 3100]
    assert seen.subscription(there.id) == seen.subscriptions[0]


def in_sale(shop: Shop, price: str) -> bool:
    return bool(shop.client.v1.prices.retrieve(price).active)


def test_what_was_sold_before_joins_at_its_former_price(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stripe adds no archived price: it is in sale for one request, and nobody else sees it."""
    customer, calls = shop.customer(), shop.item("calls")
    there = shop.subscribed(customer, "pro_base")
    shop.publish(DEARER)
    books, joins = shop.open_books(), ChangeItems(there.id, (calls,))
    key = shop.key()
    books.carry_out(joins, key)
    after = shop.world()
    [joined] = books.look(customer, JANUARY).subscriptions[0].items[1:]
    assert joined.price.terms == calls.price
    assert not in_sale(shop, joined.price.id)
    books.carry_out(joins, key)
    assert shop.world() == after
    other = shop.subscribed(shop.customer(), "max_base")
    monkeypatch.setattr(prices, "_is_inactive", lambda _: False)
    with pytest.raises(Refused, match="inactive"):
        books.carry_out(ChangeItems(other.id, (calls,)), shop.key())


def test_whoever_has_a_former_price_is_moved_at_a_boundary(shop: Shop) -> None:
    customer = shop.customer()
    there = shop.subscribed(customer, "pro_base", "calls")
    shop.publish(DEARER)
    former = (item_of(there, "pro_base"),)
    later = ScheduleFlats(there.id, FEBRUARY, (shop.item("pro_base"),), former)
    schedule = shop.books.carry_out(later, shop.key())
    planned = shop.subscription(customer)
    assert planned.schedule == SeenSchedule(schedule, FEBRUARY, {"pro_base": 1})
    assert [in_sale(shop, item.price.id) for item in planned.items] == [False, False]
    shop.advance(FEBRUARY)
    [line] = shop.latest(customer).lines
    assert (line.key, line.amount) == ("pro_base", 3100)
    assert [item.key for item in shop.subscription(customer).items] == ["pro_base", "calls"]


def test_a_price_of_somebody_elses_stands_for_ours_where_it_asks_the_same(shop: Shop) -> None:
    v1, customer = shop.client.v1, shop.customer()
    theirs: Any = {"product": "prod_pro", "currency": "usd", "recurring": {"interval": "month"}}
    same = v1.prices.create(theirs | {"unit_amount": 2900}).id
    other = v1.prices.create(theirs | {"unit_amount": 2800}).id
    wish = start(shop, customer, "pro_base")
    with pytest.raises(Refused, match=f"{other} at Stripe was chosen for pro_base"):
        shop.open_books(prices={"pro_base": other}).carry_out(wish, shop.key())
    books = shop.open_books(prices={"pro_base": same})
    books.carry_out(wish, shop.key())
    [item] = books.look(customer, JANUARY).subscriptions[0].items
    assert (item.key, item.price.id, item.price.terms) == ("pro_base", same, shop.held["pro_base"])


# Buying


def test_a_checkout_leaves_out_a_count_of_nothing_and_takes_one_coupon(shop: Shop) -> None:
    where = ("https://shop.example/thanks", "https://shop.example/back")
    items = (shop.item("pro_base"), shop.item("seats", 0))
    wish = OpenCheckout("pur_1", "bil_1", shop.customer(), items, "usd", *where, trial_days=7)
    session = shop.books.carry_out(wish, shop.key()).split()[0]
    sold = shop.client.v1.checkout.sessions.retrieve(session, {"expand": ["line_items"]})
    said = sold.to_dict()
    assert [line["price"]["lookup_key"] for line in said["line_items"]["data"]] == ["pro_base"]
    assert said["allow_promotion_codes"] is True
    assert (said["metadata"]["tallygate_purchase"], said["currency"]) == ("pur_1", "usd")
    with pytest.raises(Refused, match="takes one coupon"):
        shop.books.carry_out(replace(wish, coupons=("EARLY", "FIRST")), shop.key())


def test_nobody_buys_through_a_session_that_was_ended(shop: Shop) -> None:
    where = ("https://shop.example/thanks", "https://shop.example/back")
    items = (shop.item("pro_base"),)
    wish = OpenCheckout("pur_1", "bil_1", shop.customer(), items, "usd", *where)
    session = shop.books.carry_out(wish, shop.key()).split()[0]
    for _ in range(2):
        shop.books.expire_session(session)
        there = shop.books.session(session)
        assert (there.status, there.paid, there.url) == ("expired", False, None)
    with pytest.raises(Refused, match="No such session"):
        shop.books.expire_session("cs_test_nothing")


def test_a_trial_that_needs_a_card_has_a_secret(shop: Shop) -> None:
    wish = start(shop, shop.customer(card=None), "pro_base", trial_days=14)
    subscription = shop.books.carry_out(wish, shop.key())
    secret = shop.books.client_secret(subscription)
    assert secret is not None
    assert secret.startswith("seti_")


def test_the_portal_is_the_one_that_was_published(shop: Shop) -> None:
    customer = shop.customer()
    for _ in range(2):
        address = shop.books.portal(customer, "https://shop.example/back")
        assert address.startswith(shop.sandbox.url)
    [configuration] = [
        one.id
        for one in shop.client.v1.billing_portal.configurations.list().data
        if not one.is_default
    ]
    sessions = shop.world()["billing_portal.session"].values()
    assert {one["configuration"] for one in sessions} == {configuration}
    assert {one["return_url"] for one in sessions} == {"https://shop.example/back"}
    with pytest.raises(Refused):
        shop.books.portal("cus_nobody", None)
