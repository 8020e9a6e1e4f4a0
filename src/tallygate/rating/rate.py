"""What does a price come to for a quantity and a period?

First what is included comes off, then the curve from 0 prices the rest, then minimum and maximum
bound it (at quantity 0 too), and the result is rounded once. A share of the period is a ratio of
seconds: it scales a flat's amount, and of a metered price either the allowance and the bounds
(quantities that add up) or the amount (levels, which are rated whole).
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from tallygate.catalog.model import Price
from tallygate.core.errors import Invalid
from tallygate.core.period import Period, to_micros
from tallygate.core.quantity import EXACT, MAX_FRACTION_DIGITS
from tallygate.rating.curve import ONE, cost, in_parts
from tallygate.rating.line import WHOLE, ZERO, Line, Step
from tallygate.rating.rounding import round_amount
from tallygate.rating.words import share_text

SCALE = 10**MAX_FRACTION_DIGITS
COUNTS_SHOWN = 12

Bound = Literal["minimum", "maximum"] | None
_fma = EXACT.fma
_subtract = EXACT.subtract
_multiply = EXACT.multiply


_Rated = tuple[Decimal, Decimal, tuple[Step, ...], Bound]
"""What is charged for, what that comes to exactly, the steps, the bound: all in parts."""


def rate_flat(price: Price, currency: str, period: Period, *, share: Fraction = WHOLE) -> Line:
    """The line of a flat price for a period, or for a share of its interval.

    Raises:
        Invalid: the price has no amount in this currency.
    """
    try:
        exact, steps = cost(price.curve, currency, ZERO, ONE)
    except KeyError:
        raise _no_amount(price, currency) from None
    return Line(
        price=price.key,
        kind="flat",
        currency=currency,
        amount=round_amount(exact if share == 1 else Fraction(exact) * share, currency),
        quantity=ONE,
        measured=ONE,
        period=period,
        steps=steps,
        share=share,
    )


def rate_metered(
    price: Price,
    currency: str,
    measured: Decimal,
    period: Period,
    *,
    share: Fraction = WHOLE,
    level: bool = False,
    unit: str = "",
) -> Line:
    """The line of a metered price; one of 0 where nothing was measured and there is no minimum.

    `share` scales the allowance, the minimum and the maximum; where the meter gives a level
    (a peak, a mean), the whole is rated and the amount taken in that share.

    Raises:
        Invalid: the price has no amount in this currency.
    """
    in_share = share != 1 and not level
    part, parts = share.as_integer_ratio() if in_share else (1, 1)
    try:
        charged, exact, steps, bound = _rate(price, currency, measured, part, parts)
    except KeyError:
        raise _no_amount(price, currency) from None
    included = price.included
    owed: Decimal | Fraction = exact
    if in_share:
        owed = Fraction(exact) / parts
        charged = _shown(Fraction(charged) / parts)
        included = _shown(Fraction(included) * share)
        steps = tuple(_in_units(step, parts) for step in steps)
    elif share != 1:
        owed = Fraction(exact) * share
    return Line(
        price=price.key,
        kind="metered",
        currency=currency,
        amount=round_amount(owed, currency),
        quantity=charged,
        measured=measured,
        period=period,
        included=included,
        steps=steps,
        meter=price.meter,
        share=share,
        bound=bound,
        unit=unit,
        level=level,
    )


def rate_counted(
    price: Price, currency: str, counts: Sequence[tuple[int, int, int]], period: Period
) -> Line:
    """The line of a counted price: the curve of the count at every instant, by the second.

    `counts` say how many there were from when until when, in microseconds since 1970: windows
    inside the period that do not overlap; where there is none, the count is 0. Measured and
    charged quantities are the counts' means over the period.

    Raises:
        Invalid: the price has no amount in this currency.
    """
    first, last = to_micros(period.start), to_micros(period.end)
    whole = last - first
    lasted: dict[int, int] = {}
    for count, start, end in counts:
        assert count >= 0, "nobody has fewer than no resources"
        assert first <= start <= end <= last, "a count lies inside the period"
        lasted[count] = lasted.get(count, 0) + end - start
    # Summed in microseconds, and divided by the period's once: the same, without fractions.
    owed = charged = ZERO
    measured = 0
    merged: dict[tuple[object, ...], Step] = {}
    weights: dict[tuple[object, ...], Decimal] = {}
    for count, micros in sorted(lasted.items()):
        try:
            rest, exact, steps, _ = _rate(price, currency, Decimal(count), 1, 1)
        except KeyError:
            raise _no_amount(price, currency) from None
        weight = Decimal(micros)
        owed = _fma(exact, weight, owed)
        measured += count * micros
        charged = _fma(rest, weight, charged)
        for step in steps:
            key = (step.kind, step.rate, step.up_to)
            merged[key] = step
            weights[key] = _fma(step.quantity, weight, weights.get(key, ZERO))
    return Line(
        price=price.key,
        kind="counted",
        currency=currency,
        amount=round_amount(Fraction(owed) / whole, currency),
        quantity=_mean(charged, whole),
        measured=_ratio_shown(measured, whole),
        period=period,
        included=price.included,
        steps=tuple(_weighed(step, weights[key], whole) for key, step in merged.items()),
        note=_counts_note(lasted, whole),
    )


def _rate(price: Price, currency: str, measured: Decimal, part: int, parts: int) -> _Rated:
    """Included, curve and bounds, for `part` out of `parts` of the period, counted in parts."""
    curve, included, minimum, maximum = price.curve, price.included, price.minimum, price.maximum
    low = minimum[currency] if minimum is not None else None
    high = maximum[currency] if maximum is not None else None
    if part != parts:
        curve = in_parts(curve, parts)
        measured = _multiply(measured, Decimal(parts))
        included = _multiply(included, Decimal(part))
        low = low if low is None else _multiply(low, Decimal(part))
        high = high if high is None else _multiply(high, Decimal(part))
    charged = _subtract(measured, included) if measured > included else ZERO
    exact, steps = cost(curve, currency, ZERO, charged)
    if low is not None and exact < low:
        return charged, low, steps, "minimum"
    if high is not None and exact > high:
        return charged, high, steps, "maximum"
    return charged, exact, steps, None


def _in_units(step: Step, parts: int) -> Step:
    """A step counted in parts, told in units and main units again."""
    per = Fraction(1, parts)
    amount = _shown(Fraction(step.amount) * per)
    size = None if step.size is None else _shown(Fraction(step.size) * per)
    up_to = None if step.up_to is None else _shown(Fraction(step.up_to) * per)
    if step.kind == "unit":
        quantity = _shown(Fraction(step.quantity) * per)
        return Step("unit", quantity, step.rate, amount, up_to, size)
    rate = _shown(Fraction(step.rate) * per)
    return Step(step.kind, step.quantity, rate, amount, up_to, size)


def _weighed(step: Step, weight: Decimal, whole: int) -> Step:
    """A step of a count that did not last the whole period, with its mean quantity."""
    amount = _mean(_multiply(weight, step.rate), whole)
    return step._replace(quantity=_mean(weight, whole), amount=amount)


def _mean(total: Decimal, whole: int) -> Decimal:
    """What was summed in microseconds as its mean over a period of so many, for reading."""
    numerator, denominator = total.as_integer_ratio()
    return _ratio_shown(numerator, denominator * whole)


def _shown(exact: Fraction) -> Decimal:
    return _ratio_shown(exact.numerator, exact.denominator)


def _ratio_shown(numerator: int, denominator: int) -> Decimal:
    """A number with at most 12 decimals, for reading; nothing is computed from it."""
    magnitude = (2 * abs(numerator) * SCALE + denominator) // (2 * denominator)
    scaled = -magnitude if numerator < 0 else magnitude
    whole, rest = divmod(scaled, SCALE)
    if not rest:
        return Decimal(whole)
    return EXACT.normalize(EXACT.scaleb(Decimal(scaled), -MAX_FRACTION_DIGITS))


def _counts_note(lasted: Mapping[int, int], whole: int) -> str:
    """How long there were how many, where that changed, in parts of the whole."""
    if len(lasted) <= 1 and all(micros == whole for micros in lasted.values()):
        return ""
    told = [
        f"{count} during {share_text(Fraction(micros, whole))} of the period"
        for count, micros in sorted(lasted.items())[:COUNTS_SHOWN]
    ]
    if len(lasted) > COUNTS_SHOWN:
        told.append(f"and {len(lasted) - COUNTS_SHOWN} other counts")
    return ", ".join(told)


def _no_amount(price: Price, currency: str) -> Invalid:
    return Invalid(
        f"The price {price.key} has no amount in {currency}: add one to the catalog, or use a"
        " currency that it has.",
        param="currency",
    )
