"""One subscription's life, stated anew: which invoices it must have, line by line.

It knows no HTTP, no storage and no timers: it walks from one instant that matters to the next.
Sources: https://docs.stripe.com/billing/subscriptions/prorations, .../billing-mode,
.../mixed-interval, .../coupons, .../usage-based, and the SDK's docstrings. What they leave open
follows what the sandbox says that it assumes.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from fractions import Fraction

from tests.sandbox.oracle.arithmetic import HOUR, ZERO, Price, rounded, used
from tests.sandbox.oracle.bills import Bill, Discount, Item, Line, Usage, take_off

FIRST, CYCLE, UPDATE = "subscription_create", "subscription_cycle", "subscription_update"


@dataclass(eq=False)
class Contract:
    """A subscription. `classic` and `itemized` say how it is billed; `now` is its present."""

    now: int
    least: int
    classic: bool = False
    itemized: bool = False
    items: list[Item] = field(default_factory=list)
    discounts: list[Discount] = field(default_factory=list)
    formulas: dict[str, str] = field(default_factory=dict)
    events: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    anchor: int = 0
    trial_end: int | None = None
    ends_at: int | None = None
    ended: bool = False
    waiting: list[Line] = field(default_factory=list)
    bills: list[Bill] = field(default_factory=list)
    balance: int = 0

    # -- its beginning

    def begin(self, anchor: int | None, trial_end: int | None, *, prorates: bool) -> None:
        """Start with the items that it has; each gets its first period."""
        self.trial_end = trial_end
        self.anchor = anchor or trial_end or self.now
        sources: list[Line | Usage] = []
        for item in self.items:
            item.start = item.since = self.now
            item.end = trial_end or item.price.rhythm.around(self.anchor, self.now)[1]
            if trial_end:
                if not item.price.meter or self.classic:
                    sources.append(self._nothing(item, trial_end))
            elif item.price.meter:
                sources += [self._nothing(item, self.now)] * self.classic
            elif anchor is None:
                sources += self._advance(item)
            elif prorates:
                sources.append(self._part(item))
        if sources:
            self._settle(self._bill(FIRST, sources))

    def _nothing(self, item: Item, until: int) -> Line:
        """A line that costs nothing: a trial, or in classic mode usage that is yet to come."""
        period = (self.now, until)
        return Line(0, period, item.price.product, discounts=self._own(item))

    def _part(self, item: Item) -> Line:
        """A first period cut short by the anchor."""
        whole = item.price.rhythm.around(self.anchor, self.now)
        share = Fraction(item.end - self.now, whole[1] - whole[0])
        amount = rounded(item.price.full(item.quantity) * share)
        line = Line(amount, (self.now, item.end), item.price.product, proration=True)
        line.discounts = self._own(item)
        item.billed = [(line.period, [line])]
        return line

    def _advance(self, item: Item) -> list[Line]:
        """A licensed item's full period, billed in advance."""
        period = (item.start, item.end)
        lines = [
            Line(rounded(part), period, item.price.product, discounts=self._own(item))
            for part in item.price.parts(item.quantity)
        ]
        item.billed = [(period, lines)]
        return lines

    @property
    def trialing(self) -> bool:
        return self.trial_end is not None and self.now < self.trial_end

    # -- time

    def live_until(self, instant: int) -> None:
        """Play every boundary and every finalization until an instant, that one included."""
        while (step := self._next()) is not None and step <= instant:
            self.now = step
            for bill in self.bills:
                if bill.finalizes == step:
                    self._settle(bill)
            if step == self.next_boundary():
                self._renew()
        self.now = max(self.now, instant)

    def next_boundary(self) -> int | None:
        """When the next period ends, or the subscription."""
        if self.ended:
            return None
        ends = [item.end for item in self.items]
        return min([*ends, self.ends_at] if self.ends_at is not None else ends)

    def _next(self) -> int | None:
        waits = [bill.finalizes for bill in self.bills if bill.finalizes is not None]
        boundary = self.next_boundary()
        return min(waits if boundary is None else [*waits, boundary], default=None)

    def _renew(self) -> None:
        at, sources = self.now, list[Line | Usage]()
        if self.ends_at == at:
            sources += self._open_usage()
            self.ended = True
        else:
            over = [item for item in self.items if item.end == at]
            free = self.trial_end is not None and at <= self.trial_end
            for item in over:
                if item.price.meter and not free:
                    sources.append(self._usage(item, at))
            for item in over:
                item.start = item.since = at
                item.end = item.price.rhythm.around(self.anchor, at)[1]
                if not item.price.meter:
                    sources += self._advance(item)
        if sources or self.waiting:
            self._bill(CYCLE, sources).finalizes = at + HOUR

    def _open_usage(self, *, last: bool = False) -> list[Usage]:
        if self.trial_end is not None and self.now <= self.trial_end:
            return []
        metered = [item for item in self.items if item.price.meter]
        found = [self._usage(item, self.now, through=last) for item in metered]
        return [usage for usage in found if last or usage.start < self.now]

    def _usage(self, item: Item, until: int, *, through: bool = False) -> Usage:
        since = max(item.start, item.since)
        return Usage(item.price, since, until, self._own(item), through)

    def _own(self, item: Item) -> list[Discount]:
        return [one for one in item.discounts if one.holds(self.now)]

    # -- invoices

    def _bill(self, reason: str, sources: list[Line | Usage]) -> Bill:
        waiting = sorted(self.waiting, key=lambda line: -line.made)
        holding = [one for one in self.discounts if one.holds(self.now)]
        bill = Bill(self.now, reason, waiting, sources, holding, None)
        self.waiting = []
        self.bills.append(bill)
        self._total(bill)
        return bill

    def _settle(self, bill: Bill) -> None:
        """Finalize: read usage again, use the customer's balance, spend what holds once."""
        self._total(bill)
        bill.final, bill.finalizes = True, None
        due = bill.total + self.balance
        bill.due, self.balance = (0, due) if due < self.least else (due, 0)
        own = [one for line in bill.lines for one in line.discounts]
        for discount in [*bill.discounts, *own]:
            discount.spent = discount.spent or discount.duration == "once"

    def _total(self, bill: Bill) -> None:
        bill.lines = list(bill.waiting)
        for source in bill.sources:
            bill.lines += [source] if isinstance(source, Line) else self._read(source)
        for line in bill.lines:
            line.off = 0
            for discount in line.discounts:
                take_off(discount, [line])
        bill.subtotal = sum(line.amount - line.off for line in bill.lines)
        for discount in bill.discounts:
            reached = [
                line for line in bill.lines if line.discountable and discount.reaches(line.product)
            ]
            take_off(discount, reached)
        bill.total = sum(line.amount - line.off for line in bill.lines)

    def _read(self, usage: Usage) -> list[Line]:
        meter = usage.price.meter
        assert meter is not None
        events = self.events.get(meter, [])
        until = usage.end + usage.through
        quantity = used(self.formulas[meter], events, usage.start, until)
        parts = usage.price.parts(quantity)
        if not quantity and not self.classic:
            parts = [part for part in parts if part]  # what is nothing is left out
        return [
            Line(
                rounded(part),
                (usage.start, usage.end),
                usage.price.product,
                discounts=usage.discounts,
            )
            for part in parts
        ]

    # -- changes

    def item(self, key: str) -> Item:
        return next(item for item in self.items if item.key == key)

    def add(self, item: Item, *, prorates: bool) -> None:
        item.start = item.since = self.now
        item.end = item.price.rhythm.around(self.anchor, self.now)[1]
        if self.trialing:
            assert self.trial_end is not None
            item.end = self.trial_end
        self.items.append(item)
        if prorates:
            self._debit(item, self.now)

    def remove(self, key: str, *, prorates: bool) -> None:
        item = self.item(key)
        if prorates:
            self._credit(item, self.now, gone=True)
        self.items.remove(item)

    def alter(
        self, key: str, price: Price, quantity: int, *, prorates: bool, at: int | None = None
    ) -> None:
        """Give an item another price or quantity as of now, or as of an instant before."""
        item, at = self.item(key), at or self.now
        if price == item.price and quantity == item.quantity:
            return
        if prorates:
            self._credit(item, at)
        if price != item.price and price.meter:
            item.since = at
        if price.rhythm != item.price.rhythm and not self.trialing:
            item.start, item.end = price.rhythm.around(self.anchor, at)
        item.price, item.quantity = price, quantity
        if prorates:
            self._debit(item, at)

    def invoice_changes(self) -> None:
        """Invoice at once what a change has left waiting, if it has left anything."""
        self._settle(self._bill(UPDATE, []))

    def _credit(self, item: Item, at: int, *, gone: bool = False) -> None:
        """Give back what is left of what was billed; what was used is billed in flexible mode."""
        if self.trialing:
            return
        if item.price.meter:
            usage = self._usage(item, at, through=gone)
            if not self.classic and (gone or usage.start < at):
                self._wait(self._read(usage))
            return
        for (start, end), lines in [] if self.classic else item.billed:
            if end <= at:
                continue
            since = max(at, start)
            billed = sum(line.amount - (0 if self.itemized else line.off) for line in lines)
            amount = rounded(billed * Fraction(end - since, end - start))
            if amount:
                self._wait([self._proration(item, -amount, (since, end))])
        if self.classic and item.billed:
            whole = item.price.rhythm.around(self.anchor, at)
            share = Fraction(item.end - at, whole[1] - whole[0])
            amount = rounded(self._net(item, item.price.full(item.quantity) * share))
            self._wait([self._proration(item, -amount, (at, item.end))])

    def _debit(self, item: Item, at: int) -> None:
        if self.trialing or item.price.meter:
            return
        whole = item.price.rhythm.around(self.anchor, at)
        share = Fraction(whole[1] - at, whole[1] - whole[0])
        amount = rounded(self._net(item, item.price.full(item.quantity) * share))
        line = self._proration(item, amount, (at, whole[1]))
        item.billed = [(line.period, [line])]
        self._wait([line])

    def _net(self, item: Item, amount: Fraction) -> Fraction:
        """Less the percentages that hold now, unless discounts are shown apart."""
        for discount in [] if self.itemized else [*self.discounts, *item.discounts]:
            if discount.holds(self.now) and discount.reaches(item.price.product):
                amount *= 1 - (discount.percent or ZERO)
        return amount

    def _proration(self, item: Item, amount: int, period: tuple[int, int]) -> Line:
        line = Line(amount, period, item.price.product, proration=True)
        line.discountable = self.itemized
        line.discounts = self._own(item) if self.itemized else ()
        return line

    def _wait(self, lines: list[Line]) -> None:
        for line in lines:
            line.made = self.now
        self.waiting += lines

    # -- the end

    def end_with_period(self, *, prorates: bool) -> None:
        """End with the earliest period; what was billed for longer is given back."""
        self.ends_at = min(item.end for item in self.items)
        for item in self.items:
            if prorates and not item.price.meter and self.ends_at < item.end:
                self._credit(item, self.ends_at)

    def cancel(self, *, invoice_now: bool, prorate: bool) -> None:
        """End now; a draft that waits goes no further by itself."""
        if prorate:
            for item in self.items:
                if not item.price.meter:
                    self._credit(item, self.now)
        for bill in self.bills[-1:]:
            bill.finalizes = None
        if invoice_now:
            usage = self._open_usage(last=True)
            if self.waiting or any(self._read(one) for one in usage):
                self._settle(self._bill(UPDATE, list(usage)))
        elif not prorate:
            self.waiting = [line for line in self.waiting if not line.proration]
        self.ended = True

    # -- what a preview must say

    def coming(self) -> Bill | None:
        """The next invoice, as things are."""
        future, boundary = deepcopy(self), self.next_boundary()
        if boundary is None:
            return None
        future.live_until(boundary)
        return future.bills[-1] if future.bills and future.bills[-1].made == boundary else None
