"""The phases of a schedule as they were asked for, with their dates."""

from typing import Any

from tallygate_sandbox.subscriptions import items as rows
from tallygate_sandbox.subscriptions.periods import after_interval
from tallygate_sandbox.subscriptions.subscription import Contract
from tallygate_sandbox.wire.refusals import Refusal, missing_param
from tallygate_sandbox.world import Obj, Seen, World

MOST_PHASES = 10
PHASE = (
    "items.price items.price_data items.quantity items.metadata items.plan items.tax_rates "
    "items.discounts items.billing_thresholds automatic_tax.enabled automatic_tax.liability.type "
    "billing_thresholds default_tax_rates discounts start_date end_date duration "
    "proration_behavior billing_cycle_anchor collection_method default_payment_method "
    "description invoice_settings metadata trial trial_end currency add_invoice_items"
)
PHASES = " ".join(f"phases.{name}" for name in PHASE.split())
DEFAULTS = " ".join(
    f"default_settings.{name}"
    for name in (
        "automatic_tax.enabled",
        "automatic_tax.liability.type",
        "billing_cycle_anchor",
        "billing_thresholds",
        "collection_method",
        "default_payment_method",
        "description",
        "invoice_settings",
    )
)


def automatic_tax(wanted: dict[str, Any] | None) -> Obj:
    enabled = bool((wanted or {}).get("enabled"))
    liability = {"type": "self"} if enabled else None
    return {"disabled_reason": None, "enabled": enabled, "liability": liability}


def default_settings() -> Obj:
    return {
        "application_fee_percent": None,
        "automatic_tax": automatic_tax(None),
        "billing_cycle_anchor": "automatic",
        "billing_thresholds": None,
        "collection_method": "charge_automatically",
        "default_payment_method": None,
        "description": None,
        "invoice_settings": {
            "account_tax_ids": None,
            "custom_fields": None,
            "days_until_due": None,
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        "on_behalf_of": None,
        "transfer_data": None,
    }


def changed_defaults(known: Obj, sent: dict[str, Any]) -> Obj:
    """The defaults of a schedule after a change."""
    made = known | sent
    if "automatic_tax" in sent:
        made["automatic_tax"] = automatic_tax(sent["automatic_tax"])
    if "invoice_settings" in sent:
        made["invoice_settings"] = known["invoice_settings"] | (sent["invoice_settings"] or {})
    return made


def planned(world: World, schedule: Seen, wanted: list[dict[str, Any]], start: int) -> list[Obj]:
    """Phases with all their fields; each begins where the one before ends.

    Raises:
        Refusal: too many, an end before the start, or two ways to say the end.
    """
    if len(wanted) > MOST_PHASES:
        raise Refusal(
            f"A schedule can have at most {MOST_PHASES} current and future phases.", param="phases"
        )
    found: list[Obj] = []
    for number, one in enumerate(wanted):
        place = f"phases[{number}]"
        begins = found[-1]["end_date"] if found else start
        said = one.get("start_date")
        if said not in {None, "now", begins} and not (number == 0 and found == []):
            raise Refusal(
                "A phase begins where the one before it ends.", param=f"{place}[start_date]"
            )
        if number == 0 and isinstance(said, int):
            begins = said
        found.append(_phase(world, schedule, one, begins, place))
    return found


def _phase(world: World, schedule: Seen, wanted: dict[str, Any], start: int, place: str) -> Obj:
    items = [
        _item(world, one, f"{place}[items][{number}]")
        for number, one in enumerate(wanted.get("items") or [])
    ]
    if not items:
        raise missing_param(f"{place}[items]")
    first = world.get("price", items[0]["price"])
    end = _end(wanted, first, start, place, world.now(schedule))
    if end <= start:
        raise Refusal("A phase must end after it starts.", param=f"{place}[end_date]")
    rates = wanted.get("default_tax_rates") or []
    for rate in rates:
        world.get("tax_rate", rate, f"{place}[default_tax_rates]")
    return {
        "add_invoice_items": [],
        "application_fee_percent": None,
        "automatic_tax": automatic_tax(wanted.get("automatic_tax")),
        "billing_cycle_anchor": wanted.get("billing_cycle_anchor"),
        "billing_thresholds": wanted.get("billing_thresholds") or None,
        "collection_method": wanted.get("collection_method"),
        "currency": wanted.get("currency") or first["currency"],
        "default_payment_method": wanted.get("default_payment_method"),
        "default_tax_rates": list(rates),
        "description": wanted.get("description"),
        "discounts": [_discount(one) for one in wanted.get("discounts") or []],
        "end_date": end,
        "invoice_settings": _invoice_settings(wanted.get("invoice_settings")),
        "items": items,
        "metadata": wanted.get("metadata") or {},
        "on_behalf_of": None,
        "proration_behavior": wanted.get("proration_behavior", "create_prorations"),
        "start_date": start,
        "transfer_data": None,
        "trial_end": end if wanted.get("trial") else wanted.get("trial_end"),
        "_discounts": wanted.get("discounts") or [],
        "_extras": wanted.get("add_invoice_items") or [],
        "_taxed": "automatic_tax" in wanted,
    }


def _end(wanted: dict[str, Any], price: Seen, start: int, place: str, now: int) -> int:
    """By its end date, its duration, or one interval of its first price."""
    end, duration = wanted.get("end_date"), wanted.get("duration")
    if end is not None and duration is not None:
        raise Refusal(
            "You may only specify one of these parameters: end_date, duration.",
            code="parameters_exclusive",
            param=f"{place}[duration]",
        )
    if end is not None:
        return now if end == "now" else int(end)
    rhythm = duration or price["recurring"]
    return after_interval(start, rhythm["interval"], rhythm.get("interval_count", 1))


def _item(world: World, wanted: dict[str, Any], place: str) -> Obj:
    price = rows.price_wanted(world, {"currency": ""}, wanted, place)
    item: Obj = {
        "billing_thresholds": wanted.get("billing_thresholds") or None,
        "discounts": [_discount(one) for one in wanted.get("discounts") or []],
        "metadata": wanted.get("metadata") or {},
        "plan": price["id"],
        "price": price["id"],
        "tax_rates": rows.rates_wanted(world, wanted, place),
        # What was said of it; the rest stays as the subscription has it.
        "_said": {
            name: wanted[name]
            for name in ("billing_thresholds", "discounts", "metadata", "tax_rates")
            if wanted.get(name) is not None
        },
    }
    rows.set_quantity(item, price, wanted.get("quantity"), place)
    return item


def _discount(one: dict[str, Any]) -> Obj:
    return {name: one.get(name) for name in ("coupon", "discount", "promotion_code")}


def _invoice_settings(wanted: dict[str, Any] | None) -> Obj | None:
    if wanted is None:
        return None
    settings: Obj = default_settings()["invoice_settings"]
    return settings | wanted


def take_from(contract: Contract) -> Obj:
    """The phase that a subscription's present period is."""
    sub = contract.sub
    items = []
    for item in contract.items:
        one: Obj = {
            "billing_thresholds": item["billing_thresholds"],
            "discounts": [_discount({"discount": one}) for one in item["discounts"]],
            "metadata": item["metadata"],
            "plan": item["price"],
            "price": item["price"],
            "tax_rates": list(item["tax_rates"]),
            "_said": {},
        }
        if "quantity" in item:
            one["quantity"] = item["quantity"]
        items.append(one)
    return {
        "add_invoice_items": [],
        "application_fee_percent": None,
        "billing_cycle_anchor": None,
        "billing_thresholds": None,
        "collection_method": None,
        "currency": sub["currency"],
        "default_payment_method": None,
        "automatic_tax": dict(sub["automatic_tax"]),
        "default_tax_rates": list(sub["default_tax_rates"]),
        "description": None,
        "discounts": [],
        "end_date": min(item["current_period_end"] for item in contract.items),
        "invoice_settings": None,
        "items": items,
        "metadata": {},
        "on_behalf_of": None,
        "proration_behavior": "create_prorations",
        "start_date": min(item["current_period_start"] for item in contract.items),
        "transfer_data": None,
        "trial_end": sub["trial_end"] if sub["status"] == "trialing" else None,
        "_discounts": [],
        "_extras": [],
        "_taxed": False,
    }
