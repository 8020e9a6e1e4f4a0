"""How much of what an account paid for does each subject have, as the store knows it?

The answers that spreading asks for (`invoicing.spreading.Weigher`), out of one transaction and in
few questions: who was there, and what it was, is read once for all lines. What a position of the
log did not know yet is counted again without it, for those few subjects that it concerns.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from tallygate.accounts.model import BillingAccount
from tallygate.adapters.store import Transaction
from tallygate.adapters.store.lives import late_lives, lives, lives_without, names_of
from tallygate.adapters.store.stretches import paid_and_projects
from tallygate.adapters.store.usage_log import StoreLog
from tallygate.catalog.model import Meter
from tallygate.core.period import Period
from tallygate.invoicing.breakdown import ACCOUNT, Weight, microseconds_by_day
from tallygate.invoicing.contract import Types
from tallygate.invoicing.spreading import DaysOf, Group, Weights
from tallygate.metering.cell import Cell
from tallygate.metering.daily import ByDay, daily_windows
from tallygate.metering.measure import measure_windows
from tallygate.metering.reading import Reading
from tallygate.metering.states import Lived
from tallygate.metering.windows import Absence, Windows, absences_of, cut_to, span_of
from tallygate.workflows.paid_for import Existed, PaidFor

SCALE = 10**48
"""What values are taken times, so that weights are whole numbers: of many decimals, too."""

_Narrowed = tuple[Period, Types | None, int | None, bool]
_Hours = tuple[int, tuple[str, ...], int, int]
_Asked = tuple[Types | None, Period, int | None]


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
        self._account = (account.id, account.organization)
        self._span = span
        found, self.project_of = paid_and_projects(tx, account.id, span)
        self._windows = cut_to(found, span)
        self._paid: dict[int | None, PaidFor] = {}
        self._existed: dict[_Asked, Weights] = {}
        self._late: dict[int, Mapping[str, frozenset[str]]] = {}
        self._narrow: dict[_Narrowed, Windows] = {}
        self._logs: dict[tuple[int | None, bool], _Log] = {}
        self._touched: dict[tuple[int, Period, int, int], set[str]] = {}

    def measured(
        self, meter: Meter, part: Period, types: Types | None, known: int | None
    ) -> Weights:
        """The quantity of each subject."""
        known_part = self._passed(part)
        if _sums_states(meter):
            heights = self._heights(meter, known_part, types, known)
            return _by_subject(
                (height * (end - start), who) for height, (who, start, end) in heights
            )
        windows = self._asked(meter, known_part, types, known)
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
        known_part = self._passed(part)
        if _sums_states(meter):
            return _by_day(self._heights(meter, known_part, types, known), group)
        windows = self._asked(meter, known_part, types, known)
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
            existing = self._paid_for(known).existing(types, part)
            self._existed[asked] = _by_subject((end - start, who) for who, start, end in existing)
        return self._existed[asked]

    def existed_days(
        self, types: Types | None, part: Period, known: int | None, group: Group
    ) -> DaysOf:
        """The same for each UTC day, of resources gathered in groups."""
        existing = self._paid_for(known).existing(types, part)
        return _by_day(((1, existed) for existed in existing), group)

    def kinds(self) -> Types:
        """Every type of resource that the payer had."""
        return self._paid_for(None).all_kinds

    def names(self) -> dict[str, str]:
        """The projects' names, and the platform's own ids of resources, by id."""
        return names_of(self._tx, self._paid_for(None).projects)

    def _paid_for(self, known: int | None) -> PaidFor:
        """What was paid for, as a position of the log knew it."""
        if known is not None and not self._late_at(known):
            return self._paid_for(None)
        if known not in self._paid:
            self._paid[known] = PaidFor(self._windows, lambda: self._lived(known))
        return self._paid[known]

    def _lived(self, known: int | None) -> Sequence[Lived]:
        """What the payer's resources were, each in the order of time, since ever."""
        if known is None:
            every = lives(self._tx, self._account[1], span_of(self._span)[1])
            return [one for one in every if one.resource in self._windows]
        late, kept = self._late_at(known), self._paid_for(None).lives
        others = [one for one in kept if one.resource not in late]
        again = lives_without(self._tx, late)
        return sorted((*others, *again), key=lambda one: (one.resource, one.since))

    def _late_at(self, known: int) -> Mapping[str, frozenset[str]]:
        if known not in self._late:
            self._late[known] = late_lives(self._tx, self.project_of, known)
        return self._late[known]

    def _passed(self, part: Period) -> Period:
        """As much of a part as has passed."""
        return Period(part.start, min(part.end, max(self._until, part.start)))

    def _asked(
        self, meter: Meter, passed: Period, types: Types | None, known: int | None
    ) -> Windows:
        """The windows, within what has passed of a part, that a meter reads."""
        key = (passed, types, known, meter.is_level)
        if key not in self._narrow:
            if not passed.microseconds:
                self._narrow[key] = {}
            elif types is None:
                self._narrow[key] = self._paid_for(known).within(passed)
            else:
                paid_for = self._paid_for(known)
                self._narrow[key] = paid_for.of_types(types, passed, level=meter.is_level)
        return self._narrow[key]

    def _measured(
        self, meter: Meter, windows: Windows, part: Period, known: int | None, *, now: bool
    ) -> Weights:
        log = self._log(known, now=now)
        if meter.aggregation == "unique" and not meter.reads_resources:
            each = log.distinct_of_each(meter, windows)
            return {subject: Fraction(count) for subject, count in each.items()}
        return measure_windows(meter, windows, part, log)

    def _heights(
        self, meter: Meter, part: Period, types: Types | None, known: int | None
    ) -> Iterator[tuple[Weight, Existed]]:
        """What a meter reads in states, scaled, and who was there from when until when.

        Times microseconds it is in proportion to the hours.
        """
        for height, existed in self._paid_for(known).heights(meter, types, part):
            exact = Fraction(height) * SCALE
            yield exact.numerator if exact.denominator == 1 else exact, existed

    def _looked_again(
        self, meter: Meter, windows: Windows, part: Period, known: int | None
    ) -> Windows:
        """The windows of those subjects of whom there is news that a position did not know."""
        if known is None or meter.reads_resources or not windows:
            return {}
        asked = (id(meter), part, known, id(windows))  # these are kept in `_narrow`
        if asked not in self._touched:
            late = StoreLog(self._tx).touched_among(meter, list(windows), part, known)
            if meter.aggregation == "time_weighted":
                late |= self._late_at(known).keys()
            self._touched[asked] = late.intersection(windows)
        return {subject: windows[subject] for subject in sorted(self._touched[asked])}

    def _log(self, known: int | None, *, now: bool) -> "_Log":
        if (known, now) not in self._logs:
            lived = self._paid_for(known).lives
            self._logs[known, now] = _Log(self._tx, lived, None if now else known)
        return self._logs[known, now]

    def _with_account(self, found: dict[str, Weight]) -> Weights:
        """The account's own usage and its organization's, under one name."""
        own = [found.pop(name) for name in self._account if name in found]
        weights: dict[str, Weight] = {
            who: one.numerator if one.denominator == 1 else one
            for who, one in found.items()
            if one
        }
        if any(own):
            weights[ACCOUNT] = sum(own, Fraction(0))
        return weights

    def _gathered(self, found: ByDay, group: Group) -> DaysOf:
        gathered: dict[str, dict[int, Weight]] = {}
        for (subject, day), quantity in found.items():
            name = group(ACCOUNT if subject in self._account else subject)
            days = gathered.setdefault(name, {})
            whole = quantity.numerator if quantity.denominator == 1 else quantity
            days[day] = days.get(day, 0) + whole
        return gathered


class _Log(StoreLog):
    """What the store answers, but for the lives of resources: those are known already."""

    def __init__(self, tx: Transaction, known_lives: Sequence[Lived], known: int | None) -> None:
        super().__init__(tx, known)
        self._lives = known_lives
        self._cells: dict[_Hours, Sequence[tuple[tuple[str, ...], int, Cell]]] = {}
        self._amounts: dict[_Hours, Sequence[tuple[str, int, Decimal]]] = {}
        self._readings: dict[_Hours, list[Reading]] = {}

    def cells(
        self, meter: Meter, subjects: Sequence[str], first_hour: int, last_hour: int
    ) -> Iterable[tuple[tuple[str, ...], int, Cell]]:
        """The same, read once: where days are told apart, a line asks twice."""
        asked = (id(meter), tuple(subjects), first_hour, last_hour)
        if asked not in self._cells:
            self._cells[asked] = tuple(super().cells(meter, subjects, first_hour, last_hour))
        return self._cells[asked]

    def amounts(
        self, meter: Meter, subjects: Sequence[str], first_hour: int, last_hour: int
    ) -> Iterable[tuple[str, int, Decimal]]:
        """The same, read once."""
        asked = (id(meter), tuple(subjects), first_hour, last_hour)
        if asked not in self._amounts:
            self._amounts[asked] = tuple(super().amounts(meter, subjects, first_hour, last_hour))
        return self._amounts[asked]

    def readings(self, meter: Meter, subjects: Sequence[str], window: Period) -> list[Reading]:
        """The same, read once."""
        asked = (id(meter), tuple(subjects), *span_of(window))
        if asked not in self._readings:
            self._readings[asked] = super().readings(meter, subjects, window)
        return self._readings[asked]

    def states(self, subjects: Sequence[str], window: Period) -> Iterable[Lived]:
        """The states, overlapping the window, of those subjects that are resources."""
        wanted, (start, end) = set(subjects), span_of(window)
        for one in self._lives:
            if one.since < end and one.until > start and one.resource in wanted:
                yield one

    def absences(self, subjects: Sequence[str]) -> Mapping[str, Sequence[Absence]]:
        """When those of the subjects that are resources were deleted: until the next creation."""
        wanted = set(subjects)
        return absences_of(
            (one.resource, one.since, one.until) for one in self._lives if one.resource in wanted
        )


def _sums_states(meter: Meter) -> bool:
    """Whether what a meter says is the area under the states of resources."""
    return meter.reads_resources and meter.aggregation == "time_weighted"


def _by_subject(found: Iterable[tuple[Weight, Sequence[str]]]) -> dict[str, Weight]:
    """What each of some subjects weighs, without those that weigh nothing."""
    weights: dict[str, Weight] = {}
    for weight, subjects in found:
        if not weight:
            continue
        if weights.keys().isdisjoint(subjects):
            weights.update(dict.fromkeys(subjects, weight))
        else:
            for subject in subjects:
                weights[subject] = weights.get(subject, 0) + weight
    return weights


def _by_day(found: Iterable[tuple[Weight, Existed]], group: Group) -> dict[str, dict[int, Weight]]:
    """How much there was on each UTC day, in groups: how high, of whom, from when until when."""
    days_of: dict[str, dict[int, Weight]] = {}
    for height, (subjects, start, end) in found:
        lasted = microseconds_by_day(start, end)
        for name, how_many in Counter(map(group, subjects)).items():
            days = days_of.setdefault(name, {})
            for day, micros in lasted.items():
                days[day] = days.get(day, 0) + height * how_many * micros
    return days_of
