"""What is given back, and what is charged, when a flat price changes inside its interval?

The new price for the seconds that are left, and the old line back for the same seconds: two
lines, each rounded alone.
"""

from dataclasses import replace
from fractions import Fraction

from tallygate.catalog.model import Price
from tallygate.core.period import Period
from tallygate.rating.line import Line
from tallygate.rating.rate import rate_flat
from tallygate.rating.rounding import round_minor
from tallygate.rating.words import amount_text, share_text


def charge(price: Price, currency: str, rest: Period, interval: Period) -> Line:
    """The flat price for the rest of its interval."""
    return rate_flat(price, currency, rest, share=rest.share_of(interval))


def credit(line: Line, unused: Period) -> Line:
    """What a line gives back for a part of its period that is not used.

    Net: it carries the coupons that the line had, so no coupon touches it again. The credit of
    the whole period is exactly what the line came to, and a part is never more.
    """
    assert line.period.start <= unused.start, "only what was billed is given back"
    assert unused.end <= line.period.end, "only what was billed is given back"
    share = unused.share_of(line.period)
    billed = amount_text(line.net, line.currency)
    return replace(
        line,
        kind="credit",
        amount=-round_minor(Fraction(line.net) * share),
        period=unused,
        steps=(),
        share=share,
        bound=None,
        discounts=(),
        note=f"unused: {share_text(share)} of {billed} for {line.price} is given back",
    )
