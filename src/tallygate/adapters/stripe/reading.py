"""What do Stripe's products, prices, coupons, links and portals say, in our values?

An object of ours is known by its metadata. Whatever a price of ours could not look like gives no
terms, so that it counts as another one; so does a payment link of ours.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

import stripe

from tallygate.catalog.model import ZERO
from tallygate.collection.held import (
    ONE,
    Asked,
    FoundCode,
    FoundLink,
    FoundMeter,
    FoundPortal,
    FoundPrice,
    FoundProduct,
    HeldCoupon,
    HeldLink,
    HeldPortal,
    HeldPrice,
    HeldProduct,
    HeldTier,
)
from tallygate.core.errors import Invalid
from tallygate.core.quantity import parse_decimal

MARK = "tallygate"
"""The metadata that an object of ours has: which part of the catalog it was made for."""

PORTAL = "portal"
"""The mark of a portal's configuration."""

LINK, PLAN, INTERVAL = "tallygate_link", "tallygate_plan", "tallygate_interval"
"""The metadata of a payment link, and of each subscription that was bought at it."""

BASE_UNIT = "tallygate_base_unit"
CUSTOMER_KEY = "stripe_customer_id"
VALUE_KEY = "value"


def product(found: stripe.Product) -> FoundProduct:
    """A product."""
    held = HeldProduct(found.id, found.name)
    return FoundProduct(held, active=found.active, ours=MARK in found.metadata)


def meter(found: stripe.billing.Meter) -> FoundMeter:
    """A meter."""
    fits = (
        found.default_aggregation.formula == "last"
        and found.event_time_window is None
        and found.customer_mapping.event_payload_key == CUSTOMER_KEY
        and found.value_settings.event_payload_key == VALUE_KEY
    )
    return FoundMeter(found.id, found.event_name, active=found.status == "active", fits=fits)


def price(found: stripe.Price, events: Mapping[str, str]) -> FoundPrice:
    """A price with its tiers and currencies expanded; `events` are event names by meter."""
    said = found.to_dict()
    made_for = said["metadata"].get(MARK)
    terms = _terms(said, found.lookup_key or made_for or "", events)
    return FoundPrice(found.id, found.lookup_key, terms, found.active, made_for)


def coupon(found: stripe.Coupon) -> HeldCoupon:
    """A coupon with its products and currencies expanded; its code is not part of it."""
    said = found.to_dict()
    limited = said.get("applies_to")
    amount_off = None
    if said["amount_off"] is not None:
        options = said.get("currency_options") or {}
        amount_off = {code: int(one["amount_off"]) for code, one in options.items()}
        amount_off[said["currency"]] = int(said["amount_off"])
    percent, ends = said["percent_off"], said["redeem_by"]
    months = said["duration_in_months"]
    return HeldCoupon(
        id=said["id"],
        duration=months if said["duration"] == "repeating" else said["duration"],
        percent_off=None if percent is None else Decimal(str(percent)),
        amount_off=amount_off,
        products=None if limited is None else frozenset(limited["products"]),
        redeem_by=None if ends is None else datetime.fromtimestamp(ends, UTC),
        max_redemptions=said["max_redemptions"],
    )


def code(found: stripe.PromotionCode) -> FoundCode:
    """A promotion code; its coupon is empty where it promotes something else."""
    promoted = found.promotion.coupon
    ident = promoted if isinstance(promoted, str) else "" if promoted is None else promoted.id
    ours = found.metadata is not None and MARK in found.metadata
    return FoundCode(found.id, found.code, ident, active=found.active, ours=ours)


def link(found: stripe.PaymentLink, lines: Iterable[stripe.LineItem]) -> FoundLink:
    """A payment link of ours with all its lines, each with its price."""
    terms = _link_terms(found.to_dict(), [line.to_dict() for line in lines])
    return FoundLink(found.id, found.url, found.metadata[LINK], terms, found.active)


def _link_terms(said: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> HeldLink | None:
    keys = [(line.get("price") or {}).get("lookup_key") for line in lines]
    once = all(line["quantity"] == 1 and not line.get("adjustable_quantity") for line in lines)
    if not once or not all(keys):
        return None
    begets = said.get("subscription_data") or {}
    named = begets.get("metadata") or {}
    return HeldLink(
        plan=named.get(PLAN, ""),
        interval="year" if named.get(INTERVAL) == "year" else "month",
        prices=frozenset(map(str, keys)),
        trial_days=begets.get("trial_period_days") or 0,
        takes_codes=said["allow_promotion_codes"],
        automatic_tax=said["automatic_tax"]["enabled"],
        success_url=(said["after_completion"].get("redirect") or {}).get("url"),
    )


def portal(found: stripe.billing_portal.Configuration) -> FoundPortal:
    """A portal's configuration, as far as it is ours to say."""
    words, may = found.business_profile, found.features
    held = HeldPortal(
        headline=words.headline,
        privacy_policy_url=words.privacy_policy_url,
        terms_of_service_url=words.terms_of_service_url,
        return_url=found.default_return_url,
        card=may.payment_method_update.enabled,
        invoices=may.invoice_history.enabled,
        details=frozenset(
            may.customer_update.allowed_updates if may.customer_update.enabled else ()
        ),
        cancellation=_cancellation(may.subscription_cancel),
        plan_changes=may.subscription_update.enabled,
        pauses=may.subscription_pause.enabled,
    )
    return FoundPortal(found.id, held, found.active)


def _cancellation(
    said: stripe.billing_portal.Configuration.Features.SubscriptionCancel,
) -> Literal["none", "at_period_end", "other"]:
    if not said.enabled:
        return "none"
    ours = (said.mode, said.proration_behavior) == ("at_period_end", "none")
    return "at_period_end" if ours else "other"


def _terms(said: Mapping[str, Any], key: str, events: Mapping[str, str]) -> HeldPrice | None:
    rhythm = said["recurring"]
    if rhythm is None or rhythm["interval"] not in {"month", "year"}:
        return None
    metered = rhythm["usage_type"] == "metered"
    event = events.get(rhythm["meter"] or "") if metered else None
    base_unit = _base_unit(said["metadata"]) if metered else ONE
    blocks = said["transform_quantity"]
    amounts = _amounts(said)
    if (
        rhythm["interval_count"] != 1
        or (metered and event is None)
        or base_unit is None
        or amounts is None
        or (blocks is not None and blocks["round"] != "up")
    ):
        return None
    return HeldPrice(
        key=key,
        product=said["product"],
        every=rhythm["interval"],
        amounts=amounts,
        meter=event,
        base_unit=base_unit,
        block=None if blocks is None else blocks["divide_by"],
        mode=said["tiers_mode"],
    )


def _base_unit(metadata: Mapping[str, str]) -> Decimal | None:
    try:
        base_unit = parse_decimal(metadata.get(BASE_UNIT, "1"))
    except Invalid:
        return None
    return base_unit if base_unit > 0 else None


def _amounts(said: Mapping[str, Any]) -> dict[str, Asked] | None:
    by_currency = dict(said.get("currency_options") or {})
    by_currency[said["currency"]] = said
    amounts: dict[str, Asked] = {}
    for currency, one in by_currency.items():
        tiers = one.get("tiers")
        if said["billing_scheme"] == "tiered" and tiers:
            amounts[currency] = Asked(None, tuple(map(_tier, tiers)))
        elif one.get("unit_amount_decimal") is not None:
            amounts[currency] = Asked(_decimal(one["unit_amount_decimal"]))
        else:
            return None
    return amounts


def _tier(said: Mapping[str, Any]) -> HeldTier:
    unit, flat = said["unit_amount_decimal"], said["flat_amount_decimal"]
    return HeldTier(said["up_to"], _decimal(unit), _decimal(flat))


def _decimal(number: object) -> Decimal:
    return ZERO if number is None else Decimal(str(number))
