"""What is sent to Stripe for an intent?

Times are whole seconds. Marks go into metadata, so that what was made is recognized whatever
becomes of the answer.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from tallygate.adapters.stripe import seeing
from tallygate.adapters.stripe.prices import Prices
from tallygate.adapters.stripe.writing import Params
from tallygate.collection.intents import (
    ChangeFlats,
    ChangeItems,
    MarkCustomer,
    OpenCheckout,
    OpenCustomer,
    OpenInvoice,
    PutItem,
    StartSubscription,
    WantedItem,
)
from tallygate.core.errors import Refused

MAX_NAME = 256
MAX_DESCRIPTION = 500
FLEXIBLE = {"type": "flexible"}


def customer(intent: OpenCustomer) -> Params:
    """A customer with our marks."""
    params: Params = {"name": intent.name[:MAX_NAME], "metadata": customer_marks(intent)}
    if intent.email is not None:
        params["email"] = intent.email
    return params


def customer_marks(intent: OpenCustomer | MarkCustomer) -> dict[str, str]:
    """Whose customer it is, of which installation."""
    return {
        seeing.ACCOUNT: intent.account,
        seeing.INSTALLATION: intent.installation,
        seeing.EPOCH: str(intent.epoch),
    }


def checkout(intent: OpenCheckout, prices: Prices) -> Params:
    """A session; the subscription's metadata are its own, the session's are not copied."""
    if len(intent.coupons) > 1:
        raise Refused(
            "Stripe's checkout takes one coupon: begin the subscription directly, or with one of "
            f"{', '.join(intent.coupons)}."
        )
    marks = {seeing.PURCHASE: intent.purchase, seeing.ACCOUNT: intent.account}
    subscription: Params = {"metadata": marks, "billing_mode": FLEXIBLE}
    if intent.trial_days:
        subscription["trial_period_days"] = intent.trial_days
    params: Params = {
        "mode": "subscription",
        "customer": intent.customer,
        "client_reference_id": intent.purchase,
        "currency": intent.currency,
        # A count of nothing cannot be sold; its item joins once there is something to count.
        "line_items": _items((one for one in intent.items if one.quantity), prices),
        "metadata": marks,
        "subscription_data": subscription,
        "success_url": intent.success_url,
        "cancel_url": intent.cancel_url,
    }
    if intent.coupons:
        params["discounts"] = _coupons(intent.coupons)
    else:
        params["allow_promotion_codes"] = True
    if intent.automatic_tax:
        params |= {"automatic_tax": {"enabled": True}, "customer_update": {"address": "auto"}}
    return params


def start(intent: StartSubscription, prices: Prices) -> Params:
    """A subscription that waits for its first payment."""
    params: Params = {
        "customer": intent.customer,
        "items": _items(intent.items, prices),
        "currency": intent.currency,
        "billing_mode": FLEXIBLE,
        "payment_behavior": "default_incomplete",
        "payment_settings": {"save_default_payment_method": "on_subscription"},
        "metadata": {seeing.PURCHASE: intent.purchase, seeing.ACCOUNT: intent.account},
    }
    if intent.trial_days:
        params["trial_period_days"] = intent.trial_days
    if intent.coupons:
        params["discounts"] = _coupons(intent.coupons)
    if intent.automatic_tax:
        params["automatic_tax"] = {"enabled": True}
    return params


def foreseen_start(intent: StartSubscription, prices: Prices) -> Params:
    """The preview of its first invoice; a trial is added by whoever knows the present instant."""
    params: Params = {
        "customer": intent.customer,
        "currency": intent.currency,
        "subscription_details": {
            "items": _items(intent.items, prices),
            "billing_mode": FLEXIBLE,
        },
    }
    if intent.coupons:
        params["discounts"] = _coupons(intent.coupons)
    if intent.automatic_tax:
        params["automatic_tax"] = {"enabled": True}
    return params


def items(intent: ChangeItems, prices: Prices) -> Params:
    """Items that come, go and are counted anew, without proration."""
    counted = [{"id": name, "quantity": count} for name, count in intent.quantities.items()]
    return {
        "items": [*_items(intent.add, prices), *counted, *_removed(intent.remove)],
        "proration_behavior": "none",
    }


def flats(intent: ChangeFlats, prices: Prices) -> Params:
    """Flat items for others; the mark is set in the same request as what it marks."""
    params: Params = {
        "items": exchanged(intent, prices),
        "proration_behavior": "none",
        "metadata": {seeing.CHANGE: intent.change},
    }
    if intent.charged:
        params |= charged(intent) | {"payment_behavior": "allow_incomplete"}
    return params


def charged(intent: ChangeFlats) -> Params:
    """How the difference is invoiced: at once, by the second."""
    return {"proration_behavior": "always_invoice", "proration_date": seconds(intent.at)}


def exchanged(intent: ChangeFlats, prices: Prices) -> list[Params]:
    """As an exchange where one comes for one that goes: the item keeps its id and its history."""
    come, go = _items(intent.add, prices), list(intent.remove)
    kept = [{"id": name} | one for name, one in zip(go, come, strict=False)]
    return [*kept, *come[len(kept) :], *_removed(go[len(kept) :])]


def draft(intent: OpenInvoice) -> Params:
    """A draft that stays one and takes up nothing that waits for its customer."""
    params: Params = {
        "customer": intent.customer,
        "currency": intent.currency,
        "auto_advance": False,
        "pending_invoice_items_behavior": "exclude",
        "description": intent.description[:MAX_DESCRIPTION],
        "metadata": {seeing.INVOICE: intent.invoice},
    }
    if intent.payment_method is not None:
        params["default_payment_method"] = intent.payment_method
    return params


def item(intent: PutItem) -> Params:
    """An item on a draft. A price made for the occasion names the product; it cannot be negative.

    Source: https://docs.stripe.com/api/invoiceitems/create.
    """
    amount = intent.amount
    params: Params = {
        "customer": intent.customer,
        "invoice": intent.draft,
        "description": intent.description[:MAX_DESCRIPTION],
        "discountable": intent.discountable,
        "period": {"start": seconds(intent.period.start), "end": seconds(intent.period.end)},
        "metadata": {seeing.ITEM: intent.item},
    }
    if intent.product is not None and amount.amount >= 0:
        params["price_data"] = {
            "currency": amount.currency,
            "product": intent.product,
            "unit_amount": amount.amount,
        }
    else:
        params |= {"amount": amount.amount, "currency": amount.currency}
    return params


def seconds(instant: datetime) -> int:
    """The second in which an instant lies, since 1970."""
    return int(instant.timestamp())


def priced(wanted: WantedItem, prices: Prices) -> Params:
    """The item of a price; a metered one has no quantity."""
    params: Params = {"price": prices.id_of(wanted.price)}
    if wanted.price.meter is None:
        params["quantity"] = 1 if wanted.quantity is None else wanted.quantity
    return params


def prices_in(items: Iterable[Params]) -> list[str]:
    """The prices that items are to have, where they name one."""
    return [item["price"] for item in items if "price" in item]


def _items(wanted: Iterable[WantedItem], prices: Prices) -> list[Params]:
    return [priced(one, prices) for one in wanted]


def _removed(names: Sequence[str]) -> list[Params]:
    return [{"id": name, "deleted": True} for name in names]


def _coupons(coupons: Iterable[str]) -> list[dict[str, Any]]:
    return [{"coupon": one} for one in coupons]
