"""How does Stripe's price list become ours, one step at a time?"""

from collections.abc import Callable
from functools import partial
from typing import Any, assert_never

from stripe import StripeClient

from tallygate.adapters.stripe import writing
from tallygate.adapters.stripe.errors import explained
from tallygate.adapters.stripe.listing import Listing, events_of
from tallygate.adapters.stripe.once import intent_of, make_once
from tallygate.adapters.stripe.writing import Params
from tallygate.collection.held import FoundPrice, HeldLink, HeldPrice, Holdings, PriceList
from tallygate.collection.steps import (
    ArchivePrice,
    ArchiveProduct,
    Change,
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
    Creation,
    ReactivateMeter,
    RenameProduct,
    SellPrice,
    SellProduct,
    Step,
    SwitchCode,
)
from tallygate.core.errors import Refused


class StripeCatalog:
    """Stripe, as far as the price list is concerned; follows `collection.Provider`."""

    def __init__(self, client: StripeClient, name: str) -> None:
        self._v1 = client.v1
        self._listing = Listing(client)
        self._name = name

    @property
    def name(self) -> str:
        """`Stripe`, and which of its modes."""
        return self._name

    def holdings(self, wanted: PriceList) -> Holdings:
        """What Stripe holds of the list, and what Tallygate once made there.

        Raises:
            Invalid: the key is wrong, or may not read this.
            Unreachable: Stripe does not answer.
        """
        with explained():
            return self._listing.everything(wanted)

    def carry_out(self, step: Step) -> None:
        """Do one step; doing it again, or after an answer that was lost, does no more.

        Raises:
            Invalid: the key is wrong, or may not do this.
            Refused: Stripe refuses it.
            Unreachable: it is unknown whether it was done.
        """
        with explained():
            if isinstance(step, Creation):
                self._create(step)
            else:
                self._change(step)

    def _create(self, step: Creation) -> None:
        there = self._listing
        match step:
            case CreateProduct(product):
                sent = writing.product(product)
                self._make(self._v1.products, sent, partial(there.has_product, product.id))
            case CreateMeter(meter):
                sent = writing.meter(meter)
                self._make(self._v1.billing.meters, sent, partial(there.has_meter, meter.event))
            case CreatePrice(price, replaced):
                self._create_price(price, replaced)
            case CreateCoupon(coupon):
                sent = writing.coupon(coupon)
                self._make(self._v1.coupons, sent, partial(there.has_coupon, coupon.id))
            case CreateCode(code, coupon_id):
                sent = writing.code(code, coupon_id)
                look = partial(there.has_code, code, coupon_id)
                self._make(self._v1.promotion_codes, sent, look)
            case CreateLink(link):
                self._create_link(link)
            case CreatePortal(portal):
                configurations = self._v1.billing_portal.configurations
                self._make(configurations, writing.new_portal(portal), there.has_portal)
            case _:
                assert_never(step)

    def _create_price(self, price: HeldPrice, replaced: FoundPrice | None) -> None:
        meters = tuple(self._listing.meters()) if price.meter is not None else ()
        meter = next((one.id for one in meters if one.event == price.meter), None)
        if meter is None and price.meter is not None:
            raise Refused(f"There is no meter {price.meter} at Stripe: run the same again.")

        def look() -> bool:
            found = self._listing.prices_by_key([price.key], events_of(meters))
            return any(one.terms == price and one.active for one in found)

        sent = writing.price(price, meter, takes_key=replaced is not None)
        self._make(self._v1.prices, sent, look, None if replaced is None else replaced.id)

    def _create_link(self, link: HeldLink) -> None:
        found = self._listing.prices_by_key(sorted(link.prices), {})
        prices = {one.key: one.id for one in found if one.active and one.key is not None}
        if lacking := sorted(link.prices - prices.keys()):
            raise Refused(f"There is no price {lacking[0]} at Stripe: run the same again.")
        look = partial(self._listing.has_link, link)
        self._make(self._v1.payment_links, writing.link(link, prices), look)

    def _make(
        self, service: Any, sent: Params, look: Callable[[], bool], instead_of: str | None = None
    ) -> None:
        intent = intent_of(type(service).__name__, sent, instead_of)
        make_once(intent, look, lambda options: service.create(sent, options))

    def _change(self, step: Change) -> None:
        """Set what is to be; Stripe does not mind being told twice."""
        v1 = self._v1
        match step:
            case RenameProduct(product):
                v1.products.update(product.id, {"name": product.name})
            case SellProduct(ident):
                v1.products.update(ident, {"active": True})
            case ArchiveProduct(ident):
                v1.products.update(ident, {"active": False})
            case ReactivateMeter(meter):
                v1.billing.meters.reactivate(meter.id)
            case SellPrice(price):
                v1.prices.update(price.id, {"active": True})
            case ArchivePrice(price):
                v1.prices.update(price.id, {"active": False})
            case SwitchCode(code, on):
                v1.promotion_codes.update(code.id, {"active": on})
            case ChangeLink() | CloseLink() | ChangePortal():
                self._change_address(step)
            case _:
                assert_never(step)

    def _change_address(self, step: ChangeLink | CloseLink | ChangePortal) -> None:
        """The same for what customers open in a browser."""
        links: Any = self._v1.payment_links
        portals: Any = self._v1.billing_portal.configurations
        match step:
            case ChangeLink(link, there):
                links.update(there.id, {"active": True, **writing.link_terms(link)})
            case CloseLink(there):
                links.update(there.id, {"active": False})
            case ChangePortal(portal, found):
                portals.update(found.id, {"active": True, **writing.portal(portal)})
            case _:
                assert_never(step)
