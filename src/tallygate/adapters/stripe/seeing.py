"""What do Stripe's customers, subscriptions, invoices and sessions say, in our values?

Objects come as plain hashes, as the SDK's `to_dict` gives them. What we made is known by its
metadata: each kind has its marks.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tallygate.adapters.stripe.prices import Prices, Said
from tallygate.collection.seen import (
    Decline,
    SeenCustomer,
    SeenInvoice,
    SeenItem,
    SeenKind,
    SeenLine,
    SeenSchedule,
    SeenSession,
    SeenSubscription,
)
from tallygate.core.period import Period

ACCOUNT = "tallygate_account"
INSTALLATION = "tallygate_installation"
EPOCH = "tallygate_epoch"
PURCHASE = "tallygate_purchase"
CHANGE = "tallygate_change"
INVOICE = "tallygate_invoice"
ITEM = "tallygate_item"

RENEWAL = "subscription_cycle"
UPDATE = "subscription_update"
ALIVE = frozenset(("not_started", "active"))
PAID = frozenset(("paid", "no_payment_required"))


def customer(said: Said) -> SeenCustomer:
    """A customer; one that was deleted says nothing but that."""
    if said.get("deleted"):
        return SeenCustomer(said["id"], deleted=True)
    marks = said["metadata"]
    epoch = marks.get(EPOCH, "")
    return SeenCustomer(
        id=said["id"],
        account=marks.get(ACCOUNT),
        installation=marks.get(INSTALLATION),
        epoch=int(epoch) if epoch.isdecimal() and epoch.isascii() else None,
        email=said["email"],
        currency=said["currency"],
    )


def subscription(said: Said, owner: Said, prices: Prices) -> SeenSubscription:
    """A subscription whose schedule and discounts are expanded; `owner` is its customer."""
    marks, items = said["metadata"], tuple(_items(said, prices))
    ends = said["cancel_at"]
    if ends is None and said["cancel_at_period_end"]:
        ends = min(item["current_period_end"] for item in said["items"]["data"])
    return SeenSubscription(
        id=said["id"],
        status=said["status"],
        started_at=_at(said["start_date"]),
        anchor=_at(said["billing_cycle_anchor"]),
        items=items,
        coupons=tuple(coupon_of(one) for one in said["discounts"] or ()),
        trial_end=_when(said["trial_end"]),
        cancel_at=_when(ends),
        ended_at=_when(said["ended_at"]),
        end_reason=(said["cancellation_details"] or {}).get("reason"),
        schedule=_schedule(said["schedule"], prices),
        purchase=marks.get(PURCHASE),
        change=marks.get(CHANGE),
        has_payment_method=_pays(said, owner),
        payment_method=id_of(said["default_payment_method"]),
    )


def invoice(said: Said, lines: Iterable[Said], prices: Prices) -> SeenInvoice:
    """An invoice with all its lines, its discounts expanded.

    An invoice shows its subscription's metadata as they were when it was made, so only one that
    bills a change tells of one.
    """
    made_for = (said["parent"] or {}).get("subscription_details") or {}
    reason, past = said["billing_reason"], said["status_transitions"]
    coupons = {
        one["discount"]["id"]: coupon_of(one["discount"])
        for one in said["total_discount_amounts"] or ()
    }
    decline, needs_action = _payment(said)
    seen = tuple(_line(one, coupons, prices) for one in lines)
    return SeenInvoice(
        id=said["id"],
        status=said["status"],
        reason=reason,
        currency=said["currency"],
        created_at=_at(said["created"]),
        lines=seen,
        total=_total(said),
        subscription=id_of(made_for.get("subscription")),
        boundary=_at(said["period_end"]) if reason == RENEWAL else None,
        invoice=(said["metadata"] or {}).get(INVOICE),
        change=(made_for.get("metadata") or {}).get(CHANGE) if reason == UPDATE else None,
        number=said["number"],
        advances=bool(said["auto_advance"]),
        finalizes_at=_when(said["automatically_finalizes_at"]),
        due_at=_when(said["due_date"]),
        finalized_at=_when(past["finalized_at"]),
        paid_at=_when(past["paid_at"]),
        attempts=said["attempt_count"],
        next_attempt=_when(said["next_payment_attempt"]),
        amount_due=said["amount_due"],
        amount_paid=said["amount_paid"],
        tax=_tax(said),
        hosted_url=said["hosted_invoice_url"],
        pdf_url=said["invoice_pdf"],
        decline=decline,
        needs_action=needs_action,
    )


def session(said: Said) -> SeenSession:
    """A checkout session; it is paid for where nothing had to be paid, too."""
    who = said["customer_details"] or {}
    return SeenSession(
        id=said["id"],
        status=said["status"],
        paid=said["status"] == "complete" and said["payment_status"] in PAID,
        url=said["url"],
        customer=id_of(said["customer"]),
        subscription=id_of(said["subscription"]),
        email=who.get("email") or said["customer_email"],
        name=who.get("name"),
        reference=said["client_reference_id"],
        purchase=(said["metadata"] or {}).get(PURCHASE),
        link=id_of(said["payment_link"]),
    )


def id_of(named: str | Said | None) -> str | None:
    """The id of what is named or expanded.

    >>> id_of("in_1"), id_of({"id": "in_1"}), id_of(None)
    ('in_1', 'in_1', None)
    """
    return named if named is None or isinstance(named, str) else named["id"]


def coupon_of(discount: Said) -> str:
    """The id of the coupon behind a discount."""
    return id_of(discount["source"]["coupon"]) or ""


def _items(said: Said, prices: Prices) -> Iterable[SeenItem]:
    for item in said["items"]["data"]:
        yield SeenItem(
            id=item["id"],
            price=prices.shown(item["price"]),
            quantity=item.get("quantity"),
            period=Period(_at(item["current_period_start"]), _at(item["current_period_end"])),
        )


def _schedule(said: Said | None, prices: Prices) -> SeenSchedule | None:
    """What follows the present phase; an item of nothing is as good as none."""
    if said is None or said["status"] not in ALIVE:
        return None
    present = (said["current_phase"] or {}).get("end_date", 0)
    coming = [phase for phase in said["phases"] if phase["start_date"] >= present]
    if not coming:
        return SeenSchedule(said["id"], None)
    keys: dict[str, int] = {}
    for item in coming[0]["items"]:
        known = prices.known(id_of(item["price"]) or "")
        key = known.found.made_for or known.found.key or known.found.id
        if not known.metered and (count := item.get("quantity", 1)):
            keys[key] = count
    return SeenSchedule(said["id"], _at(coming[0]["start_date"]), keys)


def _pays(said: Said, owner: Said) -> bool:
    """Whether a card, or another way of paying, is there for its invoices."""
    settings = owner.get("invoice_settings") or {}
    return any(
        (
            said["default_payment_method"],
            said["default_source"],
            settings.get("default_payment_method"),
            owner.get("default_source"),
        )
    )


def _line(said: Said, coupons: Mapping[str, str], prices: Prices) -> SeenLine:
    parent = said["parent"] or {}
    item = parent.get("invoice_item_details") or {}
    licensed = parent.get("subscription_item_details") or {}
    kind: SeenKind = "item"
    key = None
    if licensed:
        known = prices.known(id_of(said["pricing"]["price_details"]["price"]) or "")
        kind = "metered" if known.metered else "flat"
        key = known.found.made_for or known.found.key
    if item.get("proration") or licensed.get("proration"):
        kind = "proration"
    off: dict[str, int] = {}
    for one in said["discount_amounts"] or ():
        coupon = coupons.get(id_of(one["discount"]) or "", "")
        off[coupon] = off.get(coupon, 0) + one["amount"]
    return SeenLine(
        kind=kind,
        amount=said["amount"],
        period=Period(_at(said["period"]["start"]), _at(said["period"]["end"])),
        key=key,
        item=said["metadata"].get(ITEM) if kind == "item" else None,
        item_id=item.get("invoice_item") or licensed.get("invoice_item"),
        quantity=int(Decimal(str(said["quantity_decimal"] or 0))),
        discounts=off,
    )


def _total(said: Said) -> int:
    """After discounts, before tax and before any credit that pays in advance."""
    total = said["total_excluding_tax"]
    credited: Sequence[Said] = said["total_pretax_credit_amounts"] or ()
    by_credit = [int(one["amount"]) for one in credited if one["type"] != "discount"]
    total = said["total"] - _tax(said) if total is None else total
    return int(total) + sum(by_credit)


def _tax(said: Said) -> int:
    return sum(int(one["amount"]) for one in said["total_taxes"] or ())


def _payment(said: Said) -> tuple[Decline | None, bool]:
    """Why the last payment failed, and whether the customer has to act; from expanded payments."""
    decline, needs_action = None, False
    for one in (said.get("payments") or {}).get("data", ()):
        intent = one["payment"].get("payment_intent")
        if not isinstance(intent, Mapping):
            continue
        needs_action = needs_action or intent["status"] == "requires_action"
        error: Mapping[str, Any] = intent["last_payment_error"] or {}
        if error and decline is None:
            code = error.get("code") or error["type"]
            decline = Decline(code, error.get("decline_code"), error.get("advice_code"))
    return decline, needs_action


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _when(seconds: int | None) -> datetime | None:
    return None if seconds is None else _at(seconds)
