"""What has the payer of a subscription used, as the store knows it now?

The answers that invoicing asks for, out of one transaction. Who pays for what, and what the
resources were, is read once for the whole span of time that an invoice looks at.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from tallygate.accounts.model import ResourceState
from tallygate.accounts.payers import Stretch
from tallygate.adapters.store import Transaction, members, resources
from tallygate.adapters.store.news import News
from tallygate.adapters.store.stretches import stretches_of_each
from tallygate.adapters.store.usage_log import StoreLog
from tallygate.catalog import meter_definition
from tallygate.catalog.model import Meter
from tallygate.core.period import Period
from tallygate.core.quantity import round_to
from tallygate.invoicing.contract import Counts, Handover, Types
from tallygate.metering.measure import measure_exactly
from tallygate.subscriptions.model import Subscription
from tallygate.workflows.handed_over import HandedOver, handed_over
from tallygate.workflows.resources import RESOURCE_PREFIX


class Shared(NamedTuple):
    """What is read once for the usage of several accounts: what they pay for, in which spans."""

    log: StoreLog
    news: News
    stretches: Mapping[tuple[str, Period], tuple[Stretch, ...]]


def read_shared(tx: Transaction, asked: Sequence[tuple[Subscription, Period]]) -> Shared:
    """Read it for subscriptions, each with the span that will be asked about.

    Raises:
        NotFound: an account is not there.
    """
    wanted = [(subscription.billing_account, span) for subscription, span in asked]
    found = stretches_of_each(tx, wanted)
    subjects = {stretch.subject for stretches in found for stretch in stretches}
    past = [_past(subscription, span) for subscription, span in asked]
    window = Period(min(one.start for one in past), max(one.end for one in past))
    log = StoreLog(tx)
    news = News(tx, log, sorted(subjects), window)
    return Shared(log, news, dict(zip(wanted, found, strict=True)))


class StoredUsage:
    """A `Usage` over one transaction, for the subjects that one account pays for.

    `span` holds every instant that will be asked about. Nothing that happened at or after `until`
    counts; a preview is of the usage so far, while a count is taken to stay as it is.
    """

    def __init__(
        self,
        tx: Transaction,
        subscription: Subscription,
        span: Period,
        until: datetime,
        shared: Shared | None = None,
    ) -> None:
        shared = shared or read_shared(tx, [(subscription, span)])
        self._tx = tx
        self._subscription = subscription
        self._span = span
        self._until = until
        self._log = shared.log
        self._news = shared.news
        self._stretches = shared.stretches[subscription.billing_account, span]
        self._states: tuple[ResourceState, ...] = ()
        self._states_of: Period | None = None
        self._touched: dict[tuple[str, int], bool] = {}
        self._life_news: dict[int, datetime | None] = {}
        self._handed: dict[Period, list[HandedOver]] = {}

    def measured(self, meter: Meter, part: Period, whole: Period, types: Types | None) -> Decimal:
        """The quantity of a part of a whole period, of resources of these types or of all."""
        exact = self.exactly(meter, part, whole, types)
        return round_to(exact, meter.base_unit, meter.rounding)

    def exactly(self, meter: Meter, part: Period, whole: Period, types: Types | None) -> Fraction:
        """The same before it is rounded."""
        end = min(part.end, max(self._until, part.start))
        if end == part.start:
            return Fraction(0)
        known = Period(part.start, end)
        stretches = self._stretches
        if types is not None:
            found = self._of_types if meter.is_level else self._having
            stretches = tuple(found(types, known))
        return measure_exactly(meter, stretches, known, self._log, whole=whole)

    def counts(self, types: Types | None, part: Period) -> Counts:
        """How many resources of these types there were, and when; windows without gaps."""
        return _counted((stretch.window for stretch in self._having(types, part)), part)

    def members(self, part: Period) -> Counts:
        """How many members the organization had, and when; windows without gaps."""
        found = members.members_during(self._tx, self._subscription.organization, part)
        return _counted(
            (
                Period(member.since, max(member.until or part.end, member.since))
                for member in found
            ),
            part,
        )

    def types(self, part: Period) -> Types:
        """The types of resources that there were at any time."""
        return frozenset(kind for kind, _ in self._typed(part))

    def came_late(self, meter: Meter, part: Period, position: int) -> bool:
        """Whether what a meter says of a stretch of time has news after a position of the log."""
        if meter.reads_resources:
            return self.lives_changed(part, position)
        asked = (meter_definition(meter), position)
        if asked not in self._touched:
            # One question about all closed periods spares, nearly always, one about each of them.
            past = _past(self._subscription, self._span)
            self._touched[asked] = self._news.touched_since(
                meter, self._subjects(), past, position
            )
        return self._touched[asked] and self._log.touched_since(
            meter, self._subjects(), part, position
        )

    def handovers(self, types: Types | None, part: Period) -> list[Handover]:
        """The projects, with resources of these types or all, that the payer had for a while."""
        if part not in self._handed:
            known = self._residents(part)
            self._handed[part] = handed_over(
                self._tx, self._stretches, known, part, self._projects_of
            )
        found = (one.of(types) for one in self._handed[part])
        return [one for one in found if one is not None]

    def _projects_of(self, some: Collection[str]) -> Mapping[str, str]:
        """The project of each of some resources."""
        return resources.projects_of(self._tx, some)

    def lives_changed(self, part: Period, position: int) -> bool:
        """Whether resources have news, of that stretch of time or before, after a position."""
        if position not in self._life_news:
            self._life_news[position] = self._news.earliest_life_news(self._subjects(), position)
        earliest = self._life_news[position]
        return earliest is not None and earliest < part.end

    def subjects(self, part: Period) -> tuple[str, ...]:
        """What the account paid for at any time."""
        found = {s.subject for s in self._stretches if s.window.overlap(part) is not None}
        return tuple(sorted(found))

    def _having(self, types: Types | None, part: Period) -> Iterator[Stretch]:
        """When there were resources of these types, and the account paid for them."""
        for kind, stretch in self._typed(part):
            if types is None or kind in types:
                yield stretch

    def _typed(self, part: Period) -> Iterator[tuple[str, Stretch]]:
        """When there were which resources, with their types, and the account paid for them."""
        for state, windows in self._residents(part):
            for window in windows:
                shared = _within(state, window, part)
                if shared is not None:
                    yield state.type, Stretch(state.resource, shared)

    def _of_types(self, types: Types, part: Period) -> Iterator[Stretch]:
        """The same for a level, which is not less for a resource that came late in the part.

        Only one that was of another type for a while has the level for the rest of the time.
        """
        others = self.types(part) - types
        mixed = {stretch.subject for stretch in self._having(others, part)}
        for stretch in self._having(types, part):
            if stretch.subject in mixed:
                yield stretch
        pure = {stretch.subject for stretch in self._having(types, part)} - mixed
        yield from (stretch for stretch in self._stretches if stretch.subject in pure)

    def _residents(self, part: Period) -> Iterator[tuple[ResourceState, list[Period]]]:
        """The states of resources in a part, each with the windows in which the account paid."""
        windows: dict[str, list[Period]] = {}
        for stretch in self._stretches:
            windows.setdefault(stretch.subject, []).append(stretch.window)
        known = self._states_of
        if known is None or part.start < known.start or part.end > known.end:
            start = part.start if known is None else min(part.start, known.start)
            end = part.end if known is None else max(part.end, known.end)
            self._states_of = Period(start, end)
            own = [subject for subject in windows if subject.startswith(RESOURCE_PREFIX)]
            self._states = tuple(self._log.states(own, self._states_of))
        for state in self._states:
            yield state, windows[state.resource]

    def _subjects(self) -> list[str]:
        return sorted({stretch.subject for stretch in self._stretches})


def _past(subscription: Subscription, span: Period) -> Period:
    """The part of a span of which everything was billed before."""
    return Period(span.start, max(span.start, subscription.billed_until))


def _within(state: ResourceState, window: Period, part: Period) -> Period | None:
    """What a state, a payer's window and a part of a period have in common."""
    until = part.end if state.until is None else state.until
    own = Period(state.since, max(until, state.since)).overlap(part)
    return None if own is None else own.overlap(window)


def _counted(found: Iterable[Period], part: Period) -> Counts:
    """How many windows cover each instant of a part, without gaps."""
    steps: dict[datetime, int] = {part.start: 0}
    for window in found:
        inside = window.overlap(part)
        if inside is not None:
            steps[inside.start] = steps.get(inside.start, 0) + 1
            steps[inside.end] = steps.get(inside.end, 0) - 1
    instants = sorted(instant for instant in steps if instant < part.end)
    counts: list[tuple[int, Period]] = []
    number = 0
    for start, end in zip(instants, [*instants[1:], part.end], strict=True):
        number += steps[start]
        if counts and counts[-1][0] == number:
            counts[-1] = (number, Period(counts[-1][1].start, end))
        else:
            counts.append((number, Period(start, end)))
    return tuple(counts)
