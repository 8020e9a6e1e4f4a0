"""What does Stripe show of a billing account, in as few requests as it takes?

Two for an account at rest: all its subscriptions (they show the customer too) and its latest
invoices. One more for each open invoice, for why its payment failed stands four steps below it,
and for each invoice with more lines than Stripe embeds; what is final there is not read twice.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import stripe
from stripe import StripeClient

from tallygate.adapters.stripe import seeing
from tallygate.adapters.stripe.errors import is_missing
from tallygate.adapters.stripe.plainly import Plainly, Said
from tallygate.adapters.stripe.prices import Prices
from tallygate.collection.seen import Seen, SeenCustomer, SeenInvoice

LATEST = 20
KEPT = 500
"""So many final invoices with many lines are remembered."""

WITH_DISCOUNTS = "total_discount_amounts.discount"
WITH_PAYMENTS = "payments.data.payment.payment_intent"
WITH_TERMS = ["data.customer", "data.discounts", "data.schedule"]


class Looking:
    """Reads customers with all that is theirs."""

    def __init__(self, client: StripeClient, prices: Prices) -> None:
        self._read = Plainly(client)
        self._prices = prices
        self._final_lines: OrderedDict[str, list[Said]] = OrderedDict()

    def look(self, customer: str, at: datetime, asked: Collection[str]) -> Seen:
        """All of a customer's subscriptions, and the latest invoices, and those `asked` for."""
        try:
            subscriptions = list(self._subscriptions(customer))
            owner = subscriptions[-1]["customer"] if subscriptions else self._customer(customer)
        except stripe.InvalidRequestError as error:
            if not is_missing(error):
                raise
            return Seen(at, SeenCustomer(customer, deleted=True))
        return Seen(
            at=at,
            customer=seeing.customer(owner),
            subscriptions=tuple(
                seeing.subscription(one, owner, self._prices) for one in subscriptions
            ),
            invoices=tuple(self._invoices(customer, asked)),
        )

    def lines_of(self, said: Said) -> Sequence[Said]:
        """All lines of an invoice; those of a final one are read once."""
        ident, embedded = said["id"], said["lines"]
        if not embedded["has_more"]:
            lines: list[Said] = embedded["data"]
            return lines
        if ident in self._final_lines:
            return self._final_lines[ident]
        lines = list(self._read.each(f"invoices/{ident}/lines"))
        if said["status"] != "draft":
            self._final_lines[ident] = lines
            while len(self._final_lines) > KEPT:
                self._final_lines.popitem(last=False)
        return lines

    def _customer(self, customer: str) -> Said:
        return self._read.one("customers", customer)

    def _subscriptions(self, customer: str) -> Iterator[Said]:
        """Oldest first."""
        asked: Any = {"customer": customer, "status": "all", "expand": WITH_TERMS}
        return reversed(list(self._read.each("subscriptions", **asked)))

    def _invoices(self, customer: str, asked: Collection[str]) -> Iterator[SeenInvoice]:
        """Oldest first, whichever way they were found."""
        listed = self._read.page(
            "invoices", customer=customer, limit=LATEST, expand=[f"data.{WITH_DISCOUNTS}"]
        )
        found = {one["id"]: one for one in reversed(listed["data"])}
        more = [one for one in asked if one not in found]
        for ident in [*more, *(one["id"] for one in found.values() if one["status"] == "open")]:
            one = self._invoice(ident)
            if one is not None and seeing.id_of(one["customer"]) == customer:
                found[ident] = one
        seen = [
            seeing.invoice(one, self.lines_of(one), self._prices)
            for one in sorted(found.values(), key=lambda one: one["created"])
        ]
        return _each_change_once(seen)

    def _invoice(self, ident: str) -> Said | None:
        """One with its payments; None where a draft was deleted."""
        try:
            expand = [WITH_DISCOUNTS, WITH_PAYMENTS]
            return self._read.one("invoices", ident, expand=expand)
        except stripe.InvalidRequestError as error:
            if not is_missing(error):
                raise
            return None


def _each_change_once(invoices: Sequence[SeenInvoice]) -> Iterator[SeenInvoice]:
    """A mark stays on the subscription, so a later update that is not ours shows it again."""
    told: set[str] = set()
    for one in invoices:
        if one.change is None:
            yield one
        else:
            yield replace(one, change=None) if one.change in told else one
            told.add(one.change)
