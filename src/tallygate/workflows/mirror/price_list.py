"""What must a payment provider be told about the price list, and whom does it touch?

A look at what the provider holds gives numbered steps; carrying them out and looking again gives
none. Stopping between two steps does no harm: the next look finds what is left. Nobody is moved
to another price: who has subscribed keeps the price of then.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from tallygate.adapters.store import Transaction
from tallygate.adapters.store.catalogs import load_catalog
from tallygate.adapters.store.resources import types_present
from tallygate.adapters.store.subscriptions import LiveTerms, live_terms
from tallygate.catalog.model import Catalog, Interval
from tallygate.collection import Provider, compare, selling, what_to_hold
from tallygate.collection.held import HeldPrice, Holdings, Pages, PriceList
from tallygate.collection.steps import ArchivePrice, CreatePrice, Step
from tallygate.core.errors import Refused, Unreachable
from tallygate.core.failpoints import failpoint
from tallygate.workflows.installation import Installation


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step with its number, and how many live subscriptions keep what it takes out of sale.

    `keeping` is None where it takes nothing out of sale.
    """

    number: int
    step: Step
    keeping: int | None = None

    @property
    def kind(self) -> str:
        """What the step does, for a program: `create_price`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self.step).__name__).lower()

    @property
    def sentence(self) -> str:
        """The step for the operator."""
        match self.keeping:
            case None:
                return str(self.step)
            case 0:
                return f"{self.step} No live subscription has it."
            case 1:
                return f"{self.step} 1 live subscription keeps the price it has."
            case count:
                return f"{self.step} {count} live subscriptions keep the price they have."


class OpenLink(NamedTuple):
    """Where a plan can be bought by an interval."""

    plan: str
    interval: Interval
    url: str


@dataclass(frozen=True, slots=True)
class Mirroring:
    """What is to be done at a provider, what stands in the way, what is left out on purpose.

    `links` are the payment links that sell already what they should.
    """

    provider: str
    steps: tuple[PlannedStep, ...]
    obstacles: tuple[str, ...]
    notes: tuple[str, ...]
    links: tuple[OpenLink, ...] = ()


def foresee(installation: Installation, provider: Provider, catalog: Catalog) -> Mirroring:
    """What is to be done so that the provider holds a price list; nothing is changed.

    Raises:
        Refused: the provider does not let us look.
        Unreachable: it does not answer.
    """
    settings = installation.settings
    pages = Pages(settings.success_url, settings.portal_return_url, settings.automatic_tax)
    wanted = what_to_hold(catalog, installation.now, pages)
    found = provider.holdings(wanted)
    difference = compare(wanted, found)
    with installation.store.read() as tx:
        known = _subscribed(tx, installation.now)
    steps = tuple(
        PlannedStep(number, step, _keeping(step, known))
        for number, step in enumerate(difference.steps, 1)
    )
    links = tuple(_open_links(wanted, found, difference.steps))
    return Mirroring(provider.name, steps, difference.obstacles, difference.notes, links)


def carry_out(
    installation: Installation,
    provider: Provider,
    catalog: Catalog,
    planned: Mirroring,
    told: Callable[[PlannedStep], None] = lambda _step: None,
) -> Mirroring:
    """Do what was planned, then look again; gives what is left, which has no steps.

    `told` hears of each step when it is done.

    Raises:
        Refused: the provider refuses a step; those before it are done.
        Unreachable: it does not answer, or does not show what was done.
    """
    for one in planned.steps:
        failpoint("mirror.step.before")
        try:
            provider.carry_out(one.step)
        except (Refused, Unreachable) as error:
            where = f"Step {one.number} of {len(planned.steps)} failed"
            raise type(error)(f"{where}: {one.step} {error}") from None
        failpoint("mirror.step.after")
        told(one)
    left = foresee(installation, provider, catalog)
    if left.steps:
        raise Unreachable(
            f"{provider.name} does not show all of it yet, beginning with: "
            f"{left.steps[0].sentence} Run the same again."
        )
    return left


def _open_links(wanted: PriceList, found: Holdings, steps: Sequence[Step]) -> Iterator[OpenLink]:
    made = {step.price.key for step in steps if isinstance(step, CreatePrice)}
    for link in wanted.links:
        there = selling(link, found, made)
        if there is not None and there.active:
            yield OpenLink(link.plan, link.interval, there.url)


def _keeping(step: Step, known: "_Subscribed") -> int | None:
    """How many live subscriptions have what a step takes out of sale; None: it takes nothing."""
    match step:
        case CreatePrice(price, replaced) if replaced is not None:
            return known.having(price.key, instead_of=price)
        case ArchivePrice(found, replaced=False) if found.made_for is not None:
            return known.having(found.made_for)
        case _:
            return None


@dataclass(frozen=True, slots=True)
class _Subscribed:
    """How many live subscriptions have which price, of which version of the price list."""

    counts: Mapping[tuple[str, int], int]
    held: Mapping[int, Mapping[str, HeldPrice]]

    def having(self, key: str, instead_of: HeldPrice | None = None) -> int:
        """How many have a price with this key, that is not the given one."""
        return sum(
            count
            for (name, version), count in self.counts.items()
            if name == key and self.held[version].get(key) != instead_of
        )


def _subscribed(tx: Transaction, at: datetime) -> _Subscribed:
    counts: Counter[tuple[str, int]] = Counter()
    held: dict[int, dict[str, HeldPrice]] = {}
    types = types_present(tx, at)
    for terms in live_terms(tx, at):
        version = terms.catalog_version
        catalog = load_catalog(tx, version)
        if version not in held:
            held[version] = {one.key: one for one in what_to_hold(catalog, at).prices}
        for key in _keys(catalog, terms, types.get(terms.organization, set())):
            counts[key, version] += terms.subscriptions
    return _Subscribed(counts, held)


def _keys(catalog: Catalog, terms: LiveTerms, types: Collection[str]) -> set[str]:
    """The prices that subscriptions on these terms have: the plan's, and those of resources."""
    plan = catalog.plans[terms.plan]
    keys = {price.key for price in plan.prices_for(terms.interval)}
    return keys | {
        resource.price
        for resource in catalog.resources.values()
        if resource.price is not None and resource.key in types
    }
