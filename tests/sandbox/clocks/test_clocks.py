"""Test clocks through the official SDK: forward only, within their limits, in the background."""

import threading
import time
from collections.abc import Iterator

import pytest
import stripe
from stripe import StripeClient

from tallygate_sandbox.testing import RunningSandbox
from tallygate_sandbox.world import World
from tallygate_sandbox.world.registry import TIMERS

START = 1_767_225_600  # 2026-01-01T00:00:00Z
DAY = 86_400


@pytest.fixture
def steps() -> Iterator[list[tuple[str, int]]]:
    """A timer of the test's own: what was played, and at which time of its customer."""
    played: list[tuple[str, int]] = []

    def step(world: World, ident: str) -> None:
        customer = world.get("customer", ident)
        if customer["name"] == "breaks":
            raise RuntimeError("planted")
        played.append((customer["name"], world.now(customer)))

    TIMERS["test.step"] = TIMERS["test.again"] = step
    yield played
    del TIMERS["test.step"], TIMERS["test.again"]


def ready(client: StripeClient, clock: str) -> stripe.test_helpers.TestClock:
    """The clock, when it has come to rest."""
    for _ in range(2000):
        found = client.v1.test_helpers.test_clocks.retrieve(clock)
        if found.status != "advancing":
            return found
        time.sleep(0.002)
    raise AssertionError("the clock still advances")


def set_timer(sandbox: RunningSandbox, name: str, customer: str, at: int) -> None:
    with sandbox.world.transaction():
        sandbox.world.set_timer(name, sandbox.world.get("customer", customer), at)


def types(client: StripeClient) -> list[str]:
    return [str(event.type) for event in client.v1.events.list({"limit": 100}).data][::-1]


def test_a_clock_has_its_own_time_which_is_its_customers(client: StripeClient) -> None:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": START - 900, "name": "n"})
    assert (clock.status, clock.frozen_time, clock.name) == ("ready", START - 900, "n")
    assert clock.deletes_after == START + 7 * DAY
    customer = client.v1.customers.create({"test_clock": clock.id})
    assert customer.created == START - 900
    assert customer.id not in [c.id for c in client.v1.customers.list().data]
    listed = client.v1.customers.list({"test_clock": clock.id}).data
    assert [c.id for c in listed] == [customer.id]


def test_steps_are_played_in_order_at_their_time(
    sandbox: RunningSandbox, client: StripeClient, steps: list[tuple[str, int]]
) -> None:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": START})
    a = client.v1.customers.create({"test_clock": clock.id, "name": "a"})
    b = client.v1.customers.create({"test_clock": clock.id, "name": "b"})
    other = client.v1.customers.create({"name": "the sandbox's own"})
    set_timer(sandbox, "test.step", b.id, START + 30)
    set_timer(sandbox, "test.step", a.id, START + 20)
    set_timer(sandbox, "test.again", a.id, START + 40)
    set_timer(sandbox, "test.step", other.id, START + 10)

    answer = client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": START + 35})
    assert (answer.status, answer.frozen_time) == ("advancing", START)
    assert answer.status_details.advancing is not None
    assert answer.status_details.advancing.target_frozen_time == START + 35

    assert ready(client, clock.id).frozen_time == START + 35
    assert steps == [("a", START + 20), ("b", START + 30)]
    assert sandbox.control("clock")["now"] == START


def test_the_sandboxs_clock_leaves_test_clocks_where_they_are(
    sandbox: RunningSandbox, client: StripeClient, steps: list[tuple[str, int]]
) -> None:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": START})
    a = client.v1.customers.create({"test_clock": clock.id, "name": "a"})
    set_timer(sandbox, "test.step", a.id, START + 20)
    sandbox.advance_to(START + 3600)
    assert steps == []
    assert client.v1.test_helpers.test_clocks.retrieve(clock.id).frozen_time == START


@pytest.mark.parametrize(
    "target",
    [START, START - 1, START + 2 * 365 * DAY + 1],
    ids=["its own time", "the past", "beyond two years"],
)
def test_a_clock_goes_only_forward_and_not_too_far(client: StripeClient, target: int) -> None:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": START})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": target})
    assert refused.value.param == "frozen_time"
    exactly_two_years = START + 2 * 365 * DAY
    client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": exactly_two_years})
    assert ready(client, clock.id).frozen_time == exactly_two_years


def test_at_most_two_intervals_of_the_shortest_subscription(client: StripeClient) -> None:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": START})
    customer = client.v1.customers.create(
        {
            "test_clock": clock.id,
            "payment_method": "pm_card_visa",
            "invoice_settings": {"default_payment_method": "pm_card_visa"},
        }
    )
    product = client.v1.products.create({"name": "Plan"})
    for interval in ("year", "month"):
        price = client.v1.prices.create(
            {
                "product": product.id,
                "currency": "usd",
                "unit_amount": 1000,
                "recurring": {"interval": interval},
            }
        )
        subscription = client.v1.subscriptions.create(
            {"customer": customer.id, "items": [{"price": price.id}]}
        )
        assert subscription.items.data[0].current_period_start == START
    march, advance = START + (31 + 28) * DAY, client.v1.test_helpers.test_clocks.advance
    with pytest.raises(stripe.InvalidRequestError):
        advance(clock.id, {"frozen_time": march + 1})
    advance(clock.id, {"frozen_time": march})
    assert ready(client, clock.id).frozen_time == march
    found = client.v1.subscriptions.retrieve(subscription.id)
    assert found.items.data[0].current_period_end == march + 31 * DAY
    invoices = client.v1.invoices.list({"subscription": subscription.id}).data
    assert [(one.status, one.created) for one in invoices] == [
        ("draft", march),
        ("paid", START + 31 * DAY),
        ("paid", START),
    ]


def test_three_customers_and_no_fourth(client: StripeClient) -> None:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": START})
    for _ in range(3):
        client.v1.customers.create({"test_clock": clock.id})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.customers.create({"test_clock": clock.id})
    assert refused.value.param == "test_clock"
    assert len(client.v1.customers.list({"test_clock": clock.id}).data) == 3


def test_what_belongs_to_an_advancing_clock_cannot_be_changed(
    sandbox: RunningSandbox, client: StripeClient, steps: list[tuple[str, int]]
) -> None:
    go_on = threading.Event()

    def dawdle(world: World, ident: str) -> None:
        time.sleep(0.03)  # more than a slice: requests are answered between two such steps
        if not go_on.is_set():
            customer = world.get("customer", ident)
            world.set_timer("test.step", customer, world.now(customer))

    TIMERS["test.step"] = dawdle
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": START})
    customer = client.v1.customers.create({"test_clock": clock.id})
    set_timer(sandbox, "test.step", customer.id, START + 20)
    client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": START + 20})
    try:
        with pytest.raises(stripe.RateLimitError, match="advancement underway - cannot perform"):
            client.v1.customers.update(customer.id, {"name": "late"})
        assert client.v1.customers.create({"name": "elsewhere"}).name == "elsewhere"
        assert client.v1.customers.retrieve(customer.id).name is None
        assert client.v1.test_helpers.test_clocks.retrieve(clock.id).status == "advancing"
    finally:
        go_on.set()
    assert ready(client, clock.id).frozen_time == START + 20
    assert client.v1.customers.update(customer.id, {"name": "now"}).name == "now"


def test_a_step_that_fails_stops_the_clock_and_says_so(
    sandbox: RunningSandbox,
    client: StripeClient,
    steps: list[tuple[str, int]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": START})
    broken = client.v1.customers.create({"test_clock": clock.id, "name": "breaks"})
    set_timer(sandbox, "test.step", broken.id, START + 20)
    client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": START + 35})
    stopped = ready(client, clock.id)
    assert (stopped.status, stopped.frozen_time) == ("internal_failure", START)
    assert "planted" in caplog.text
    assert types(client)[-1] == "test_helpers.test_clock.internal_failure"


def test_a_deleted_clock_takes_its_customers_along(
    sandbox: RunningSandbox, client: StripeClient, steps: list[tuple[str, int]]
) -> None:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": START})
    customer = client.v1.customers.create({"test_clock": clock.id})
    kept = client.v1.customers.create({})
    set_timer(sandbox, "test.step", customer.id, START + 20)
    assert client.v1.test_helpers.test_clocks.delete(clock.id).deleted is True
    for gone in (
        lambda: client.v1.customers.retrieve(customer.id),
        lambda: client.v1.test_helpers.test_clocks.retrieve(clock.id),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            gone()
        assert refused.value.code == "resource_missing"
    assert client.v1.customers.retrieve(kept.id).id == kept.id
    assert sandbox.world.timers.next_due(clock.id) is None


def test_a_clock_tells_its_life_in_events(client: StripeClient) -> None:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": START})
    client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": START + 1})
    ready(client, clock.id)
    client.v1.test_helpers.test_clocks.delete(clock.id)
    said = [
        f"test_helpers.test_clock.{word}" for word in ("created", "advancing", "ready", "deleted")
    ]
    assert types(client) == said


def test_a_clock_is_forgotten_after_a_week(sandbox: RunningSandbox, client: StripeClient) -> None:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": START})
    sandbox.advance_to(START + 7 * DAY - 1)
    assert client.v1.test_helpers.test_clocks.retrieve(clock.id).id == clock.id
    sandbox.advance_to(START + 7 * DAY)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.test_helpers.test_clocks.retrieve(clock.id)


def test_a_customer_that_exists_is_put_on_a_clock(
    sandbox: RunningSandbox, client: StripeClient
) -> None:
    price = client.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 1000,
            "recurring": {"interval": "day"},
            "product_data": {"name": "Basic"},
        }
    ).id
    card = "pm_card_visa"
    customer = client.v1.customers.create(
        {"payment_method": card, "invoice_settings": {"default_payment_method": card}}
    ).id
    sub = client.v1.subscriptions.create({"customer": customer, "items": [{"price": price}]}).id
    clocks = client.v1.test_helpers.test_clocks
    with pytest.raises(stripe.InvalidRequestError) as refused:
        clocks.create({"frozen_time": START - DAY, "customer": customer})
    assert refused.value.param == "frozen_time"
    clock = clocks.create({"frozen_time": START + 3600, "customer": customer}).id
    assert client.v1.customers.retrieve(customer).test_clock == clock
    assert client.v1.subscriptions.retrieve(sub).test_clock == clock
    assert client.v1.subscriptions.list().data == []
    with pytest.raises(stripe.InvalidRequestError, match="already"):
        clocks.create({"frozen_time": START + 3600, "customer": customer})
    sandbox.advance_to(START + 3 * DAY)  # the sandbox's own time is no longer theirs
    assert len(client.v1.invoices.list({"customer": customer}).data) == 1
    clocks.advance(clock, {"frozen_time": START + DAY + 7200})
    assert ready(client, clock).status == "ready"
    renewed = client.v1.invoices.list({"customer": customer}).data[0]
    assert (renewed.billing_reason, renewed.status) == ("subscription_cycle", "paid")
    assert renewed.created == START + DAY
