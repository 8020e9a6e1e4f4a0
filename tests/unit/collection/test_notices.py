"""What is told of an invoice follows from its state, and each thing has one key."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tallygate.collection.notices import (
    Notice,
    invoice_held,
    notices_of,
    subscription_ended,
    trial_ends,
)
from tallygate.collection.records import Collected, CollectedState
from tallygate.collection.seen import Decline, SeenInvoice
from tallygate.subscriptions.model import Phase, Subscription

NOW = datetime(2026, 2, 1, tzinfo=UTC)
NEXT = datetime(2026, 2, 4, tzinfo=UTC)

WAITING = Collected("inv_1", "org_1", "bil_1", "sub_1", "eur", NOW, 4900, "waiting", NOW)
OPEN = replace(WAITING, state="open", overdue_since=NOW, attempts=1)
FAILED = SeenInvoice(
    id="in_1",
    status="open",
    reason="subscription_cycle",
    currency="eur",
    created_at=NOW,
    lines=(),
    total=4900,
    number="T-0001",
    attempts=1,
    next_attempt=NEXT,
    amount_due=5831,
    hosted_url="https://invoice.example/i/1",
    decline=Decline("card_declined", "insufficient_funds", "try_again_later"),
)
SUBSCRIPTION = Subscription(
    id="sub_1",
    organization="org_1",
    billing_account="bil_1",
    currency="eur",
    started_at=NOW,
    anchor=NEXT,
    billed_until=NOW,
    phases=(Phase("pro", "month", 1, NOW),),
    trial_end=NEXT,
)


@pytest.fixture
def new_id() -> Callable[[str], str]:
    made = iter(range(100))
    return lambda prefix: f"{prefix}_{next(made)}"


def told(before: Collected, after: Collected, *found: SeenInvoice) -> tuple[Notice, ...]:
    return notices_of(before, after, found, lambda prefix: f"{prefix}_0", NOW)


def keys(*found: SeenInvoice) -> list[str]:
    return [one.key for one in told(WAITING, OPEN, *found)]


def test_a_payment_that_failed_is_told_with_its_date() -> None:
    (notice,) = told(WAITING, OPEN, FAILED)
    assert notice == Notice(
        id="ntc_0",
        organization="org_1",
        billing_account="bil_1",
        kind="payment_failed",
        key="payment_failed:in_1:1",
        created_at=NOW,
        invoice="inv_1",
        facts={
            "sentence": "Your payment of 58.31 EUR for the invoice T-0001 did not go through: "
            "there was not enough money in the account. The next attempt is on 2026-02-04. "
            "You can also pay with another card now, at https://invoice.example/i/1.",
            "step": "wait",
            "amount": "58.31 EUR",
            "attempts": "1",
            "code": "card_declined",
            "reason": "insufficient_funds",
            "network_advice": "try_again_later",
            "next_attempt": "2026-02-04T00:00:00Z",
            "url": "https://invoice.example/i/1",
        },
    )


def test_every_attempt_that_failed_is_told_once() -> None:
    second = replace(FAILED, attempts=2)
    assert keys(FAILED) == keys(replace(FAILED, next_attempt=NEXT + timedelta(days=1)))
    assert keys(FAILED) != keys(second)
    last = replace(second, next_attempt=None)
    assert keys(second) != keys(last)
    assert keys(last) == keys(replace(last, attempts=3)), "counted, and not charged"


def test_a_hard_decline_is_told_once_for_each_reason() -> None:
    lost = replace(FAILED, decline=Decline("card_declined", "lost_card"))
    assert keys(lost) == keys(replace(lost, attempts=4))
    number = replace(FAILED, decline=Decline("incorrect_number"))
    assert keys(lost) != keys(number)
    missing = replace(FAILED, decline=None)
    assert keys(missing) == keys(replace(missing, attempts=2))


def test_what_waits_for_the_customer_is_told_as_that() -> None:
    waits = replace(FAILED, attempts=0, decline=None, needs_action=True, next_attempt=None)
    asked = replace(FAILED, decline=Decline("authentication_required", "authentication_required"))
    for one in (waits, asked):
        (notice,) = told(WAITING, OPEN, one)
        assert notice.kind == "payment_needs_action"
        assert notice.facts["step"] == "authenticate"
        assert "confirm it at https://invoice.example/i/1." in notice.facts["sentence"]


def test_nothing_is_told_of_what_was_not_tried_or_is_settled() -> None:
    assert told(WAITING, OPEN, replace(FAILED, attempts=0, decline=None)) == ()
    assert told(WAITING, OPEN, replace(FAILED, status="paid")) == ()
    assert told(OPEN, OPEN) == ()
    states: tuple[CollectedState, ...] = ("waiting", "held", "void", "uncollectible", "nothing")
    for state in states:
        assert told(OPEN, replace(OPEN, state=state), FAILED) == ()


def test_each_invoice_that_failed_is_told() -> None:
    assert keys(FAILED, replace(FAILED, id="in_2")) == [
        "payment_failed:in_1:1",
        "payment_failed:in_2:1",
    ]


def test_a_payment_that_came_through_after_all_is_told() -> None:
    paid = replace(OPEN, state="paid", overdue_since=None, amount_paid=5831)
    (notice,) = told(OPEN, paid, replace(FAILED, status="paid"))
    assert (notice.kind, notice.key) == ("payment_recovered", "payment_recovered:inv_1")
    assert "58.31 EUR" in notice.facts["sentence"]
    assert told(WAITING, paid, FAILED) == (), "it never failed"
    assert told(paid, paid, FAILED) == ()


def test_a_trial_that_ends_is_told(new_id: Callable[[str], str]) -> None:
    with_card = trial_ends(SUBSCRIPTION, new_id, NOW, has_payment_method=True)
    without = trial_ends(SUBSCRIPTION, new_id, NOW, has_payment_method=False)
    longer = replace(SUBSCRIPTION, trial_end=NEXT + timedelta(days=7))
    assert with_card.facts == {
        "sentence": "Your trial ends on 2026-02-04, and your subscription goes on.",
        "trial_end": "2026-02-04T00:00:00Z",
    }
    assert "please enter one" in without.facts["sentence"]
    assert with_card.key == without.key
    assert trial_ends(longer, new_id, NOW, has_payment_method=True).key != with_card.key
    assert (with_card.id, without.id) == ("ntc_0", "ntc_1")


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("payment_failed", "ended on 2026-02-04 because its invoice was not paid."),
        ("payment_disputed", "ended on 2026-02-04 because a payment was disputed."),
        ("cancellation_requested", "ended on 2026-02-04 as it was asked for."),
        ("something_new", "ended on 2026-02-04."),
        (None, "ended on 2026-02-04."),
    ],
)
def test_an_end_is_told_with_its_reason(
    new_id: Callable[[str], str], reason: str | None, words: str
) -> None:
    ended = replace(SUBSCRIPTION, ended_at=NEXT)
    notice = subscription_ended(ended, reason, new_id, NOW)
    assert notice.facts["sentence"] == f"Your subscription {words}"
    assert notice.facts.get("reason") == reason
    assert notice.key == "subscription_ended:sub_1"


def test_a_held_invoice_is_for_the_operator_alone(new_id: Callable[[str], str]) -> None:
    notice = invoice_held(WAITING, ["calls: 3 here", "and 4 there"], new_id, NOW)
    assert notice.kind == "invoice_held"
    assert notice.facts == {"differences": "calls: 3 here\nand 4 there"}
    assert notice.invoice == "inv_1"
