"""What should a provider hold of a catalog?

Only what is sold: a plan without prices has nothing there. A price goes to the product that it
names, else to that of the first plan that has it, else to one of its own. Each metered price has
a meter of its own, so that a total can be sent again without touching another price. A payment
link sells a plan's flat prices; customers look after their billing in one portal. What cannot be
held is noted in a sentence.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from tallygate.catalog.model import Catalog, Coupon, Plan, Price
from tallygate.collection.expressible import as_held, why_rated_here
from tallygate.collection.held import (
    HeldCoupon,
    HeldLink,
    HeldMeter,
    HeldPortal,
    HeldPrice,
    HeldProduct,
    Pages,
    PriceList,
)
from tallygate.core.money import minor_digits
from tallygate.core.period import instant_text

MAX_EVENT_NAME = 100
MAX_LINES_OF_A_LINK = 20
NO_PAGES = Pages()
FURTHEST_REDEMPTION = timedelta(days=5 * 365)

_CODE = re.compile(r"[A-Za-z0-9-]+")


def what_to_hold(catalog: Catalog, at: datetime, pages: Pages = NO_PAGES) -> PriceList:
    """All that a provider should hold of a catalog at an instant."""
    sold = _sold(catalog)
    prices, notes = _prices(catalog, sold)
    meters = (
        HeldMeter(price.meter, f"{sold[price.key].price.meter} beyond the allowance")
        for price in prices
        if price.meter is not None
    )
    coupons, said = _coupons(catalog, sold, at)
    products = tuple(_products(catalog, sold))
    links = tuple(_links(catalog, coupons, pages, said))
    portal = HeldPortal(**asdict(catalog.portal), return_url=pages.portal_return_url)
    return PriceList(
        products=products,
        meters=tuple(meters),
        prices=tuple(prices),
        coupons=coupons,
        notes=(*notes, *said),
        links=links,
        portal=portal if sold else None,
    )


def prices_to_hold(catalog: Catalog) -> tuple[HeldPrice, ...]:
    """The prices of a catalog that a provider can hold; all others are rated here."""
    return tuple(_prices(catalog, _sold(catalog))[0])


def products_of(catalog: Catalog) -> Mapping[str, str]:
    """The product that each price belongs to, by its key."""
    return {key: one.product for key, one in _sold(catalog).items()}


def _prices(catalog: Catalog, sold: "Mapping[str, _Sold]") -> tuple[list[HeldPrice], list[str]]:
    """What can be held, and a sentence for each price that cannot."""
    prices: list[HeldPrice] = []
    notes: list[str] = []
    for key, one in sold.items():
        meter = None if one.price.meter is None else catalog.meters[one.price.meter]
        reason = why_rated_here(one.price, meter, one.allowances)
        if reason is not None:
            notes.append(f"{key} is rated here and billed as an invoice item: {reason}.")
            continue
        event = None if meter is None else meter_event(key)
        prices.append(as_held(one.price, one.product, meter, event))
    return prices, notes


def meter_event(price_key: str) -> str:
    """The event name of a metered price's meter: its lookup key, cut where it is too long.

    >>> meter_event("api_overage"), len(meter_event("k" * 200))
    ('api_overage', 100)
    """
    if len(price_key) <= MAX_EVENT_NAME:
        return price_key
    digest = hashlib.sha256(price_key.encode()).hexdigest()[:16]
    return f"{price_key[: MAX_EVENT_NAME - 17]}-{digest}"


@dataclass(frozen=True, slots=True)
class _Sold:
    """A price, the product that it belongs to, and its allowances wherever it stands."""

    price: Price
    product: str
    allowances: tuple[Decimal, ...]


def _sold(catalog: Catalog) -> dict[str, _Sold]:
    """Every price by its key: those of plans in their order, then those outside plans."""
    sold: dict[str, _Sold] = {}
    for plan in catalog.plans.values():
        for price in plan.prices:
            first = sold.get(price.key) or _Sold(price, price.product or product_of(plan), ())
            sold[price.key] = replace(first, allowances=(*first.allowances, price.included))
    for key, price in catalog.prices.items():
        if key not in sold:
            product = price.product or f"tallygate_price_{key}"
            sold[key] = _Sold(price, product, (price.included,))
    return sold


def product_of(plan: Plan) -> str:
    """The id of a plan's product, which is chosen where the plan names none."""
    return plan.product or f"tallygate_plan_{plan.key}"


def _products(catalog: Catalog, sold: Mapping[str, _Sold]) -> Iterator[HeldProduct]:
    for product in dict.fromkeys(one.product for one in sold.values()):
        names = [plan.name for plan in catalog.plans.values() if product_of(plan) == product]
        if len(names) == 1:
            yield HeldProduct(product, names[0])
            continue
        keys = {key for key, one in sold.items() if one.product == product}
        said = {one.description for one in catalog.resources.values() if one.price in keys}
        if len(said) == 1 and (description := said.pop()):
            yield HeldProduct(product, description)
        else:
            yield HeldProduct(product, _made_up(product), made_up=True)


def _made_up(product: str) -> str:
    """A name for a product that the catalog has no word for.

    >>> _made_up("prod_magicbox_api_overage")
    'Magicbox api overage'
    """
    words = re.split(r"[^A-Za-z0-9]+", product.removeprefix("prod_"))
    return " ".join(word for word in words if word).capitalize()


def _links(
    catalog: Catalog,
    coupons: Sequence[HeldCoupon],
    pages: Pages,
    notes: list[str],
) -> Iterator[HeldLink]:
    """A link for each plan with a base, and each of its intervals; why a plan has none is noted.

    Every flat price can be held: the catalog refuses those that could not.
    """
    takes_codes = any(coupon.code is not None for coupon in coupons)
    for plan in catalog.plans.values() if catalog.links else ():
        if plan.is_free:
            continue
        for interval in plan.intervals:
            flats = [one.key for one in plan.prices_for(interval) if one.kind == "flat"]
            if reason := _why_no_link(flats):
                notes.append(f"The plan {plan.key} has no payment link: {reason}.")
                continue
            yield HeldLink(
                plan=plan.key,
                interval=interval,
                prices=frozenset(flats),
                trial_days=plan.trial_days,
                takes_codes=takes_codes,
                success_url=pages.success_url,
                automatic_tax=pages.automatic_tax,
            )


def _why_no_link(flats: Sequence[str]) -> str | None:
    if not flats:
        return "a link sells flat prices, and it has none"
    if len(flats) > MAX_LINES_OF_A_LINK:
        return f"a link sells at most {MAX_LINES_OF_A_LINK} prices, and it has {len(flats)}"
    return None


def _coupons(
    catalog: Catalog, sold: Mapping[str, _Sold], at: datetime
) -> tuple[tuple[HeldCoupon, ...], list[str]]:
    held: list[HeldCoupon] = []
    notes: list[str] = []
    for coupon in catalog.coupons.values():
        reason = _why_left_out(coupon, sold, at)
        if reason is not None:
            notes.append(f"The coupon {coupon.key} is left out: {reason}.")
            continue
        code = coupon.key if _CODE.fullmatch(coupon.key) else None
        held.append(_coupon(coupon, sold, code))
        if code is None:
            notes.append(
                f"The coupon {coupon.key} has no code that customers could type: a code has "
                "letters, digits and dashes only."
            )
    return tuple(held), notes


def _why_left_out(coupon: Coupon, sold: Mapping[str, _Sold], at: datetime) -> str | None:
    ends = coupon.redeem_by
    if ends is not None and ends <= at:
        return f"it could be redeemed until {instant_text(ends)}, which is past"
    if ends is not None and ends - at > FURTHEST_REDEMPTION:
        return f"its last day, {instant_text(ends)}, is more than five years ahead"
    for product, keys in _carried(coupon, sold).items():
        if others := keys - (coupon.applies_to or frozenset()):
            return (
                f"it applies to some prices of the product {product}, which has "
                f"{', '.join(sorted(others))} too; a provider discounts products: give the "
                "prices that it applies to a `product` of their own"
            )
    return None


def _carried(coupon: Coupon, sold: Mapping[str, _Sold]) -> dict[str, set[str]]:
    """All price keys of the products that a limited coupon reaches."""
    if coupon.applies_to is None:
        return {}
    reached = sorted({sold[key].product for key in coupon.applies_to})
    return {
        product: {key for key, one in sold.items() if one.product == product}
        for product in reached
    }


def _coupon(coupon: Coupon, sold: Mapping[str, _Sold], code: str | None) -> HeldCoupon:
    amount_off = None
    if coupon.amount_off is not None:
        amount_off = {
            currency: int(amount.scaleb(minor_digits(currency)))
            for currency, amount in coupon.amount_off.items()
        }
    products = None if coupon.applies_to is None else frozenset(_carried(coupon, sold))
    return HeldCoupon(
        id=coupon.key,
        duration=coupon.duration,
        percent_off=coupon.percent_off,
        amount_off=amount_off,
        products=products,
        redeem_by=coupon.redeem_by and coupon.redeem_by.replace(microsecond=0),
        max_redemptions=coupon.max_redemptions,
        code=code,
    )
