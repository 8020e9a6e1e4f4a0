"""What a checkout session looks like. Fields and defaults as recorded; the rest from the SDK."""

from typing import Any

from tallygate_sandbox.world import Obj

Params = dict[str, Any]

KIND = "checkout.session"
LETTERS = {"payment": "a1", "subscription": "b1", "setup": "c1"}
CUSTOM_TEXTS = ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")


def blank(params: Params, ident: str) -> Obj:
    """A session as it is created, without what comes from its lines and its customer."""
    mode, hosted = params["mode"], params.get("ui_mode", "hosted_page") == "hosted_page"
    embedded = (
        {}
        if hosted
        else {
            "redirect_on_completion": params.get("redirect_on_completion", "always"),
            "return_url": params.get("return_url"),
        }
    )
    return {
        "id": ident,
        "object": KIND,
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": params.get("allow_promotion_codes"),
        "amount_subtotal": None,
        "amount_total": None,
        "automatic_tax": automatic_tax(params.get("automatic_tax")),
        "billing_address_collection": params.get("billing_address_collection"),
        "branding_settings": branding(),
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "client_secret": None if hosted else f"{ident}_secret_sandbox",
        "collected_information": {
            "business_name": None,
            "individual_name": None,
            "shipping_details": None,
        },
        "consent": None,
        "consent_collection": None,
        "currency": params.get("currency"),
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": custom_text(params.get("custom_text")),
        "customer": params.get("customer"),
        "customer_account": None,
        "customer_creation": customer_creation(params),
        "customer_details": None,
        "customer_email": params.get("customer_email"),
        "discounts": None,
        "integration_identifier": params.get("integration_identifier"),
        "invoice": None,
        "invoice_creation": invoice_creation(params) if mode == "payment" else None,
        "livemode": False,
        "locale": params.get("locale"),
        "managed_payments": {"enabled": False},
        "metadata": params.get("metadata") or {},
        "mode": mode,
        "origin_context": params.get("origin_context"),
        "payment_intent": None,
        "payment_link": params.get("payment_link"),
        "payment_method_collection": collection(params),
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "payment_status": "no_payment_required" if mode == "setup" else "unpaid",
        "permissions": None,
        "phone_number_collection": {
            "enabled": (params.get("phone_number_collection") or {}).get("enabled", False)
        },
        "recovered_from": None,
        "saved_payment_method_options": None if mode == "setup" else saved_methods(params),
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": params.get("submit_type"),
        "subscription": None,
        "success_url": params.get("success_url"),
        "total_details": None,
        "ui_mode": params.get("ui_mode", "hosted_page"),
        "url": None,
        "wallet_options": None,
        **embedded,
        "_customer_update": params.get("customer_update") or {},
        "_intent_data": params.get("payment_intent_data") or {},
        "_setup_data": params.get("setup_intent_data") or {},
        "_subscription_data": params.get("subscription_data") or {},
        "_base_url": "",
        "_lines": [],
        "_pending": None,
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
    """The sandbox's account is registered nowhere: automatic tax comes to zero."""
    if not (given or {}).get("enabled"):
        return {"enabled": False, "liability": None, "provider": None, "status": None}
    return {
        "enabled": True,
        "liability": {"type": "self"},
        "provider": "stripe",
        "status": "complete",
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
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": name,
        "phone": more.get("phone"),
        "tax_exempt": more.get("tax_exempt", "none"),
        "tax_ids": None,
    }
