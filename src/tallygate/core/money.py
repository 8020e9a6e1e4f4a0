"""How is an amount of money written down?

As an integer in the currency's minor unit, with the currency. The number of decimals follows
Stripe's list of zero-decimal and three-decimal currencies (docs.stripe.com/currencies), not ISO
4217: a Stripe amount must mean the same number here.

Rounding does not live here; it happens in `rating`, once per line.
"""

from dataclasses import dataclass
from decimal import Decimal

from tallygate.core.errors import Invalid

ZERO_DECIMAL = frozenset(
    (
        *("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf"),
        *("vnd", "vuv", "xaf", "xof", "xpf"),
    )
)
"""Currencies whose minor unit is the main unit. UGX is charged with two decimals by Stripe, for
compatibility, as are ISK and (for charges) HUF and TWD."""

THREE_DECIMAL = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))


def minor_digits(currency: str) -> int:
    """The number of decimals between a currency's main unit and its minor unit.

    >>> minor_digits("eur"), minor_digits("jpy"), minor_digits("kwd")
    (2, 0, 3)
    """
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def is_currency(text: str) -> bool:
    """Whether `text` has the shape of a currency code: three lower-case ASCII letters."""
    return len(text) == 3 and text.isascii() and text.isalpha() and text.islower()


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in minor units.

    >>> Money(2900, "usd") + Money(1500, "usd")
    Money(amount=4400, currency='usd')
    >>> str(Money(-5, "eur"))
    '-0.05 EUR'
    """

    amount: int
    currency: str

    def __add__(self, other: "Money") -> "Money":
        if self.currency != other.currency:
            raise Invalid(f"{self} and {other} cannot be added: the currencies differ.")
        return Money(self.amount + other.amount, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return self + -other

    def __str__(self) -> str:
        return f"{main_units(self.amount, self.currency)} {self.currency.upper()}"


def main_units(amount: int, currency: str) -> Decimal:
    """An amount of minor units, in the main unit, with all its decimals.

    >>> main_units(4400, "usd")
    Decimal('44.00')
    """
    return Decimal(amount).scaleb(-minor_digits(currency))
