"""What must be known of a line, beside what is on it, to say who bears it?

The subscription and the window that it is of, how far the log was known when its invoice was made,
what an adjustment corrects and since when, and what a counted price was billed in advance.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cached_property

from tallygate.adapters.store import Transaction, invoices, subscriptions
from tallygate.core.period import Period
from tallygate.invoicing.contract import PriceLists
from tallygate.invoicing.margin import Costing
from tallygate.invoicing.model import Invoice
from tallygate.invoicing.spreading import Context
from tallygate.rating.line import Line
from tallygate.subscriptions.calendar import closed_windows
from tallygate.subscriptions.model import Subscription

LONGEST_WINDOW = timedelta(days=62)


class Contexts:
    """The contexts of one invoice's lines; what only some lines need is read when it is needed."""

    def __init__(
        self, tx: Transaction, invoice: Invoice, lists: PriceLists, known: int | None
    ) -> None:
        self._tx = tx
        self._invoice = invoice
        self._lists = lists
        self._known = known
        found = subscriptions.get(tx, invoice.subscription)
        assert found is not None, "an invoice has a subscription"
        self._subscription = found

    def of(self, line: Line) -> Context:
        """The context of a line."""
        if line.kind == "adjustment":
            return self._of_adjustment(line)
        window = self._invoice.period
        plain = Context(self._lists, self._subscription, window, self._known)
        if line.meter is not None or line.kind == "flat":
            return plain
        if line.kind == "counted" and line.period.start >= self._invoice.dated:
            moment = Period(line.period.start, line.period.end)
            return plain._replace(ahead=True, window=moment)
        for billed in self._billed_of(self._subscription):
            for advance in billed.lines:
                if _is_advance(billed, advance, line):
                    ending = self._invoice.reason == "end" and not self._subscription.refund
                    return plain._replace(advance=advance, before=billed.position, rest=ending)
        return plain

    def costing(self, at: datetime) -> Costing:
        """How costs within the invoice's period are told, as far as it has passed."""
        currency, period = self._invoice.currency, self._invoice.period
        passed = Period(period.start, max(min(period.end, at), period.start))
        return Costing(self._lists, self._subscription, currency, passed, self._known)

    def _of_adjustment(self, line: Line) -> Context:
        """Late usage weighs from where the corrected line was billed, or corrected last."""
        corrected = next((one for one in self._earlier if one.id == line.corrects), None)
        if corrected is not None:
            window, before = corrected.period, corrected.position
            subscription = self._by_id[corrected.subscription]
        else:
            subscription = self._at(line)
            window, before = _window_of(subscription, line), 0
        for other in self._earlier:
            if any(
                one.kind == "adjustment"
                and one.corrects == line.corrects
                and window.start <= one.period.start < window.end
                for one in other.lines
            ):
                before = max(before, other.position)
        return Context(self._lists, subscription, window, self._known, before)

    @cached_property
    def _by_id(self) -> dict[str, Subscription]:
        found = subscriptions.of_account(self._tx, self._invoice.billing_account)
        return {one.id: one for one in found}

    @cached_property
    def _earlier(self) -> list[Invoice]:
        """The account's invoices before this one, as far as its lines reach back."""
        since = min(line.period.start for line in self._invoice.lines) - LONGEST_WINDOW
        found = (
            one
            for id_ in self._by_id
            for one in invoices.of_subscription(self._tx, id_, since)
            if self._invoice.number is None or (one.number or 0) < self._invoice.number
        )
        return sorted(found, key=lambda one: one.number or 0)

    def _billed_of(self, subscription: Subscription) -> Iterator[Invoice]:
        return (one for one in self._earlier if one.subscription == subscription.id)

    def _at(self, line: Line) -> Subscription:
        """The subscription that the account had when the line's time began."""
        began = sorted(self._by_id.values(), key=lambda one: (one.started_at, one.id))
        earlier = [one for one in began if one.started_at <= line.period.start]
        return earlier[-1] if earlier else self._subscription


def _is_advance(billed: Invoice, advance: Line, line: Line) -> bool:
    return (
        advance.kind == "counted"
        and advance.price == line.price
        and advance.period.start == line.period.start
        and billed.dated <= advance.period.start
    )


def _window_of(subscription: Subscription, line: Line) -> Period:
    """The window that was closed without an invoice."""
    windows = closed_windows(subscription, line.period.start)
    return next((window for window in windows if line.period.start in window), line.period)
