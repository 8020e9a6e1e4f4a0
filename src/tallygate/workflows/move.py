"""Who has an older price list, and who comes to the newest, when an operator asks for it?

A new version holds for those who subscribe anew; whoever has subscribed keeps theirs until they
change, or are moved. A move is a change to the same plan, by the same interval, of the newest
version: at the end of the base's period, or at once in a trial, where nothing is charged. So it
never comes with an invoice. A change that a customer has scheduled stays scheduled, in the terms
of the newest version. Nobody comes from what is free to what costs something: that is theirs to
ask for.

Each subscription is moved in a transaction of its own, which looks again. Whoever has been moved
is not moved again, so that a run that was stopped is gone on with by the next.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from tallygate.adapters.store import Transaction, subscriptions
from tallygate.adapters.store.catalogs import load_catalog
from tallygate.adapters.store.resources import types_present
from tallygate.catalog.model import Catalog, Flat, Interval, Plan, Price
from tallygate.core.errors import Conflict, Invalid, Refused
from tallygate.core.failpoints import failpoint
from tallygate.subscriptions import change as changes
from tallygate.subscriptions.calendar import phase_at
from tallygate.subscriptions.life import is_live
from tallygate.subscriptions.model import Subscription
from tallygate.subscriptions.prices import base_cost
from tallygate.workflows.contracts import find_subscription, latest
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirrored import note_change
from tallygate.workflows.subscribe import plan_named


@dataclass(frozen=True, slots=True)
class Move:
    """A subscription that comes to the newest version at `effective`.

    `before` and `after` are what its flats cost for an interval, in the main unit of `currency`.
    `differing` are the keys of what else comes, goes, or will be priced otherwise.
    """

    subscription: str
    organization: str
    billing_account: str
    plan: str
    interval: Interval
    version: int
    effective: datetime
    currency: str
    before: Decimal
    after: Decimal
    differing: tuple[str, ...]


class Staying(NamedTuple):
    """A subscription that stays on its version, and why."""

    subscription: str
    billing_account: str
    reason: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which older version and which plan are asked for; None: any."""

    version: int | None = None
    plan: str | None = None

    def concerns(self, subscription: Subscription, at: datetime, newest: int) -> bool:
        """Whether a subscription is to be moved, by what it has or is scheduled to have."""
        last = subscription.phases[-1]
        return (
            is_live(subscription, at)
            and last.catalog_version < newest
            and self.version in {None, last.catalog_version}
            and self.plan in {None, last.plan}
        )


@dataclass(frozen=True, slots=True)
class Moves:
    """Who comes to version `newest`, and who cannot."""

    newest: int
    moved: tuple[Move, ...]
    staying: tuple[Staying, ...]


def move_to_newest(
    installation: Installation,
    chosen: Chosen,
    *,
    commit: bool = False,
    told: Callable[[int], None] = lambda _done: None,
) -> Moves:
    """Move the live subscriptions that are chosen to the newest version.

    Without `commit` nothing is changed, and the answer is the same. `told` hears how many of them
    have been looked at.

    Raises:
        Conflict: there is no price list yet.
        NotFound: there is no such version.
        Invalid: the version is the newest one, or the newest one has no such plan.
    """
    with installation.store.read() as tx:
        newest = _newest(tx, chosen)
        types = types_present(tx, installation.now)
        asked = [one for one in _all(tx) if chosen.concerns(one, installation.now, newest)]
    moved: list[Move] = []
    staying: list[Staying] = []
    for done, found in enumerate(asked, 1):
        theirs = types.get(found.organization, set())
        try:
            move = (_moved if commit else _foreseen)(installation, found.id, chosen, theirs)
        except Refused as refusal:
            staying.append(Staying(found.id, found.billing_account, str(refusal)))
        else:
            moved += [] if move is None else [move]
        told(done)
    return Moves(newest, tuple(moved), tuple(staying))


def _newest(tx: Transaction, chosen: Chosen) -> int:
    newest, catalog = latest(tx)
    if chosen.plan is not None:
        plan_named(catalog, chosen.plan)
    if chosen.version is not None:
        load_catalog(tx, chosen.version)
        if chosen.version == newest:
            raise Invalid(f"Version {newest} is the newest one: there is nothing newer.")
    return newest


def _all(tx: Transaction) -> Iterator[Subscription]:
    after: str | None = None
    while found := subscriptions.page(tx, None, after=after):
        yield from found
        after = found[-1].id


def _moved(
    installation: Installation, id_: str, chosen: Chosen, types: Collection[str]
) -> Move | None:
    with installation.store.write() as tx:
        foreseen = _look(tx, installation, id_, chosen, types)
        if foreseen is None:
            return None
        move, changed = foreseen
        subscriptions.save(tx, changed)
        note_change(tx, installation, move.billing_account, move.organization, "move")
        failpoint("move.commit.before")
    failpoint("move.commit.after")
    return move


def _foreseen(
    installation: Installation, id_: str, chosen: Chosen, types: Collection[str]
) -> Move | None:
    with installation.store.read() as tx:
        foreseen = _look(tx, installation, id_, chosen, types)
    return None if foreseen is None else foreseen[0]


def _look(
    tx: Transaction, installation: Installation, id_: str, chosen: Chosen, types: Collection[str]
) -> tuple[Move, Subscription] | None:
    """The move of a subscription as it stands now; None where it is not to be moved any more.

    Raises:
        Refused: it cannot be moved.
    """
    newest, catalog = latest(tx)
    found = find_subscription(tx, id_)
    last = found.phases[-1]
    if not chosen.concerns(found, installation.now, newest):
        return None
    former = load_catalog(tx, last.catalog_version)
    had, wanted = former.plans[last.plan], plan_named(catalog, last.plan)
    if had.is_free and not wanted.is_free:
        raise Conflict(
            f"The plan {wanted.key} was free, and costs something now: whoever has it asks for "
            "the change."
        )
    changed = _changed(tx, installation, found, wanted, newest)
    begun = changed.phases[-1]
    before = _prices(former, had, last.interval, types)
    after = _prices(catalog, wanted, begun.interval, types)
    move = Move(
        subscription=found.id,
        organization=found.organization,
        billing_account=found.billing_account,
        plan=wanted.key,
        interval=last.interval,
        version=last.catalog_version,
        effective=begun.since,
        currency=found.currency,
        before=base_cost(had, last.interval, found.currency),
        after=base_cost(wanted, begun.interval, found.currency),
        differing=tuple(
            key for key in dict.fromkeys((*before, *after)) if before.get(key) != after.get(key)
        ),
    )
    return move, changed


def _changed(
    tx: Transaction, installation: Installation, found: Subscription, wanted: Plan, version: int
) -> Subscription:
    """The subscription with the newest terms of what it has, or is scheduled to have."""
    now = installation.now
    at = installation.this_second(phase_at(found, now).since, found.billed_until)
    phase, last = phase_at(found, at), found.phases[-1]
    current = load_catalog(tx, phase.catalog_version).plans[phase.plan]
    if changes.takes_back(found, last.plan, last.interval, at):
        # Moved before, to a version that is no longer the newest: that move is taken back.
        found = changes.change_plan(
            found,
            current,
            current,
            at,
            interval=last.interval,
            catalog_version=phase.catalog_version,
        )
    return changes.change_plan(
        found,
        current,
        wanted,
        at,
        interval=last.interval,
        catalog_version=version,
        when="period_end",
    )


def _prices(
    catalog: Catalog, plan: Plan, interval: Interval, types: Collection[str]
) -> Mapping[str, Price]:
    """What is priced beside the base: by the plan, and for the types of resources that are had."""
    named = [catalog.resources[key].price for key in types if key in catalog.resources]
    found = [*plan.prices_for(interval), *(catalog.prices[key] for key in named if key)]
    return {one.key: one for one in found if not isinstance(one.curve, Flat)}
