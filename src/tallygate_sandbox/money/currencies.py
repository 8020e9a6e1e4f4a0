"""What a currency's minor unit is, and the least amount that a card can be charged.

Sources: https://docs.stripe.com/currencies (zero-decimal, three-decimal, minimum charge amounts).
"""

from decimal import Decimal

ZERO_DECIMAL = frozenset(
    (
        "bif",
        "clp",
        "djf",
        "gnf",
        "jpy",
        "kmf",
        "krw",
        "mga",
        "pyg",
        "rwf",
        "ugx",
        "vnd",
        "vuv",
        "xaf",
        "xof",
        "xpf",
    )
)
THREE_DECIMAL = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))
SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}

# In minor units; a currency that is not listed has the least amount of the US dollar.
LEAST_CHARGES = {
    "aed": 200,
    "bgn": 100,
    "czk": 1500,
    "dkk": 250,
    "gbp": 30,
    "hkd": 400,
    "huf": 17500,
    "jpy": 50,
    "mxn": 1000,
    "myr": 200,
    "nok": 300,
    "pln": 200,
    "ron": 200,
    "sek": 300,
    "thb": 1000,
}


def decimals(currency: str) -> int:
    """How many decimals the major unit has: 2 for usd, 0 for jpy, 3 for kwd."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def least_charge(currency: str) -> int:
    """The least amount, in minor units, that can be charged."""
    return LEAST_CHARGES.get(currency, 50)


def written(amount: int | Decimal, currency: str) -> str:
    """An amount in minor units for a reader: 2500 usd is $25.00, 0.5 usd is $0.005."""
    places = decimals(currency)
    size = abs(Decimal(amount)).scaleb(-places).normalize()
    exponent = size.as_tuple().exponent
    shown = f"{size:,.{max(places, -exponent if isinstance(exponent, int) else 0)}f}"
    sign, symbol = "-" if amount < 0 else "", SYMBOLS.get(currency)
    return f"{sign}{symbol}{shown}" if symbol else f"{sign}{shown} {currency.upper()}"
