"""The portal's configurations: what customers may do there by themselves.

Source: https://docs.stripe.com/api/customer_portal/configurations; fields from the SDK. A new
account of Stripe's has no default configuration until it is saved in the dashboard; the sandbox's
has one from the beginning.
"""

from typing import Any

from tallygate_sandbox.api import Call, endpoint, expandable, page
from tallygate_sandbox.checkout import rules
from tallygate_sandbox.subscriptions.feedback_options import usable
from tallygate_sandbox.wire.refusals import Refusal, missing_param
from tallygate_sandbox.world import Obj, Seen, World, index

KIND = "billing_portal.configuration"
MAX_PRODUCTS = 10
LONGEST_PAUSE = {"day": 1095, "week": 156, "month": 36, "year": 3}
A_MONTH = {"interval": "month", "interval_count": 1}
COMMON = "business_profile default_return_url features login_page metadata name"

Params = dict[str, Any]

index(KIND, "is_default")
expandable(
    KIND,
    application="application",
    features__subscription_cancel__cancellation_reason__feedback_options="billing.feedback_option",
)


@endpoint(
    "POST /v1/billing_portal/configurations", "billing_portal.ConfigurationCreateParams", COMMON
)
def create(call: Call) -> Obj:
    the_default(call.world)
    made = add(call.world, call.params, base_url=call.base_url)
    call.world.emit("billing_portal.configuration.created", made)
    return made


@endpoint(
    "GET /v1/billing_portal/configurations/{id}", "billing_portal.ConfigurationRetrieveParams"
)
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint(
    "POST /v1/billing_portal/configurations/{id}",
    "billing_portal.ConfigurationUpdateParams",
    f"{COMMON} active",
)
def update(call: Call) -> Obj:
    configuration = call.world.edit(KIND, call.path["id"])
    if call.params.get("active") is False and configuration["is_default"]:
        raise Refusal("The default configuration cannot be deactivated.", param="active")
    call.change(configuration, "active", "metadata", "name")
    _set(call.world, configuration, call.params, call.base_url)
    configuration["updated"] = call.world.now()
    call.world.updated(configuration)
    return configuration


@endpoint(
    "GET /v1/billing_portal/configurations",
    "billing_portal.ConfigurationListParams",
    "active is_default",
)
def list_(call: Call) -> Obj:
    the_default(call.world)
    wanted = {k: call.params[k] for k in ("active", "is_default") if k in call.params}
    return page(call, KIND, lambda found: all(found[k] == v for k, v in wanted.items()))


def the_default(world: World) -> Seen:
    """The configuration that portal sessions have unless they name another."""
    found = world.where(KIND, "is_default", value=True)
    return found[0] if found else add(world, {"features": EVERYTHING}, is_default=True)


def add(world: World, params: Params, *, is_default: bool = False, base_url: str = "") -> Obj:
    now = world.now()
    configuration = {
        "id": world.ids.new("bpc"),
        "object": KIND,
        "active": True,
        "application": None,
        "business_profile": {
            "headline": None,
            "privacy_policy_url": None,
            "terms_of_service_url": None,
        },
        "created": now,
        "default_return_url": None,
        "features": _features({}),
        "is_default": is_default,
        "livemode": False,
        "login_page": {"enabled": False, "url": None},
        "metadata": params.get("metadata") or {},
        "name": params.get("name"),
        "updated": now,
    }
    _set(world, configuration, params, base_url)
    return world.add(configuration)


def _set(world: World, configuration: Obj, params: Params, base_url: str) -> None:
    if "default_return_url" in params:
        url = params["default_return_url"]
        configuration["default_return_url"] = url and rules.checked_url(url, "default_return_url")
    profile = params.get("business_profile") or {}
    for name in ("privacy_policy_url", "terms_of_service_url"):
        if profile.get(name):
            rules.checked_url(profile[name], f"business_profile[{name}]")
    configuration["business_profile"] = configuration["business_profile"] | profile
    if "login_page" in params:
        enabled = params["login_page"]["enabled"]
        url = f"{base_url}/p/login/{configuration['id']}" if enabled else None
        configuration["login_page"] = {"enabled": enabled, "url": url}
    if params.get("features"):
        _refuse_wrong(world, params["features"])
        configuration["features"] = _features(
            _merged(configuration["features"], params["features"])
        )


def _refuse_wrong(world: World, features: Params) -> None:
    cancel, change = (
        features.get(name) or {} for name in ("subscription_cancel", "subscription_update")
    )
    if cancel.get("proration_behavior") == "always_invoice":
        raise Refusal(
            "Invalid proration_behavior: must be one of none or create_prorations",
            param="features[subscription_cancel][proration_behavior]",
        )
    place = "features[subscription_update][products]"
    products = change.get("products") or []
    if len(products) > MAX_PRODUCTS:
        raise Refusal(f"At most {MAX_PRODUCTS} products are allowed.", param=place)
    if change.get("enabled") and change.get("default_allowed_updates") and not products:
        raise Refusal("List the products whose prices customers may choose.", param=place)
    for number, entry in enumerate(products):
        _refuse_wrong_product(world, entry, f"{place}[{number}]")
    for ident in (cancel.get("cancellation_reason") or {}).get("feedback_options") or []:
        where = "features[subscription_cancel][cancellation_reason][feedback_options]"
        usable(world, ident, where)
    _refuse_wrong_pause((features.get("subscription_pause") or {}).get("duration") or {})


def _refuse_wrong_pause(duration: Params) -> None:
    """A preset pause has lengths, of three years at most."""
    place = "features[subscription_pause][duration][interval_options]"
    options = duration.get("interval_options") or []
    if duration.get("type") == "interval_options" and not options:
        raise missing_param(place)
    if duration.get("type") == "indefinite" and options:
        raise Refusal("An indefinite pause has no interval_options.", param=place)
    for number, option in enumerate(options):
        count = option.get("interval_count", 1)
        if not 1 <= count <= LONGEST_PAUSE[option["interval"]]:
            raise Refusal(
                "A pause lasts one interval at least, and three years at most.",
                param=f"{place}[{number}][interval_count]",
            )


def _refuse_wrong_product(world: World, entry: Params, place: str) -> None:
    """A product's prices are its own, recurring, and one for each interval."""
    world.get("product", entry["product"], f"{place}[product]")
    rhythms = set()
    for number, ident in enumerate(entry["prices"]):
        where = f"{place}[prices][{number}]"
        price = world.get("price", ident, where)
        if price["product"] != entry["product"]:
            raise Refusal(f"The price {ident} belongs to another product.", param=where)
        if price["recurring"] is None:
            raise Refusal(f"The price {ident} is not recurring.", param=where)
        rhythm = (price["recurring"]["interval"], price["recurring"]["interval_count"])
        if (price["currency"], *rhythm) in rhythms:
            raise Refusal(
                "A product in the portal has at most one price for each billing interval.",
                param=where,
            )
        rhythms.add((price["currency"], *rhythm))
    bounds = entry.get("adjustable_quantity") or {}
    least, most = bounds.get("minimum", 1), bounds.get("maximum")
    if least < 0 or (most is not None and most < least):
        raise Refusal(
            "The quantities of a product lie between `minimum` and `maximum`.",
            param=f"{place}[adjustable_quantity]",
        )


def _merged(known: Any, sent: Any) -> Any:
    """Hashes are merged; a value, a list, or a cleared one replaces what was there."""
    if not isinstance(known, dict) or not isinstance(sent, dict):
        return sent
    return known | {key: _merged(known.get(key), value) for key, value in sent.items()}


def _features(given: Params) -> Obj:
    """All features with all their fields; those that were not told are off."""
    update, cancel, change, pause, method = (
        given.get(name) or {}
        for name in (
            "customer_update",
            "subscription_cancel",
            "subscription_update",
            "subscription_pause",
            "payment_method_update",
        )
    )
    reason = cancel.get("cancellation_reason") or {}
    allowed = change.get("default_allowed_updates") or []
    return {
        "customer_update": {
            "allowed_updates": update.get("allowed_updates") or [],
            "enabled": update.get("enabled", False),
        },
        "invoice_history": {"enabled": (given.get("invoice_history") or {}).get("enabled", False)},
        "payment_method_update": {
            "enabled": method.get("enabled", False),
            "payment_method_configuration": method.get("payment_method_configuration"),
        },
        "subscription_cancel": {
            "cancellation_reason": {
                "enabled": reason.get("enabled", False),
                "feedback_options": reason.get("feedback_options") or [],
                "options": reason.get("options") or [],
            },
            "enabled": cancel.get("enabled", False),
            "mode": cancel.get("mode", "at_period_end"),
            "proration_behavior": cancel.get("proration_behavior", "none"),
        },
        "subscription_pause": {
            "duration": _duration(pause.get("duration")),
            "enabled": pause.get("enabled", False),
        },
        "subscription_update": {
            "billing_cycle_anchor": change.get("billing_cycle_anchor"),
            "default_allowed_updates": allowed,
            "enabled": change.get("enabled", False),
            "products": [
                _product(one, counted="quantity" in allowed)
                for one in change.get("products") or []
            ],
            "proration_behavior": change.get("proration_behavior", "none"),
            "schedule_at_period_end": {
                "conditions": (change.get("schedule_at_period_end") or {}).get("conditions") or []
            },
            "trial_update_behavior": change.get("trial_update_behavior", "end_trial"),
        },
    }


def _duration(given: Params | None) -> Obj:
    """How long a pause lasts: a month, unless told otherwise."""
    lasting = given or {}
    kind = lasting.get("type", "interval_options")
    options = [
        {"interval": one["interval"], "interval_count": one.get("interval_count", 1)}
        for one in lasting.get("interval_options") or []
    ]
    if kind == "indefinite":
        return {"interval_options": [], "type": kind}
    return {"interval_options": options or [dict(A_MONTH)], "type": kind}


def _product(given: Params, *, counted: bool) -> Obj:
    """A product with its bounds; where they are not told, its quantity follows `counted`."""
    bounds = given.get("adjustable_quantity") or {}
    return {
        "adjustable_quantity": {
            "enabled": bounds.get("enabled", counted),
            "maximum": bounds.get("maximum"),
            "minimum": bounds.get("minimum", 1),
        },
        "prices": given["prices"],
        "product": given["product"],
    }


EVERYTHING: Params = {
    "customer_update": {
        "allowed_updates": ["address", "email", "name", "phone"],
        "enabled": True,
    },
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
}
