"""What would an account use if a resource had another life than it has?

The same answers as `StoredUsage`, with the states of some resources replaced: of one that is yet
to be created, of one that is resized or deleted. Nothing is stored. Unlike there, the future is
part of the answer: resources go on as they are, so that a period can be asked about that is not
over yet, as it will be billed if nothing else happens.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from tallygate.accounts.model import ResourceState
from tallygate.accounts.payers import Stretch
from tallygate.adapters.store import Transaction, resources
from tallygate.adapters.store.usage_log import StoreLog
from tallygate.catalog.model import Meter
from tallygate.core.period import Period, to_micros
from tallygate.invoicing.contract import Types
from tallygate.metering.windows import Absence, absences_of
from tallygate.subscriptions.model import Subscription
from tallygate.workflows.resources import RESOURCE_PREFIX
from tallygate.workflows.usage_known import Shared, StoredUsage, read_shared

States = Mapping[str, tuple[ResourceState, ...]]
"""The states of resources, in the order of time, by resource."""


@dataclass(frozen=True, slots=True)
class SupposedLife:
    """The states that a resource of a project would have; they differ from `since` on."""

    resource: str
    project: str
    since: datetime
    states: tuple[ResourceState, ...]


class RememberingLog(StoreLog):
    """A log that reads the states of an account's resources once, for a whole span of time.

    Those of `supposed` lives are not the stored ones.
    """

    def __init__(
        self, tx: Transaction, span: Period, known: States, supposed: Sequence[SupposedLife] = ()
    ) -> None:
        super().__init__(tx)
        self._span = span
        self._remembered = known
        self._supposed = {life.resource: life.states for life in supposed}

    def supposing(self, lives: Sequence[SupposedLife]) -> "RememberingLog":
        """The same log with these lives."""
        return RememberingLog(self._tx, self._span, self._remembered, lives)

    def states(self, subjects: Sequence[str], window: Period) -> Iterable[ResourceState]:
        """The states, overlapping the window, of those subjects that are resources."""
        known, supposed = self._remembered, self._supposed
        if window.start < self._span.start or self._span.end < window.end:
            own = [subject for subject in subjects if subject not in supposed]
            known = _by_resource(super().states(own, window))
        found = []
        for subject in subjects:
            its = supposed[subject] if subject in supposed else known.get(subject, ())
            for state in its:
                ends = state.until is None or state.until > window.start
                if ends and state.since < window.end:
                    found.append(state)
        return found

    def absences(self, subjects: Sequence[str]) -> Mapping[str, Sequence[Absence]]:
        """When those of the subjects that are resources were deleted: until the next creation."""
        stored = super().absences([s for s in subjects if s not in self._supposed])
        supposed = absences_of(
            (
                state.resource,
                to_micros(state.since),
                None if state.until is None else to_micros(state.until),
            )
            for subject in subjects
            for state in self._supposed.get(subject, ())
        )
        return {**stored, **supposed}


class SupposedUsage(StoredUsage):
    """Usage up to any instant of the span, as what is known by now lets it become."""

    def __init__(
        self,
        tx: Transaction,
        subscription: Subscription,
        span: Period,
        until: datetime,
        *,
        shared: Shared | None = None,
        log: RememberingLog | None = None,
        lives: Sequence[SupposedLife] = (),
    ) -> None:
        """What is `shared` was read before; `log` is its log, with these lives."""
        account = subscription.billing_account
        shared = shared or read_shared(tx, [(subscription, span)])
        if log is None:
            paid = (stretch.subject for stretch in shared.stretches[account, span])
            own = {subject for subject in paid if subject.startswith(RESOURCE_PREFIX)}
            log = RememberingLog(tx, span, _by_resource(resources.states_of(tx, own, span)))
        super().__init__(tx, subscription, span, until, shared._replace(log=log))
        self._shared = shared
        self._remembering = log
        self._lives = tuple(lives)
        self._own = frozenset(life.resource for life in lives)
        self._base: SupposedUsage | None = None
        self._parts: dict[frozenset[str], SupposedUsage] = {}
        self._present: dict[Period, tuple[tuple[str, Stretch], ...]] = {}
        self._known: dict[tuple[int, Period, Period, Types | None], Fraction] = {}

    def supposing(self, lives: Sequence[SupposedLife]) -> "SupposedUsage":
        """The same with these lives; who pays for a new resource is who pays for its project."""
        paid = {stretch.subject for stretch in self._stretches}
        born: dict[str, list[str]] = {}
        for life in lives:
            if life.resource not in paid:
                born.setdefault(life.project, []).append(life.resource)
        more = tuple(
            Stretch(resource, stretch.window)
            for stretch in self._stretches
            for resource in born.get(stretch.subject, ())
        )
        supposed = SupposedUsage(
            self._tx,
            self._subscription,
            self._span,
            self._until,
            shared=self._paying((*self._stretches, *more)),
            log=self._remembering.supposing(lives),
            lives=lives,
        )
        supposed._base = self
        return supposed

    def up_to(self, until: datetime) -> "SupposedUsage":
        """The same as far as it goes by an instant."""
        return SupposedUsage(
            self._tx,
            self._subscription,
            self._span,
            until,
            shared=self._shared,
            log=self._remembering,
            lives=self._lives,
        )

    def exactly(self, meter: Meter, part: Period, whole: Period, types: Types | None) -> Fraction:
        """The quantity before it is rounded.

        What a meter on resources says is the sum of what it says of each: only those that differ
        are looked at again.
        """
        asked = (id(meter), part, whole, types)  # the price list is kept as long as this
        if asked in self._known:
            return self._known[asked]
        base = self._base
        if base is None or not meter.reads_resources:
            found = super().exactly(meter, part, whole, types)
        else:
            found = base.exactly(meter, part, whole, types)
            found -= base.of_resources(self._own).exactly(meter, part, whole, types)
            found += self.of_resources(self._own).exactly(meter, part, whole, types)
        self._known[asked] = found
        return found

    def types(self, part: Period) -> Types:
        """The types of resources that there were at any time."""
        return frozenset(kind for kind, _ in self._there(part))

    def of_resources(self, resources_: frozenset[str]) -> "SupposedUsage":
        """The usage of some of the resources alone."""
        if resources_ not in self._parts:
            self._parts[resources_] = SupposedUsage(
                self._tx,
                self._subscription,
                self._span,
                self._until,
                shared=self._paying(tuple(s for s in self._stretches if s.subject in resources_)),
                log=self._remembering,
                lives=self._lives,
            )
        return self._parts[resources_]

    def _paying(self, stretches: tuple[Stretch, ...]) -> Shared:
        """What was read, with other subjects that the account pays for."""
        mine = (self._subscription.billing_account, self._span)
        return self._shared._replace(stretches={mine: stretches})

    def _having(self, types: Types | None, part: Period) -> Iterator[Stretch]:
        """When there were resources of these types, and the account paid for them."""
        for kind, stretch in self._there(part):
            if types is None or kind in types:
                yield stretch

    def _there(self, part: Period) -> tuple[tuple[str, Stretch], ...]:
        """When there were which resources, with their types, and the account paid for them."""
        if part not in self._present:
            base, own = self._base, self._own
            if base is None:
                found = tuple(self._typed(part))
            else:
                others = (one for one in base._there(part) if one[1].subject not in own)  # noqa: SLF001 its own class
                mine = self.of_resources(own)._there(part)  # noqa: SLF001 its own class
                found = (*others, *mine)
            self._present[part] = found
        return self._present[part]

    def _projects_of(self, some: Collection[str]) -> Mapping[str, str]:
        """The project of each of some resources, of those that are supposed, too."""
        supposed = {life.resource: life.project for life in self._lives}
        return {**super()._projects_of([one for one in some if one not in supposed]), **supposed}

    def lives_changed(self, part: Period, position: int) -> bool:
        """Whether resources have news, of that stretch of time or before: supposed ones too."""
        if any(life.since < part.end for life in self._lives):
            return True
        return super().lives_changed(part, position)


def _by_resource(states: Iterable[ResourceState]) -> States:
    found: dict[str, list[ResourceState]] = {}
    for state in states:
        found.setdefault(state.resource, []).append(state)
    return {resource: tuple(its) for resource, its in found.items()}
