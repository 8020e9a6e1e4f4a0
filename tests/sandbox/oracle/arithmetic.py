"""Amounts and periods in exact fractions, from Stripe's pages alone.

Imports nothing of Tallygate or of the sandbox. An amount is exact until its line is stated; then
it is rounded once, half away from zero.
"""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

HOUR, DAY = 3600, 86_400
ZERO = Fraction(0)


def rounded(amount: Fraction) -> int:
    """To whole minor units, half away from zero."""
    whole = int(abs(amount) * 2 + 1) // 2
    return whole if amount >= 0 else -whole


@dataclass(frozen=True)
class Rhythm:
    """Every `count` intervals."""

    interval: str
    count: int = 1

    def after(self, anchor: int, n: int) -> int:
        """The n-th boundary; a month that lacks the anchor's day ends on its last."""
        if self.interval in {"day", "week"}:
            return anchor + n * self.count * DAY * (7 if self.interval == "week" else 1)
        here = datetime.fromtimestamp(anchor, UTC)
        months = here.year * 12 + here.month - 1
        months += n * self.count * (12 if self.interval == "year" else 1)
        year, month = months // 12, months % 12 + 1
        day = min(here.day, monthrange(year, month)[1])
        midnight = datetime(year, month, day, tzinfo=UTC).timestamp()
        return int(midnight) + anchor % DAY

    def around(self, anchor: int, at: int) -> tuple[int, int]:
        """The period in which an instant lies: from its start until before its end."""
        shortest = (
            {"day": 1, "week": 7, "month": 28, "year": 365}[self.interval] * DAY * self.count
        )
        n = min((at - anchor) // shortest, (at - anchor) // (shortest * 2)) - 1
        while self.after(anchor, n + 1) <= at:
            n += 1
        return self.after(anchor, n), self.after(anchor, n + 1)


@dataclass(frozen=True)
class Tier:
    """Up to a quantity (None: without end), each unit at a rate, and a fee for reaching it."""

    up_to: int | None
    rate: Fraction
    fee: Fraction = ZERO


@dataclass(frozen=True)
class Price:
    """A price: `scheme` is each, package, graduated or volume; `meter` where usage is billed."""

    name: str
    product: str
    rhythm: Rhythm
    scheme: str
    rate: Fraction = ZERO
    package: tuple[int, str] = (1, "up")
    tiers: tuple[Tier, ...] = ()
    meter: str | None = None

    def parts(self, quantity: int) -> list[Fraction]:
        """The exact amounts of the lines that a quantity makes."""
        if self.scheme == "each":
            return [self.rate * quantity]
        if self.scheme == "package":
            size, way = self.package
            packages = quantity // size if way == "down" else -(-quantity // size)
            return [self.rate * packages]
        if self.scheme == "volume":
            tier = next(t for t in self.tiers if t.up_to is None or quantity <= t.up_to)
            return [tier.rate * quantity + tier.fee]
        return self._graduated(quantity)

    def _graduated(self, quantity: int) -> list[Fraction]:
        parts, filled = [], 0
        for tier in self.tiers:
            top = quantity if tier.up_to is None else min(quantity, tier.up_to)
            parts.append(tier.rate * (top - filled))
            if tier.fee:
                parts.append(tier.fee)
            filled = top
            if filled == quantity:
                break
        return parts

    def full(self, quantity: int) -> Fraction:
        """What a quantity costs for a full period, before rounding."""
        return sum(self.parts(quantity), ZERO)


def used(formula: str, events: Sequence[tuple[int, int]], start: int, end: int) -> int:
    """The usage of a period, at least 0; events are (instant, value) in the order of arrival."""
    inside = [event for event in events if start <= event[0] < end]
    if formula == "count":
        return len(inside)
    if formula == "sum":
        return max(sum(value for _, value in inside), 0)
    newest = max((at for at, _ in inside), default=0)
    last = [value for at, value in inside if at == newest][-1:]
    return max([0, *last])


def spread(total: int, shares: Sequence[Fraction]) -> list[int]:
    """Split a total as near to exact shares as whole amounts can be; the first wins a tie."""
    parts = [share.numerator // share.denominator for share in shares]
    by_cut = sorted(range(len(shares)), key=lambda i: shares[i] - parts[i], reverse=True)
    for i in by_cut[: total - sum(parts)]:
        parts[i] += 1
    return parts
