"""Does a glance at an account at rest find all that a whole look would?"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.workflows.glances import Glances, compared
from tests.workflows.stripe_account import START
from tests.workflows.trade import Trade
from tests.workflows.trading import SHOP

from tallygate.adapters.store import (
    collections,
    customers,
    mirrors,
    outbox,
    purchases,
    subscriptions,
)
from tallygate.core.errors import Unreachable
from tallygate.core.failpoints import armed
from tallygate.workflows.change import change_plan, resume
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror import glance
from tallygate.workflows.mirror.attend import attend_due, mark_all
from tallygate_sandbox.testing import running_sandbox

FEBRUARY = datetime(2026, 2, 1, tzinfo=UTC)


@pytest.fixture
def trade(installation: Installation) -> Iterator[Trade]:
    with running_sandbox(frozen=START) as sandbox:
        yield Trade(installation, sandbox, SHOP)


def test_a_glance_finds_what_a_whole_look_does(trade: Trade) -> None:
    glances = a_life(trade)
    assert glances.missed == []
    assert glances.quiet >= 5


@pytest.mark.parametrize(
    ("place", "name", "says"),
    [
        (glance, "subscription_has_news", lambda *_one, **_more: False),
        (glance, "to_agree", lambda *_one, **_more: ()),
        (glance, "drafts_to_hold", lambda *_one: ()),
        (collections, "having_open", lambda *_one: set()),
        (outbox, "having_unfinished", lambda *_one: set()),
        (purchases, "having_open", lambda *_one: set()),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_glance_that_overlooks_something_is_caught(
    trade: Trade, monkeypatch: pytest.MonkeyPatch, place: Any, name: str, says: Any
) -> None:
    monkeypatch.setattr(place, name, says)
    assert a_life(trade).missed


def test_a_customer_without_a_mark_is_marked(trade: Trade) -> None:
    acme = trade.subscribed("basic")
    with trade.installation.store.read() as tx:
        customer = customers.customer_of(tx, acme.id)
    assert customer is not None
    trade.v1.customers.update(customer, {"metadata": {"tallygate_account": ""}})
    look_again(trade)
    assert trade.books.look(customer, trade.clock.now()).customer.account == acme.id


def test_what_cannot_be_read_together_is_attended_one_by_one(
    trade: Trade, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    acme = trade.subscribed("basic")
    trade.v1.subscriptions.update(trade.mirror(acme).provider_id, {"cancel_at": "max_period_end"})

    def broken(*_one: object) -> None:
        raise ArithmeticError

    monkeypatch.setattr(glance, "what_to_have", broken)
    look_again(trade)
    assert trade.subscription(acme).cancel_at == FEBRUARY
    assert "each is attended by itself" in caplog.text


def a_life(trade: Trade) -> Glances:
    """A month with all that can be news; every account is looked at again after each of them.

    It ends where something was missed: what follows would rest on it.
    """
    with compared(trade.installation) as glances:
        for step in (begin, end_there, go_on_here, begin_february, wish_and_lose_the_answer):
            step(trade)
            look_again(trade)
            if glances.missed:
                break
    return glances


def begin(trade: Trade) -> None:
    trade.subscribed("pro")


def end_there(trade: Trade) -> None:
    trade.v1.subscriptions.update(there(trade), {"cancel_at": "max_period_end"})


def go_on_here(trade: Trade) -> None:
    resume(trade.installation, ours(trade))


def begin_february(trade: Trade) -> None:
    for hour in (0, 1, 2):
        trade.go(FEBRUARY.replace(hour=hour))
        look_again(trade)


def wish_and_lose_the_answer(trade: Trade) -> None:
    change_plan(trade.installation, ours(trade), "basic")
    with armed("intent.send.after", lost):
        attend_due(trade.installation, trade.books)


def ours(trade: Trade) -> str:
    with trade.installation.store.read() as tx:
        return subscriptions.page(tx, None)[0].id


def there(trade: Trade) -> str:
    subscription = ours(trade)
    with trade.installation.store.read() as tx:
        linked = mirrors.of_subscription(tx, subscription)
    assert linked is not None
    return linked.provider_id


def look_again(trade: Trade) -> None:
    mark_all(trade.installation)
    trade.work()


def lost() -> None:
    raise Unreachable("The answer was lost.")
