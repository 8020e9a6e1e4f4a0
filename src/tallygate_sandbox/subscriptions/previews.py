"""`create_preview`: the next invoice of what is, of what would be changed, or of a new start.

Source: https://docs.stripe.com/api/invoices/create_preview. A preview leaves no trace: inline
prices and redeemed coupons are forgotten with it.
"""

from decimal import Decimal
from typing import Any

from tallygate_sandbox import invoices
from tallygate_sandbox.api import Call, endpoint
from tallygate_sandbox.api.expansion import expand
from tallygate_sandbox.customers.customers import existing
from tallygate_sandbox.invoices import NewLine
from tallygate_sandbox.money.prices import charges_for
from tallygate_sandbox.money.rounding import to_minor
from tallygate_sandbox.products import discounts, prices
from tallygate_sandbox.subscriptions import (
    changes,
    creation,
    ends,
    pauses,
    proration,
    rolling,
    timers,
    upcoming,
)
from tallygate_sandbox.subscriptions.changes import Outcome
from tallygate_sandbox.subscriptions.lines import lines_of, product_name
from tallygate_sandbox.subscriptions.settings import ITEMS
from tallygate_sandbox.subscriptions.subscription import KIND, Contract
from tallygate_sandbox.subscriptions.upcoming import Asked, no_upcoming
from tallygate_sandbox.wire.refusals import Refusal, absent, missing_param
from tallygate_sandbox.world import Obj, Seen, World

DETAILS = (
    "billing_cycle_anchor billing_mode billing_schedules cancel_at cancel_at_period_end "
    "cancel_now default_tax_rates items.id items.deleted items.clear_usage metadata pause "
    "proration_behavior proration_date resume_at start_date trial_end"
)
OF_START = frozenset(
    ("billing_mode", "cancel_at", "cancel_at_period_end", "default_tax_rates", "trial_end")
)
OF_ITEMS = (
    "amount currency description discountable discounts metadata period price price_data quantity "
    "quantity_decimal tax_behavior tax_rates unit_amount unit_amount_decimal"
)


@endpoint(
    "POST /v1/invoices/create_preview",
    "InvoiceCreatePreviewParams",
    "customer subscription schedule preview_mode discounts currency automatic_tax.enabled "
    "automatic_tax.liability.type "
    + " ".join(f"subscription_details.{name}" for name in (*DETAILS.split(), *ITEMS.split()))
    + " "
    + " ".join(f"invoice_items.{name}" for name in OF_ITEMS.split()),
)
def create_preview(call: Call) -> Obj:
    invoice = _previewed(call.world, call.params)
    # What stands inside the preview was needed to compute it and is now taken back, but for what
    # is to be shown in it.
    invoice = expand(call.world, invoice, call.sent("expand", []))
    call.world.objects.roll_back()
    call.world.timers.roll_back()
    return invoice


def _previewed(world: World, params: dict[str, Any]) -> Obj:
    details = dict(params.get("subscription_details") or {})
    ident = params.get("subscription")
    if params.get("schedule"):
        contract = _of_schedule(world, params["schedule"])
        return upcoming.next_invoice(contract, _asked(contract, params))
    if ident is None and not params.get("customer"):
        raise missing_param("customer")
    if ident is None and details.get("items"):
        return _of_new(world, params, details)
    if ident is None:
        return _of_customer(world, params)
    contract = Contract.copied(world, ident, "subscription")
    if params.get("customer") not in {None, contract.sub["customer"]}:
        raise Refusal(
            f"The subscription {ident} does not belong to the customer {params['customer']}.",
            param="subscription",
        )
    return _of_changed(contract, params, details)


def _of_schedule(world: World, ident: str) -> Contract:
    """The subscription of a schedule; its next phase is entered by the next invoice."""
    schedule = world.get("subscription_schedule", ident, "schedule")
    if schedule["subscription"] is None:
        raise no_upcoming(schedule["customer"])
    return Contract.copied(world, schedule["subscription"])


def _of_changed(contract: Contract, params: dict[str, Any], details: dict[str, Any]) -> Obj:
    """What a change of a subscription would be billed for."""
    sub, now = contract.sub, contract.now()
    asked = _asked(contract, params)
    if asked.discounts is not None:
        sub["discounts"] = list(asked.discounts)  # prorations are less what the update would set
    behavior = details.get("proration_behavior", "create_prorations")
    if details.get("cancel_now"):
        return _of_cancel(contract, asked, behavior)
    if details.get("pause"):
        lines = pauses.pause_lines(contract, details["pause"].get("bill_for", {}), now)
        asked.items = [*lines, *asked.items]
        return upcoming.invoice_for(contract, [], (now, now), now, asked)
    if details.get("resume_at") == "now" and sub["status"] == "paused":
        return _of_resume(contract, asked, details, behavior)
    if "default_tax_rates" in details:
        sub["default_tax_rates"] = details["default_tax_rates"] or []
    outcome = changes.apply(contract, _as_update(details))
    outcome.lines += ends.change_end_prorated(contract, details)
    return upcoming.invoice_after(contract, outcome, behavior, asked)


def _as_update(details: dict[str, Any]) -> dict[str, Any]:
    """The parameters of the update that is previewed."""
    anchor = details.get("billing_cycle_anchor") or {}
    if anchor.get("type") == "timestamp":
        raise absent("an anchor at an instant, for a subscription that exists, in a preview")
    return {k: v for k, v in details.items() if k not in {"cancel_at", "cancel_at_period_end"}}


def _of_cancel(contract: Contract, asked: Asked, behavior: str) -> Obj:
    now = contract.now()
    if behavior != "none":
        asked.items = [*proration.unused_lines(contract, now), *asked.items]
    dues = rolling.usage_until(contract, now, last=True)
    since = min(item["current_period_start"] for item in contract.items)
    return upcoming.invoice_for(contract, dues, (since, now), now, asked)


def _of_resume(contract: Contract, asked: Asked, details: dict[str, Any], behavior: str) -> Obj:
    now = contract.now()
    anchored = (details.get("billing_cycle_anchor") or {"type": "now"})["type"] == "now"
    dues, lines = pauses.resume_lines(contract, now, anchored=anchored, proration=behavior)
    contract.sub["status"] = "active"
    return upcoming.invoice_after(contract, Outcome(dues, lines, bool(dues)), behavior, asked)


def _of_new(world: World, params: dict[str, Any], details: dict[str, Any]) -> Obj:
    """The first invoice of a subscription that does not exist, or its next where it has none."""
    wanted: dict[str, Any] = {k: details[k] for k in OF_START if k in details}
    wanted |= {"customer": params["customer"], "items": details["items"]}
    if "currency" in params:
        wanted["currency"] = params["currency"]
    anchor = details.get("billing_cycle_anchor") or {}
    if anchor.get("type") == "timestamp":
        wanted["billing_cycle_anchor"] = anchor["timestamp"]
    contract = creation.begin(world, wanted, details.get("start_date"))
    sub = contract.sub
    asked = _asked(contract, params)
    behavior = details.get("proration_behavior", "create_prorations")
    dues = creation.first_dues(contract, behavior, details.get("billing_schedules"))
    at = sub["created"]
    if dues and lines_of(world, sub, dues) and not asked.recurring:
        return upcoming.invoice_for(contract, dues, (at, at), at, asked)
    sub["status"] = "active" if sub["status"] == "incomplete" else sub["status"]
    return upcoming.next_invoice(contract, asked)


def _of_customer(world: World, params: dict[str, Any]) -> Obj:
    """The earliest of the customer's next invoices, or what waits without a subscription."""
    customer = existing(world, params["customer"], "customer")
    contracts = [
        Contract.copied(world, sub["id"]) for sub in world.where(KIND, "customer", customer["id"])
    ]
    soonest = sorted(
        (at, number)
        for number, contract in enumerate(contracts)
        if (at := timers.renews_at(contract)) is not None
    )
    if soonest:
        contract = contracts[soonest[0][1]]
        return upcoming.next_invoice(contract, _asked(contract, params))
    waiting = invoices.pending_items(world, customer["id"], None)
    now, currency = world.now(customer), params.get("currency") or customer["currency"] or "usd"
    items = _extra_items(world, params, currency, now)
    if not waiting and not items:
        raise no_upcoming(customer["id"])
    redeemed = discounts.redeem(
        world, params.get("discounts"), customer=customer["id"], at=now, invoice=None
    )
    return invoices.preview_of(
        world,
        customer=customer["id"],
        currency=waiting[0]["currency"] if waiting else currency,
        reason="upcoming",
        lines=[],
        items=items,
        period=(now, now),
        discounts=redeemed,
    )


def _asked(contract: Contract, params: dict[str, Any]) -> Asked:
    world, sub, now = contract.world, contract.sub, contract.now()
    redeemed = None
    if "discounts" in params:
        redeemed = discounts.redeem(
            world, params["discounts"], customer=sub["customer"], at=now, subscription=sub["id"]
        )
    enabled = (params.get("automatic_tax") or {}).get("enabled")
    taxed = {"automatic_tax": {"enabled": enabled}} if enabled is not None else {}
    return Asked(
        items=_extra_items(world, params, sub["currency"], now),
        discounts=redeemed,
        recurring=params.get("preview_mode") == "recurring",
        more=taxed,
    )


def _extra_items(world: World, params: dict[str, Any], currency: str, at: int) -> list[NewLine]:
    return [
        _extra(world, one, currency, at, f"invoice_items[{number}]")
        for number, one in enumerate(params.get("invoice_items") or [])
    ]


def _extra(world: World, wanted: dict[str, Any], currency: str, at: int, place: str) -> NewLine:
    """An invoice item that does not exist: an amount, or a one-time price and a quantity."""
    price: Seen | None = None
    if inline := wanted.get("price_data"):
        price = prices.add(world, {**inline, "active": False}, f"{place}[price_data]")
    elif wanted.get("price"):
        price = prices.in_currency(
            world.get("price", wanted["price"], f"{place}[price]"), currency
        )
    quantity = Decimal(wanted.get("quantity_decimal") or wanted.get("quantity", 1))
    amount, unit = wanted.get("amount"), wanted.get("unit_amount_decimal")
    if price is not None:
        charges = charges_for(price, quantity, currency)
        amount = sum(charge.amount for charge in charges)
        unit = charges[0].unit_amount if len(charges) == 1 else None
    elif amount is None:
        unit = Decimal(unit if unit is not None else wanted.get("unit_amount", 0))
        amount = to_minor(unit * quantity)
    period = wanted.get("period") or {"start": at, "end": at}
    named = product_name(world, price) if price is not None else None
    return NewLine(
        amount=amount,
        currency=wanted.get("currency", currency),
        description=wanted.get("description") or named,
        period=(period["start"], period["end"]),
        price=price,
        quantity=quantity,
        unit_amount=None if unit is None else Decimal(unit),
        discountable=wanted.get("discountable", True),
        metadata=wanted.get("metadata") or {},
        tax_rates=wanted.get("tax_rates") or [],
        tax_behavior=wanted.get("tax_behavior"),
    )
