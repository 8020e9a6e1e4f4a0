"""What a checkout session refuses, in Stripe's words where they are known.

Source: https://docs.stripe.com/api/checkout/sessions/create and the SDK's docstrings; words that
neither shows are assumed.
"""

import re
from typing import Any
from urllib.parse import urlsplit

from tallygate_sandbox.wire.refusals import Refusal, missing_param

MINUTE, HOUR, DAY = 60, 3600, 86_400
SHORTEST, LONGEST = 30 * MINUTE, 24 * HOUR
LEAST_TRIAL = 2 * DAY
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*\Z", re.IGNORECASE)
ACTIVE_CONTENT = frozenset(("javascript", "data", "vbscript", "blob", "file", "about"))

Params = dict[str, Any]


def refuse_wrong(params: Params, now: int) -> None:
    """Refuse parameters that contradict each other or the mode.

    Raises:
        Refusal: the first that is wrong.
    """
    mode = params.get("mode")
    if mode is None:
        raise missing_param("mode")
    for one, other in (
        ("customer", "customer_email"),
        ("customer", "customer_creation"),
        ("allow_promotion_codes", "discounts"),
    ):
        if params.get(one) and params.get(other):
            raise exclusive(one, other)
    _refuse_other_modes(params, mode)
    _refuse_addresses(params)
    _refuse_wrong_tax_ids(params)
    if mode != "setup" and not params.get("line_items"):
        raise missing_param("line_items")
    if mode == "setup" and not params.get("currency"):
        raise missing_param("currency")
    if params.get("customer_update") and not params.get("customer"):
        raise Refusal(
            "`customer_update` can only be used with `customer`.", param="customer_update"
        )
    if len(params.get("discounts") or []) > 1:
        raise Refusal("You may only specify one discount.", param="discounts")
    if params.get("customer_email"):
        checked_email(params["customer_email"], "customer_email")
    expiry(params.get("expires_at"), now)
    refuse_wrong_start(params.get("subscription_data") or {}, now)


def _refuse_other_modes(params: Params, mode: str) -> None:
    """Some parameters belong to one mode."""
    for name, modes in {
        "line_items": ("payment", "subscription"),
        "discounts": ("payment", "subscription"),
        "allow_promotion_codes": ("payment", "subscription"),
        "subscription_data": ("subscription",),
        "payment_method_collection": ("subscription",),
        "payment_intent_data": ("payment",),
        "invoice_creation": ("payment",),
        "setup_intent_data": ("setup",),
        "customer_creation": ("payment", "setup"),
        "submit_type": ("payment", "subscription"),
    }.items():
        if params.get(name) and mode not in modes:
            words = " or ".join(f"`{one}`" for one in modes)
            raise Refusal(f"`{name}` can only be used in {words} mode.", param=name)


def _refuse_addresses(params: Params) -> None:
    hosted = params.get("ui_mode", "hosted_page") == "hosted_page"
    if hosted and not params.get("success_url"):
        raise missing_param("success_url")
    if hosted and params.get("return_url"):
        raise Refusal("`return_url` cannot be used with `hosted_page`.", param="return_url")
    if params.get("ui_mode") == "embedded_page":
        _refuse_wrong_return(params)
    if not hosted and params.get("ui_mode") != "form":
        for name in ("success_url", "cancel_url"):
            if params.get(name):
                raise Refusal(f"`{name}` is not allowed with this `ui_mode`.", param=name)
    for name in ("success_url", "cancel_url", "return_url"):
        if params.get(name):
            checked_url(params[name], name)


def _refuse_wrong_return(params: Params) -> None:
    """An embedded page leads somewhere when it is complete, unless it never redirects."""
    never = params.get("redirect_on_completion") == "never"
    if never and params.get("return_url"):
        raise Refusal(
            "`return_url` cannot be used when `redirect_on_completion` is `never`.",
            param="return_url",
        )
    if not never and not params.get("return_url"):
        raise missing_param("return_url")


def _refuse_wrong_tax_ids(params: Params) -> None:
    collects = params.get("tax_id_collection") or {}
    if collects.get("required") and params.get("ui_mode") == "elements":
        raise Refusal(
            "`required` cannot be set when `ui_mode` is `elements`.",
            param="tax_id_collection[required]",
        )
    names = (params.get("customer_update") or {}).get("name")
    if collects.get("enabled") and params.get("customer") and names != "auto":
        raise Refusal(
            "Tax ID collection requires updating business name on the customer. To enable tax ID "
            "collection for an existing customer, please set `customer_update[name]` to `auto`.",
            param="customer_update[name]",
        )


def refuse_wrong_start(data: Params, now: int) -> None:
    """How a subscription starts: a trial or an anchor, never both.

    Raises:
        Refusal: a trial that is too short, or two that exclude each other.
    """
    place = "subscription_data"
    starts = ("trial_period_days", "trial_end")
    anchors = ("billing_cycle_anchor", "billing_cycle_anchor_config")
    for one, other in (starts, anchors, *((s, a) for s in starts for a in anchors)):
        if data.get(one) is not None and data.get(other) is not None:
            raise exclusive(f"{place}[{one}]", f"{place}[{other}]")
    days, end = data.get("trial_period_days"), data.get("trial_end")
    if days is not None and days < 1:
        raise Refusal(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param=f"{place}[trial_period_days]",
        )
    if days is not None and days > 730:
        raise Refusal("Trials are at most two years long.", param=f"{place}[trial_period_days]")
    if end is not None and end < now + LEAST_TRIAL:
        raise Refusal(
            "The `trial_end` date has to be at least 2 days in the future.",
            param=f"{place}[trial_end]",
        )
    anchor = data.get("billing_cycle_anchor")
    if anchor is not None and anchor <= now:
        raise Refusal(
            "`billing_cycle_anchor` must be in the future.",
            param=f"{place}[billing_cycle_anchor]",
        )


def expiry(wanted: int | None, now: int) -> int:
    """When a session expires (seconds): from 30 minutes to 24 hours after now."""
    at = now + LONGEST if wanted is None else wanted
    if at < now + SHORTEST:
        raise Refusal(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session "
            "creation.",
            param="expires_at",
        )
    if at > now + LONGEST:
        raise Refusal(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session "
            "creation.",
            param="expires_at",
        )
    return at


def checked_url(url: str, param: str) -> str:
    """An address to which a browser is sent: with a scheme and a host, and no script.

    Raises:
        Refusal: url_invalid.
    """
    try:
        parts = urlsplit(url)
        whole = bool(SCHEME.match(parts.scheme) and parts.netloc)
    except ValueError:
        whole = False
    if not whole or parts.scheme.lower() in ACTIVE_CONTENT or not url.isprintable():
        raise Refusal("Not a valid URL", code="url_invalid", param=param)
    return url


def checked_email(email: str, param: str) -> str:
    """An e-mail address, as far as its spelling tells. Raises: Refusal, email_invalid."""
    if not EMAIL.match(email) or len(email) > 512:
        raise Refusal(f"Invalid email address: {email}", code="email_invalid", param=param)
    return email


def exclusive(one: str, other: str) -> Refusal:
    return Refusal(
        f"You may only specify one of these parameters: {one}, {other}.",
        code="parameters_exclusive",
        param=one,
    )
