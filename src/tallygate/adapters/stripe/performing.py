"""How is an intent carried out at Stripe, so that a second time changes nothing?

Making something carries the idempotency key. Setting something may be done again at any time.
Where Stripe refuses what is so already, looking tells that from a real refusal. What a key does
not cover, because what is sent depends on what is there, is looked for first.
"""

from typing import Any, assert_never

import stripe
from stripe import StripeClient

from tallygate.adapters.stripe import asking, seeing
from tallygate.adapters.stripe.errors import is_missing
from tallygate.adapters.stripe.listing import PAGE
from tallygate.adapters.stripe.prices import Prices
from tallygate.adapters.stripe.scheduling import Scheduling
from tallygate.adapters.stripe.writing import Params
from tallygate.collection.intents import (
    CancelSubscription,
    ChangeFlats,
    ChangeItems,
    Finalize,
    GiveCredit,
    HoldDraft,
    Intent,
    MarkCustomer,
    OpenCheckout,
    OpenCustomer,
    OpenInvoice,
    PutItem,
    ReleaseSchedule,
    ScheduleFlats,
    SetEnd,
    StartSubscription,
    TakeItem,
)
from tallygate.collection.seen import OVER

DRAFT, PAID = "draft", "paid"
MAX_MEMO = 500


class Performing:
    """Carries intents out; each gives the id of what it made or changed."""

    def __init__(self, client: StripeClient, prices: Prices) -> None:
        self._v1: Any = client.v1
        self._prices = prices
        self._scheduling = Scheduling(client, prices)

    def carry_out(self, intent: Intent, key: str) -> str:
        """Do what is intended, under this idempotency key."""
        match intent:
            case OpenCustomer() | MarkCustomer():
                return self._customer(intent, key)
            case OpenCheckout() | StartSubscription():
                return self._sale(intent, key)
            case ChangeItems() | ChangeFlats() | SetEnd() | CancelSubscription():
                return self._subscription(intent, key)
            case ScheduleFlats() | ReleaseSchedule():
                return self._scheduling.carry_out(intent, key)
            case OpenInvoice() | HoldDraft() | Finalize() | GiveCredit():
                return self._invoice(intent, key)
            case PutItem() | TakeItem():
                return self._item(intent, key)
            case _:
                assert_never(intent)

    def _customer(self, intent: OpenCustomer | MarkCustomer, key: str) -> str:
        customers = self._v1.customers
        if isinstance(intent, OpenCustomer):
            options = {"idempotency_key": key}
            return _id(customers.create(asking.customer(intent), options))
        marks = {"metadata": asking.customer_marks(intent)}
        return _id(customers.update(intent.customer, marks))

    def _sale(self, intent: OpenCheckout | StartSubscription, key: str) -> str:
        v1, prices = self._v1, self._prices
        if isinstance(intent, OpenCheckout):
            sent, options = asking.checkout(intent, prices), {"idempotency_key": key}
            made = v1.checkout.sessions.create(sent, options)
            return f"{made.id} {made.url}"
        sent = asking.start(intent, prices)

        def begin(end: str) -> str:
            return _id(v1.subscriptions.create(sent, {"idempotency_key": key + end}))

        return prices.sold(asking.prices_in(sent["items"]), begin)

    def _subscription(
        self, intent: ChangeItems | ChangeFlats | SetEnd | CancelSubscription, key: str
    ) -> str:
        match intent:
            case ChangeItems():
                sent = asking.items(intent, self._prices)
            case ChangeFlats():
                sent = asking.flats(intent, self._prices)
            case SetEnd():
                return self._set_end(intent)
            case CancelSubscription():
                return self._cancel(intent.subscription)
            case _:
                assert_never(intent)

        def change(end: str) -> str:
            options = {"idempotency_key": key + end}
            return _id(self._v1.subscriptions.update(intent.subscription, sent, options))

        return self._prices.sold(asking.prices_in(sent["items"]), change)

    def _invoice(self, intent: OpenInvoice | HoldDraft | Finalize | GiveCredit, key: str) -> str:
        match intent:
            case OpenInvoice():
                options = {"idempotency_key": key}
                return _id(self._v1.invoices.create(asking.draft(intent), options))
            case HoldDraft():
                return self._hold(intent.invoice)
            case Finalize():
                return self._finalize(intent)
            case GiveCredit():
                return self._credit(intent, key)
            case _:
                assert_never(intent)

    def _item(self, intent: PutItem | TakeItem, key: str) -> str:
        if isinstance(intent, PutItem):
            options = {"idempotency_key": key}
            return _id(self._v1.invoice_items.create(asking.item(intent), options))
        return self._take(intent.item_id)

    def _set_end(self, intent: SetEnd) -> str:
        """An end at an instant; where it was to end with its period, that wish goes too."""
        subscriptions = self._v1.subscriptions
        ends: Params = {"cancel_at": asking.seconds(intent.at) if intent.at else ""}
        unprorated = {"proration_behavior": "none"}
        changed = subscriptions.update(intent.subscription, ends | unprorated)
        if intent.at is None and changed.cancel_at_period_end:
            subscriptions.update(intent.subscription, {"cancel_at_period_end": False} | unprorated)
        return _id(changed)

    def _cancel(self, subscription: str) -> str:
        """End it now; Stripe refuses to end what is over, as if it were not there."""
        try:
            self._v1.subscriptions.cancel(subscription, {"invoice_now": False, "prorate": False})
        except stripe.InvalidRequestError:
            if self._v1.subscriptions.retrieve(subscription).status not in OVER:
                raise
        return subscription

    def _hold(self, invoice: str) -> str:
        """Take a draft's haste away. What is final already must go on being collected."""
        invoices = self._v1.invoices
        there = invoices.retrieve(invoice)
        if there.status != DRAFT or not there.auto_advance:
            return invoice
        held = invoices.update(invoice, {"auto_advance": False})
        if held.status != DRAFT:
            invoices.update(invoice, {"auto_advance": True})
        return invoice

    def _take(self, item: str) -> str:
        try:
            self._v1.invoice_items.delete(item)
        except stripe.InvalidRequestError as error:
            if not is_missing(error):
                raise
        return item

    def _finalize(self, intent: Finalize) -> str:
        """Finalize a draft; Stripe refuses what is final already."""
        try:
            self._v1.invoices.finalize_invoice(intent.draft, {"auto_advance": intent.advances})
        except stripe.InvalidRequestError:
            if self._v1.invoices.retrieve(intent.draft).status == DRAFT:
                raise
        return intent.draft

    def _credit(self, intent: GiveCredit, key: str) -> str:
        """A credit note: it lowers what an open invoice asks, else the customer's balance has it.

        What is sent depends on whether the invoice is paid, which a first note may have changed:
        so that note is looked for by its mark.
        """
        notes = self._v1.credit_notes
        given = notes.list({"invoice": intent.corrects, "limit": PAGE})
        for one in given.auto_paging_iter():
            if (one.to_dict()["metadata"] or {}).get(seeing.INVOICE) == intent.invoice:
                return _id(one)
        amount = abs(intent.amount.amount)
        sent: Params = {
            "invoice": intent.corrects,
            "amount": amount,
            "memo": intent.description[:MAX_MEMO],
            "metadata": {seeing.INVOICE: intent.invoice},
        }
        if self._v1.invoices.retrieve(intent.corrects).status == PAID:
            sent["credit_amount"] = amount
        return _id(notes.create(sent, {"idempotency_key": key}))


def _id(made: Any) -> str:
    return str(made.id)
