"""Hands at Stripe, meters that lag, usage that comes late: nothing is lost without a word.

The planted defects are looks that show less than there is, or what was there before: each lets
some tampering pass, and the same check names it.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from tests.chaos.stage import EVENING, FEBRUARY, Past, Stage

from tallygate.adapters.store import customers
from tallygate.adapters.stripe import StripeBooks
from tallygate.collection.seen import Seen
from tallygate.core.errors import Refused
from tallygate.workflows.mirror.carry_out import Account
from tallygate.workflows.mirror.reconcile import reconcile

MARCH = FEBRUARY + timedelta(days=18, hours=16)


def customer_of(stage: Stage, account: Account) -> str:
    with stage.installation.store.read() as tx:
        return str(customers.customer_of(tx, account.id))


def said_of(past: Past, name: str) -> list[str]:
    """What `reconcile` says of an account."""
    account = past.accounts[name].id
    found = reconcile(past.stage.installation, past.stage.books, billing_account=account)
    return [
        str(said)
        for one in found
        for said in (
            *one.findings.taken_over,
            *one.findings.to_do,
            *one.findings.to_decide,
            *one.findings.usage,
        )
    ]


def items(stage: Stage, account: Account) -> dict[str, Any]:
    """The items of an account's subscription there, by the price key."""
    found = stage.v1.subscription_items.list({"subscription": stage.mirror(account).provider_id})
    return {one.price.metadata["tallygate"]: one for one in found.data}


def test_what_was_bought_and_ended_before_anybody_looked_is_billed(past: Past) -> None:
    past.prepare("busy_day")
    stage = past.stage
    dana = stage.tenant("dana")
    stage.complete(stage.buy(dana, "basic"))
    [there] = stage.v1.subscriptions.list({"customer": customer_of(stage, dana)}).data
    stage.v1.subscriptions.cancel(there.id)
    stage.agree(2)
    assert stage.differ() == []
    assert [(one.total, one.state) for one in stage.collected(dana)][:1] == [(1000, "paid")]
    assert stage.subscription(dana).ended_at is not None


def test_a_customer_who_was_deleted_is_told_and_keeps_nobody_else_waiting(past: Past) -> None:
    past.prepare("busy_day")
    stage, acme = past.stage, past.accounts["acme"]
    stage.send_calls(130)
    stage.v1.customers.delete(customer_of(stage, acme))
    stage.go(MARCH + timedelta(hours=3))
    assert any("was deleted there" in said for said in said_of(past, "acme"))
    for name in ("globex", "initech", "umbrella"):
        assert said_of(past, name) == []


@pytest.mark.parametrize("hours", [2, 9])
def test_meters_that_lag_delay_an_invoice_and_change_nothing(past: Past, hours: int) -> None:
    """Beyond the time that an operator is not asked, it is held, told, and finalized after all."""
    past.prepare("month_end")
    stage = past.stage
    stage.send_calls(5, "initech")
    stage.near.control("settings/meters", {"lag_seconds": hours * 3600})
    stage.go(EVENING + timedelta(hours=1))
    for _ in range(7):
        stage.go(stage.clock.now() + timedelta(hours=1))
    initech = past.accounts["initech"]
    assert (stage.collected(initech)[-1].state == "held") == (hours == 9)
    stage.agree(6)
    assert stage.differ() == []
    assert stage.bills(initech)[-1] == ("2026-02-01", 1000 + 35 * 5, "paid")


def test_usage_after_the_close_is_an_adjustment_there_too(past: Past) -> None:
    past.prepare("busy_day")
    stage = past.stage
    for _ in range(20):
        stage.send("api.call", "initech", EVENING - timedelta(hours=3))
    stage.go(MARCH + timedelta(hours=3))
    assert stage.differ() == []
    assert stage.collected(past.accounts["initech"])[-1].total == 1000 + 20 * 5


def test_an_invoice_that_was_voided_by_hand_stays_so(past: Past) -> None:
    past.prepare("month_end")
    stage = past.stage
    stage.go(EVENING + timedelta(hours=1))
    mine = stage.collected(past.accounts["initech"])[-1]
    assert mine.state == "open"
    stage.v1.invoices.void_invoice(mine.provider_invoices[0])
    stage.agree()
    assert stage.collected(past.accounts["initech"])[-1].state == "void"
    assert stage.differ() == []


def test_an_item_that_was_deleted_by_hand_comes_back_and_its_usage_is_billed_once(
    past: Past,
) -> None:
    """Stripe bills an item that goes, and the one that takes its place: the next invoice gives
    back what was too much."""
    past.prepare("busy_day")
    stage, initech = past.stage, past.accounts["initech"]
    stage.send_calls(70, "initech")
    stage.go(FEBRUARY + timedelta(days=2))
    stage.v1.subscription_items.delete(items(stage, initech)["calls"].id)
    stage.go(FEBRUARY + timedelta(days=4))
    assert "calls" in items(stage, initech)
    stage.go(MARCH + timedelta(hours=4))
    assert any("3.00 USD here, 6.00 USD there" in said for said in said_of(past, "initech"))
    stage.go(MARCH + timedelta(days=31, hours=4))
    assert stage.differ() == []


def test_another_currency_is_another_account(past: Past) -> None:
    past.prepare("busy_day")
    with pytest.raises(Refused):
        past.stage.buy(past.accounts["initech"], "basic", currency="eur")


Tampering = Callable[[Stage, Account, Random], object]


def _item_goes(stage: Stage, account: Account, chance: Random) -> None:
    found = items(stage, account)
    stage.v1.subscription_items.delete(found[chance.choice(sorted(found)[:-1])].id)


def _flat_is_another(stage: Stage, account: Account, _chance: Random) -> None:
    flat = next(one for key, one in items(stage, account).items() if key.endswith("_m"))
    [other] = stage.v1.prices.list({"lookup_keys": ["tried_m"]}).data
    stage.v1.subscription_items.update(flat.id, {"price": other.id, "proration_behavior": "none"})


def _ends(stage: Stage, account: Account, _chance: Random) -> None:
    stage.v1.subscriptions.cancel(stage.mirror(account).provider_id)


def _is_to_end(stage: Stage, account: Account, _chance: Random) -> None:
    end = {"cancel_at": "max_period_end"}
    stage.v1.subscriptions.update(stage.mirror(account).provider_id, end)


def _is_deleted(stage: Stage, account: Account, _chance: Random) -> None:
    stage.v1.customers.delete(customer_of(stage, account))


def _is_marked(stage: Stage, account: Account, _chance: Random) -> None:
    marks = {"metadata": {"tallygate_account": "bil_other"}}
    stage.v1.customers.update(customer_of(stage, account), marks)


def _is_asked_for_more(stage: Stage, account: Account, chance: Random) -> None:
    customer = customer_of(stage, account)
    draft = stage.v1.invoices.create({"customer": customer})
    more = {"customer": customer, "invoice": draft.id, "currency": "usd"}
    stage.v1.invoice_items.create(more | {"amount": chance.randrange(100, 9000)})
    stage.v1.invoices.finalize_invoice(draft.id)


def _is_counted_otherwise(stage: Stage, account: Account, chance: Random) -> None:
    payload = {"stripe_customer_id": customer_of(stage, account), "value": "77"}
    stamp = int((stage.clock.now() - timedelta(minutes=chance.randrange(2, 50))).timestamp())
    sent = {"event_name": "calls", "payload": payload, "timestamp": stamp}
    stage.v1.billing.meter_events.create(sent)


def _has_two(stage: Stage, account: Account, _chance: Random) -> None:
    [price] = stage.v1.prices.list({"lookup_keys": ["basic_m"]}).data
    customer = customer_of(stage, account)
    stage.v1.subscriptions.create({"customer": customer, "items": [{"price": price.id}]} | _PAID)


_PAID = {"trial_period_days": 30}
TAMPERINGS = (
    *(_item_goes, _flat_is_another, _ends, _is_to_end, _is_deleted, _is_marked),
    *(_is_asked_for_more, _is_counted_otherwise, _has_two),
)


def missed(
    past: Past, tamperings: Iterable[Tampering], chance: Random
) -> Iterator[tuple[Tampering, str]]:
    """Tamper with an account of chance, each time anew; gives what `reconcile` does not tell."""
    for tamper in tamperings:
        name = chance.choice(["acme", "initech", "umbrella"])
        past.prepare("busy_day")
        past.stage._set(FEBRUARY + timedelta(minutes=chance.randrange(60, 9000)))
        assert said_of(past, name) == [], "a false alarm"
        tamper(past.stage, past.accounts[name], chance)
        if not said_of(past, name):
            yield tamper, name


def test_what_hands_have_changed_is_found_and_nothing_else(past: Past, rounds: int) -> None:
    """Two hundred tamperings and as many looks at what nobody has touched, or a draw of them."""
    chance = Random(rounds)  # noqa: S311  # replayed by its seed
    count = 200 if rounds > 1 else len(TAMPERINGS)
    drawn = [TAMPERINGS[number % len(TAMPERINGS)] for number in range(count)]
    assert list(missed(past, drawn, chance)) == []


def _no_invoices(seen: Seen) -> Seen:
    return replace(seen, invoices=())


def _no_ends(seen: Seen) -> Seen:
    endless = (replace(one, cancel_at=None) for one in seen.subscriptions)
    return replace(seen, subscriptions=tuple(endless))


def _one_subscription(seen: Seen) -> Seen:
    return replace(seen, subscriptions=seen.subscriptions[:1])


@contextmanager
def showing(shown: Callable[[Seen], Seen]) -> Iterator[None]:
    """The planted defects: each look shows something else than there is."""
    look = StripeBooks.look
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StripeBooks, "look", lambda *asked: shown(look(*asked)))
        yield


@pytest.mark.parametrize(
    ("shown", "passes"),
    [
        (_no_invoices, _is_asked_for_more),
        (_no_ends, _is_to_end),
        (_one_subscription, _has_two),
    ],
)
def test_a_look_that_leaves_something_out_is_found_out(
    past: Past, shown: Callable[[Seen], Seen], passes: Tampering
) -> None:
    with showing(shown):
        [(tamper, _)] = missed(past, [passes], Random(1))  # noqa: S311  # as above
    assert tamper is passes


def test_a_look_that_shows_what_was_there_before_is_found_out(past: Past) -> None:
    """Usage alone is not read by a look, and is found by what Stripe has counted of it."""
    kept: dict[str, Seen] = {}

    def stale(seen: Seen) -> Seen:
        return replace(kept.setdefault(seen.customer.id, seen), at=seen.at)

    passed = []
    with showing(stale):
        for tamper in TAMPERINGS:
            kept.clear()
            passed += [one for one, _ in missed(past, [tamper], Random(1))]  # noqa: S311  # as above
    assert passed == [one for one in TAMPERINGS if one is not _is_counted_otherwise]
