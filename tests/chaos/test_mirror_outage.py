"""Stripe is away for thirty hours in the middle of a month's end, and has forgotten our keys then.

What was asked of it last was done, and no answer came. A day later the same keys are new ones, and
the same identifiers of usage too: whoever sends again without looking does it all once more.
"""

from contextlib import suppress
from datetime import timedelta

import pytest
from tests.chaos.near_stripe import Kind
from tests.chaos.stage import EVENING, FEBRUARY, Past, Quiet

from tallygate.collection.intents import Intent
from tallygate.collection.provider import Unanswered
from tallygate.core.errors import Refused
from tallygate.workflows.change import cancel, change_plan

AWAY = timedelta(hours=30)


class Outage:
    """A few writes more are done without an answer, and then nobody is there."""

    def __init__(self, done: int) -> None:
        self.left = done

    def __call__(self, method: str, path: str) -> Kind:
        if method == "GET" and self.left:
            return "drop" if "summaries" in path else None  # type: ignore[return-value]  # looks still pass
        self.left -= self.left > 0 and method != "GET"
        return "drop_after" if self.left else "drop"


def test_a_month_end_is_billed_once_after_thirty_hours(
    past: Past, quiet: dict[str, Quiet], rounds: int
) -> None:
    stage = past.stage
    for done in range(1, 18) if rounds > 1 else (6,):
        past.prepare("month_end")
        stage.near.trouble = Outage(done + 1)
        stage.go(EVENING + timedelta(minutes=10))
        stage.go(EVENING + AWAY)
        stage.agree()
        assert stage.differ() == [], done
        assert stage.every_bill() == quiet["month_end"].bills, done


class Blind:
    """The planted defect: what was not answered is sent again as it was, before any look."""

    def __init__(self, past: Past) -> None:
        self._books, self.again = past.stage.books, list[tuple[Intent, str]]()

    def __getattr__(self, name: str) -> object:
        return getattr(self._books, name)

    def carry_out(self, intent: Intent, key: str) -> str:
        try:
            return self._books.carry_out(intent, key)
        except Unanswered:
            self.again.append((intent, key))
            raise

    def send_again(self) -> None:
        for intent, key in self.again:
            with suppress(Refused):
                self._books.carry_out(intent, key)


def ends_and_changes(past: Past, away: timedelta, *, blind: bool) -> list[str]:
    """Two end, one moves, one buys, and what is sent of it gets no answer."""
    past.prepare("busy_day")
    stage, here = past.stage, past.stage.installation
    dana = stage.tenant("dana")
    planted = Blind(past)
    if blind:
        stage.books = planted  # type: ignore[assignment]  # with the defect
    stage.near.trouble = lambda method, _path: None if method == "GET" else "drop_after"
    with pytest.raises(Unanswered):
        stage.buy(dana, "basic", way="direct")
    stage.send_calls(130)
    cancel(here, stage.subscription(past.accounts["acme"]).id, now=True)
    change_plan(here, stage.subscription(past.accounts["initech"]).id, "pro")
    for minutes in (1, 40, 80, 120):
        stage.go(FEBRUARY + timedelta(minutes=minutes))
    stage.near.trouble = lambda _method, _path: "drop"
    stage.go(FEBRUARY + away)
    stage.near.trouble = lambda _method, _path: None
    if blind:
        planted.send_again()
    stage.agree()
    stage.complete(stage.buy(dana, "basic"))
    stage.agree(1)
    return stage.differ()


def test_what_was_sent_last_is_looked_for_a_day_later(past: Past) -> None:
    assert ends_and_changes(past, AWAY, blind=False) == []


def test_a_blind_retry_after_a_day_is_found(past: Past) -> None:
    assert ends_and_changes(past, AWAY, blind=True)
