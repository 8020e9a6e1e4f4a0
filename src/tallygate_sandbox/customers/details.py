"""What a customer says of itself, checked and stored, and what is shown only when asked for."""

import re

from tallygate_sandbox.api import Call, only_expanded
from tallygate_sandbox.api.pages import list_of
from tallygate_sandbox.customers import tax_ids, taxation
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World

KIND = "customer"
PLAIN = "business_name description email individual_name invoice_prefix metadata name"
PLAIN += " next_invoice_sequence phone tax_exempt"
NO_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\Z")
PREFIX = re.compile(r"[A-Z0-9]{3,12}\Z")


def change(call: Call, customer: Obj) -> None:
    """Set what was sent, as far as create and update share it.

    Raises:
        Refusal: an email, a prefix or a tax location that is none.
    """
    email, prefix = call.sent("email"), call.sent("invoice_prefix")
    if email and not EMAIL.match(email):
        raise Refusal(f"Invalid email address: {email}", code="email_invalid", param="email")
    if prefix and not PREFIX.match(prefix):
        raise Refusal(
            "Invoice prefixes must be 3-12 uppercase letters or numbers.", param="invoice_prefix"
        )
    call.change(customer, *PLAIN.split())
    if "tax_exempt" in call.params:
        customer["tax_exempt"] = call.sent("tax_exempt", "none")
    if "preferred_locales" in call.params:
        customer["preferred_locales"] = call.sent("preferred_locales", [])
    if "address" in call.params:
        customer["address"] = _address(customer["address"], call.params["address"])
    if "shipping" in call.params:
        customer["shipping"] = _shipping(customer["shipping"], call.params["shipping"])
    if tax := call.sent("tax"):
        _set_tax(call.world, customer, tax)


def settle_default(call: Call, customer: Obj) -> None:
    """Set `invoice_settings`; the default method must be the customer's, or just brought along.

    Raises:
        Refusal: the customer does not have that method.
    """
    settings = call.sent("invoice_settings")
    if settings is None:
        return
    method = settings.get("default_payment_method")
    if method and method == call.sent("payment_method"):
        method = customer["_payment_method"]
    if method and not _belongs(call.world, method, customer):
        raise Refusal(
            "The customer does not have a payment method with the ID "
            f"{method}. The payment method must be attached to the customer.",
            code="resource_missing",
            param="invoice_settings[default_payment_method]",
        )
    if options := settings.get("rendering_options"):
        options = {"amount_tax_display": None, "template": None} | options
        settings = settings | {"rendering_options": options}
    if "default_payment_method" in settings:
        settings = settings | {"default_payment_method": method}
    customer["invoice_settings"] |= settings


def settle_source(call: Call, customer: Obj) -> None:
    """Let the customer have the `source` that was sent, or choose its `default_source`.

    It is not said of the customer one by one: who asked for it tells it all.

    Raises:
        Refusal: both at once, a source that is none, or a card that is declined (402).
    """
    sent = {name: call.sent(name) for name in ("source", "default_source") if call.sent(name)}
    if len(sent) > 1:
        raise Refusal(
            "You may only specify one of these parameters: source, default_source.",
            code="parameters_exclusive",
            param="default_source",
        )
    for name, moment in (("source", "introducing_source"), ("default_source", "choosing_source")):
        if name in sent:
            customer["_source"], customer["_introduced"] = sent[name], True
            call.world.signal(f"customer.{moment}", customer)
            del customer["_introduced"]


@only_expanded(KIND, "tax")
def tax(world: World, customer: Seen) -> Obj:
    """Where the customer is for taxes, and whether any is collected there."""
    found = taxation.find(world, taxation.place_of(world, customer))
    words = {taxation.NO_LOCATION: "unrecognized_location", taxation.FAILED: "failed"}
    collects = "not_collecting" if found.percentage is None else "supported"
    place = found.place if found.status != taxation.NO_LOCATION else None
    return {
        "automatic_tax": words.get(found.status, collects),
        "ip_address": customer.get("_ip_address"),
        "location": place
        and {"country": place.country, "source": place.source, "state": place.state},
        "provider": "stripe",
    }


@only_expanded(KIND, "tax_ids")
def tax_ids_of(world: World, customer: Seen) -> Obj:
    shown = [world.view(one) for one in reversed(tax_ids.of(world, customer["id"]))]
    return list_of(f"/v1/customers/{customer['id']}/tax_ids", shown)


@only_expanded(KIND, "invoice_credit_balance")
def invoice_credit_balance(_world: World, customer: Seen) -> dict[str, int]:
    """The balance by currency, where it is not zero."""
    balance = customer["balance"]
    return {customer["currency"] or "usd": balance} if balance else {}


def _belongs(world: World, method: str, customer: Seen) -> bool:
    found = world.find("payment_method", method)
    return found is not None and found["customer"] == customer["id"]


def _address(before: Seen | None, sent: Seen | None) -> Obj | None:
    return None if sent is None else NO_ADDRESS | dict(before or {}) | dict(sent)


def _shipping(before: Seen | None, sent: Seen | None) -> Obj | None:
    if sent is None:
        return None
    kept: Obj = {"address": None, "name": None, "phone": None} | dict(before or {}) | dict(sent)
    kept["address"] = _address((before or {}).get("address"), kept["address"])
    return kept


def _set_tax(world: World, customer: Obj, sent: Seen) -> None:
    if "ip_address" in sent:
        customer["_ip_address"] = sent["ip_address"]
    if sent.get("validate_location") == "immediately":
        taxation.refuse_nowhere(world, taxation.place_of(world, customer))
