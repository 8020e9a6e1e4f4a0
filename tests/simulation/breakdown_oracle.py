"""What should each part of an invoice be? Asked of what happened, in fractions, by brute force.

Nothing of the breakdown is used here. Quantities are the fold's (which defines a meter), each
subject's for itself; who pays is asked of `accounts`; everything else is written down a second
time, in the plainest way.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from fractions import Fraction
from typing import NamedTuple, TypeVar

from tests.simulation.breakdown_life import Facts
from tests.simulation.breakdown_usage import ByDay, Quantities, Used, seconds

from tallygate.catalog.model import Meter, Price
from tallygate.core.money import minor_digits
from tallygate.core.period import Period
from tallygate.invoicing.model import Invoice
from tallygate.rating.line import Line

TINY = timedelta(microseconds=1)
_Key = TypeVar("_Key", str, int)


class Piece(NamedTuple):
    """An amount, and who bears it in what proportion; `days` weighs the days of each subject."""

    amount: Fraction
    weights: Quantities
    days: Callable[[str], ByDay]
    period: Period


class Oracle(Used):
    """Answers about one account's invoice; `known` is the position that its maker saw."""

    def __init__(self, facts: Facts, invoice: Invoice, earlier: Iterable[Invoice]) -> None:
        super().__init__(facts, invoice.billing_account)
        self.invoice = invoice
        self.earlier = list(earlier)
        self.known = invoice.position

    def exact(self, line: Line, group: Callable[[str], str]) -> dict[str, Fraction]:
        """What each group of subjects bears of a line, exactly."""
        found: dict[str, Fraction] = {}
        for piece in self._pieces(line):
            whole = sum(piece.weights.values(), Fraction(0))
            for subject, weight in piece.weights.items():
                name = group(subject)
                found[name] = found.get(name, Fraction(0)) + piece.amount * weight / whole
        return found

    def by_day(self, line: Line, group: Callable[[str], str]) -> dict[tuple[str, int], Fraction]:
        """The same of each day."""
        found: dict[tuple[str, int], Fraction] = {}
        for piece in self._pieces(line):
            whole = sum(piece.weights.values(), Fraction(0))
            names = {group(subject) for subject in piece.weights}
            for name in names:
                inside = [s for s in piece.weights if group(s) == name]
                share = piece.amount * sum((piece.weights[s] for s in inside), Fraction(0)) / whole
                days: ByDay = {}
                for subject in self._all_of(name, inside, group):
                    for day, weight in piece.days(subject).items():
                        days[day] = days.get(day, Fraction(0)) + weight
                if line.kind == "adjustment":
                    one_way = len({weight > 0 for weight in days.values() if weight}) == 1
                    days = {d: abs(weight) for d, weight in days.items()} if one_way else {}
                if sum(days.values(), Fraction(0)) <= 0:
                    days = seconds(piece.period)
                total = sum(days.values(), Fraction(0))
                for day, weight in days.items():
                    key = (name, day)
                    found[key] = found.get(key, Fraction(0)) + share * weight / total
        return {key: share for key, share in found.items() if share}

    def _all_of(self, name: str, inside: list[str], group: Callable[[str], str]) -> list[str]:
        """The subjects of a group, also those that weigh nothing in all, but something on days."""
        if any(subject in {"base_plan", "members"} for subject in inside) and name:
            return inside
        every = [*self.facts.home, *self.facts.projects, "account"]
        return [subject for subject in every if group(subject) == name]

    # The lines ---------------------------------------------------------------------------------

    def _pieces(self, line: Line) -> list[Piece]:
        price = self._price(line.price)
        if price.kind == "flat" or price.count == "members":
            name = "members" if price.count == "members" else "base_plan"
            return [self._alone(line, name)]
        types = self._types(price)
        if line.kind == "adjustment":
            return self._adjusted(line, price, types)
        if price.meter is not None:
            return self._metered(line, price, types)
        if line.period.start >= self.invoice.dated:
            return [self._advance(line, line.period, Fraction(line.net), types, self.known)]
        return self._counted(line, types)

    def _metered(self, line: Line, price: Price, types: frozenset[str] | None) -> list[Piece]:
        meter = self._meter(price)
        weights = self.quantities(meter, line.period, types, self.known)
        if sum(weights.values(), Fraction(0)) <= 0:
            return [self._alone(line, "base_plan")]
        usage = Fraction(1)
        if line.bound == "minimum" and line.amount:
            curve = sum((Fraction(step.amount) for step in line.steps), Fraction(0))
            curve *= (line.share if line.level else 1) * 10 ** minor_digits(line.currency)
            usage = min(curve / line.amount, Fraction(1))

        def days(subject: str) -> ByDay:
            return self.daily(meter, line.period, types, self.known, subject)

        found = []
        if usage:
            found.append(Piece(line.net * usage, weights, days, line.period))
        if usage != 1:
            found.append(self._alone(line, "base_plan")._replace(amount=line.net * (1 - usage)))
        return found

    def _counted(self, line: Line, types: frozenset[str] | None) -> list[Piece]:
        billed = self._billed(line)
        more, paid = Fraction(line.amount), 0
        if billed:
            advance = billed[0][1]
            paid = advance.amount
            if line.kind == "credit":
                more = more * advance.amount / advance.net
        kept = line.net / more
        existed = self.existed(types, line.period, self.known)
        stays = Period(line.period.end, line.period.end)
        staying: Quantities = {}
        is_kept = self.invoice.subscription not in self.facts.refunded
        if billed and self.invoice.reason == "end" and is_kept:
            # Nothing was given back: what the advance counted is owed as if it stayed.
            [(invoice, advance)] = billed
            stays = Period(line.period.end, advance.period.end)
            moment = Period(advance.period.start, advance.period.start + TINY)
            staying = self.existed(types, moment, invoice.position)
        for subject in staying:
            existed[subject] = existed.get(subject, Fraction(0)) + stays.microseconds

        def days(subject: str) -> ByDay:
            found = self.existed_daily(types, line.period, self.known, subject)
            for day, micros in seconds(stays).items() if subject in staying else ():
                if stays.microseconds:
                    found[day] = found.get(day, Fraction(0)) + micros
            return found

        found = []
        if paid + more:
            weights = existed or {"account": Fraction(1)}
            found.append(Piece((paid + more) * kept, weights, days, line.period))
        if paid:
            [(invoice, advance)] = billed
            taken = self._advance(advance, advance.period, -paid * kept, types, invoice.position)
            found.append(taken)
        return found

    def _billed(self, line: Line) -> list[tuple[Invoice, Line]]:
        """What was billed in advance for a counted line's time, and on which invoice."""
        return [
            (one, other)
            for one in self.earlier
            for other in one.lines
            if one.subscription == self.invoice.subscription
            and other.kind == "counted"
            and other.price == line.price
            and other.period.start == line.period.start
            and one.dated <= other.period.start
        ]

    def _advance(
        self,
        line: Line,
        period: Period,
        amount: Fraction,
        types: frozenset[str] | None,
        known: int,
    ) -> Piece:
        there = self.existed(types, Period(period.start, period.start + TINY), known)
        weights = there or {"account": Fraction(1)}
        return Piece(amount, weights, lambda _: {}, line.period)

    def _adjusted(self, line: Line, price: Price, types: frozenset[str] | None) -> list[Piece]:
        before = self._before(line)
        if price.meter is not None:
            meter = self._meter(price)
            now = self.quantities(meter, line.period, types, self.known)
            then = self.quantities(meter, line.period, types, before)
        else:
            now = self.existed(types, line.period, self.known)
            then = self.existed(types, line.period, before)
        zero = Fraction(0)
        changed = {s: now.get(s, zero) - then.get(s, zero) for s in {*now, *then}}
        changed = {s: by for s, by in changed.items() if by}
        if len({by > 0 for by in changed.values()}) != 1:
            return [self._alone(line, "account")]

        def days(subject: str) -> ByDay:
            told = []
            for known in (self.known, before):
                if price.meter is not None:
                    told.append(self.daily(self._meter(price), line.period, types, known, subject))
                else:
                    told.append(self.existed_daily(types, line.period, known, subject))
            return {d: told[0].get(d, zero) - told[1].get(d, zero) for d in {*told[0], *told[1]}}

        weights = {subject: abs(by) for subject, by in changed.items()}
        return [Piece(Fraction(line.net), weights, days, line.period)]

    def _before(self, line: Line) -> int:
        """The position up to which the corrected line was billed, or corrected last."""
        corrected = [one for one in self.earlier if one.id == line.corrects]
        found = [one.position for one in corrected]
        window = corrected[0].period if corrected else None
        for one in self.earlier:
            for other in one.lines:
                same = other.kind == "adjustment" and other.corrects == line.corrects
                near = window is None or window.start <= other.period.start < window.end
                if same and near and (window or other.period == line.period):
                    found.append(one.position)
        return max(found, default=0)

    def _alone(self, line: Line, name: str) -> Piece:
        return Piece(Fraction(line.net), {name: Fraction(1)}, lambda _: {}, line.period)

    def _price(self, key: str) -> Price:
        catalog = self.facts.catalog
        every = [
            *catalog.prices.values(),
            *(p for one in catalog.plans.values() for p in one.prices),
        ]
        return next(price for price in every if price.key == key)

    def _types(self, price: Price) -> frozenset[str] | None:
        kinds = self.facts.catalog.resources.values()
        found = frozenset(one.key for one in kinds if one.price == price.key)
        return found or None

    def _meter(self, price: Price) -> Meter:
        assert price.meter is not None
        return self.facts.catalog.meters[price.meter]


def rounded(total: int, exact: Mapping[_Key, Fraction], sign: int) -> dict[_Key, int]:
    """Whole parts of a whole total by the largest remainder, those that come first on a tie.

    The parts of a credit, whose sign is below zero, are rounded as those of the charge that it
    gives back.
    """
    shares = {key: sign * exact[key] for key in sorted(exact)}
    found = {key: math.floor(share) for key, share in shares.items()}
    left = sign * total - sum(found.values())
    ranked = sorted(shares, key=lambda key: shares[key] - found[key], reverse=True)
    for key in ranked[:left]:
        found[key] += 1
    return {key: sign * part for key, part in found.items()}
