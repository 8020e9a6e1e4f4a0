"""One intent of each kind, ready to be carried out at a shop."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from tests.contract.stripe_shop import (
    FEBRUARY,
    IN_JANUARY,
    JANUARY,
    MARCH,
    Shop,
    item_of,
)

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
from tallygate.core.money import Money


class Sample(NamedTuple):
    """How to come to an intent. `keyed`: its idempotency key stands for it."""

    ready: Callable[[Shop], Intent]
    keyed: bool
    method: str = "POST"


def _open_customer(shop: Shop) -> Intent:
    return OpenCustomer(shop.key(), "org_1", "Acme", "acme@example.com", "ins_1", 1)


def _mark_customer(shop: Shop) -> Intent:
    return MarkCustomer(shop.customer(), "bil_other", "ins_2", 7)


def _open_checkout(shop: Shop) -> Intent:
    items = (shop.item("pro_base"), shop.item("seats", 3))
    where = ("https://shop.example/thanks", "https://shop.example/back")
    return OpenCheckout("pur_1", "bil_1", shop.customer(), items, "usd", *where)


def _start(shop: Shop) -> Intent:
    items = (shop.item("pro_base"), shop.item("calls"))
    return StartSubscription("pur_1", "bil_1", shop.customer(), items, "usd")


def _change_items(shop: Shop) -> Intent:
    there = shop.subscribed(shop.customer(), "pro_base", "calls", seats=2)
    add, remove = (shop.item("disk"),), (item_of(there, "calls"),)
    return ChangeItems(there.id, add, remove, {item_of(there, "seats"): 5})


def _upgrade(shop: Shop) -> Intent:
    there = shop.subscribed(shop.customer(), "pro_base", "calls")
    remove = (item_of(there, "pro_base"),)
    return ChangeFlats(there.id, (shop.item("max_base"),), remove, JANUARY, "inv_1", charged=True)


def _uncharged(shop: Shop) -> Intent:
    there = shop.subscribed(shop.customer(), "pro_base", "calls")
    remove = (item_of(there, "pro_base"),)
    return ChangeFlats(there.id, (shop.item("max_base"),), remove, JANUARY, "inv_1", charged=False)


def _schedule(shop: Shop) -> ScheduleFlats:
    there = shop.subscribed(shop.customer(), "max_base", "calls", seats=1)
    remove = (item_of(there, "max_base"),)
    return ScheduleFlats(there.id, FEBRUARY, (shop.item("pro_base"),), remove)


def _release(shop: Shop) -> Intent:
    planned = _schedule(shop)
    schedule = shop.books.carry_out(planned, shop.key())
    return ReleaseSchedule(schedule, planned.subscription)


def _set_end(shop: Shop) -> Intent:
    return SetEnd(shop.subscribed(shop.customer(), "pro_base").id, MARCH)


def _take_end_back(shop: Shop) -> Intent:
    there = shop.subscribed(shop.customer(), "pro_base").id
    shop.client.v1.subscriptions.update(there, {"cancel_at_period_end": True})
    return SetEnd(there, None)


def _cancel(shop: Shop) -> Intent:
    return CancelSubscription(shop.subscribed(shop.customer(), "pro_base", "calls").id)


def _hold(shop: Shop) -> Intent:
    made = shop.client.v1.invoices.create({"customer": shop.customer(), "auto_advance": True})
    return HoldDraft(made.id)


def _open_invoice(shop: Shop) -> Intent:
    return OpenInvoice(shop.customer(), "inv_1", "usd", "What January still owes")


def _put(shop: Shop) -> PutItem:
    customer = shop.customer()
    opened = OpenInvoice(customer, "inv_1", "usd", "What January still owes")
    draft = shop.books.carry_out(opened, shop.key())
    amount = Money(700, "usd")
    said = "7 gigabytes"
    return PutItem(
        customer, draft, "lin_1", amount, said, IN_JANUARY, "prod_pro", discountable=True
    )


def _take(shop: Shop) -> Intent:
    put = _put(shop)
    return TakeItem(shop.books.carry_out(put, shop.key()), put.draft)


def _finalize(shop: Shop) -> Finalize:
    put = _put(shop)
    shop.books.carry_out(put, shop.key())
    return Finalize(put.draft)


def _credit_open(shop: Shop) -> GiveCredit:
    final = _finalize(shop)
    shop.books.carry_out(final, shop.key())
    return GiveCredit(final.draft, "inv_2", Money(200, "usd"), "Two gigabytes were none")


def _credit_paid(shop: Shop) -> Intent:
    credit = _credit_open(shop)
    shop.client.v1.invoices.pay(credit.corrects)
    return credit


def _credit_all(shop: Shop) -> Intent:
    """What is due falls to nothing, and so the invoice counts as paid afterwards."""
    credit = _credit_open(shop)
    return GiveCredit(credit.corrects, "inv_2", Money(700, "usd"), "Nothing was used")


SAMPLES: Mapping[str, Sample] = {
    "open_customer": Sample(_open_customer, keyed=True),
    "mark_customer": Sample(_mark_customer, keyed=False),
    "open_checkout": Sample(_open_checkout, keyed=True),
    "start_subscription": Sample(_start, keyed=True),
    "change_items": Sample(_change_items, keyed=True),
    "charged_upgrade": Sample(_upgrade, keyed=True),
    "uncharged_change": Sample(_uncharged, keyed=True),
    "schedule": Sample(_schedule, keyed=True),
    "release": Sample(_release, keyed=False),
    "set_end": Sample(_set_end, keyed=False),
    "take_end_back": Sample(_take_end_back, keyed=False),
    "cancel": Sample(_cancel, keyed=False, method="DELETE"),
    "hold": Sample(_hold, keyed=False),
    "open_invoice": Sample(_open_invoice, keyed=True),
    "put_item": Sample(_put, keyed=True),
    "take_item": Sample(_take, keyed=False, method="DELETE"),
    "finalize": Sample(_finalize, keyed=False),
    "credit_open": Sample(_credit_open, keyed=True),
    "credit_paid": Sample(_credit_paid, keyed=True),
    "credit_all": Sample(_credit_all, keyed=True),
}
