"""Each intent is carried out once, whatever happens on the way to Stripe and back."""

from collections.abc import Iterator

import pytest
from tests.contract.stripe_intents import SAMPLES, Sample
from tests.contract.stripe_shop import START, Shop

from tallygate.adapters.stripe import performing, seeing
from tallygate.collection.intents import ScheduleFlats
from tallygate.collection.provider import FailedThere, Unanswered
from tallygate.core.errors import Refused, Unreachable
from tallygate_sandbox.testing import running_sandbox

EVERY = pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
KEYED = [name for name, one in SAMPLES.items() if one.keyed]


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """One for all: each test has a customer of its own."""
    with running_sandbox(frozen=START) as sandbox:
        yield Shop(sandbox, strict=False)


@pytest.fixture(autouse=True)
def no_fault_is_left(shop: Shop) -> Iterator[None]:
    yield
    left = shop.sandbox.control("faults")["data"]
    shop.sandbox.control("faults", method="DELETE")
    assert not left, "a fault that was asked for did not happen"


@EVERY
def test_the_second_time_changes_nothing(shop: Shop, sample: Sample) -> None:
    intent, key = sample.ready(shop), shop.key()
    before = shop.world()
    made = shop.books.carry_out(intent, key)
    after = shop.world()
    assert after != before
    assert shop.books.carry_out(intent, key) == made
    assert shop.world() == after


@EVERY
def test_an_answer_that_was_lost_is_asked_for_again(shop: Shop, sample: Sample) -> None:
    """The books ask again by themselves, a few times, under the same key."""
    intent, key = sample.ready(shop), shop.key()
    before = shop.world()
    shop.fail("drop_after", method=sample.method)
    made = shop.open_books(tries=2).carry_out(intent, key)
    after = shop.world()
    assert after != before
    assert shop.books.carry_out(intent, key) == made
    assert shop.world() == after


@EVERY
def test_no_answer_leaves_open_whether_it_was_done(shop: Shop, sample: Sample) -> None:
    intent, key = sample.ready(shop), shop.key()
    shop.fail("drop_after", method=sample.method)
    with pytest.raises(Unanswered):
        shop.books.carry_out(intent, key)
    if isinstance(intent, ScheduleFlats):
        return  # it takes two requests: see below
    done = shop.world()
    assert shop.books.carry_out(intent, key)
    assert shop.world() == done


@EVERY
def test_a_failure_that_was_answered_is_repeated_to_the_same_key(
    shop: Shop, sample: Sample
) -> None:
    """What was set may be set again; what was made is found by looking, not by the key."""
    intent, key = sample.ready(shop), shop.key()
    before = shop.world()
    shop.fail("error_after", method=sample.method)
    with pytest.raises(FailedThere):
        shop.books.carry_out(intent, key)
    done = shop.world()
    assert done != before
    if isinstance(intent, ScheduleFlats):
        return  # it takes two requests: see below
    if sample.keyed and "credit" not in type(intent).__name__.lower():
        with pytest.raises(FailedThere):
            shop.books.carry_out(intent, key)
    else:
        shop.books.carry_out(intent, key)
    assert shop.world() == done


@EVERY
def test_what_was_turned_away_was_not_done(shop: Shop, sample: Sample) -> None:
    """For a lock that another request holds, as for too many requests."""
    intent, key = sample.ready(shop), shop.key()
    before = shop.world()
    for kind in ("rate_limit", "lock_timeout"):
        shop.fail(kind, method=sample.method)
        with pytest.raises(Unreachable) as turned_away:
            shop.books.carry_out(intent, key)
        assert type(turned_away.value) is Unreachable
    assert shop.world() == before
    shop.fail("rate_limit", method=sample.method, times=2)
    shop.fail("lock_timeout", method=sample.method)
    shop.open_books(tries=4).carry_out(intent, key)
    assert shop.world() != before


@EVERY
def test_after_a_failure_that_did_nothing_the_next_attempt_does_it(
    shop: Shop, sample: Sample
) -> None:
    intent = sample.ready(shop)
    before = shop.world()
    shop.fail("error", method=sample.method)
    with pytest.raises(FailedThere):
        shop.books.carry_out(intent, shop.key())
    assert shop.world() == before
    shop.books.carry_out(intent, shop.key())
    assert shop.world() != before


@pytest.mark.parametrize("kind", ["drop_after", "error_after"])
@pytest.mark.parametrize("skip", [0, 1])
def test_a_schedule_that_stopped_half_way_is_planned_by_the_next_try(
    shop: Shop, kind: str, skip: int
) -> None:
    """Made and not planned, it changes nothing; the next try finds it and plans it."""
    intent, key = SAMPLES["schedule"].ready(shop), shop.key()
    assert isinstance(intent, ScheduleFlats)
    count = len(shop.world().get("subscription_schedule", {}))
    shop.fail(kind, method="POST", path="/v1/subscription_schedules", skip=skip)
    with pytest.raises((Unanswered, FailedThere)):
        shop.books.carry_out(intent, key)
    half = shop.client.v1.subscriptions.retrieve(intent.subscription, {"expand": ["schedule"]})
    phases = half.to_dict()["schedule"]["phases"]
    assert len(phases) == 1 + skip
    again = key if kind == "drop_after" or not skip else shop.key()
    made = shop.books.carry_out(intent, again)
    found = shop.world()["subscription_schedule"]
    assert len(found) == count + 1
    assert [len(one["items"]) for one in found[made]["phases"]] == [3, 3]


@pytest.mark.parametrize("name", [n for n in KEYED if "credit" not in n and "schedule" not in n])
def test_a_new_key_for_each_try_would_be_noticed(shop: Shop, name: str) -> None:
    """What stands at Stripe tells whether something was done twice."""
    intent = SAMPLES[name].ready(shop)
    shop.books.carry_out(intent, shop.key())
    once = shop.world()
    try:
        shop.books.carry_out(intent, shop.key())
    except Refused:
        assert name == "change_items"  # an item that is there cannot be added
    else:
        same = shop.world() == once
        assert same == (name in {"charged_upgrade", "uncharged_change"})


def test_a_credit_that_is_not_looked_for_would_be_given_twice(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    intent = SAMPLES["credit_paid"].ready(shop)
    shop.books.carry_out(intent, shop.key())
    once = shop.world()
    shop.books.carry_out(intent, shop.key())
    assert shop.world() == once
    monkeypatch.setattr(seeing, "INVOICE", "tallygate_other")
    shop.books.carry_out(intent, shop.key())
    assert shop.world() != once


def test_an_end_that_is_not_looked_at_would_be_refused(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    intent = SAMPLES["cancel"].ready(shop)
    shop.books.carry_out(intent, shop.key())
    monkeypatch.setattr(performing, "OVER", frozenset())
    with pytest.raises(Refused):
        shop.books.carry_out(intent, shop.key())
