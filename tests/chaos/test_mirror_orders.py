"""In whatever order hints come, twice or stale, an account ends as it is at Stripe.

One life is recorded: bought, paid, renewed, declined, ended. Its six hints come in all 720 orders,
some twice, each with the payload that it had then. What is read at Stripe is what stands there at
last; a settle that believes a payload instead ends elsewhere.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations
from random import Random
from types import SimpleNamespace
from typing import Any, NamedTuple

import msgspec
import pytest
from tests.chaos.stage import FEBRUARY, Past, Saved

from tallygate.adapters.store import customers, inbox, mirrors, notices, subscriptions
from tallygate.adapters.store.inbox import NewHint
from tallygate.collection.provider import Happened
from tallygate.collection.seen import Seen
from tallygate.workflows.mirror.attend import attend_due
from tallygate.workflows.mirror.carry_out import Account
from tallygate.workflows.mirror.settle import settle_due

TYPES = (
    "checkout.session.completed",
    "customer.subscription.created",
    "invoice.paid",
    "invoice.payment_failed",
    "customer.subscription.updated",
    "customer.subscription.deleted",
)


class Life(NamedTuple):
    """How our side was before the first hint, the hints, and what stands at Stripe at last."""

    before: Saved
    account: Account
    hints: tuple[Happened, ...]
    seen: Seen


class End(NamedTuple):
    """How our side ends."""

    status: str
    ended_at: datetime | None
    told: tuple[str, ...]
    bills: tuple[tuple[int, str], ...]


@pytest.fixture(scope="module")
def life(past: Past) -> Life:
    past.prepare("busy_day")
    stage = past.stage
    dana = stage.tenant("dana")
    purchase = stage.buy(dana, "basic")
    before = stage.save()
    stage.complete(purchase)
    stage.work()
    stage.use_card(dana, "pm_card_chargeCustomerFail")
    stage.go(FEBRUARY + timedelta(days=28, hours=3))
    stage.v1.subscriptions.cancel(stage.mirror(dana).provider_id)
    customer = stage.mirror(dana) and _customer(stage, dana)
    happened = stage.books.happened(FEBRUARY)
    told = [one for one in happened if customer.encode() in one.body]
    hints = tuple(next(one for one in told if one.type == type_) for type_ in TYPES)
    return Life(before, dana, hints, stage.books.look(customer, stage.clock.now()))


def _customer(stage: Any, account: Account) -> str:
    with stage.installation.store.read() as tx:
        return str(customers.customer_of(tx, account.id))


def _settled(past: Past, life: Life, order: list[Happened], *, believed: bool) -> End:
    """Let hints come in an order, each settled before the next; gives how our side ends."""
    stage, here = past.stage, past.stage.installation
    stage.restore(life.before)
    stage.clock.set(life.seen.at)
    books: Any = SimpleNamespace(name="Stripe", live=False, look=lambda *_: life.seen)
    for number, one in enumerate(order):
        hint = NewHint(
            id=one.id,
            type=one.type,
            thin=False,
            created=one.created,
            api_version=one.api_version,
            received_at=here.now,
            state="waiting",
            body=one.body,
        )
        with here.store.write() as tx:
            inbox.keep(tx, [hint])
        if number % 2 and not believed:
            continue  # two at once
        settle_due(here, books)
        attend_due(here, books)
        if believed:
            _believe(past, life, one)
    settle_due(here, books)
    attend_due(here, books)
    with here.store.read() as tx:
        [mirror] = mirrors.of_account(tx, life.account.id)
        [ours] = subscriptions.of_account(tx, life.account.id)
        told = sorted(one.kind for one in notices.of_account(tx, life.account.id))
    bills = [(one.total, one.state) for one in stage.collected(life.account)]
    return End(mirror.status, ours.ended_at, tuple(told), tuple(bills))


def _believe(past: Past, life: Life, one: Happened) -> None:
    """The planted defect: what a payload says is taken for what is so."""
    told = msgspec.json.decode(one.body)["data"]["object"]
    if told["object"] == "subscription":
        with past.stage.installation.store.write() as tx:
            for mirror in mirrors.of_account(tx, life.account.id):
                mirrors.save(tx, replace(mirror, status=told["status"]))


def _orders(life: Life, rounds: int) -> list[list[Happened]]:
    """All of them, or a draw, each with some hints twice."""
    chance = Random(rounds)  # noqa: S311  # replayed by its seed
    every = [list(order) for order in permutations(life.hints)]
    assert len(every) == 720
    some = every if rounds > 1 else chance.sample(every, 25)
    return [[*order, *chance.sample(order, chance.randrange(3))] for order in some]


def test_all_orders_end_in_what_is_so_at_stripe(past: Past, life: Life, rounds: int) -> None:
    ends = {_settled(past, life, order, believed=False) for order in _orders(life, rounds)}
    [there] = life.seen.subscriptions
    assert len(ends) == 1, ends
    [end] = ends
    assert (end.status, end.ended_at) == (there.status, there.ended_at)
    assert there.status == "canceled"
    assert end.bills[0] == (1000, "paid")


def test_whoever_believes_a_payload_is_found(past: Past, life: Life) -> None:
    ends = {_settled(past, life, order, believed=True) for order in _orders(life, 1)[:8]}
    assert len(ends) > 1
