"""Which of Stripe's prices is a price of ours, and which price of ours is one of Stripe's?

The amounts of a price never change, so each is fetched once, with its tiers, and remembered; what
can change of it (its lookup key, whether it is in sale) is read wherever Stripe shows it. The same
holds for meters, which are few.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

import stripe
from stripe import StripeClient

from tallygate.adapters.stripe import reading
from tallygate.adapters.stripe.listing import Listing, events_of
from tallygate.adapters.stripe.reading import MARK
from tallygate.collection.held import FoundMeter, FoundPrice, HeldPrice
from tallygate.core.errors import Refused

Said = Mapping[str, Any]
Answer = TypeVar("Answer")


class KnownPrice(NamedTuple):
    """A price of Stripe's, and whether it is charged for usage."""

    found: FoundPrice
    metered: bool


class Prices:
    """The account's prices, as far as they were asked for.

    `chosen` are ids of prices that were made by somebody else, by the key of ours that each is to
    stand for.
    """

    def __init__(self, client: StripeClient, chosen: Mapping[str, str]) -> None:
        self._v1 = client.v1
        self._listing = Listing(client)
        self._chosen = dict(chosen)
        self._stands_for = {ident: key for key, ident in chosen.items()}
        self._known: dict[str, KnownPrice] = {}
        self._meters: dict[str, FoundMeter] = {}

    def known(self, ident: str) -> KnownPrice:
        """The price with this id."""
        if ident not in self._known:
            self._remember(self._listing.price(ident))
        return self._known[ident]

    def shown(self, said: Said) -> FoundPrice:
        """The price that an answer shows without its tiers, with what can change as it is now."""
        found = self.known(said["id"]).found
        if said["id"] in self._stands_for:
            return replace(found, active=said["active"])
        made_for = said["metadata"].get(MARK)
        return replace(found, key=said["lookup_key"], active=said["active"], made_for=made_for)

    def id_of(self, price: HeldPrice) -> str:
        """The id of the price that asks what this one asks.

        Raises:
            Refused: there is none, or the one that was chosen for it asks something else.
        """
        chosen = self._chosen.get(price.key)
        if chosen is not None:
            if self.known(chosen).found.terms != price:
                raise Refused(
                    f"The price {chosen} at Stripe was chosen for {price.key}, and asks something "
                    "else than the catalog says, or belongs to another product."
                )
            return chosen
        for found in (self._in_sale, self._by_key, self._by_product):
            agreeing = [one for one in found(price) if one.terms == price]
            if agreeing:
                return min(agreeing, key=lambda one: (not one.active, one.key is None, one.id)).id
        raise Refused(
            f"Stripe has no price {price.key} as the catalog has it: run "
            "`tallygate catalog apply`, and then the same again."
        )

    def sold(self, ids: Iterable[str], ask: Callable[[str], Answer]) -> Answer:
        """Ask for items with these prices, archived ones too: who was sold one has it.

        Stripe adds no archived price to anything, so it is in sale for the length of a request.
        Whatever stops in between leaves it so, until the next `catalog apply`. `ask` is told what
        its idempotency key ends in.
        """
        try:
            return ask("")
        except stripe.InvalidRequestError as error:
            if not _is_inactive(error):
                raise
        v1 = self._v1
        archived = [one for one in dict.fromkeys(ids) if not v1.prices.retrieve(one).active]
        try:
            for one in archived:
                v1.prices.update(one, {"active": True})
            return ask("-sold")
        finally:
            for one in archived:
                with suppress(stripe.StripeError):
                    v1.prices.update(one, {"active": False})

    def meter_of(self, event: str) -> FoundMeter | None:
        """The meter with this event name."""
        return next((one for one in self._all_meters(event=event) if one.event == event), None)

    def _in_sale(self, _price: HeldPrice) -> list[FoundPrice]:
        return [one.found for one in self._known.values() if one.found.active]

    def _by_key(self, price: HeldPrice) -> list[FoundPrice]:
        if price.meter is not None:
            self._all_meters(event=price.meter)
        return [self._remember(one) for one in self._listing.priced([price.key])]

    def _by_product(self, price: HeldPrice) -> list[FoundPrice]:
        """Those that were made for it, and have lost the lookup key to another since."""
        found = self._listing.priced_of(price.product)
        return [one for one in map(self._remember, found) if one.made_for == price.key]

    def _remember(self, found: stripe.Price) -> FoundPrice:
        rhythm = found.recurring
        metered = rhythm is not None and rhythm.usage_type == "metered"
        meter = rhythm.meter if rhythm is not None and metered else None
        price = reading.price(found, events_of(self._all_meters(ident=meter)))
        if key := self._stands_for.get(found.id):
            terms = None if price.terms is None else replace(price.terms, key=key)
            price = replace(price, key=key, made_for=key, terms=terms)
        self._known[found.id] = KnownPrice(price, metered)
        return price

    def _all_meters(
        self, *, ident: str | None = None, event: str | None = None
    ) -> tuple[FoundMeter, ...]:
        """Those that are remembered; all of them anew where the one with this name is not."""
        known = self._meters.values()
        if (ident is not None and ident not in self._meters) or (
            event is not None and all(one.event != event for one in known)
        ):
            self._meters = {one.id: one for one in self._listing.meters()}
        return tuple(self._meters.values())


def _is_inactive(error: stripe.InvalidRequestError) -> bool:
    return error.code == "price_inactive" or "price specified is inactive" in str(error)
