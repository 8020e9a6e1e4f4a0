"""What a checkout session looks like. Fields and defaults as recorded; the rest from the SDK."""

from typing import Any

from tallygate_sandbox.world import Obj

Params = dict[str, Any]

KIND = "checkout.session"
LETTERS = {"payment": "a1", "subscription": "b1", "setup": "c1"}
CUSTOM_TEXTS = ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")


def blank(params: Params, ident: str, secret: str) -> Obj:
    """A session as it is created, without what comes from its lines and its customer.

    `secret` ends the client secret of one that is embedded in the integration's own page.
    """
    managed = (params.get("managed_payments") or {}).get("enabled")
    hosted = params.get("ui_mode", "hosted_page") == "hosted_page"
    shown: Obj = {"id": ident, "object": KIND} | _unasked() | _asked(params)
    if tax_ids := params.get("tax_id_collection"):
        shown["tax_id_collection"] = {"required": "never"} | tax_ids
    if managed:
        shown["automatic_tax"] = automatic_tax({"enabled": True})
        shown["managed_payments"] = {"enabled": True}
    if not hosted:
        shown["client_secret"] = f"{ident}_secret_{secret}"
        shown["redirect_on_completion"] = params.get("redirect_on_completion", "always")
        shown["return_url"] = params.get("return_url")
    return dict(sorted(shown.items(), key=lambda pair: (pair[0] not in {"id", "object"}, pair[0])))


def _asked(params: Params) -> Obj:
    """What the parameters say."""
    mode = params["mode"]
    return {
        "allow_promotion_codes": params.get("allow_promotion_codes"),
        "automatic_tax": automatic_tax(params.get("automatic_tax")),
        "billing_address_collection": params.get("billing_address_collection"),
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "currency": params.get("currency"),
        "custom_text": custom_text(params.get("custom_text")),
        "customer": params.get("customer"),
        "customer_creation": customer_creation(params),
        "customer_email": params.get("customer_email"),
        "integration_identifier": params.get("integration_identifier"),
        "invoice_creation": invoice_creation(params) if mode == "payment" else None,
        "livemode": False,
        "locale": params.get("locale"),
        "metadata": params.get("metadata") or {},
        "mode": mode,
        "origin_context": params.get("origin_context"),
        "payment_link": params.get("payment_link"),
        "payment_method_collection": collection(params),
        "payment_status": "no_payment_required" if mode == "setup" else "unpaid",
        "phone_number_collection": {
            "enabled": (params.get("phone_number_collection") or {}).get("enabled", False)
        },
        "saved_payment_method_options": None if mode == "setup" else saved_methods(params),
        "submit_type": params.get("submit_type"),
        "success_url": params.get("success_url"),
        "ui_mode": params.get("ui_mode", "hosted_page"),
        "_customer_update": params.get("customer_update") or {},
        "_intent_data": params.get("payment_intent_data") or {},
        "_setup_data": params.get("setup_intent_data") or {},
        "_subscription_data": params.get("subscription_data") or {},
    }


def _unasked() -> Obj:
    """What is so in every new session."""
    return {
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "amount_subtotal": None,
        "amount_total": None,
        "branding_settings": branding(),
        "client_secret": None,
        "collected_information": {
            "business_name": None,
            "individual_name": None,
            "shipping_details": None,
        },
        "consent": None,
        "consent_collection": None,
        "currency_conversion": None,
        "custom_fields": [],
        "customer_account": None,
        "customer_details": None,
        "discounts": None,
        "invoice": None,
        "managed_payments": {"enabled": False},
        "payment_intent": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "permissions": None,
        "recovered_from": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "subscription": None,
        "total_details": None,
        "url": None,
        "wallet_options": None,
        "_base_url": "",
        "_lines": [],
        "_pending": None,
        "_place": None,
    }


def branding() -> Obj:
    return {
        "background_color": "#ffffff",
        "border_style": "rounded",
        "button_color": "#0074d4",
        "display_name": "Sandbox",
        "font_family": "default",
        "icon": None,
        "logo": None,
    }


def automatic_tax(given: Params | None) -> Obj:
    """Automatic tax as it is asked for; what it comes to is calculated with the totals."""
    if not (given or {}).get("enabled"):
        return {"enabled": False, "liability": None, "provider": None, "status": None}
    return {
        "enabled": True,
        "liability": {"type": "self"},
        "provider": "stripe",
        "status": None,
    }


def custom_text(given: Params | None) -> Obj:
    return {name: (given or {}).get(name) for name in CUSTOM_TEXTS}


def customer_creation(params: Params) -> str | None:
    if params.get("customer"):
        return None
    if params["mode"] == "subscription":
        return "always"
    created: str = params.get("customer_creation") or "if_required"
    return created


def collection(params: Params) -> str:
    default = "if_required" if params["mode"] == "payment" else "always"
    return str(params.get("payment_method_collection") or default)


def invoice_creation(params: Params) -> Obj:
    given = params.get("invoice_creation") or {}
    data = given.get("invoice_data") or {}
    return {
        "enabled": given.get("enabled", False),
        "invoice_data": {
            "account_tax_ids": None,
            "custom_fields": data.get("custom_fields"),
            "description": data.get("description"),
            "footer": data.get("footer"),
            "issuer": None,
            "metadata": data.get("metadata") or {},
            "rendering_options": None,
        },
    }


def saved_methods(params: Params) -> Obj:
    given = params.get("saved_payment_method_options") or {}
    return {
        "allow_redisplay_filters": given.get("allow_redisplay_filters", ["always"]),
        "payment_method_remove": given.get("payment_method_remove", "disabled"),
        "payment_method_save": given.get("payment_method_save"),
    }


def details(email: str | None, name: str | None = None, **more: Any) -> Obj:
    """`customer_details`: what is known of the customer."""
    return {
        "address": more.get("address"),
        "business_name": more.get("business_name"),
        "email": email,
        "individual_name": None,
        "name": name,
        "phone": more.get("phone"),
        "tax_exempt": more.get("tax_exempt", "none"),
        "tax_ids": more.get("tax_ids"),
    }
