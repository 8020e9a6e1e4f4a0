"""What is to be done so that a provider holds what it should?

The steps come in the order in which they can be taken: what is needed first, then what needs it,
then what goes out of sale. What agrees gives no step. What differs and cannot be changed gives a
sentence and no step, and neither does what depends on it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

from tallygate.collection.held import (
    FoundCode,
    FoundCoupon,
    FoundLink,
    FoundPrice,
    HeldCoupon,
    HeldLink,
    Holdings,
    PriceList,
)
from tallygate.collection.steps import (
    ArchivePrice,
    ArchiveProduct,
    ChangeLink,
    ChangePortal,
    CloseLink,
    CreateCode,
    CreateCoupon,
    CreateLink,
    CreateMeter,
    CreatePortal,
    CreatePrice,
    CreateProduct,
    ReactivateMeter,
    RenameProduct,
    SellPrice,
    SellProduct,
    Step,
    SwitchCode,
)


@dataclass(frozen=True, slots=True)
class Difference:
    """The steps, in order; what stands in the way; and what is held differently on purpose."""

    steps: tuple[Step, ...]
    obstacles: tuple[str, ...]
    notes: tuple[str, ...]


def compare(wanted: PriceList, found: Holdings) -> Difference:
    """What is to be done so that `found` becomes `wanted`."""
    obstacles: list[str] = []
    prices = tuple(_prices(wanted, found))
    made = {step.price.key for step in prices if isinstance(step, CreatePrice)}
    steps = (
        *_products(wanted, found),
        *_meters(wanted, found, obstacles),
        *prices,
        *_coupons(wanted, found, obstacles),
        *_portal(wanted, found),
        *_links(wanted, found, made),
        *_former_links(wanted, found, made),
        *_former_prices(wanted, found),
        *_former_products(wanted, found),
    )
    return Difference(steps, tuple(obstacles), wanted.notes)


def _products(wanted: PriceList, found: Holdings) -> Iterator[Step]:
    known = {one.product.id: one for one in found.products}
    for product in wanted.products:
        there = known.get(product.id)
        if there is None:
            yield CreateProduct(product)
            continue
        if there.product.name != product.name and not product.made_up:
            yield RenameProduct(product, there.product.name)
        if not there.active:
            yield SellProduct(product.id)


def _meters(wanted: PriceList, found: Holdings, obstacles: list[str]) -> Iterator[Step]:
    known = {one.event: one for one in found.meters}
    for meter in wanted.meters:
        there = known.get(meter.event)
        if there is None:
            yield CreateMeter(meter)
        elif not there.fits:
            obstacles.append(
                f"There is a meter {meter.event} ({there.id}) that does not keep the last total "
                "of a period, and a meter cannot be changed: the price of that name has none. "
                "Give the price another key."
            )
        elif not there.active:
            yield ReactivateMeter(there)


def _prices(wanted: PriceList, found: Holdings) -> Iterator[Step]:
    known = _by_key(found.prices)
    unfit = {one.event for one in found.meters if not one.fits}
    for price in wanted.prices:
        there = known.get(price.key)
        if price.meter in unfit:
            continue
        if there is None or there.terms != price:
            yield CreatePrice(price, there)
        elif not there.active:
            yield SellPrice(there)


def _former_prices(wanted: PriceList, found: Holdings) -> Iterator[Step]:
    """Those that we made and that are in sale, though another has their key, or no one.

    A price that is about to lose its key is among them, and so is one that lost it before.
    """
    sold = {price.key: price for price in wanted.prices}
    unfit = {one.event for one in found.meters if not one.fits}
    for there in found.prices:
        if not there.active or there.made_for is None:
            continue
        price = sold.get(there.made_for)
        if price is None:
            yield ArchivePrice(there)
        elif there.key != there.made_for or (there.terms != price and price.meter not in unfit):
            yield ArchivePrice(there, replaced=True)


def _former_products(wanted: PriceList, found: Holdings) -> Iterator[Step]:
    sold = {product.id for product in wanted.products}
    for there in found.products:
        if there.active and there.ours and there.product.id not in sold:
            yield ArchiveProduct(there.product.id)


def _coupons(wanted: PriceList, found: Holdings, obstacles: list[str]) -> Iterator[Step]:
    known = {one.coupon.id: one for one in found.coupons}
    taken = {one.code.casefold(): one for one in found.codes}
    for coupon in wanted.coupons:
        there = known.get(coupon.id)
        if there is None:
            yield CreateCoupon(coupon)
        elif differing := _differing(coupon, there.coupon):
            obstacles.append(
                f"The coupon {coupon.id} is another one there ({', '.join(differing)}), and a "
                "coupon cannot be changed: give the one in the catalog another key."
            )
            continue
        elif not there.valid:
            continue
        yield from _code(coupon, there, taken, obstacles)
    listed = {coupon.id for coupon in wanted.coupons}
    for there in found.coupons:
        if there.coupon.id not in listed:
            yield from (
                SwitchCode(one, on=False) for one in there.codes if one.active and one.ours
            )


def _code(
    coupon: HeldCoupon,
    there: FoundCoupon | None,
    taken: Mapping[str, FoundCode],
    obstacles: list[str],
) -> Iterator[Step]:
    if coupon.code is None:
        return
    holder = taken.get(coupon.code.casefold())
    if holder is not None and holder.coupon != coupon.id:
        obstacles.append(
            f"The promotion code {coupon.code} belongs to the coupon {holder.coupon} there: "
            "switch it off, or give the coupon in the catalog another key."
        )
        return
    if holder is not None:
        return
    codes = [] if there is None else [one for one in there.codes if one.code == coupon.code]
    off = next((one for one in codes if not one.active), None)
    if off is not None:
        yield SwitchCode(off, on=True)
    else:
        yield CreateCode(coupon.code, coupon.id)


def _portal(wanted: PriceList, found: Holdings) -> Iterator[Step]:
    if wanted.portal is None:
        return
    by_use = sorted(found.portals, key=lambda one: not one.active)
    if not by_use:
        yield CreatePortal(wanted.portal)
    elif (there := by_use[0]).portal != wanted.portal or not there.active:
        yield ChangePortal(wanted.portal, there)


def _links(wanted: PriceList, found: Holdings, made: Collection[str]) -> Iterator[Step]:
    for link in wanted.links:
        there = selling(link, found, made)
        if there is None:
            yield CreateLink(link)
        elif there.terms != link or not there.active:
            yield ChangeLink(link, there)


def _former_links(wanted: PriceList, found: Holdings, made: Collection[str]) -> Iterator[Step]:
    """Those that sell, though another one should, or none."""
    kept = {link.name: selling(link, found, made) for link in wanted.links}
    for there in found.links:
        if there.active and there.made_for not in kept:
            yield CloseLink(there)
        elif there.active and there != kept[there.made_for]:
            yield CloseLink(there, replaced=True)


def selling(link: HeldLink, found: Holdings, made: Collection[str] = ()) -> FoundLink | None:
    """The link that sells what it should, or would if it were open; the oldest such.

    What a link sells cannot be changed: where one of its prices is about to be `made`, none does.
    """
    if not link.prices.isdisjoint(made):
        return None
    fitting = [
        one
        for one in found.links
        if one.made_for == link.name and one.terms is not None and one.terms.prices == link.prices
    ]
    return next((one for one in fitting if one.active), next(iter(fitting), None))


def _differing(wanted: HeldCoupon, there: HeldCoupon) -> list[str]:
    """The names of what differs between two coupons, `code` aside."""
    compared = [part.name for part in fields(HeldCoupon) if part.compare]
    return [name for name in compared if getattr(wanted, name) != getattr(there, name)]


def _by_key(prices: Sequence[FoundPrice]) -> dict[str, FoundPrice]:
    return {one.key: one for one in prices if one.key is not None}
