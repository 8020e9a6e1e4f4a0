"""How a subscription begins. Source: https://docs.stripe.com/api/subscriptions/create; recorded.

Assumed: with backdate_start_date the time up to the anchor is billed as one prorated line, and the
metered items' first period begins at the backdated start.
"""

from typing import Any

from tallygate_sandbox import invoices
from tallygate_sandbox.api import Call, Evidence, endpoint
from tallygate_sandbox.customers.customers import existing
from tallygate_sandbox.payments import setups
from tallygate_sandbox.subscriptions import (
    billing,
    ends,
    periods,
    prebilling,
    rolling,
    settings,
    timers,
)
from tallygate_sandbox.subscriptions import items as rows
from tallygate_sandbox.subscriptions.extras import add_extras
from tallygate_sandbox.subscriptions.lines import Due, due_for, lines_of
from tallygate_sandbox.subscriptions.subscription import ENDED, KIND, Contract
from tallygate_sandbox.subscriptions.trials import trial_wanted
from tallygate_sandbox.wire.refusals import Refusal, missing_param
from tallygate_sandbox.world import Obj, Seen, World

MOST_ITEMS = 20
MOST_SUBSCRIPTIONS = 500


@endpoint(
    "POST /v1/subscriptions",
    "SubscriptionCreateParams",
    f"{settings.TAKEN} customer billing_mode billing_cycle_anchor "
    "billing_cycle_anchor_config backdate_start_date currency trial_period_days",
    Evidence.RECORDED,
)
def create_endpoint(call: Call) -> Obj:
    return create(call.world, call.params)


def create(world: World, params: dict[str, Any], *, now: int | None = None) -> Obj:
    """Create a subscription from parameters like those of the endpoint; its events are emitted.

    `now` (seconds) is when it begins, by default the customer's present.

    Raises:
        Refusal: what Stripe refuses; 402 with error_if_incomplete and a card that does not pay.
    """
    contract = begin(world, params, now)
    behavior = params.get("payment_behavior", "allow_incomplete")
    schedules = params.get("billing_schedules")
    dues = first_dues(contract, params.get("proration_behavior", "create_prorations"), schedules)
    rolling.plan_pending(contract.sub, contract.sub["created"])
    world.add(contract.sub)
    contract.keep()
    add_extras(contract, params.get("add_invoice_items"))
    _bill(contract, dues, behavior, off_session=bool(params.get("off_session")))
    if behavior == "default_incomplete" and contract.sub["status"] != "incomplete":
        _ask_for_method(contract)
    del contract.sub["_quiet"]
    world.emit("customer.subscription.created", contract.sub)
    timers.set_for(contract)
    return contract.sub


def begin(world: World, params: dict[str, Any], now: int | None = None) -> Contract:
    """A subscription and its items as wanted, with anchor, trial and periods; not stored yet."""
    if not params.get("customer"):
        raise missing_param("customer")
    customer = existing(world, params["customer"], "customer")
    at = world.now(customer) if now is None else now
    _check(world, params, customer)
    sub = settings.new_fields(world.ids.new("sub"), customer, at)
    sub["_quiet"] = True
    sub["managed_payments"] = params.get("_managed_payments")
    sub["billing_mode"] = billing_mode(params.get("billing_mode"), at)
    contract = Contract(world, sub, [])
    settings.change_settings(world, sub, params)
    _add_items(contract, params, at)
    _begin_periods(contract, params, at)
    if params.get("discounts"):
        settings.change_discounts(contract, params["discounts"])
    ends.change_end(contract, params)
    return contract


def _check(world: World, params: dict[str, Any], customer: Seen) -> None:
    settings.exclusive(params, "trial_end", "trial_period_days")
    settings.exclusive(params, "billing_cycle_anchor", "billing_cycle_anchor_config")
    if params.get("payment_behavior") == "pending_if_incomplete":
        raise Refusal(
            "`payment_behavior=pending_if_incomplete` can only be passed when updating a "
            "subscription.",
            param="payment_behavior",
        )
    owned = world.where(KIND, "customer", customer["id"])
    if len([one for one in owned if one["status"] not in ENDED]) >= MOST_SUBSCRIPTIONS:
        raise Refusal(
            f"Customer {customer['id']} already has the maximum {MOST_SUBSCRIPTIONS} current "
            "subscriptions.",
            code="customer_max_subscriptions",
            param="customer",
        )


def billing_mode(wanted: dict[str, Any] | None, at: int) -> Obj:
    """A billing mode with all its fields; flexible where none is wanted."""
    if wanted and wanted["type"] == "classic":
        return {"flexible": None, "type": "classic"}
    chosen = ((wanted or {}).get("flexible") or {}).get("proration_discounts", "included")
    return {"flexible": {"proration_discounts": chosen}, "type": "flexible", "updated_at": at}


def _add_items(contract: Contract, params: dict[str, Any], at: int) -> None:
    wanted = params.get("items") or []
    sub = contract.sub
    if not wanted:
        raise missing_param("items")
    sub["currency"] = (params.get("currency") or "").lower()
    for number, one in enumerate(wanted):
        place = f"items[{number}]"
        item = rows.new_item(contract.world, sub, one, place, at)
        sub["currency"] = sub["currency"] or contract.price(item)["currency"]
        settings.change_item_discounts(contract, item, one.get("discounts"), place)
        contract.add(item)
    check_items(contract)


def check_items(contract: Contract) -> None:
    """Refuse too many items, one price twice, and in classic mode several intervals."""
    if len(contract.items) > MOST_ITEMS:
        raise Refusal(
            f"A subscription can have at most {MOST_ITEMS} items.",
            code="subscription_items_limit",
            param="items",
        )
    prices = [item["price"] for item in contract.items]
    twice = next((price for price in prices if prices.count(price) > 1), None)
    if twice is not None:
        raise Refusal(
            "Cannot add multiple subscription items with the same plan: " + twice, param="items"
        )
    rhythms = {
        (price["recurring"]["interval"], price["recurring"]["interval_count"])
        for price in map(contract.price, contract.items)
    }
    if len(rhythms) > 1 and not contract.flexible:
        raise Refusal(
            "Currency and interval fields must match across all plans on this subscription. Found "
            "mismatch in interval field.",
            param="items",
        )


def _begin_periods(contract: Contract, params: dict[str, Any], at: int) -> None:
    """Set start, trial and anchor, and give each item its first period."""
    sub = contract.sub
    backdated = params.get("backdate_start_date")
    if backdated is not None:
        if backdated > at:
            raise Refusal(
                "`backdate_start_date` must be in the past.", param="backdate_start_date"
            )
        sub["start_date"] = backdated
    trial_end = trial_wanted(contract, params, at)
    config = params.get("billing_cycle_anchor_config")
    anchor = params.get("billing_cycle_anchor")
    if config is not None:
        anchor = periods.next_matching(config, trial_end or at)
        config = periods.shown_config(config)
    if anchor is not None:
        _check_anchor(contract, anchor, trial_end or at)
    periods.anchor_to(sub, at if anchor is None else anchor, config)
    if trial_end is not None:
        sub |= {"trial_start": at, "trial_end": trial_end, "status": "trialing"}
        keeps = settings.keeps_anchor(sub)
        sub["_anchored_before"] = keeps and anchor is None
        if anchor is None and not keeps:
            periods.anchor_to(sub, trial_end)
    for item in contract.items:
        _first_period(contract, item, at)


def _first_period(contract: Contract, item: Obj, at: int) -> None:
    sub, price = contract.sub, contract.price(item)
    start, end = periods.period_at(sub, price, at)
    begins = sub["start_date"] if contract.metered(item) else max(start, sub["start_date"])
    if sub["trial_end"] is not None:
        begins, end = sub["trial_start"], sub["trial_end"]
    item["_since"] = item["current_period_start"] = begins
    item["current_period_end"] = end


def _check_anchor(contract: Contract, anchor: int, at: int) -> None:
    """Refuse an anchor in the past, or after the first natural renewal."""
    if anchor < contract.sub["start_date"] or (anchor < at and contract.sub["start_date"] == at):
        raise Refusal(
            "Invalid timestamp: must be an integer Unix timestamp in the future.",
            code="invalid_request_error",
            param="billing_cycle_anchor",
        )
    for item in contract.items:
        rhythm = contract.price(item)["recurring"]
        natural = periods.after_interval(at, rhythm["interval"], rhythm["interval_count"])
        if anchor > natural:
            raise Refusal(
                "billing_cycle_anchor cannot be later than next natural billing date "
                f"({natural}) for plan.",
                param="billing_cycle_anchor",
            )


def first_dues(
    contract: Contract, proration: str, schedules: list[dict[str, Any]] | None = None
) -> list[Due]:
    """What the first invoice holds: licensed items in advance, or the lines of a free trial.

    `schedules` bill further periods of them.
    """
    sub = contract.sub
    if sub["status"] == "trialing":
        free = [
            due_for(i, i["current_period_start"], i["current_period_end"], trial=True)
            for i in contract.items
        ]
        return free + prebilling.bill_ahead(contract, schedules)
    dues: list[Due] = []
    for item in contract.items:
        if contract.metered(item):
            if not contract.flexible:
                dues.append(due_for(item, sub["created"], sub["created"]))
            continue
        price = contract.price(item)
        start, end = periods.period_at(sub, price, sub["created"])
        begins = sub["start_date"]
        if begins < start and proration != "none":
            before = periods.period_at(sub, price, start - 1)
            dues.append(due_for(item, begins, start, whole=before))
        if begins <= start:
            dues.append(due_for(item, start, end))
        elif proration != "none":
            dues.append(due_for(item, begins, end, whole=(start, end)))
    return dues + (prebilling.bill_ahead(contract, schedules) if schedules else [])


def _ask_for_method(contract: Contract) -> None:
    """Nothing is to be paid yet: the customer is asked for a method by a setup intent."""
    sub = contract.sub
    if sub["collection_method"] == "charge_automatically":
        sub["pending_setup_intent"] = setups.prepare(contract.world, customer=sub["customer"])[
            "id"
        ]


def _bill(contract: Contract, dues: list[Due], behavior: str, *, off_session: bool) -> None:
    """Make the first invoice, if there is anything on it, and let it decide the status."""
    world, sub = contract.world, contract.sub
    trialing = sub["status"] == "trialing"
    waiting = invoices.pending_items(world, sub["customer"], sub["id"])
    if not lines_of(world, sub, dues) and not waiting:
        sub["status"] = "trialing" if trialing else "active"
        return
    period = (sub["created"], sub["created"])
    draft = billing.make_draft(contract, "subscription_create", dues, period)
    sub["status"] = "trialing" if trialing else "active"
    if sub["collection_method"] == "send_invoice":
        return
    due = draft["amount_due"]
    if due > 0 and behavior != "default_incomplete" and billing.pays_with(contract) is None:
        raise billing.no_method()
    if due > 0:
        sub["status"] = "incomplete"
    invoice = billing.settle(contract, draft, behavior, off_session=off_session)
    if invoice["status"] == "paid":
        sub["status"] = "trialing" if trialing else "active"
