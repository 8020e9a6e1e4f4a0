"""What should a provider's subscription look like for one of ours?

Its flats are those of the plan at the instant; its counted prices have the count of the instant as
their quantity. Its metered prices are those of the plan that the open window began with: items of
usage are exchanged between two windows only. What the provider cannot hold is not among them, and
neither are metered prices of resource types, which come and go within a window. Both are rated
here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tallygate.catalog.model import Catalog
from tallygate.collection.held import HeldPrice
from tallygate.collection.intents import WantedItem
from tallygate.collection.wanted import prices_to_hold
from tallygate.invoicing.contract import Contract, offers, plan_of
from tallygate.invoicing.counted import counts_at
from tallygate.subscriptions.calendar import end_of, phase_at
from tallygate.subscriptions.model import Phase


@dataclass(frozen=True, slots=True)
class WantedSubscription:
    """The items, by kind; when it is to end; which flats it has after the next change.

    `over`: it has ended, or is on a plan that costs nothing. `flat_keys` are the keys of all flat
    prices that any plan ever had: an item of one of those that is not wanted is taken off.
    """

    flats: tuple[WantedItem, ...]
    counted: tuple[WantedItem, ...]
    metered: tuple[WantedItem, ...]
    flat_keys: frozenset[str]
    cancel_at: datetime | None = None
    later: tuple[datetime, tuple[WantedItem, ...]] | None = None
    over: bool = False


class HeldPrices(Mapping[int, Mapping[str, HeldPrice]]):
    """The prices that a provider can hold, by version of the price list and by key."""

    def __init__(self, catalogs: Mapping[int, Catalog]) -> None:
        self._catalogs = catalogs
        self._held: dict[int, dict[str, HeldPrice]] = {}

    def __getitem__(self, version: int) -> Mapping[str, HeldPrice]:
        if version not in self._held:
            prices = prices_to_hold(self._catalogs[version])
            self._held[version] = {price.key: price for price in prices}
        return self._held[version]

    def __iter__(self) -> Iterator[int]:
        return iter(self._catalogs)

    def __len__(self) -> int:
        return len(self._catalogs)

    @property
    def flat_keys(self) -> frozenset[str]:
        """The keys of all flat prices of all versions."""
        return self._keys_of("flat")

    @property
    def counted_keys(self) -> frozenset[str]:
        """The keys of all counted prices of all versions."""
        return self._keys_of("counted")

    def _keys_of(self, kind: Literal["flat", "counted"]) -> frozenset[str]:
        return frozenset(
            price.key
            for catalog in self._catalogs.values()
            for prices in (
                *(plan.prices for plan in catalog.plans.values()),
                catalog.prices.values(),
            )
            for price in prices
            if price.kind == kind
        )


def what_to_have(contract: Contract, held: HeldPrices, at: datetime) -> WantedSubscription:
    """What the provider's subscription should have at an instant."""
    subscription = contract.subscription
    phase = phase_at(subscription, at)
    opened = phase_at(subscription, subscription.billed_until)
    end = end_of(subscription)
    left = plan_of(contract, phase).is_free and _has_paid(contract, phase)
    over = left or (end is not None and end <= at)
    upcoming = next((one for one in subscription.phases if one.since > at), None)
    leaves = upcoming is not None and plan_of(contract, upcoming).is_free
    later = None
    if upcoming is not None and not leaves and end is None:
        later = (upcoming.since, tuple(_flats(contract, held, upcoming)))
    return WantedSubscription(
        flats=tuple(_flats(contract, held, phase)),
        counted=tuple(_counted(contract, held, phase, at)),
        metered=tuple(_metered(contract, held, opened)),
        flat_keys=held.flat_keys,
        cancel_at=upcoming.since if leaves and upcoming is not None and end is None else end,
        later=later,
        over=over,
    )


def _has_paid(contract: Contract, phase: Phase) -> bool:
    """Whether a plan before this one cost something; else resources are what is sold."""
    before = (one for one in contract.subscription.phases if one.since < phase.since)
    return any(not plan_of(contract, one).is_free for one in before)


def _flats(contract: Contract, held: HeldPrices, phase: Phase) -> Iterator[WantedItem]:
    for price in plan_of(contract, phase).prices_for(phase.interval):
        found = held[phase.catalog_version].get(price.key) if price.kind == "flat" else None
        if found is not None:
            yield WantedItem(found)


def _counted(
    contract: Contract, held: HeldPrices, phase: Phase, at: datetime
) -> Iterator[WantedItem]:
    for offer, count in counts_at(contract, phase, at):
        found = held[offer.catalog_version].get(offer.price.key)
        if found is not None:
            yield WantedItem(found, count)


def _metered(contract: Contract, held: HeldPrices, phase: Phase) -> Iterator[WantedItem]:
    since = contract.subscription.billed_until
    for offer in offers(contract, phase, frozenset(), since):
        found = held[offer.catalog_version].get(offer.price.key)
        if offer.price.kind == "metered" and found is not None:
            yield WantedItem(found, None)
