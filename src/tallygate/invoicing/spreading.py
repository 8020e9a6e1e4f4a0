"""Who bears a line of an invoice, and in what proportion?

- A metered line: each subject by its own quantity, as the meter measured it within the line's
  window for the payer (of a level each series' own height, of `unique` each subject's own values,
  which may be shared). So an allowance, a tier and a maximum are shared in proportion. What a
  minimum adds to the curve belongs to the base plan.
- A counted line in advance: the resources that were there at its instant, alike. What a counted
  price owed beyond its advance: all that is owed by the time that each resource existed, less the
  advance. Seats are one part, "members".
- Flats, and what is given back of them: the base plan.
- An adjustment: the subjects whose quantity, or time, is another by what came late; the account
  where they went different ways, or none did.
- Discounts follow their line: what is spread is the net amount.

A line is looked at as the log was when its invoice was made: what came late weighs in the
adjustment, and not in the invoice that it came too late for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple, Protocol, TypeVar

from tallygate.catalog.model import Meter, Price
from tallygate.core.money import minor_digits
from tallygate.core.period import Period
from tallygate.invoicing.breakdown import (
    ACCOUNT,
    BASE_PLAN,
    EVERYBODY,
    MEMBERS,
    Charged,
    Days,
    Sorting,
    Spread,
    Weight,
    seconds_by_day,
)
from tallygate.invoicing.contract import PriceLists, Types, offers
from tallygate.invoicing.counted import INSTANT
from tallygate.rating.line import Line
from tallygate.subscriptions.calendar import phases_in
from tallygate.subscriptions.model import Subscription

Weights = Mapping[str, Weight]
DaysOf = Mapping[str, Days]
Group = Callable[[str], str]
_Key = TypeVar("_Key", str, int)


class Weigher(Protocol):
    """Answers about what each subject of a payer used, as far as the log knew at a position.

    `known` is a position of the log; None: all that is there now. `types` narrows to resources of
    these types. Only subjects that the payer paid for are told, for the time that it did.
    """

    def measured(
        self, meter: Meter, part: Period, types: Types | None, known: int | None
    ) -> Weights:
        """The quantity of each subject."""
        ...

    def measured_days(
        self, meter: Meter, part: Period, types: Types | None, known: int | None, group: Group
    ) -> DaysOf:
        """The quantity of each UTC day, of subjects gathered in groups."""
        ...

    def existed(self, types: Types | None, part: Period, known: int | None) -> Weights:
        """How long each resource existed, in microseconds."""
        ...

    def existed_days(
        self, types: Types | None, part: Period, known: int | None, group: Group
    ) -> DaysOf:
        """The same for each UTC day, of resources gathered in groups."""
        ...

    def kinds(self) -> Types:
        """Every type of resource that the payer had."""
        ...


class Context(NamedTuple):
    """What must be known of a line, beside what is on it.

    `subscription` is that of the line's own time, `window` the one whose usage its invoice bills.
    `known` is how far the log was known, `before` how far it was when the line that an adjustment
    corrects was billed, or corrected last, or a counted price's advance was. `ahead`: the line is
    such an advance; `advance` is the one that a line makes up for; `rest`: an end gave nothing
    back of it, so that it is owed to the period's end.
    """

    lists: PriceLists
    subscription: Subscription
    window: Period
    known: int | None
    before: int = 0
    ahead: bool = False
    advance: Line | None = None
    rest: bool = False


@dataclass(slots=True)
class Spreader:
    """Spreads lines for one way of sorting; `notes` gathers what a reader should be told."""

    weigher: Weigher
    sorting: Sorting
    notes: list[str] = field(default_factory=list)

    def charged(self, line: Line, context: Context) -> Charged:
        """A line with its spreads; nothing is asked where nothing is owed, or told apart."""
        if not line.net:
            return Charged(line, ())
        if not self.sorting.has_subjects and not self.sorting.has_days:
            return Charged(line, (_one(line, EVERYBODY),))
        return Charged(line, self._spreads(line, context))

    def _spreads(self, line: Line, context: Context) -> tuple[Spread, ...]:
        price = _price_of(line, context.lists)
        if price is None or price.kind == "flat":
            return (_one(line, BASE_PLAN),)
        if price.count == "members":
            return (_one(line, MEMBERS),)
        types = _types_of(line, context, self.weigher.kinds())
        if line.kind == "adjustment":
            return self._adjusted(line, context, types)
        if line.meter is not None:
            return self._metered(line, context, types)
        return self._counted(line, context, types)

    def _metered(self, line: Line, context: Context, types: Types | None) -> tuple[Spread, ...]:
        meter = _meter(line, context)
        weights = self.weigher.measured(meter, line.period, types, context.known)
        if _total(weights) <= 0:
            return (_one(line, BASE_PLAN),)
        if meter.aggregation == "unique" and not meter.reads_resources:
            self._note(
                f"{line.price}: a value that several subjects sent is charged once and counts for "
                "each of them; the amount is allotted by each one's own number of values."
            )
        added = _added_by_minimum(line)
        used = Fraction(line.net) * (1 - added)
        spreads = []
        if used:
            days: DaysOf = {}
            if self.sorting.has_days:
                days = self.weigher.measured_days(
                    meter, line.period, types, context.known, self.sorting.grouping()
                )
            spreads.append(Spread(used, weights, line.period, days))
        if added:
            self._note(f"{line.price}: what the minimum adds to the usage is of the base plan.")
            spreads.append(Spread(line.net * added, {BASE_PLAN: 1}, line.period, {}))
        return tuple(spreads)

    def _counted(self, line: Line, context: Context, types: Types | None) -> tuple[Spread, ...]:
        if context.ahead:
            there = self._there(types, line.period, context.known)
            return (Spread(Fraction(line.net), there or {ACCOUNT: 1}, line.period, {}),)
        advance, more = context.advance, Fraction(line.amount)
        paid, there = 0, {}
        if advance is not None:
            paid, there = advance.amount, self._there(types, advance.period, context.before)
            if line.kind == "credit":
                more = more * advance.amount / advance.net
        existed = dict(self.weigher.existed(types, line.period, context.known))
        days: dict[str, Days] = {}
        if self.sorting.has_days:
            group = self.sorting.grouping()
            days = dict(self.weigher.existed_days(types, line.period, context.known, group))
        if context.rest and advance is not None:
            self._stay(existed, days, there, Period(line.period.end, advance.period.end))
        kept = line.net / more
        found = []
        if paid + more:
            weights = existed if _total(existed) > 0 else {ACCOUNT: 1}
            found.append(Spread((paid + more) * kept, weights, line.period, days))
        if paid and advance is not None:
            found.append(Spread(-paid * kept, there or {ACCOUNT: 1}, advance.period, {}))
        return tuple(found)

    def _stay(
        self, existed: dict[str, Weight], days: dict[str, Days], there: Weights, rest: Period
    ) -> None:
        """What was counted in advance is owed for the rest of the period, as if it stayed."""
        for subject in there:
            existed[subject] = existed.get(subject, 0) + rest.microseconds
            if self.sorting.has_days and rest.microseconds:
                name = self.sorting.grouping()(subject)
                longer = dict(days.get(name, {}))
                for day, micros in seconds_by_day(rest).items():
                    longer[day] = longer.get(day, 0) + micros
                days[name] = longer

    def _there(self, types: Types | None, period: Period, known: int | None) -> Weights:
        """The resources that an advance counted."""
        moment = Period(period.start, period.start + INSTANT)
        return self.weigher.existed(types, moment, known)

    def _adjusted(self, line: Line, context: Context, types: Types | None) -> tuple[Spread, ...]:
        """What changed with what came late, where all that changed went the same way."""
        after, before = context.known, context.before
        if line.meter is not None:
            meter = _meter(line, context)
            changed = _change(
                self.weigher.measured(meter, line.period, types, after),
                self.weigher.measured(meter, line.period, types, before),
            )
        else:
            changed = _change(
                self.weigher.existed(types, line.period, after),
                self.weigher.existed(types, line.period, before),
            )
        if changed is None:
            self._note(
                f"{line.price}: what came late went different ways, or cannot be told apart; the "
                "adjustment is the account's."
            )
            return (_one(line, ACCOUNT),)
        days: DaysOf = {}
        if self.sorting.has_days:
            days = self._changed_days(line, context, types)
        return (Spread(Fraction(line.net), changed, line.period, days),)

    def _changed_days(self, line: Line, context: Context, types: Types | None) -> DaysOf:
        group = self.sorting.grouping()
        found: dict[str, Days] = {}
        told: list[DaysOf] = []
        for known in (context.known, context.before):
            if line.meter is not None:
                meter = _meter(line, context)
                told.append(self.weigher.measured_days(meter, line.period, types, known, group))
            else:
                told.append(self.weigher.existed_days(types, line.period, known, group))
        for name in told[0].keys() | told[1].keys():
            changed = _change(told[0].get(name, {}), told[1].get(name, {}))
            if changed is not None:
                found[name] = changed
        return found

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)


def _one(line: Line, subject: str) -> Spread:
    """All of a line for one subject."""
    return Spread(Fraction(line.net), {subject: 1}, line.period, {})


def _price_of(line: Line, lists: PriceLists) -> Price | None:
    """The price that a line is of, as its version of the price list has it."""
    catalog = lists.catalogs[line.catalog_version]
    if line.price in catalog.prices:
        return catalog.prices[line.price]
    plans = (price for plan in catalog.plans.values() for price in plan.prices)
    return next((price for price in plans if price.key == line.price), None)


def _types_of(line: Line, context: Context, kinds: Types) -> Types | None:
    """The types of resources whose price a line's is; None: a price for all that there is."""
    reach = Period(line.period.start, max(line.period.end, line.period.start + INSTANT))
    for phase, _ in phases_in(context.subscription, reach):
        for offer in offers(context.lists, phase, kinds, context.window.start):
            if offer.price.key == line.price:
                return offer.types
    return None


def _meter(line: Line, context: Context) -> Meter:
    assert line.meter is not None, "a metered line names its meter"
    return context.lists.catalogs[line.catalog_version].meters[line.meter]


def _added_by_minimum(line: Line) -> Fraction:
    """The part of a line that its minimum added to what the curve came to."""
    if line.bound != "minimum" or not line.amount:
        return Fraction(0)
    share = line.share if line.level else Fraction(1)
    curve = sum((Fraction(step.amount) for step in line.steps), Fraction(0)) * share
    minor: int = 10 ** minor_digits(line.currency)
    return max(1 - curve * minor / line.amount, Fraction(0))


def _change(
    after: Mapping[_Key, Weight], before: Mapping[_Key, Weight]
) -> dict[_Key, Weight] | None:
    """What is another by now, as positive weights; None: nothing, or it went different ways."""
    found: dict[_Key, Weight] = {}
    for key in after.keys() | before.keys():
        by = after.get(key, 0) - before.get(key, 0)
        if by:
            found[key] = by
    if not found or len({by > 0 for by in found.values()}) > 1:
        return None
    sign = 1 if next(iter(found.values())) > 0 else -1
    return {key: by * sign for key, by in found.items()}


def _total(weights: Weights) -> Weight:
    return sum(weights.values())
