"""How a page writes amounts, instants, prices and cards."""

from datetime import UTC, datetime
from decimal import Decimal

from tallygate_sandbox.money.currencies import decimals, written
from tallygate_sandbox.world import Seen

BRANDS = {"visa": "Visa", "mastercard": "Mastercard", "amex": "American Express"}


def money(amount: int | None, currency: str | None) -> str:
    """2500 usd is $25.00; nothing is a dash."""
    return "–" if amount is None or currency is None else written(amount, currency)


def day(instant: int | None) -> str:
    """Seconds as a day: 1 Feb 2026."""
    if instant is None:
        return "–"
    at = datetime.fromtimestamp(instant, UTC)
    return f"{at.day} {at:%b %Y}"


def moment(instant: int | None) -> str:
    """Seconds as a day and a time of UTC: 1 Feb 2026, 09:00:00."""
    return (
        "–"
        if instant is None
        else f"{day(instant)}, {datetime.fromtimestamp(instant, UTC):%H:%M:%S}"
    )


def rhythm(recurring: Seen | None) -> str:
    """How often a price recurs: per month, every 3 months; nothing for a single payment."""
    if not recurring:
        return ""
    count, interval = recurring["interval_count"], recurring["interval"]
    return f"per {interval}" if count == 1 else f"every {count} {interval}s"


def price(found: Seen) -> str:
    """What a price says of itself: $25.00 per month, from $0.00 per unit, metered."""
    often = rhythm(found["recurring"])
    metered = (found["recurring"] or {}).get("usage_type") == "metered"
    if found["billing_scheme"] == "tiered":
        said = "by use, in tiers" if metered else "in tiers"
    else:
        said = rate(found["unit_amount_decimal"], found["currency"])
        package = found["transform_quantity"]
        if package:
            said += f" per {package['divide_by']:,} units"
        elif metered:
            said += " per unit"
    return (
        f"{said} · {often}"
        if metered or found["billing_scheme"] == "tiered"
        else f"{said} {often}".strip()
    )


def rate(exact: str | None, currency: str) -> str:
    """A rate in minor units, with all its decimals: 0.5 usd is $0.005."""
    amount = Decimal(exact or 0)
    if amount == amount.to_integral_value():
        return written(int(amount), currency)
    major = amount.scaleb(-decimals(currency))
    shown = written(0, currency).replace("0.00", "{}").replace("0.000", "{}")
    return shown.format(f"{major:f}") if "{}" in shown else f"{major:f} {currency.upper()}"


def card(method: Seen | None) -> str:
    """A payment method: Visa ending in 4242."""
    if not method or not method.get("card"):
        return "No card"
    brand = method["card"]["brand"]
    return f"{BRANDS.get(brand, brand.title())} ending in {method['card']['last4']}"


def words(name: str | None) -> str:
    """A name of the API for a reader: past_due is past due."""
    return (name or "").replace("_", " ")
