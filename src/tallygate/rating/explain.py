"""How did a line come to its amount?

In sentences, in the order in which it was computed: what was measured and what of it was
included, each step with its rate, minimum or maximum, the share of the period, rounding, and
what each coupon took off. All of it is read off the line; nothing is computed again.
"""

from decimal import Decimal
from functools import lru_cache, reduce

from tallygate.core.money import minor_digits
from tallygate.core.quantity import EXACT, plain
from tallygate.rating.line import Line, Step
from tallygate.rating.words import amount_text, money_text, share_text, unit_text

SENTENCES_KEPT = 4096
_KINDS_RATED = ("flat", "counted", "metered")


def explain(line: Line) -> tuple[str, ...]:
    """The sentences for a line.

    A credit or an adjustment ends with its note, which says what it corrects. Where a line has
    a note instead of steps (a trial, a count billed in advance), the note is how it came about.
    """
    told = line.kind == "counted" or line.meter is not None
    said = [_quantity(line)] if told and line.kind != "credit" else []
    rated = line.kind in _KINDS_RATED
    if rated and line.note:
        said.append(line.note)
    said += _steps(line)
    if rated and (line.steps or line.bound or not line.note):
        said += _outcome(line)
    elif line.note and not rated:
        said.append(line.note)
    said += [
        f"coupon {coupon} takes off {amount_text(amount, line.currency)}"
        for coupon, amount in line.discounts
    ]
    return tuple(said)


def _quantity(line: Line) -> str:
    measured = plain(line.measured)
    if line.kind == "counted":
        return _with_included(line, f"{measured} counted")
    unit = unit_text(line.unit, line.measured) if line.unit else _noun(line)
    return _with_included(line, f"{measured} {unit} measured")


def _noun(line: Line) -> str:
    return (line.meter or line.price).replace("_", " ")


def _with_included(line: Line, said: str) -> str:
    if not line.included:
        return said
    share = "" if line.share == 1 or line.level else f" for {share_text(line.share)} of the period"
    return f"{said}, {plain(line.included)} included{share}, {plain(line.quantity)} charged"


def _steps(line: Line) -> list[str]:
    said = []
    before: Decimal | None = None
    for step in line.steps:
        sentence = _step(step, line.currency)
        if step.up_to is None and before is not None:
            sentence = f"beyond {plain(before)}: {sentence}"
        elif step.kind == "unit":
            before = step.up_to
        said.append(sentence)
    return said


@lru_cache(SENTENCES_KEPT)
def _step(step: Step, currency: str) -> str:
    """The sentence of a step. Whole tiers are the same on every line of a price, so it is kept."""
    bounds = "" if step.up_to is None else f"up to {plain(step.up_to)}: "
    amount = money_text(step.amount, currency)
    if step.kind == "fee" and step.quantity == 1:
        return f"{bounds}{amount} flat"
    quantity = plain(step.quantity)
    if step.kind == "fee":
        quantity = f"flat, {quantity}"
    elif step.kind == "block":
        noun = "package" if step.quantity == 1 else "packages"
        size = "" if step.size is None else f" of {plain(step.size)}"
        quantity = f"{quantity} started {noun}{size}"
    return f"{bounds}{quantity} x {_rate(step.rate, currency)} = {amount}"


@lru_cache(SENTENCES_KEPT)
def _rate(rate: Decimal, currency: str) -> str:
    return money_text(rate, currency)


def _outcome(line: Line) -> list[str]:
    """What happened between the sum of the steps and the line's amount."""
    amount = amount_text(line.amount, line.currency)
    in_amount = line.share != 1 and (line.level or line.kind == "flat")
    if line.bound is not None:
        part = "" if line.share == 1 else f" for {share_text(line.share)} of the period"
        verb = "raised" if line.bound == "minimum" else "limited"
        return [f"{verb} to the {line.bound}{part}: {amount}"]
    if in_amount:
        return [f"{share_text(line.share)} of the period: {amount}"]
    if not line.steps:
        return [f"nothing to charge: {amount}"]
    exact = reduce(EXACT.add, (step.amount for step in line.steps))
    several = len(line.steps) > 1
    if EXACT.scaleb(exact, minor_digits(line.currency)) == line.amount:
        return [f"together {amount}"] if several else []
    if several:
        return [f"together {money_text(exact, line.currency)}, rounded to {amount}"]
    return [f"rounded to {amount}"]
