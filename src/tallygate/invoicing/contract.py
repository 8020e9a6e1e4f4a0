"""What must be known to bill a subscription?

The subscription, the price lists that its phases name, what was billed before, and an answer to
every question about usage. Whoever answers those may read a database; here they are values.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import NamedTuple, Protocol

from tallygate.catalog.model import Catalog, Meter, Plan, Price
from tallygate.core.period import Period
from tallygate.invoicing.model import Invoice
from tallygate.rating.line import Line
from tallygate.subscriptions.model import Phase, Subscription

Types = frozenset[str]
Counts = Sequence[tuple[int, int, int]]
"""How many there were, from when until when, in microseconds since 1970; windows without gaps."""

LOOKING = frozenset(("boundary", "end"))
"""Why an invoice is made that looks for late usage of all that was closed before."""


class Handover(NamedTuple):
    """A project, as its people call it, and when in a part of a period the payer paid for it.

    `left` resources of it, of those asked about, were there at the part's start and are another
    one's to pay for at its end.
    """

    project: str
    paid: tuple[Period, ...]
    left: int = 0


class Usage(Protocol):
    """Answers about what the payer of a subscription has used, as far as is known now."""

    def measured(self, meter: Meter, part: Period, whole: Period, types: Types | None) -> Decimal:
        """The quantity of a part of a whole period, of resources of these types or of all."""
        ...

    def counts(self, types: Types | None, part: Period) -> Counts:
        """How many resources of these types there were, and when."""
        ...

    def members(self, part: Period) -> Counts:
        """How many members the organization had, and when."""
        ...

    def types(self, part: Period) -> Types:
        """The types of resources that there were at any time."""
        ...

    def came_late(self, meter: Meter, part: Period, position: int) -> bool:
        """Whether what a meter says of a stretch of time has news after a position of the log.

        True: perhaps.
        """
        ...

    def handovers(self, types: Types | None, part: Period) -> Sequence[Handover]:
        """The projects, with resources of these types or all, that the payer had for a while only.

        Those that another one paid for during the rest of the part.
        """
        ...

    def lives_changed(self, part: Period, position: int) -> bool:
        """Whether resources have news, of that stretch of time or before, after a position."""
        ...


class PriceLists(Protocol):
    """Every version of the price list, and since when each was in force (left out: since ever)."""

    @property
    def catalogs(self) -> Mapping[int, Catalog]:
        """The versions, by number."""
        ...

    @property
    def applied(self) -> Mapping[int, datetime]:
        """When each was applied."""
        ...


@dataclass(frozen=True, slots=True)
class Contract:
    """A subscription with all that is known about it.

    `catalogs` holds every version of the price list, `applied` since when each was in force (one
    that is left out: since ever), `billed` the invoices of the subscription in the order of their
    dates. `before` are the contracts that the same account had and that are closed, `later` the
    invoices of those that it had afterwards: what comes late for an ended one stands on them.
    """

    subscription: Subscription
    catalogs: Mapping[int, Catalog]
    usage: Usage
    billed: tuple[Invoice, ...] = ()
    applied: Mapping[int, datetime] = field(default_factory=dict)
    before: "tuple[Contract, ...]" = ()
    later: tuple[Invoice, ...] = ()

    @property
    def currency(self) -> str:
        """The subscription's currency."""
        return self.subscription.currency

    @property
    def looked_at(self) -> int:
        """The place in the log up to which late usage was looked for."""
        own = (i.position for i in self.billed if i.reason in {*LOOKING, "adjustment"})
        later = (i.position for i in self.later if i.reason in LOOKING)
        return max([*own, *later], default=0)

    def corrections_of(self, invoice: Invoice) -> list[Line]:
        """The adjustments that were billed for an invoice's period."""
        return [
            line
            for other in (*self.billed, *self.later)
            for line in other.lines
            if line.kind == "adjustment"
            and line.corrects == invoice.id
            and invoice.period.start <= line.period.start < invoice.period.end
        ]

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


def plan_of(contract: PriceLists, phase: Phase) -> Plan:
    """The plan of a phase, as its catalog version has it."""
    return contract.catalogs[phase.catalog_version].plans[phase.plan]


def offers(contract: PriceLists, phase: Phase, types: Types, since: datetime) -> tuple[Offer, ...]:
    """The prices of a phase: those of its plan, and those of the resource types that there are.

    A resource type is priced as the phase's catalog version has it; one that it lacks, as another
    version has it (`version_of`) in a window that begins at `since`. One key is one price: that
    of the phase's version where it has the key. A price of the plan comes first and stands for
    the shared one of the same key.
    """
    version = phase.catalog_version
    catalog = contract.catalogs[version]
    found: dict[str, Offer] = {}
    for price in plan_of(contract, phase).prices_for(phase.interval):
        named: Types | None = None
        if price.kind == "counted":
            named = frozenset(t.key for t in catalog.resources.values() if t.price == price.key)
        found[price.key] = Offer(price, version, named or None)
    shared: dict[str, dict[str, int]] = {}
    for key in sorted(types):
        known = version_of(contract, version, key, since)
        wanted = None if known is None else contract.catalogs[known].resources[key].price
        if known is not None and wanted is not None and wanted not in found:
            shared.setdefault(wanted, {})[key] = known
    for wanted, by_type in shared.items():
        holder = version if wanted in catalog.prices else min(by_type.values())
        price_found = contract.catalogs[holder].prices.get(wanted)
        if price_found is not None:
            found[wanted] = Offer(price_found, holder, frozenset(by_type))
    return tuple(found.values())


def version_of(contract: PriceLists, own: int, key: str, since: datetime) -> int | None:
    """The version that prices a resource type in a window; None: there never was such a type.

    The subscriber's own; else the one in force at the window's start, or the last before it that
    had the type; else the first one after it. What is applied later never changes the answer, so
    that a window comes to the same whenever it is computed.
    """
    if key in contract.catalogs[own].resources:
        return own
    numbers = sorted(contract.catalogs)
    before = [n for n in numbers if n not in contract.applied or contract.applied[n] <= since]
    after = [number for number in numbers if number not in before]
    wanted = chain(reversed(before), after)
    return next((n for n in wanted if key in contract.catalogs[n].resources), None)
