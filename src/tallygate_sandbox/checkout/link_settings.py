"""What a payment link is told beside its lines, and how the link shows it."""

from collections.abc import Callable
from typing import Any

from tallygate_sandbox.checkout import rules, shapes
from tallygate_sandbox.world import Obj, Seen

Params = dict[str, Any]
INTENT_DATA = (
    "capture_method description metadata setup_future_usage statement_descriptor "
    "statement_descriptor_suffix transfer_group"
)


def settings(link: Seen, params: Params) -> Obj:
    """What create and update set: what was sent; at first the default of the rest."""
    made = {}
    for name, shape in SETTINGS.items():
        if name in params or name not in link:
            made[name] = shape(params.get(name))
    return made


def subscription_data(known: Seen, sent: Params) -> Obj:
    """How the subscriptions begin that a link sells; what is not sent stays."""
    return {
        # A link shows of the invoices only who issues them.
        name: sent[name]
        if name in sent and name != "invoice_settings"
        else known.get(name, default)
        for name, default in {
            "description": None,
            "invoice_settings": {"issuer": {"type": "self"}},
            "metadata": {},
            "trial_period_days": None,
            "trial_settings": None,
        }.items()
    }


def refuse_wrong(params: Params, now: int) -> None:
    """Refuse an address that is none, and a trial that cannot be. Raises: Refusal."""
    after = params.get("after_completion") or {}
    if after.get("type") == "redirect":
        address = (after.get("redirect") or {}).get("url") or ""
        rules.checked_url(address, "after_completion[redirect][url]")
    rules.refuse_wrong_start(params.get("subscription_data") or {}, now)


def _after_completion(sent: Params | None) -> Obj:
    if sent and sent["type"] == "redirect":
        return {"redirect": sent["redirect"], "type": "redirect"}
    said = ((sent or {}).get("hosted_confirmation") or {}).get("custom_message")
    return {"hosted_confirmation": {"custom_message": said}, "type": "hosted_confirmation"}


def _automatic_tax(sent: Params | None) -> Obj:
    enabled = bool((sent or {}).get("enabled"))
    return {"enabled": enabled, "liability": {"type": "self"} if enabled else None}


def _tax_id_collection(sent: Params | None) -> Obj:
    return {"enabled": False, "required": "never"} | (sent or {})


def _invoice_creation(sent: Params | None) -> Obj:
    return shapes.invoice_creation({"invoice_creation": sent})


def _intent_data(sent: Params | None) -> Obj | None:
    if not sent:
        return None
    return {
        name: sent.get(name, {} if name == "metadata" else None) for name in INTENT_DATA.split()
    }


def _as_sent(default: Any) -> Callable[[Any], Any]:
    return lambda sent: default if sent is None else sent


SETTINGS: dict[str, Callable[[Any], Any]] = {
    "after_completion": _after_completion,
    "allow_promotion_codes": _as_sent(default=False),
    "automatic_tax": _automatic_tax,
    "billing_address_collection": _as_sent("auto"),
    "custom_text": shapes.custom_text,
    "customer_creation": _as_sent("if_required"),
    "inactive_message": _as_sent(None),
    "invoice_creation": _invoice_creation,
    "payment_intent_data": _intent_data,
    "payment_method_collection": _as_sent("always"),
    "phone_number_collection": _as_sent({"enabled": False}),
    "restrictions": _as_sent(None),
    "submit_type": _as_sent("auto"),
    "tax_id_collection": _tax_id_collection,
}
