import pytest
import stripe
from tests.sandbox.subscriptions.shop import (
    DAY,
    FEBRUARY,
    HOUR,
    MARCH,
    START,
    YEAR,
    Shop,
    amounts,
    refused,
)

LINES = "invoiceitem.created"


def waiting(shop: Shop, customer: str) -> list[int]:
    """The amounts of items that wait for an invoice, oldest first."""
    found = shop.client.v1.invoice_items.list({"customer": customer, "pending": True})
    return [item.amount for item in found.data[::-1]]


def test_a_higher_quantity_waits_as_credit_and_debit(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(3100))
    shop.advance(START + 21 * DAY)  # 10 of January's 31 days are left
    item = sub["items"].data[0].id
    shop.update(sub, items=[{"id": item, "quantity": 3}])
    assert waiting(shop, customer.id) == [-1000, 3000]
    shop.advance(FEBRUARY + HOUR)
    assert sorted(amounts(shop.latest(sub))) == [-1000, 3000, 9300]
    said = {line.description for line in shop.latest(sub).lines.data}
    assert "Unused time on Basic after 22 Jan 2026" in said
    assert "Remaining time on 3 × Basic after 22 Jan 2026" in said


def test_an_upgrade_is_invoiced_at_once_when_wanted(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price(3100))
    first = shop.latest(sub)
    shop.advance(START + 21 * DAY)
    item = sub["items"].data[0].id
    changed = shop.update(
        sub,
        items=[{"id": item, "price": shop.price(6200).id}],
        proration_behavior="always_invoice",
    )
    invoice = shop.latest(changed)
    assert (invoice.billing_reason, invoice.status) == ("subscription_update", "paid")
    assert sorted(amounts(invoice)) == [-1000, 2000]
    credit = next(line for line in invoice.lines.data if line.amount < 0)
    assert credit.parent is not None
    details = credit.parent.subscription_item_details
    assert details is not None
    assert details.proration
    assert details.proration_details is not None
    credited = details.proration_details.credited_items
    assert credited is not None
    assert credited.invoice == first.id
    assert credited.invoice_line_items == [first.lines.data[0].id]
    assert (credit.period.start, credit.period.end) == (START + 21 * DAY, FEBRUARY)


def test_nothing_is_prorated_when_not_wanted(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(3100))
    shop.advance(START + 5 * DAY)
    item = sub["items"].data[0].id
    shop.update(sub, items=[{"id": item, "quantity": 2}], proration_behavior="none")
    assert waiting(shop, customer.id) == []
    shop.advance(FEBRUARY + HOUR)
    assert amounts(shop.latest(sub)) == [6200]


def test_a_credit_gives_back_what_was_paid_not_what_it_would_cost(shop: Shop) -> None:
    customer = shop.customer()
    half = shop.client.v1.coupons.create({"percent_off": 50, "duration": "forever"})
    sub = shop.subscribe(customer, shop.price(3100), discounts=[{"coupon": half.id}])
    assert shop.latest(sub).total == 1550
    shop.advance(START + 21 * DAY)
    shop.update(sub, items=[{"id": sub["items"].data[0].id, "price": shop.price(6200).id}])
    # Both are net of the discount, which is therefore not taken off again.
    assert waiting(shop, customer.id) == [-500, 1000]
    shop.advance(FEBRUARY + HOUR)
    assert shop.latest(sub).total == 500 + 3100


def test_two_changes_in_a_period_credit_each_what_was_debited(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(3100))
    item = sub["items"].data[0].id
    shop.advance(START + 11 * DAY)
    shop.update(sub, items=[{"id": item, "quantity": 2}])
    assert waiting(shop, customer.id) == [-2000, 4000]
    shop.advance(START + 21 * DAY)
    shop.update(sub, items=[{"id": item, "quantity": 1}])
    assert waiting(shop, customer.id) == [-2000, 4000, -2000, 1000]


def test_a_new_price_resets_the_quantity_and_no_id_adds_an_item(shop: Shop) -> None:
    base, other = shop.price(1000), shop.price(2000)
    sub = shop.subscribe(shop.customer(), {"price": base.id, "quantity": 5})
    changed = shop.update(sub, items=[{"id": sub["items"].data[0].id, "price": other.id}])
    assert [(i.price.id, i.quantity) for i in changed["items"].data] == [(other.id, 1)]
    changed = shop.update(sub, items=[{"price": base.id, "quantity": 4}])
    assert [(i.price.id, i.quantity) for i in changed["items"].data] == [
        (other.id, 1),
        (base.id, 4),
    ]


def test_a_yearly_price_keeps_the_anchor_in_flexible_mode(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price(2500))
    shop.advance(START + 4)
    changed = shop.update(
        sub,
        items=[{"id": sub["items"].data[0].id, "price": shop.price(25_000, "year").id}],
        proration_behavior="always_invoice",
        trial_end="now",
        cancel_at_period_end=False,
    )
    # As recorded: 4 seconds later, a credit of all and a debit of all, on the old grid.
    assert sorted(amounts(shop.latest(changed))) == [-2500, 25_000]
    assert changed.billing_cycle_anchor == START
    item = changed["items"].data[0]
    assert (item.current_period_start, item.current_period_end) == (START, YEAR)
    assert (shop.latest(sub).period_start, shop.latest(sub).period_end) == (START, START + 4)


def test_a_yearly_price_anchors_anew_in_classic_mode(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price(3100), billing_mode={"type": "classic"})
    shop.advance(START + 21 * DAY)
    changed = shop.update(
        sub, items=[{"id": sub["items"].data[0].id, "price": shop.price(25_000, "year").id}]
    )
    assert changed.billing_cycle_anchor == START + 21 * DAY
    assert sorted(amounts(shop.latest(changed))) == [-1000, 25_000]
    assert shop.latest(changed).billing_reason == "subscription_update"


def test_the_anchor_may_be_set_to_now_and_a_plain_string_is_refused(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(3100), shop.metered(amount="10"))
    shop.use(customer.id, 4, START + DAY)
    shop.advance(START + 21 * DAY)
    changed = shop.update(sub, billing_cycle_anchor={"type": "now"})
    assert changed.billing_cycle_anchor == START + 21 * DAY
    assert sorted(amounts(shop.latest(changed))) == [-1000, 40, 3100]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.update(sub, billing_cycle_anchor="now")
    assert refused(caught.value)[0] == 400
    unchanged = shop.update(sub, billing_cycle_anchor={"type": "unchanged"})
    assert unchanged.billing_cycle_anchor == START + 21 * DAY


def test_a_trial_ended_now_is_billed_now(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(3100), trial_period_days=20)
    shop.advance(START + 5 * DAY)
    changed = shop.update(sub, trial_end="now")
    assert (changed.status, changed.trial_end) == ("active", START + 5 * DAY)
    assert changed.billing_cycle_anchor == START + 5 * DAY
    assert amounts(shop.latest(changed)) == [3100]


def test_a_trial_given_later_credits_the_rest(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(3100))
    shop.advance(START + 21 * DAY)
    changed = shop.update(sub, trial_end=START + 60 * DAY)
    assert (changed.status, changed.billing_cycle_anchor) == ("trialing", START + 60 * DAY)
    assert waiting(shop, customer.id) == [-1000]
    shop.advance(START + 60 * DAY + HOUR)
    assert sorted(amounts(shop.latest(sub))) == [-1000, 3100]


def test_a_date_for_the_proration(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(3100))
    shop.advance(START + 25 * DAY)
    item = sub["items"].data[0].id
    shop.update(sub, items=[{"id": item, "quantity": 2}], proration_date=START + 21 * DAY)
    assert waiting(shop, customer.id) == [-1000, 2000]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.update(sub, items=[{"id": item, "quantity": 3}], proration_date=MARCH)
    assert caught.value.param == "proration_date"


@pytest.mark.parametrize(
    ("mode", "behavior", "billed"),
    [
        ("flexible", "create_prorations", [40]),
        ("flexible", "none", []),
        ("classic", "create_prorations", []),
    ],
)
def test_usage_of_an_item_that_goes(
    shop: Shop, mode: str, behavior: str, billed: list[int]
) -> None:
    customer = shop.customer()
    sub = shop.subscribe(
        customer, shop.price(3100), shop.metered(amount="10"), billing_mode={"type": mode}
    )
    shop.use(customer.id, 4, START + DAY)
    shop.advance(START + 2 * DAY)
    shop.update(
        sub,
        items=[{"id": sub["items"].data[1].id, "deleted": True}],
        proration_behavior=behavior,
    )
    assert waiting(shop, customer.id) == billed


def test_usage_after_a_change_of_price_is_billed_at_the_new_one(shop: Shop) -> None:
    customer = shop.customer()
    cheap = shop.metered(amount="10")
    assert cheap.recurring is not None
    dear = shop.client.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 30,
            "product": str(cheap.product),
            "recurring": {
                "interval": "month",
                "usage_type": "metered",
                "meter": str(cheap.recurring.meter),
            },
        }
    )
    sub = shop.subscribe(customer, cheap)
    shop.use(customer.id, 4, START + DAY)
    shop.advance(START + 2 * DAY)
    shop.update(sub, items=[{"id": sub["items"].data[0].id, "price": dear.id}])
    shop.use(customer.id, 5, START + 3 * DAY)
    shop.advance(FEBRUARY + HOUR)
    assert sorted(amounts(shop.latest(sub))) == [40, 150]


def test_a_metered_item_added_to_a_year_ends_its_first_period_on_the_grid(shop: Shop) -> None:
    customer = shop.customer()
    metered = shop.metered(amount="10")
    sub = shop.subscribe(customer, shop.price(120_000, "year"))
    shop.use(customer.id, 9, START + 3 * DAY)  # before it is subscribed to
    shop.advance(START + 10 * DAY)
    shop.update(sub, items=[{"price": metered.id}])
    shop.use(customer.id, 5, START + 11 * DAY)
    shop.advance(FEBRUARY + HOUR)
    assert amounts(shop.latest(sub)) == [50]


def test_an_item_that_goes_is_credited(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(3100), shop.price(6200))
    shop.advance(START + 21 * DAY)
    shop.client.v1.subscription_items.delete(sub["items"].data[1].id)
    assert waiting(shop, customer.id) == [-2000]
    assert len(shop.read(sub)["items"].data) == 1
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.subscription_items.delete(sub["items"].data[0].id)


def test_items_have_endpoints_of_their_own(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price(3100))
    items = shop.client.v1.subscription_items
    made = items.create({"subscription": sub.id, "price": shop.price(500).id, "quantity": 2})
    assert items.retrieve(made.id).quantity == 2
    assert items.update(made.id, {"quantity": 5}).quantity == 5
    listed = items.list({"subscription": sub.id})
    assert {item.id for item in listed.data} == {made.id, sub["items"].data[0].id}
    assert items.delete(made.id).deleted


def test_two_hundred_quantities_an_hour_and_no_more(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price(100))
    item = sub["items"].data[0].id
    for number in range(2, 202):
        shop.client.v1.subscription_items.update(
            item, {"quantity": number, "proration_behavior": "none"}
        )
    with pytest.raises(stripe.RateLimitError):
        shop.client.v1.subscription_items.update(item, {"quantity": 1})
    shop.advance(START + HOUR + 1)
    shop.client.v1.subscription_items.update(item, {"quantity": 1})


def test_ten_invoices_a_minute_twenty_a_day_and_no_more(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price(100_000))
    item = sub["items"].data[0].id

    def grow(quantity: int) -> None:
        shop.update(
            sub,
            items=[{"id": item, "quantity": quantity}],
            proration_behavior="always_invoice",
        )

    for number in range(10):
        grow(2 + number)
    with pytest.raises(stripe.RateLimitError) as caught:
        grow(50)
    assert refused(caught.value)[0] == 429
    shop.advance(START + 61)
    for number in range(10):
        grow(20 + number)
    shop.advance(START + 600)
    with pytest.raises(stripe.RateLimitError):
        grow(50)
    shop.advance(START + DAY + 120)
    grow(50)


def test_an_update_that_is_not_paid(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(3100))
    item = sub["items"].data[0].id
    bad = shop.client.v1.payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": customer.id}
    )
    shop.update(sub, default_payment_method=bad.id)
    wanted = {
        "items": [{"id": item, "quantity": 9}],
        "proration_behavior": "always_invoice",
    }
    with pytest.raises(stripe.CardError):
        shop.update(sub, **wanted, payment_behavior="error_if_incomplete")
    assert shop.read(sub)["items"].data[0].quantity == 1
    assert shop.update(sub, **wanted).status == "past_due"
    assert shop.latest(sub).status == "open"


def test_a_pending_update_waits_for_its_payment(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(3100))
    good = shop.client.v1.customers.retrieve(customer.id).invoice_settings
    assert good is not None
    bad = shop.client.v1.payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": customer.id}
    )
    shop.update(sub, default_payment_method=bad.id)
    item = sub["items"].data[0].id
    changed = shop.update(
        sub,
        items=[{"id": item, "quantity": 2}],
        proration_behavior="always_invoice",
        payment_behavior="pending_if_incomplete",
    )
    assert changed.status == "active"
    assert changed["items"].data[0].quantity == 1
    assert changed.pending_update is not None
    assert changed.pending_update.expires_at == START + 23 * HOUR
    assert changed.pending_update.subscription_items is not None
    assert changed.pending_update.subscription_items[0].quantity == 2
    shop.client.v1.invoices.pay(
        shop.latest(sub).id, {"payment_method": str(good.default_payment_method)}
    )
    assert shop.read(sub)["items"].data[0].quantity == 2
    assert shop.read(sub).pending_update is None
    assert len(shop.events("customer.subscription.pending_update_applied")) == 1


def test_a_pending_update_that_is_never_paid_expires(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(3100))
    bad = shop.client.v1.payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": customer.id}
    )
    shop.update(sub, default_payment_method=bad.id)
    shop.update(
        sub,
        items=[{"id": sub["items"].data[0].id, "quantity": 2}],
        proration_behavior="always_invoice",
        payment_behavior="pending_if_incomplete",
    )
    shop.advance(START + 23 * HOUR)
    assert shop.read(sub).pending_update is None
    assert shop.latest(sub).status == "void"
    assert shop.read(sub)["items"].data[0].quantity == 1
    assert len(shop.events("customer.subscription.pending_update_expired")) == 1
    with pytest.raises(stripe.InvalidRequestError):
        shop.update(sub, description="x", payment_behavior="pending_if_incomplete")


def test_one_way_to_flexible(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price(), billing_mode={"type": "classic"})
    moved = shop.client.v1.subscriptions.migrate(sub.id, {"billing_mode": {"type": "flexible"}})
    assert moved.billing_mode.type == "flexible"
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.subscriptions.migrate(sub.id, {"billing_mode": {"type": "flexible"}})


def test_only_changes_are_told(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price())
    shop.update(sub, metadata={"a": "1"})
    shop.update(sub, metadata={"a": "1"})
    (event,) = shop.events("customer.subscription.updated")
    assert event.data.previous_attributes.to_dict() == {"metadata": {"a": None}}
