"""How are amounts, shares and units said in a sentence?"""

import re
from decimal import Decimal
from fractions import Fraction

from tallygate.core.money import minor_digits
from tallygate.core.quantity import plain

_WORD = re.compile(r"(?:.*[^a-z])?[a-z]{3,}")


def amount_text(amount: int, currency: str) -> str:
    """Minor units as text.

    >>> amount_text(1500, "usd"), amount_text(-5, "eur"), amount_text(500, "jpy")
    ('15.00 USD', '-0.05 EUR', '500 JPY')
    """
    digits = minor_digits(currency)
    text = str(abs(amount)).zfill(digits + 1)
    sign = "-" if amount < 0 else ""
    point = f".{text[-digits:]}" if digits else ""
    return f"{sign}{text[: len(text) - digits]}{point} {currency.upper()}"


def money_text(exact: Decimal, currency: str) -> str:
    """An exact amount in the main unit, with the currency's decimals and more where it has more.

    >>> money_text(Decimal("5"), "usd"), money_text(Decimal("0.0105"), "usd")
    ('5.00 USD', '0.0105 USD')
    """
    text, digits = plain(exact), minor_digits(currency)
    if digits:
        whole, _, decimals = text.partition(".")
        if len(decimals) < digits:
            text = f"{whole}.{decimals:0<{digits}}"
    return f"{text} {currency.upper()}"


def share_text(share: Fraction) -> str:
    """A share of a period: exact, and in percent beside it where the ratio is long.

    >>> share_text(Fraction(10, 31)), share_text(Fraction(123457, 2678400))
    ('10/31', '123457/2678400 (4.61 %)')
    """
    if share.denominator <= 1000:
        return str(share)
    hundredths = (2 * 10_000 * share.numerator + share.denominator) // (2 * share.denominator)
    return f"{share} ({hundredths // 100}.{hundredths % 100:02} %)"


def unit_text(unit: str, quantity: Decimal) -> str:
    """A unit, in the plural where it is an English word and there is not one of it.

    >>> unit_text("device", Decimal(8)), unit_text("query", Decimal(2))
    ('devices', 'queries')
    """
    if quantity == 1 or not _WORD.fullmatch(unit) or unit.endswith("s"):
        return unit
    if unit.endswith("y") and unit[-2] not in "aeiou":
        return f"{unit[:-1]}ies"
    return f"{unit}es" if unit.endswith(("x", "ch", "sh")) else f"{unit}s"
