"""What must be known to bill a subscription?

The subscription, the price lists that its phases name, what was billed before, and an answer to
every question about usage. Whoever answers those may read a database; here they are values.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, Protocol

from tallygate.catalog.model import Catalog, Meter, Plan, Price
from tallygate.core.period import Period
from tallygate.invoicing.model import Invoice
from tallygate.rating.line import Line
from tallygate.subscriptions.model import Phase, Subscription

Types = frozenset[str]
Counts = Sequence[tuple[int, Period]]


class Usage(Protocol):
    """Answers about what the payer of a subscription has used, as far as is known now."""

    def measured(self, meter: Meter, part: Period, whole: Period, types: Types | None) -> Decimal:
        """The quantity of a part of a whole period, of resources of these types or of all."""
        ...

    def counts(self, types: Types | None, part: Period) -> Counts:
        """How many resources of these types there were, and when; windows without gaps."""
        ...

    def members(self, part: Period) -> Counts:
        """How many members the organization had, and when; windows without gaps."""
        ...

    def types(self, part: Period) -> Types:
        """The types of resources that there were at any time."""
        ...

    def came_late(self, meter: Meter, part: Period, position: int) -> bool:
        """Whether what a meter says of a stretch of time has news after a position of the log.

        True: perhaps.
        """
        ...

    def lives_changed(self, part: Period, position: int) -> bool:
        """Whether resources have news, of that stretch of time or before, after a position."""
        ...


@dataclass(frozen=True, slots=True)
class Contract:
    """A subscription with all that is known about it.

    `catalogs` holds every version that a phase, a redemption or a billed line names, and the
    latest; `billed` the invoices of the subscription in the order of their dates.
    """

    subscription: Subscription
    catalogs: Mapping[int, Catalog]
    usage: Usage
    billed: tuple[Invoice, ...] = ()

    @property
    def currency(self) -> str:
        """The subscription's currency."""
        return self.subscription.currency

    def billed_lines(self) -> Iterator[tuple[Invoice, Line]]:
        """Every line that was billed, with its invoice."""
        for invoice in self.billed:
            for line in invoice.lines:
                yield invoice, line


class Offer(NamedTuple):
    """A price that a payer has: whose version, and (for resources) of which types."""

    price: Price
    catalog_version: int
    types: Types | None


def plan_of(contract: Contract, phase: Phase) -> Plan:
    """The plan of a phase, as its catalog version has it."""
    return contract.catalogs[phase.catalog_version].plans[phase.plan]


def offers(contract: Contract, phase: Phase, types: Types) -> tuple[Offer, ...]:
    """The prices of a phase: those of its plan, and those of the resource types that there are.

    A resource type is priced as the phase's catalog version has it; one that was added to the
    catalog later is priced as the latest version has it. A price of the plan comes first and
    stands for the shared one of the same key.
    """
    version = phase.catalog_version
    catalog = contract.catalogs[version]
    found: dict[str, Offer] = {}
    for price in plan_of(contract, phase).prices_for(phase.interval):
        named = frozenset(t.key for t in catalog.resources.values() if t.price == price.key)
        counts_types = price.kind == "counted" and named
        found[price.key] = Offer(price, version, named if counts_types else None)
    shared: dict[str, Offer] = {}
    for key in sorted(types):
        known = version if key in catalog.resources else max(contract.catalogs)
        resource = contract.catalogs[known].resources.get(key)
        if resource is None or resource.price is None or resource.price in found:
            continue
        price_found = contract.catalogs[known].prices.get(resource.price)
        if price_found is None:
            continue
        before = shared.get(price_found.key)
        joined = frozenset((key,)) | ((before.types or frozenset()) if before else frozenset())
        shared[price_found.key] = Offer(price_found, known, joined)
    return (*found.values(), *shared.values())
