"""The settings that a subscription is created with and that an update changes."""

from typing import Any

from tallygate_sandbox.customers import taxation
from tallygate_sandbox.payments import sources
from tallygate_sandbox.products import discounts
from tallygate_sandbox.subscriptions.subscription import Contract
from tallygate_sandbox.wire.parameters import merged
from tallygate_sandbox.wire.refusals import Refusal, missing_param
from tallygate_sandbox.world import Obj, Seen, World

PLAIN = ("description", "billing_thresholds", "pending_invoice_item_interval")
WHY_CANCELED = ("comment", "feedback", "feedback_option", "reason")
PAYMENT = ("payment_method_options", "payment_method_types", "save_default_payment_method")
OF_ITEMS = ("price", "plan", "price_data", "quantity", "metadata", "tax_rates", "discounts")
ITEMS = " ".join(f"items.{name}" for name in (*OF_ITEMS, "billing_thresholds"))
TAKEN = (
    f"{ITEMS} automatic_tax.enabled automatic_tax.liability.type billing_thresholds cancel_at "
    "cancel_at_period_end collection_method days_until_due default_payment_method "
    "default_source default_tax_rates description discounts invoice_settings.account_tax_ids "
    "invoice_settings.custom_fields invoice_settings.description invoice_settings.footer "
    "invoice_settings.issuer.type metadata off_session payment_behavior "
    "payment_settings.payment_method_options.card payment_settings.payment_method_types "
    "payment_settings.save_default_payment_method pending_invoice_item_interval "
    "proration_behavior trial_end trial_from_plan "
    "trial_settings add_invoice_items billing_schedules"
)


def change_settings(world: World, sub: Obj, params: dict[str, Any]) -> None:
    """Set what was sent of everything that moves no money by itself.

    Raises:
        Refusal: a payment method or source of somebody else, or days_until_due where a card is
            charged.
    """
    for name in PLAIN:
        if name in params:
            sub[name] = params[name]
    if interval := params.get("pending_invoice_item_interval"):
        sub["pending_invoice_item_interval"] = {"interval_count": 1} | interval
    if "metadata" in params:
        sub["metadata"] = merged(sub["metadata"], params["metadata"])
    _change_tax(world, sub, params)
    if "invoice_settings" in params:
        sub["invoice_settings"] |= params["invoice_settings"]
    if "payment_settings" in params:
        wanted = params["payment_settings"]
        sub["payment_settings"] |= {name: wanted[name] for name in PAYMENT if name in wanted}
    if "trial_settings" in params:
        end = sub["trial_settings"]["end_behavior"]
        sub["trial_settings"] = {"end_behavior": end | params["trial_settings"]["end_behavior"]}
    _change_collection(sub, params)
    _change_payer(world, sub, params)


def _change_payer(world: World, sub: Obj, params: dict[str, Any]) -> None:
    """Set what pays: a method, an older source, or neither any more."""
    if "default_payment_method" in params:
        method = params["default_payment_method"]
        if method is not None:
            check_method(world, method, sub["customer"])
        sub["default_payment_method"] = method
    if "default_source" in params:
        source = params["default_source"]
        if source is not None:
            sources.owned(world, sub["customer"], source, "default_source", status=400)
        sub["default_source"] = source


def keeps_anchor(sub: Seen) -> bool:
    """Does the billing cycle stay anchored where it is when the trial ends?"""
    return bool(sub["trial_settings"]["end_behavior"].get("billing_cycle_anchor") == "unchanged")


def _change_tax(world: World, sub: Obj, params: dict[str, Any]) -> None:
    if "automatic_tax" in params:
        enabled = params["automatic_tax"]["enabled"]
        if enabled and not sub["automatic_tax"]["enabled"]:
            method = params.get("default_payment_method") or sub["default_payment_method"]
            customer = world.get("customer", sub["customer"])
            taxation.refuse_nowhere(world, taxation.place_of(world, customer, method))
        liability = {"type": "self"} if enabled else None
        sub["automatic_tax"] = {
            "disabled_reason": None,
            "enabled": enabled,
            "liability": liability,
        }
    if "default_tax_rates" in params:
        rates = params["default_tax_rates"] or []
        for rate in rates:
            world.get("tax_rate", rate, "default_tax_rates")
        sub["default_tax_rates"] = rates


def _change_collection(sub: Obj, params: dict[str, Any]) -> None:
    sub["collection_method"] = params.get("collection_method", sub["collection_method"])
    sends = sub["collection_method"] == "send_invoice"
    if params.get("days_until_due") is not None and not sends:
        raise Refusal(
            "`days_until_due` can only be set if `collection_method` is `send_invoice`.",
            param="days_until_due",
        )
    if "days_until_due" in params:
        sub["days_until_due"] = params["days_until_due"]
    if sends and sub["days_until_due"] is None:
        raise missing_param("days_until_due")
    if not sends:
        sub["days_until_due"] = None


def check_method(world: World, method: str, customer: str) -> None:
    """Refuse a payment method that is not attached to the customer."""
    found = world.get("payment_method", method, "default_payment_method")
    if found["customer"] != customer:
        raise Refusal(
            f"The customer does not have a payment method with the ID {method}. The payment "
            "method must be attached to the customer.",
            code="resource_missing",
            param="default_payment_method",
        )


def change_discounts(contract: Contract, entries: list[dict[str, Any]] | None) -> None:
    """Put these discounts in the place of the subscription's; None clears them."""
    world, sub = contract.world, contract.sub
    before = list(sub["discounts"])
    sub["discounts"] = discounts.redeem(
        world,
        entries,
        customer=sub["customer"],
        at=contract.now(),
        subscription=sub["id"],
    )
    for gone in before:
        if gone not in sub["discounts"]:
            discounts.drop(world, gone)


def change_item_discounts(
    contract: Contract, item: Obj, entries: list[dict[str, Any]] | None, place: str
) -> None:
    """Put these discounts in the place of an item's."""
    item["discounts"] = discounts.redeem(
        contract.world,
        entries,
        customer=contract.sub["customer"],
        at=contract.now(),
        place=f"{place}[discounts]",
        subscription=contract.sub["id"],
        subscription_item=item["id"],
    )


def exclusive(params: dict[str, Any], *names: str) -> None:
    """Raises: Refusal, when more than one of these was sent."""
    sent = [name for name in names if params.get(name)]
    if len(sent) > 1:
        raise Refusal(
            f"You may only specify one of these parameters: {', '.join(sent)}.",
            code="parameters_exclusive",
            param=sent[-1],
        )


def new_fields(sub_id: str, customer: Seen, created: int) -> Obj:
    """A subscription's fields, as they are before anything was wanted."""
    return {
        "id": sub_id,
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": created,
        "billing_cycle_anchor_config": None,
        "billing_mode": None,
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": dict.fromkeys(WHY_CANCELED),
        "collection_method": "charge_automatically",
        "created": created,
        "currency": "",
        "customer": customer["id"],
        "customer_account": None,
        "days_until_due": None,
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "latest_invoice": None,
        "livemode": False,
        "managed_payments": None,
        "metadata": {},
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": created,
        "status": "incomplete",
        "status_details": None,
        "test_clock": customer["test_clock"],
        "transfer_data": None,
        "trial_end": None,
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": None,
        "_items": [],
        "_grid": created,
        "_invoiced_at": [],
        "_quantity_changes": [],
    }
