import pytest
import stripe
from tests.sandbox.subscriptions.shop import DAY, FEBRUARY, HOUR, MARCH, START, Shop, amounts


@pytest.mark.parametrize(
    ("behavior", "status"),
    [("void", "void"), ("mark_uncollectible", "uncollectible"), ("keep_as_draft", "draft")],
)
def test_collection_pauses_and_the_status_stays(shop: Shop, behavior: str, status: str) -> None:
    sub = shop.subscribe(shop.customer(), shop.price())
    changed = shop.update(sub, pause_collection={"behavior": behavior, "resumes_at": MARCH - DAY})
    assert changed.status == "active"
    assert changed.pause_collection is not None
    assert changed.pause_collection.behavior == behavior
    shop.advance(FEBRUARY + DAY)
    assert shop.latest(sub).status == status
    assert shop.read(sub).status == "active"
    shop.advance(MARCH + HOUR)
    assert shop.read(sub).pause_collection is None
    assert shop.latest(sub).status == "paid"


def test_collection_goes_on_when_asked(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price())
    shop.update(sub, pause_collection={"behavior": "void"})
    assert shop.update(sub, pause_collection="").pause_collection is None
    shop.advance(FEBRUARY + HOUR)
    assert shop.latest(sub).status == "paid"


def test_paused_now_bills_usage_and_credits_the_rest(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(3100), shop.metered(amount="1000"))
    shop.use(customer.id, 4, START + DAY)
    shop.advance(START + 21 * DAY)
    paused = shop.client.v1.subscriptions.pause(sub.id, {"invoicing_behavior": "invoice"})
    assert paused.status == "paused"
    assert paused.status_details is not None
    assert paused.status_details.paused.subscription.type == "pause_requested"
    assert paused.status_details.paused.transitioned_at == START + 21 * DAY
    assert sorted(amounts(shop.latest(sub))) == [-1000, 4000]
    assert len(shop.events("customer.subscription.paused")) == 1
    before = len(shop.invoices(sub))
    shop.advance(MARCH + DAY)
    assert len(shop.invoices(sub)) == before


@pytest.mark.parametrize(
    ("usage", "unused", "waiting"),
    [
        ("now", "now", [-1000, 40]),
        ("none", "none", []),
        ("now", "item_current_period_start", [-3100, 40]),
    ],
)
def test_what_is_billed_for_when_pausing(
    shop: Shop, usage: str, unused: str, waiting: list[int]
) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(3100), shop.metered(amount="10"))
    shop.use(customer.id, 4, START + DAY)
    shop.advance(START + 21 * DAY)
    shop.client.v1.subscriptions.pause(
        sub.id,
        {
            "bill_for": {
                "outstanding_usage_through": {"type": usage},
                "unused_time_from": {"type": unused},
            }
        },
    )
    found = shop.client.v1.invoice_items.list({"customer": customer.id, "pending": True})
    assert sorted(item.amount for item in found.data) == waiting


def test_resumed_it_begins_a_full_period(shop: Shop) -> None:
    sub = shop.subscribe(shop.customer(), shop.price(3100))
    shop.client.v1.subscriptions.pause(
        sub.id, {"bill_for": {"unused_time_from": {"type": "none"}}}
    )
    shop.advance(START + 40 * DAY)
    resumed = shop.client.v1.subscriptions.resume(sub.id)
    assert (resumed.status, resumed.billing_cycle_anchor) == ("active", START + 40 * DAY)
    assert resumed.status_details is None
    assert amounts(shop.latest(sub)) == [3100]
    assert len(shop.events("customer.subscription.resumed")) == 1


def test_resumed_on_the_old_cycle_it_is_prorated(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(2800))
    shop.client.v1.subscriptions.pause(
        sub.id, {"bill_for": {"unused_time_from": {"type": "none"}}}
    )
    shop.advance(FEBRUARY + 21 * DAY)
    resumed = shop.client.v1.subscriptions.resume(
        sub.id,
        {"billing_cycle_anchor": {"type": "unchanged"}, "proration_behavior": "always_invoice"},
    )
    assert (resumed.status, resumed.billing_cycle_anchor) == ("active", START)
    assert amounts(shop.latest(sub)) == [700]
    assert resumed["items"].data[0].current_period_end == MARCH


def test_resumed_only_when_it_is_paid(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(3100))
    shop.client.v1.subscriptions.pause(
        sub.id, {"bill_for": {"unused_time_from": {"type": "none"}}}
    )
    shop.advance(START + 40 * DAY)
    waiting = shop.client.v1.subscriptions.resume(
        sub.id, {"payment_behavior": "resume_on_payment_success"}
    )
    assert waiting.status == "paused"
    shop.client.v1.invoices.pay(shop.latest(sub).id)
    assert shop.read(sub).status == "active"


@pytest.mark.parametrize("ending", ["nobody pays", "it is written off"])
def test_a_resumption_that_nobody_pays_for(shop: Shop, ending: str) -> None:
    """As the SDK says: void after 23 hours; one that is uncollectible is no hindrance."""
    sub = shop.subscribe(shop.customer(), shop.price(3100))
    shop.client.v1.subscriptions.pause(
        sub.id, {"bill_for": {"unused_time_from": {"type": "none"}}}
    )
    shop.advance(START + 40 * DAY)
    shop.client.v1.subscriptions.resume(sub.id, {"payment_behavior": "resume_on_payment_success"})
    waiting = shop.latest(sub).id
    if ending == "it is written off":
        shop.client.v1.invoices.mark_uncollectible(waiting)
        assert shop.read(sub).status == "active"
    shop.advance(START + 41 * DAY - 2 * HOUR)
    assert shop.client.v1.invoices.retrieve(waiting).status != "void"
    shop.advance(START + 41 * DAY)
    invoice = shop.client.v1.invoices.retrieve(waiting)
    assert (invoice.status, shop.read(sub).status) == (
        ("void", "paused") if ending == "nobody pays" else ("uncollectible", "active")
    )


def test_what_is_sent_cannot_be_resumed(shop: Shop) -> None:
    sub = shop.subscribe(
        shop.customer(), shop.price(), collection_method="send_invoice", days_until_due=7
    )
    shop.client.v1.subscriptions.pause(sub.id)
    with pytest.raises(stripe.InvalidRequestError, match="charge_automatically"):
        shop.client.v1.subscriptions.resume(sub.id)


def test_what_cannot_be_paused_or_resumed(shop: Shop) -> None:
    classic = shop.subscribe(shop.customer(), shop.price(), billing_mode={"type": "classic"})
    flexible = shop.subscribe(shop.customer(), shop.price())
    pause, resume = shop.client.v1.subscriptions.pause, shop.client.v1.subscriptions.resume
    with pytest.raises(stripe.InvalidRequestError, match="flexible"):
        pause(classic.id)
    with pytest.raises(stripe.InvalidRequestError):
        resume(flexible.id)
    shop.client.v1.subscription_schedules.create({"from_subscription": flexible.id})
    with pytest.raises(stripe.InvalidRequestError, match="schedule"):
        pause(flexible.id)


def test_canceled_while_paused_bills_nothing_twice(shop: Shop) -> None:
    customer = shop.customer()
    sub = shop.subscribe(customer, shop.price(3100), shop.metered(amount="1000"))
    shop.use(customer.id, 4, START + DAY)
    shop.client.v1.subscriptions.pause(sub.id, {"invoicing_behavior": "invoice"})
    shop.advance(START + 3 * DAY)
    shop.client.v1.subscriptions.cancel(sub.id, {"invoice_now": True, "prorate": True})
    assert len(shop.invoices(sub)) == 2
