"""How do plans, resource types and coupons stand in the file?"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, cast

from tallygate.catalog.curves import Currencies, decimals_of
from tallygate.catalog.expression import is_field_name
from tallygate.catalog.model import (
    UNLIMITED,
    Amounts,
    Cost,
    Coupon,
    Interval,
    Plan,
    Price,
    ResourceType,
)
from tallygate.catalog.places import Spot
from tallygate.catalog.prices import PriceBook, did_you_mean
from tallygate.core.errors import Invalid
from tallygate.core.period import instant_text
from tallygate.core.quantity import parse_decimal, plain

PLAN_KEYS = ("name", "product", "trial_days", "prices", "limits")
RESOURCE_KEYS = ("price", "spec", "cost", "description")
COUPON_KEYS = (
    *("percent_off", "amount_off", "duration", "applies_to"),
    *("redeem_by", "max_redemptions"),
)
MAX_TRIAL_DAYS = 730
FURTHEST_REDEMPTION = timedelta(days=5 * 365)
RESERVED = frozenset(("running", "type", "project", "external_id"))
"""What a resource says of itself, beside its spec."""

Shared = Mapping[str, Price | None]


def read_plan(key: str, spot: Spot, book: PriceBook, shared: Shared) -> Plan | None:
    """The plan, or nothing where a problem was filed."""
    before = len(spot.report.problems)
    found = spot.fields(PLAN_KEYS)
    if found is None:
        return None
    name = found["name"].text() if "name" in found else key
    product = found["product"].key() if "product" in found else None
    trial = found["trial_days"].whole(0, MAX_TRIAL_DAYS) if "trial_days" in found else 0
    prices: list[Price] = []
    seen: set[str] = set()
    if "prices" in found and not found["prices"].is_null:
        for entry in found["prices"].entries() or ():
            price = _plan_price(entry, book, shared)
            if price is not None and price.key in seen:
                entry.problem(f"{price.key!r} stands in this plan twice: keep one of them.")
            elif price is not None:
                prices.append(price)
                seen.add(price.key)
    limits = _limits(found["limits"]) if "limits" in found else None
    if len(spot.report.problems) > before:
        return None
    assert name is not None
    return Plan(key, name, tuple(prices), product, trial or 0, limits)


def _plan_price(spot: Spot, book: PriceBook, shared: Shared) -> Price | None:
    """A price of the plan's own, or the shared one that a text names."""
    if spot.scalar is None:
        return book.read(spot)
    name = spot.text()
    if name is not None and name not in shared:
        spot.problem(f"There is no shared price {name!r}{did_you_mean(name, shared)}")
    return shared.get(name) if name is not None else None


def _limits(spot: Spot) -> dict[str, Decimal]:
    limits: dict[str, Decimal] = {}
    for name, entry in (spot.pairs() or {}).items():
        if not is_field_name(name):
            entry.problem("The name of a limit has letters, digits and _ only.")
        if entry.scalar is not None and entry.scalar.text.lower() == "unlimited":
            entry.problem("Write -1 for unlimited.")
            continue
        limit = entry.number(least=UNLIMITED)
        if limit is not None and UNLIMITED < limit < 0:
            entry.problem("A limit is zero or more, or -1 for unlimited.")
        elif limit is not None:
            limits[name] = limit
    return limits


def read_resource(
    key: str, spot: Spot, currencies: Currencies, book: PriceBook, shared: Shared
) -> ResourceType | None:
    """The resource type, or nothing where a problem was filed."""
    before = len(spot.report.problems)
    found = spot.fields(RESOURCE_KEYS)
    if found is None:
        return None
    price = _resource_price(found["price"], book, shared) if "price" in found else None
    spec = _spec(found["spec"]) if "spec" in found else {}
    cost = _cost(found["cost"], currencies) if "cost" in found else None
    description = found["description"].text(500) if "description" in found else ""
    if len(spot.report.problems) > before:
        return None
    return ResourceType(key, price, spec, cost, description or "")


def _resource_price(spot: Spot, book: PriceBook, shared: Shared) -> str | None:
    name = spot.text()
    if name is None:
        return None
    if name not in shared:
        if name in book.keys:
            spot.problem(f"{name!r} stands inside a plan: move it to the shared `prices`.")
        else:
            spot.problem(f"There is no shared price {name!r}{did_you_mean(name, shared)}")
        return None
    price = shared[name]
    if price is not None and (price.kind == "flat" or price.count == "members"):
        what = "flat" if price.kind == "flat" else "counted by members"
        spot.problem(
            f"{name!r} is {what}: a resource's price counts resources (per_unit and so on, "
            "`every: month`) or is metered."
        )
    return name


def _spec(spot: Spot) -> dict[str, Decimal | str]:
    spec: dict[str, Decimal | str] = {}
    for name, entry in (spot.pairs() or {}).items():
        if not is_field_name(name):
            entry.problem("The name of a field has letters, digits and _ only.")
        if name in RESERVED:
            entry.problem(f"{name!r} is what a resource says of itself: use another name.")
        scalar = entry.scalar
        if scalar is not None and scalar.as_bool is not None:
            entry.problem('A spec holds numbers and texts: write 1 and 0, or "yes" and "no".')
        elif scalar is not None and scalar.is_number:
            if (number := entry.number()) is not None:
                spec[name] = number
        elif (text := entry.text()) is not None:
            spec[name] = _number_or_text(text)
    return spec


def _number_or_text(text: str) -> Decimal | str:
    try:
        return parse_decimal(text)
    except Invalid:
        return text


def _cost(spot: Spot, currencies: Currencies) -> Cost | None:
    found = spot.fields(("amount", "every"), required=("amount", "every"))
    if found is None or len(found) < 2:
        return None
    at = found["amount"]
    if at.scalar is None:  # the operator pays in one currency, whatever the customers pay in
        amount = currencies.some(at.pairs() or {}, charged=False)
    else:
        amount = currencies.amounts(at)
    every = found["every"].choice("month", "year")
    if amount is None or every is None:
        return None
    return Cost(amount, cast(Interval, every))


def read_coupon(
    key: str, spot: Spot, currencies: Currencies, book: PriceBook, at: datetime | None
) -> Coupon | None:
    """The coupon, or nothing where a problem was filed; one that is past is a warning."""
    before = len(spot.report.problems)
    found = spot.fields(COUPON_KEYS, required=("duration",))
    if found is None:
        return None
    if ("percent_off" in found) == ("amount_off" in found):
        spot.problem("A coupon takes off either percent_off or amount_off: write one of them.")
    percent = _percent(found["percent_off"]) if "percent_off" in found else None
    amount = _amount_off(found["amount_off"], currencies) if "amount_off" in found else None
    duration = _duration(found["duration"]) if "duration" in found else None
    applies_to = _applies_to(found["applies_to"], book) if "applies_to" in found else None
    redeem_by = found["redeem_by"].instant() if "redeem_by" in found else None
    most = found["max_redemptions"].whole(1, 10**9) if "max_redemptions" in found else None
    if redeem_by is not None and at is not None:
        _warn_of_date(found["redeem_by"], redeem_by, at)
    if len(spot.report.problems) > before:
        return None
    assert duration is not None
    return Coupon(key, duration, percent, amount, applies_to, redeem_by, most)


def _warn_of_date(spot: Spot, redeem_by: datetime, at: datetime) -> None:
    if redeem_by < at:
        spot.warn(
            f"The coupon could be redeemed until {instant_text(redeem_by)}, which is past: it "
            "is kept for those who have it, refused to others, and left out at Stripe."
        )
    elif redeem_by - at > FURTHEST_REDEMPTION:
        spot.warn("Stripe takes a coupon's last day at most five years ahead: move it closer.")


def _percent(spot: Spot) -> Decimal | None:
    percent = spot.number()
    if percent is None:
        return None
    if not 0 < percent <= 100:
        spot.problem(f"A percentage is more than 0 and at most 100, not {plain(percent)}.")
    elif decimals_of(percent) > 2:
        spot.problem("A percentage has at most 2 decimals.")
    return percent


def _amount_off(spot: Spot, currencies: Currencies) -> Amounts | None:
    if spot.scalar is not None:
        code = currencies.codes[0] if currencies.codes else "usd"
        spot.problem(f'An amount off names its currency: write {{{code}: "5.00"}}.')
        return None
    found = spot.pairs()
    if found is not None and not found:
        spot.problem("The amount is missing.")
    amounts = currencies.some(found or {}, charged=True)
    for code, amount in (amounts or {}).items():
        if not amount:
            spot.problem(f"The amount off in {code} is zero: write what the coupon takes off.")
    return amounts


def _duration(spot: Spot) -> Literal["once", "forever"] | int | None:
    if spot.scalar is not None:
        said = spot.scalar.text
        if said not in {"once", "forever"}:
            spot.problem(f"{spot.shown()} is no duration: write once, forever or {{months: 3}}.")
            return None
        return "once" if said == "once" else "forever"
    found = spot.fields(("months",), required=("months",))
    return found["months"].whole(1, 120) if found and "months" in found else None


def _applies_to(spot: Spot, book: PriceBook) -> frozenset[str]:
    keys: set[str] = set()
    entries = spot.entries()
    if entries is not None and not entries:
        spot.problem("The coupon applies to nothing: name price keys, or remove `applies_to`.")
    for entry in entries or ():
        name = entry.text()
        if name is not None and name not in book.keys:
            entry.problem(f"There is no price {name!r}{did_you_mean(name, book.keys)}")
        if name is not None:
            keys.add(name)
    return frozenset(keys)
