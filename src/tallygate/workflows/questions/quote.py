"""What would it cost?

A plan of a catalog, an interval, a currency, what one month's usage may be, and coupons: the lines
of the invoice that this would come to. It is pure: nothing is stored and nobody is subscribed, so
it works on a price list that was never published.

A quote is for one whole period: the base of the interval (a year's for `year`) and one month of
everything else. Trials are ignored, and so is a coupon's redeem-by date.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import TypeVar

from tallygate.catalog.model import Catalog, Coupon, Interval, Plan, Price
from tallygate.core.errors import Invalid
from tallygate.core.period import EPOCH, Period, add_months
from tallygate.core.quantity import DIGITS, bounded, plain, round_to
from tallygate.metering.windows import span_of
from tallygate.rating import (
    Line,
    apply_coupons,
    explain,
    rate_counted,
    rate_flat,
    rate_metered,
)

MONTH = Period(EPOCH, add_months(EPOCH, 1))
YEAR = Period(EPOCH, add_months(EPOCH, 12))
"""A quote is for no period in particular; a line needs one, and any whole one gives the same."""

SEATS = Decimal(1)
NO_RESOURCES = Decimal(0)
NO_USAGE: Mapping[str, Decimal] = MappingProxyType({})


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Quote:
    """Explained lines in catalog order, and the meters whose usage the plan does not price."""

    currency: str
    lines: tuple[Line, ...]
    unpriced: tuple[str, ...] = ()

    @property
    def subtotal(self) -> int:
        """The sum of the lines before coupons, in minor units."""
        return sum(line.amount for line in self.lines)

    @property
    def discount(self) -> int:
        """What the coupons take off, in minor units."""
        return sum(line.discount for line in self.lines)

    @property
    def total(self) -> int:
        """What would be owed, before tax, in minor units."""
        return self.subtotal - self.discount

    def as_json(self) -> dict[str, object]:
        """The quote as it is printed by `tallygate quote --json`."""
        return {
            "currency": self.currency,
            "lines": [
                {
                    "price": line.price,
                    "quantity": plain(line.quantity),
                    "amount": line.amount,
                    "explanation": list(explain(line)),
                }
                for line in self.lines
            ],
            "subtotal": self.subtotal,
            "discount": self.discount,
            "total": self.total,
            "unpriced": list(self.unpriced),
        }


def quote(
    catalog: Catalog,
    plan: str,
    interval: str = "month",
    *,
    currency: str | None = None,
    usage: Mapping[str, Decimal] = NO_USAGE,
    coupons: Sequence[str] = (),
) -> Quote:
    """What a plan would cost, without subscribing anybody.

    `usage` has measured quantities by meter key; a meter's base unit and a price's allowance
    apply. The number of things that a counted price counts stands there under the price's key:
    1 seat and no resource unless told. A counted price outside all plans (a resource's) is quoted
    too, after the plan's prices, where `usage` names it. `currency` is by default the catalog's
    first.

    Raises:
        Invalid: the catalog has no such plan, interval, currency, meter or coupon; a quantity is
            negative or has too many digits; or a coupon takes nothing off in this currency.
    """
    chosen = _known(catalog.plans, plan, "plan", catalog)
    money = _currency(catalog, currency)
    prices = chosen.prices_for(_interval(chosen, interval))
    extra = [p for p in catalog.prices.values() if p.kind == "counted" and p.key in usage]
    prices += tuple(price for price in extra if price not in prices)
    _check_usage(catalog, usage)
    carried = [_coupon(catalog, code, money) for code in coupons]
    if len({coupon.key for coupon in carried}) < len(carried):
        raise Invalid("A coupon counts once: name each one once.", param="coupon")
    lines = tuple(_line(catalog, price, money, usage) for price in prices)
    return Quote(
        currency=money,
        lines=apply_coupons(lines, carried),
        unpriced=_unpriced(usage, prices),
    )


def _line(catalog: Catalog, price: Price, currency: str, usage: Mapping[str, Decimal]) -> Line:
    if price.meter is not None:
        meter = catalog.meters[price.meter]
        measured = round_to(usage.get(meter.key, Decimal(0)), meter.base_unit, meter.rounding)
        return rate_metered(
            price, currency, measured, MONTH, level=meter.is_level, unit=meter.unit
        )
    if price.kind == "flat":
        return rate_flat(price, currency, YEAR if price.every == "year" else MONTH)
    default = SEATS if price.count == "members" else NO_RESOURCES
    count = usage.get(price.key, default)
    if count != count.to_integral_value():
        raise Invalid(
            f"{price.key}={plain(count)}: {price.count or 'things'} are counted in whole numbers.",
            param="usage",
        )
    return rate_counted(price, currency, [(int(count), *span_of(MONTH))], MONTH)


def _check_usage(catalog: Catalog, usage: Mapping[str, Decimal]) -> None:
    counted = [price.key for price in _all_prices(catalog) if price.kind == "counted"]
    for key, quantity in usage.items():
        if key not in catalog.meters and key not in counted:
            told = _listed("meters", catalog.meters)
            if counted:
                told += f", and {_listed('counted prices', dict.fromkeys(counted))}"
            raise Invalid(
                f"There is no meter {key!r} in {catalog.name}: it has {told}.", param="usage"
            )
        if not bounded(quantity) or quantity < 0:
            raise Invalid(
                f"The usage of {key} must be a number from 0 up with {DIGITS}.", param="usage"
            )


def _unpriced(usage: Mapping[str, Decimal], prices: Sequence[Price]) -> tuple[str, ...]:
    priced = {price.meter for price in prices} | {price.key for price in prices}
    return tuple(key for key in usage if key not in priced)


def _interval(plan: Plan, interval: str) -> Interval:
    for offered in plan.intervals:
        if offered == interval:
            return offered
    raise Invalid(
        f"The plan {plan.key} cannot be bought by the {interval!r}: it has"
        f" {_listed('intervals', plan.intervals)}.",
        param="interval",
    )


def _currency(catalog: Catalog, currency: str | None) -> str:
    if currency is None:
        return catalog.currencies[0]
    if currency.lower() in catalog.currencies:
        return currency.lower()
    raise Invalid(
        f"{catalog.name} has no prices in {currency!r}: it has"
        f" {_listed('currencies', catalog.currencies)}.",
        param="currency",
    )


def _coupon(catalog: Catalog, code: str, currency: str) -> Coupon:
    coupon = _known(catalog.coupons, code, "coupon", catalog)
    if coupon.amount_off is not None and currency not in coupon.amount_off:
        raise Invalid(
            f"The coupon {code} takes off an amount in"
            f" {', '.join(coupon.amount_off)}, and nothing in {currency}.",
            param="coupon",
        )
    return coupon


def _known(shelf: Mapping[str, T], key: str, kind: str, catalog: Catalog) -> T:
    """What the catalog has under this key."""
    found = shelf.get(key)
    if found is None:
        raise Invalid(
            f"There is no {kind} {key!r} in {catalog.name}: it has {_listed(kind + 's', shelf)}.",
            param=kind,
        )
    return found


def _all_prices(catalog: Catalog) -> Iterable[Price]:
    yield from catalog.prices.values()
    for plan in catalog.plans.values():
        yield from plan.prices


def _listed(kind: str, keys: Iterable[str]) -> str:
    names = list(dict.fromkeys(keys))
    return f"the {kind} {', '.join(names)}" if names else f"no {kind}"
