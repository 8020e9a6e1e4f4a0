from datetime import UTC, datetime, timedelta

import pytest

from tallygate.core.errors import CatalogInvalid, Invalid, Problem
from tallygate.core.failpoints import armed, failpoint
from tallygate.core.ids import IdSource, check_external_id, compose, is_external_id, is_ours
from tallygate.core.money import Money, is_currency, main_units


class Noon:
    def __init__(self) -> None:
        self.instant = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.instant


def test_minor_units_follow_the_currency() -> None:
    assert str(Money(2900, "usd")) == "29.00 USD"
    assert str(Money(2900, "jpy")) == "2900 JPY"
    assert str(Money(2900, "kwd")) == "2.900 KWD"
    assert main_units(-1, "eur") + main_units(1, "eur") == 0


def test_two_currencies_do_not_add() -> None:
    assert Money(5, "eur") - Money(7, "eur") == Money(-2, "eur")
    with pytest.raises(Invalid, match="currencies differ"):
        Money(5, "eur") + Money(5, "usd")


@pytest.mark.parametrize("text", ["EUR", "eu", "euro", "e1r", "éur", ""])
def test_a_currency_is_three_lower_case_letters(text: str) -> None:
    assert not is_currency(text)
    assert is_currency("eur")


def test_ids_rise_with_time_and_never_repeat() -> None:
    clock, counter = Noon(), iter(range(10**6))
    ids = IdSource(clock, lambda _bits: next(counter))
    made = []
    for _ in range(200):
        made.append(ids.new("org"))
        clock.instant += timedelta(milliseconds=1)
    assert made == sorted(set(made))
    assert all(is_ours(identifier) and is_external_id(identifier) for identifier in made)


def test_an_id_carries_the_bits_of_a_version_7_uuid() -> None:
    text = compose("org", Noon().now(), (1 << 74) - 1)
    number = 0
    for character in text.removeprefix("org_"):
        number = number << 5 | "0123456789abcdefghjkmnpqrstvwxyz".index(character)
    assert number >> 76 & 0xF == 7
    assert number >> 62 & 0b11 == 0b10


@pytest.mark.parametrize("text", ["", "a b", "a\x00", "ä", "a/b", "x" * 129, "a\n"])
def test_a_platforms_id_has_a_grammar(text: str) -> None:
    with pytest.raises(Invalid, match="external_id must be"):
        check_external_id(text, "external_id")


def test_a_failpoint_does_nothing_until_it_is_armed() -> None:
    failpoint("commit.before")
    seen: list[str] = []
    with armed("commit.before", lambda: seen.append("here")):
        failpoint("commit.before")
        failpoint("commit.after")
    failpoint("commit.before")
    assert seen == ["here"]


def test_a_catalogs_problems_are_one_message() -> None:
    error = CatalogInvalid(
        [Problem("a.yaml:1: x", "is odd"), Problem("a.yaml:2: y", "is missing")]
    )
    assert str(error).splitlines() == [
        "The catalog has 2 problems:",
        "  a.yaml:1: x: is odd",
        "  a.yaml:2: y: is missing",
    ]
