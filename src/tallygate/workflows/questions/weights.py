"""How much of what an account paid for does each subject have, as the store knows it?

The answers that spreading asks for (`invoicing.spreading.Weigher`), out of one transaction and in
few questions: who was there, and what it was, is read once for all lines. What a position of the
log did not know yet is counted again without it, for those few subjects that it concerns.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from fractions import Fraction

from tallygate.accounts.model import BillingAccount, ResourceState
from tallygate.accounts.payers import stretches
from tallygate.adapters.store import Transaction, accounts
from tallygate.adapters.store.lives import (
    Lived,
    Resident,
    late_lives,
    lives,
    lives_without,
    projects,
    residents,
)
from tallygate.adapters.store.usage_log import StoreLog
from tallygate.catalog.model import Meter
from tallygate.core.period import Period
from tallygate.invoicing.breakdown import ACCOUNT, Weight, microseconds_by_day
from tallygate.invoicing.contract import Types
from tallygate.invoicing.spreading import DaysOf, Group, Weights
from tallygate.metering.daily import ByDay, daily_windows
from tallygate.metering.measure import measure_windows
from tallygate.metering.states import compile_state_reader
from tallygate.metering.windows import (
    Absence,
    Window,
    Windows,
    absences_of,
    span_of,
    windows_of,
)

SCALE = 10**48
"""What values are taken times, so that weights are whole numbers: of many decimals, too."""

_Narrowed = tuple[Period, Types | None, int | None, bool]


class StoredWeights:
    """A `Weigher` over one transaction, for what one account paid for within `span`.

    Nothing that happened at or after `until` weighs. `project_of` says where each subject is; the
    account itself and its organization are both "account".
    """

    def __init__(
        self, tx: Transaction, account: BillingAccount, span: Period, until: datetime
    ) -> None:
        self._tx = tx
        self._until = until
        organization = accounts.get_organization(tx, account.organization)
        self.projects = projects(tx, organization.id)
        own = stretches(
            account.id,
            organization,
            projects=self.projects,
            changes=accounts.payer_changes(tx, organization.id),
            residents=(),
            period=span,
        )
        self._windows = windows_of(own, span)
        self.residents: list[Resident] = [
            one for one in residents(tx, organization.id) if one.project in self._windows
        ]
        self.project_of = {one.resource: one.project for one in self.residents}
        self._windows.update((one.resource, self._windows[one.project]) for one in self.residents)
        self._account = (account.id, organization.id)
        self._organization = organization.id
        self._span = span
        self._lives: dict[int | None, list[Lived]] = {}
        self._existed: dict[tuple[Types | None, Period, int | None], dict[str, int]] = {}
        self._within: dict[Period, Windows] = {}
        self._kinds: dict[int | None, Mapping[str, Sequence[Lived]]] = {}
        self._late: dict[int, Mapping[str, frozenset[str]]] = {}
        self._narrow: dict[_Narrowed, Windows] = {}

    def measured(
        self, meter: Meter, part: Period, types: Types | None, known: int | None
    ) -> Weights:
        """The quantity of each subject."""
        known_part, windows = self._asked(meter, part, types, known)
        found = dict(self._measured(meter, windows, known_part, known, now=True))
        again = self._looked_again(meter, windows, known_part, known)
        for subject in again:
            found.pop(subject, None)
        found.update(self._measured(meter, again, known_part, known, now=False))
        return self._with_account(found)

    def measured_days(
        self, meter: Meter, part: Period, types: Types | None, known: int | None, group: Group
    ) -> DaysOf:
        """The quantity of each UTC day, of subjects gathered in groups."""
        known_part, windows = self._asked(meter, part, types, known)
        log = self._log(known, now=True)
        found = daily_windows(meter, windows, known_part, log)
        again = self._looked_again(meter, windows, known_part, known)
        if again:
            found = {key: quantity for key, quantity in found.items() if key[0] not in again}
            found |= daily_windows(meter, again, known_part, self._log(known, now=False))
        return self._gathered(found, group)

    def existed(self, types: Types | None, part: Period, known: int | None) -> Weights:
        """How long each resource existed, in microseconds."""
        asked = (types, part, known)
        if asked not in self._existed:
            found: dict[str, int] = {}
            for resource, start, end in self._existing(types, part, known):
                found[resource] = found.get(resource, 0) + end - start
            self._existed[asked] = found
        return self._existed[asked]

    def existed_days(
        self, types: Types | None, part: Period, known: int | None, group: Group
    ) -> DaysOf:
        """The same for each UTC day, of resources gathered in groups."""
        alike = Counter(
            (group(resource), start, end)
            for resource, start, end in self._existing(types, part, known)
        )
        found: dict[str, dict[int, int]] = {}
        for (name, start, end), times in alike.items():
            days = found.setdefault(name, {})
            for day, micros in microseconds_by_day(start, end).items():
                days[day] = days.get(day, 0) + micros * times
        return found

    def kinds(self) -> Types:
        """Every type of resource that the payer had."""
        return frozenset(self._by_kind(None))

    def lived(self, known: int | None) -> list[Lived]:
        """What the payer's resources were, each in the order of time, as a position knew it."""
        if known not in self._lives:
            if None not in self._lives:
                end = span_of(self._span)[1]
                every = lives(self._tx, self._organization, end)
                self._lives[None] = [one for one in every if one.resource in self._windows]
            if known is not None:
                late = self._late_at(known)
                kept = self._lives[None]
                if late:
                    kept = [one for one in kept if one.resource not in late]
                    kept += lives_without(self._tx, late)
                    kept.sort(key=lambda one: (one.resource, one.since))
                self._lives[known] = kept
        return self._lives[known]

    def names(self) -> dict[str, str]:
        """The projects' names, and the platform's own ids of resources, by id."""
        own = {one.resource: one.external_id for one in self.residents if one.external_id}
        return self.projects | own

    def within(self, part: Period) -> Windows:
        """What the account paid for in a part, and when."""
        if part not in self._within:
            self._within[part] = _cut(self._windows, span_of(part))
        return self._within[part]

    def _by_kind(self, known: int | None) -> Mapping[str, Sequence[Lived]]:
        if known not in self._kinds:
            found: dict[str, list[Lived]] = {}
            for one in self.lived(known):
                found.setdefault(one.type, []).append(one)
            self._kinds[known] = found
        return self._kinds[known]

    def _late_at(self, known: int) -> Mapping[str, frozenset[str]]:
        if known not in self._late:
            self._late[known] = late_lives(self._tx, self.project_of, known)
        return self._late[known]

    def _existing(
        self, types: Types | None, part: Period, known: int | None
    ) -> Iterator[tuple[str, int, int]]:
        """When there were resources of these types, and the account paid for them."""
        windows = self.within(part)
        for kind, of_kind in self._by_kind(known).items():
            if types is not None and kind not in types:
                continue
            for one in of_kind:
                resource, since, until = one[:3]
                for start, end in windows.get(resource, ()):
                    low = max(since, start)
                    high = min(until, end)
                    if low < high:
                        yield resource, low, high

    def _asked(
        self, meter: Meter, part: Period, types: Types | None, known: int | None
    ) -> tuple[Period, Windows]:
        """The part that has passed, and the windows within it that a meter reads."""
        passed = Period(part.start, min(part.end, max(self._until, part.start)))
        key = (passed, types, known, meter.is_level)
        if key not in self._narrow:
            if not passed.microseconds:
                self._narrow[key] = {}
            elif types is None:
                self._narrow[key] = self.within(passed)
            else:
                self._narrow[key] = self._of_types(types, passed, known, level=meter.is_level)
        return passed, self._narrow[key]

    def _of_types(
        self, types: Types, part: Period, known: int | None, *, level: bool
    ) -> dict[str, tuple[Window, ...]]:
        """The time in which resources were of these types.

        A level is not less for a resource that came late in the part: only one that was of
        another type for a while has it for the rest of the time.
        """
        found: dict[str, list[Window]] = {}
        for resource, start, end in self._existing(types, part, known):
            found.setdefault(resource, []).append((start, end))
        windows = {who: _joined(spans) for who, spans in found.items()}
        if level:
            others = self.kinds() - types
            mixed = {who for who, _, _ in self._existing(others, part, known)}
            pure = {who: self._windows[who] for who in windows if who not in mixed}
            windows.update(_cut(pure, span_of(part)))
        return windows

    def _measured(
        self, meter: Meter, windows: Windows, part: Period, known: int | None, *, now: bool
    ) -> Weights:
        log = self._log(known, now=now)
        if meter.aggregation == "unique" and not meter.reads_resources:
            each = log.distinct_of_each(meter, windows)
            return {subject: Fraction(count) for subject, count in each.items()}
        if meter.reads_resources and meter.aggregation == "time_weighted":
            return self._areas(meter, windows, known)
        return measure_windows(meter, windows, part, log)

    def _areas(self, meter: Meter, windows: Windows, known: int | None) -> dict[str, Weight]:
        """Value x microseconds of each resource, which is in proportion to its hours."""
        read, found = compile_state_reader(meter), dict[str, Weight]()
        heights: dict[tuple[int, str, bool], Weight] = {}
        for one in self.lived(known):
            resource, since, until, kind, running, fields = one
            of_kind = (id(fields), kind, running)
            if of_kind not in heights:
                held = read(one.state())
                exact = Fraction(0 if held is None else held.value) * SCALE
                heights[of_kind] = exact.numerator if exact.denominator == 1 else exact
            height = heights[of_kind]
            for start, end in windows.get(resource, ()) if height else ():
                shared = (min(until, end)) - (max(since, start))
                if shared > 0:
                    found[resource] = found.get(resource, 0) + height * shared
        return found

    def _looked_again(
        self, meter: Meter, windows: Windows, part: Period, known: int | None
    ) -> Windows:
        """The windows of those subjects of whom there is news that a position did not know."""
        if known is None or meter.reads_resources or not windows:
            return {}
        late = StoreLog(self._tx).touched_among(meter, list(windows), part, known)
        if meter.aggregation == "time_weighted":
            late |= self._late_at(known).keys()
        return {subject: windows[subject] for subject in sorted(late) if subject in windows}

    def _log(self, known: int | None, *, now: bool) -> "_Log":
        return _Log(self._tx, self.lived(known), None if now else known)

    def _with_account(self, found: dict[str, Weight]) -> Weights:
        """The account's own usage and its organization's, under one name."""
        own = [found.pop(name) for name in self._account if name in found]
        weights: dict[str, Weight] = {who: found[who] for who in found if found[who]}
        if any(own):
            weights[ACCOUNT] = sum(own, Fraction(0))
        return weights

    def _gathered(self, found: ByDay, group: Group) -> DaysOf:
        gathered: dict[str, dict[int, Fraction]] = {}
        for (subject, day), quantity in found.items():
            name = group(ACCOUNT if subject in self._account else subject)
            days = gathered.setdefault(name, {})
            days[day] = days.get(day, Fraction(0)) + quantity
        return gathered


class _Log(StoreLog):
    """What the store answers, but for the lives of resources: those are known already."""

    def __init__(self, tx: Transaction, known_lives: Sequence[Lived], known: int | None) -> None:
        super().__init__(tx, known)
        self._lives = known_lives

    def states(self, subjects: Sequence[str], window: Period) -> Iterable[ResourceState]:
        """The states, overlapping the window, of those subjects that are resources."""
        wanted, (start, end) = set(subjects), span_of(window)
        for one in self._lives:
            if one.since < end and one.until > start and one.resource in wanted:
                yield one.state()

    def absences(self, subjects: Sequence[str]) -> Mapping[str, Sequence[Absence]]:
        """When those of the subjects that are resources were deleted: until the next creation."""
        wanted = set(subjects)
        return absences_of(
            (one.resource, one.since, one.until) for one in self._lives if one.resource in wanted
        )


def _cut(windows: Windows, span: Window) -> dict[str, tuple[Window, ...]]:
    """The parts of windows that lie in a span. Many subjects have the same windows: cut once."""
    cut: dict[tuple[Window, ...], tuple[Window, ...]] = {}
    for spans in set(windows.values()):
        parts = ((max(start, span[0]), min(end, span[1])) for start, end in spans)
        cut[spans] = tuple(part for part in parts if part[0] < part[1])
    return {subject: cut[spans] for subject, spans in windows.items() if cut[spans]}


def _joined(spans: list[Window]) -> tuple[Window, ...]:
    joined: list[Window] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
