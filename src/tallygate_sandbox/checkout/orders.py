"""What a session makes of its lines: a subscription, an invoice, or a payment alone.

Each gives the intent that is to be paid, or None when nothing is due, and notes in the session's
`_pending` what it has made, so that a second try takes it up again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tallygate_sandbox import invoices
from tallygate_sandbox.checkout.asking import OURS, ask, ask_for_ourselves
from tallygate_sandbox.checkout.lines import lines_of, price_of
from tallygate_sandbox.world import Obj, Seen, World

PASSED_ON = (
    "billing_cycle_anchor billing_cycle_anchor_config billing_mode default_tax_rates description "
    "invoice_settings metadata proration_behavior trial_end trial_period_days trial_settings"
)


@dataclass(frozen=True, slots=True)
class Order:
    """A session that is being paid: by whom, and with which payment method."""

    session: Obj
    customer: str | None
    method: str | None


def subscribe(world: World, order: Order) -> Seen | None:
    """Create the subscription, incomplete until its first invoice is paid."""
    pending: Obj = order.session["_pending"]
    earlier = world.find("subscription", pending.get("subscription"))
    if earlier is not None and earlier["status"] == "incomplete":
        address = f"POST /v1/subscriptions/{earlier['id']}"
        ask_for_ourselves(world, address, OURS, default_payment_method=order.method)
    else:
        with sellable(world, order.session):
            managed = order.session["managed_payments"]
            own = {"_managed_payments": managed if managed["enabled"] else None}
            wanted = _subscription(world, order)
            made = ask_for_ourselves(world, "POST /v1/subscriptions", own, **wanted)
        pending["subscription"] = made["id"]
    made_now = world.get("subscription", pending["subscription"])
    pending["invoice"] = made_now["latest_invoice"]
    return intent_of(world, made_now["latest_invoice"])


def _subscription(world: World, order: Order) -> dict[str, Any]:
    """The parameters by which an integration would create what was bought."""
    session = order.session
    data = session["_subscription_data"]
    recurring, once = [], []
    for line in lines_of(world, session):
        entry = {"price": line["_price"], "quantity": line["quantity"]}
        if line["_tax_rates"]:
            entry["tax_rates"] = line["_tax_rates"]
        if price_of(world, line)["recurring"]:
            recurring.append(entry | ({"metadata": line["metadata"]} if line["metadata"] else {}))
        else:
            once.append(entry)
    return {
        "customer": order.customer,
        "currency": session["currency"],
        "items": recurring,
        "add_invoice_items": once,
        "default_payment_method": order.method,
        "payment_behavior": "default_incomplete",
        "discounts": session["discounts"],
        "automatic_tax": {"enabled": True} if session["automatic_tax"]["enabled"] else None,
        **{name: data.get(name) for name in PASSED_ON.split()},
    }


def bill(world: World, order: Order) -> Seen | None:
    """Make an invoice for a single payment, and finalize it."""
    session, pending = order.session, order.session["_pending"]
    if not pending.get("invoice"):
        data = session["invoice_creation"]["invoice_data"]
        draft = ask(
            world,
            "POST /v1/invoices",
            customer=order.customer,
            currency=session["currency"],
            auto_advance=False,
            pending_invoice_items_behavior="exclude",
            discounts=session["discounts"],
            automatic_tax={"enabled": True} if session["automatic_tax"]["enabled"] else None,
            **{
                name: data[name] for name in ("custom_fields", "description", "footer", "metadata")
            },
        )
        with sellable(world, session):
            for line in lines_of(world, session):
                ask(
                    world,
                    "POST /v1/invoiceitems",
                    customer=order.customer,
                    invoice=draft["id"],
                    pricing={"price": line["_price"]},
                    quantity=line["quantity"],
                    tax_rates=line["_tax_rates"],
                )
        pending["invoice"] = invoices.finalize(world, draft["id"])["id"]
    return intent_of(world, pending["invoice"])


@contextmanager
def sellable(world: World, owner: Seen) -> Iterator[None]:
    """What was priced inline is sold where it was priced only: its price is not active."""
    inline = [world.edit("price", line["_price"]) for line in lines_of(world, owner)]
    before = [price["active"] for price in inline]
    for price in inline:
        price["active"] = True
    yield
    for price, active in zip(inline, before, strict=True):
        price["active"] = active


def charge(world: World, order: Order) -> Seen | None:
    """Make a payment intent for what the session comes to."""
    session, pending = order.session, order.session["_pending"]
    if not session["amount_total"]:
        return None
    if not pending.get("intent"):
        made = ask(
            world,
            "POST /v1/payment_intents",
            amount=session["amount_total"],
            currency=session["currency"],
            customer=order.customer,
            **session["_intent_data"],
        )
        pending["intent"] = made["id"]
        if session["managed_payments"]["enabled"]:
            made["managed_payments"] = {"enabled": True}
    intent = world.get("payment_intent", pending["intent"])
    if intent["amount"] != session["amount_total"]:  # a code was entered after a declined card
        ask(world, f"POST /v1/payment_intents/{intent['id']}", amount=session["amount_total"])
    return intent


def intent_of(world: World, invoice: str | None) -> Seen | None:
    """The intent by which an invoice is still to be paid."""
    if invoice is None or world.get("invoice", invoice)["status"] != "open":
        return None
    for payment in reversed(world.where("invoice_payment", "invoice", invoice)):
        intent = world.find("payment_intent", payment["payment"].get("payment_intent"))
        if intent is not None and intent["status"] not in {"succeeded", "canceled"}:
            return intent
    return None
