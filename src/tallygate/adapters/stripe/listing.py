"""What does Stripe hold of a price list?

Reading costs a handful of requests however long the list is: what the catalog names is asked for
by name, and what we once made is found among what is in sale.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import stripe
from stripe import StripeClient

from tallygate.adapters.stripe import reading
from tallygate.adapters.stripe.reading import LINK, MARK, PORTAL
from tallygate.collection.held import (
    FoundCode,
    FoundCoupon,
    FoundLink,
    FoundMeter,
    FoundPortal,
    FoundPrice,
    FoundProduct,
    HeldLink,
    Holdings,
    PriceList,
)

PAGE = 100
LOOKUP_KEYS_AT_ONCE = 10
NOT_FOUND = 404

WITH_TIERS = ["data.tiers", "data.currency_options"]
WITH_LINES = ["data.line_items"]
WITH_PRODUCTS = ["data.applies_to", "data.currency_options"]


class Listing:
    """Reads products, meters, prices, coupons, promotion codes, payment links and portals."""

    def __init__(self, client: StripeClient) -> None:
        self._v1 = client.v1

    def everything(self, wanted: PriceList) -> Holdings:
        """All that a price list names, and what Tallygate once made."""
        meters = tuple(self.meters())
        codes = [one.code for one in wanted.coupons if one.code is not None]
        return Holdings(
            products=tuple(self._products([one.id for one in wanted.products])),
            meters=meters,
            prices=tuple(self._prices([one.key for one in wanted.prices], events_of(meters))),
            coupons=tuple(self._coupons(wanted)),
            codes=tuple(one for code in codes for one in self.codes(code=code, active=True)),
            links=tuple(self.links()),
            portals=tuple(self.portals()),
        )

    def _products(self, ids: Sequence[str]) -> Iterator[FoundProduct]:
        """Those with these ids, and those of ours that are in sale."""
        named = {one.product.id: one for one in self.products_by_id(ids)}
        yield from named.values()
        in_sale = self._v1.products.list({"active": True, "limit": PAGE})
        for found in in_sale.auto_paging_iter():
            if MARK in found.metadata and found.id not in named:
                yield reading.product(found)

    def products_by_id(self, ids: Sequence[str]) -> Iterator[FoundProduct]:
        """Those with these ids."""
        for some in _in_groups(ids, PAGE):
            for found in self._v1.products.list({"ids": some, "limit": PAGE}).data:
                yield reading.product(found)

    def has_product(self, ident: str) -> bool:
        """Whether there is a product with this id."""
        return any(True for _ in self.products_by_id([ident]))

    def meters(self) -> Iterator[FoundMeter]:
        """All of the account's; they cannot be asked for by their event names."""
        for found in self._v1.billing.meters.list({"limit": PAGE}).auto_paging_iter():
            yield reading.meter(found)

    def has_meter(self, event: str) -> bool:
        """Whether there is a meter with this event name."""
        return any(one.event == event for one in self.meters())

    def _prices(self, keys: Sequence[str], events: Mapping[str, str]) -> Iterator[FoundPrice]:
        """Those with these lookup keys, archived ones too, and those of ours that are in sale."""
        named = {one.id: one for one in self.prices_by_key(keys, events)}
        yield from named.values()
        in_sale = self._v1.prices.list(
            {"active": True, "type": "recurring", "limit": PAGE, "expand": WITH_TIERS}
        )
        for found in in_sale.auto_paging_iter():
            if MARK in found.metadata and found.id not in named:
                yield reading.price(self._whole(found), events)

    def prices_by_key(
        self, keys: Sequence[str], events: Mapping[str, str]
    ) -> Iterator[FoundPrice]:
        """Those with these lookup keys; `events` are event names by meter."""
        for found in self.priced(keys):
            yield reading.price(found, events)

    def priced(self, keys: Sequence[str]) -> Iterator[stripe.Price]:
        """The prices with these lookup keys, with all that they ask."""
        for some in _in_groups(keys, LOOKUP_KEYS_AT_ONCE):
            asked: Any = {"lookup_keys": some, "limit": PAGE, "expand": WITH_TIERS}
            for found in self._v1.prices.list(asked).data:
                yield self._whole(found)

    def priced_of(self, product: str) -> Iterator[stripe.Price]:
        """The recurring prices of a product, archived ones too, with all that they ask."""
        asked: Any = {"product": product, "type": "recurring", "limit": PAGE, "expand": WITH_TIERS}
        for found in self._v1.prices.list(asked).auto_paging_iter():
            yield self._whole(found)

    def price(self, ident: str) -> stripe.Price:
        """The price with this id, with all that it asks."""
        expand: Any = {"expand": ["tiers", "currency_options"]}
        return self._whole(self._v1.prices.retrieve(ident, expand))

    def _whole(self, found: stripe.Price) -> stripe.Price:
        """The price with the tiers of every currency, which a list may leave out.

        Unverified: programs of others ask for `currency_options.eur.tiers` one by one. Asking for
        a currency that a price does not have may be refused, so only those that it has are.
        """
        options = found.to_dict().get("currency_options") or {}
        bare = [currency for currency, option in options.items() if not option.get("tiers")]
        if found.billing_scheme != "tiered" or not bare:
            return found
        tiers = [f"currency_options.{currency}.tiers" for currency in bare]
        return self._v1.prices.retrieve(found.id, {"expand": ["tiers", *tiers]})

    def _coupons(self, wanted: PriceList) -> Iterator[FoundCoupon]:
        """Those of the list and those of ours, with their codes."""
        spelled = {one.id: one.code for one in wanted.coupons}
        listed = self._v1.coupons.list({"limit": PAGE, "expand": WITH_PRODUCTS})
        for found in listed.auto_paging_iter():
            theirs: Iterable[FoundCode] = ()
            if code := spelled.get(found.id):
                theirs = self.codes(coupon=found.id, code=code)
            elif found.metadata is not None and MARK in found.metadata:
                theirs = self.codes(coupon=found.id, active=True)
            elif found.id not in spelled:
                continue
            yield FoundCoupon(reading.coupon(found), tuple(theirs), found.valid)

    def has_coupon(self, ident: str) -> bool:
        """Whether there is a coupon with this id."""
        try:
            self._v1.coupons.retrieve(ident)
        except stripe.InvalidRequestError as error:
            if error.http_status == NOT_FOUND:
                return False
            raise
        return True

    def codes(self, **asked: Any) -> Iterator[FoundCode]:
        """Those with this `code`, of this `coupon`, that are `active`: as Stripe lists them."""
        params: Any = {"limit": PAGE, **asked}
        listed = self._v1.promotion_codes.list(params)
        for found in listed.auto_paging_iter():
            yield reading.code(found)

    def has_code(self, code: str, coupon: str) -> bool:
        """Whether this code can be typed for this coupon."""
        return any(True for _ in self.codes(code=code, coupon=coupon, active=True))

    def links(self, **asked: Any) -> Iterator[FoundLink]:
        """Those that we made, the oldest first."""
        params: Any = {"limit": PAGE, "expand": WITH_LINES, **asked}
        listed = list(self._v1.payment_links.list(params).auto_paging_iter())
        for found in reversed(listed):
            if LINK in found.metadata and found.line_items is not None:
                yield reading.link(found, found.line_items.auto_paging_iter())

    def has_link(self, wanted: HeldLink) -> bool:
        """Whether a link of ours sells just these prices."""
        return any(
            one.made_for == wanted.name
            and one.terms is not None
            and one.terms.prices == wanted.prices
            for one in self.links(active=True)
        )

    def portals(self) -> Iterator[FoundPortal]:
        """Those that we made, the oldest first."""
        listed = self._v1.billing_portal.configurations.list({"limit": PAGE})
        for found in reversed(list(listed.auto_paging_iter())):
            if found.metadata is not None and found.metadata.to_dict().get(MARK) == PORTAL:
                yield reading.portal(found)

    def has_portal(self) -> bool:
        """Whether there is a portal of ours."""
        return any(True for _ in self.portals())


def events_of(meters: Iterable[FoundMeter]) -> dict[str, str]:
    """Event names by the ids of meters."""
    return {one.id: one.event for one in meters}


def _in_groups(names: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(names), size):
        yield list(names[start : start + size])
