"""Random price books against exact fractions: not one may differ by a minor unit.

10,000 books in every run; `RATING_BOOKS=100000` asks for more.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, Inexact
from fractions import Fraction

import pytest
from tests.unit.rating import oracle
from tests.unit.rating.price_books import (
    DIGITS,
    KINDS,
    build,
    interesting_quantities,
    random_price,
    random_share,
    seeded,
)

from tallygate.catalog.model import Price, Tier
from tallygate.core.money import minor_digits
from tallygate.core.period import Period, to_micros
from tallygate.core.quantity import EXACT
from tallygate.rating import curve, explain, rate, rate_counted, rate_flat, rate_metered

BOOKS = int(os.environ.get("RATING_BOOKS", "10000"))
MONTH = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
Tiers = tuple[Tier, ...]


def differing(
    books: int, *, seed: int = 1, kinds: tuple[str, ...] = KINDS, quantities: int = 4
) -> list[str]:
    """The cases in which an amount is not the oracle's."""
    chance = seeded(seed)
    found = []
    for _ in range(books):
        told = random_price(chance, kinds)
        currency = chance.choice(tuple(DIGITS))
        price = build(told, currency)
        measured = interesting_quantities(told, chance)
        for quantity in chance.sample(measured, min(quantities, len(measured))):
            share = random_share(chance) if chance.random() < 0.4 else Fraction(1)
            level = chance.random() < 0.4
            line = rate_metered(price, currency, quantity, MONTH, share=share, level=level)
            owed = oracle.metered(told, Fraction(quantity), share, level=level)
            if line.amount != oracle.minor(owed, DIGITS[currency]):
                found.append(f"{told} {currency} {quantity} {share} {level}: {line.amount} {owed}")
    return found


def test_random_price_books_agree_with_the_oracle() -> None:
    assert differing(BOOKS) == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_bound_and_one_below_and_above_it_agree(kind: str) -> None:
    assert differing(100, seed=2, kinds=(kind,), quantities=1000) == []


def test_steps_come_to_the_amount_and_every_line_can_be_read() -> None:
    chance = seeded(3)
    for _ in range(500):
        told = random_price(chance)
        told["minimum"] = told["maximum"] = None
        price = build(told, "eur")
        for quantity in chance.sample(interesting_quantities(told, chance), 4):
            line = rate_metered(price, "eur", quantity, MONTH)
            exact = sum((Fraction(step.amount) for step in line.steps), Fraction(0))
            assert exact == oracle.metered(told, Fraction(quantity))
            assert oracle.minor(exact, 2) == line.amount
            assert all(explain(line))


def test_counted_prices_agree_by_the_second() -> None:
    chance = seeded(4)
    for _ in range(1000):
        told = random_price(chance)
        told["minimum"] = told["maximum"] = None
        told["included"] = str(chance.randint(0, 3))
        length = MONTH.microseconds // 10**6
        cuts = sorted(chance.randint(0, length) for _ in range(chance.randint(0, 6)))
        ends = list(zip([0, *cuts], [*cuts, length], strict=True))
        lasted = [(chance.randint(0, 12), b - a) for a, b in ends]
        counts = [
            (count, to_micros(MONTH.start) + a * 10**6, to_micros(MONTH.start) + b * 10**6)
            for (count, _), (a, b) in zip(lasted, ends, strict=True)
        ]
        chance.shuffle(counts)
        currency = chance.choice(tuple(DIGITS))
        line = rate_counted(build(told, currency, meter=None), currency, counts, MONTH)
        owed = oracle.counted(told, lasted, length)
        assert line.amount == oracle.minor(owed, DIGITS[currency]), (told, counts)
        assert explain(line)


def test_flat_prices_agree_by_the_second() -> None:
    chance = seeded(5)
    for _ in range(1000):
        told = random_price(chance, ("flat",))
        currency = chance.choice(tuple(DIGITS))
        share = random_share(chance)
        line = rate_flat(build(told, currency, meter=None), currency, MONTH, share=share)
        assert line.amount == oracle.minor(Fraction(told["amount"]) * share, DIGITS[currency])


def test_the_minor_units_are_the_ones_that_the_oracle_was_told() -> None:
    assert {currency: minor_digits(currency) for currency in DIGITS} == DIGITS


# What follows plants a defect each, to show that the comparison above would find it.


def bankers(exact: Fraction | Decimal, currency: str) -> int:
    scale: int = 10 ** minor_digits(currency)
    return round(Fraction(exact) * scale)


def cut_off(exact: Fraction | Decimal, currency: str) -> int:
    scale: int = 10 ** minor_digits(currency)
    return int(Fraction(exact) * scale)


def lowered(tiers: Tiers) -> Tiers:
    bounds = [tier.up_to for tier in tiers if tier.up_to is not None]
    if any(bound <= 1 for bound in bounds):
        return tiers
    return tuple(
        tier if tier.up_to is None else Tier(tier.up_to - 1, tier.unit, tier.flat)
        for tier in tiers
    )


def exclusive(tiers: Tiers) -> Tiers:
    """Bounds that no longer belong to their tier."""
    least = Decimal("0.000000000001")
    return tuple(
        tier if tier.up_to is None else Tier(tier.up_to - least, tier.unit, tier.flat)
        for tier in tiers
    )


def times_float(rate: Decimal, quantity: Decimal) -> Decimal:
    return Decimal(repr(float(rate) * float(quantity)))


@pytest.mark.parametrize("rounding", [bankers, cut_off])
def test_a_planted_rounding_is_found(
    monkeypatch: pytest.MonkeyPatch, rounding: Callable[[Fraction | Decimal, str], int]
) -> None:
    monkeypatch.setattr(rate, "round_amount", rounding)
    assert differing(1000)


@pytest.mark.parametrize("bent", [lowered, exclusive])
@pytest.mark.parametrize(
    ("priced_by", "kind"), [("_climb", "graduated"), ("_whole_volume", "volume")]
)
def test_a_planted_bound_is_found(
    monkeypatch: pytest.MonkeyPatch, bent: Callable[[Tiers], Tiers], priced_by: str, kind: str
) -> None:
    real = getattr(curve, priced_by)

    def planted(tiers: Tiers, currency: str, quantity: Decimal) -> object:
        return real(bent(tiers), currency, quantity)

    monkeypatch.setattr(curve, priced_by, planted)
    assert differing(1000, kinds=(kind,))


def test_planted_floats_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curve, "_multiply", times_float)
    assert differing(1000)


def test_a_planted_context_that_rounds_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    short = EXACT.copy()
    short.prec, short.traps[Inexact], short.rounding = 12, False, ROUND_HALF_EVEN
    monkeypatch.setattr(curve, "_multiply", short.multiply)
    assert differing(1000)


def test_a_planted_part_too_much_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    real = rate._rate

    def planted(price: Price, currency: str, measured: Decimal, part: int, parts: int) -> object:
        return real(price, currency, measured, part if parts == 1 else part + 1, parts)

    monkeypatch.setattr(rate, "_rate", planted)
    assert differing(1000)
