"""Payment methods: cards as an API shows them, whose they are, and what they are attached to.

Source: https://docs.stripe.com/api/payment_methods; fields as real payments show them. Only cards.
"""

import hashlib
from datetime import UTC, datetime

from tallygate_sandbox import customers
from tallygate_sandbox.payments.declines import DECLINES
from tallygate_sandbox.payments.numbers import BY_NUMBER, Authentication, Card, named
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World, index, when

KIND = "payment_method"
NO_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))

index(KIND, "customer")


def default_method(world: World, customer: str, subscription: Seen | None = None) -> str | None:
    """Which method pays: the subscription's default, else the customer's for invoices.

    In either place an older source comes after the method. One that was detached meanwhile pays
    no more. Source: https://docs.stripe.com/billing/subscriptions/payment-methods-setting.
    """
    for chosen in _in_turn(world.get("customer", customer), subscription or {}):
        method = world.find(KIND, chosen)
        if method is not None and method["customer"] == customer:
            return str(chosen)
    return None


def _in_turn(customer: Seen, subscription: Seen) -> tuple[str | None, ...]:
    return (
        subscription.get("default_payment_method"),
        subscription.get("default_source"),
        customer["invoice_settings"]["default_payment_method"],
        customer.get("default_source"),
    )


def add_card(
    world: World,
    card: Card,
    *,
    at: int,
    expires: tuple[int, int] | None = None,
    with_cvc: bool = True,
    billing_details: Seen | None = None,
    metadata: dict[str, str] | None = None,
    allow_redisplay: str = "unspecified",
    ident: str | None = None,
) -> Obj:
    """Add a payment method for a test card; it belongs to nobody yet.

    `at` is the time in seconds, `expires` a month and a year: a year from now unless given.
    """
    today = datetime.fromtimestamp(at, UTC)
    month, year = expires or (today.month, today.year + 1)
    details = _billing_details(billing_details or {})
    return world.add(
        {
            "id": ident or world.ids.new("pm"),
            "object": KIND,
            "allow_redisplay": allow_redisplay,
            "billing_details": details,
            "card": _shown(card, month, year, details, with_cvc=with_cvc),
            "created": at,
            "customer": None,
            "customer_account": None,
            "livemode": False,
            "metadata": metadata or {},
            "type": "card",
            "_number": card.number,
            "_set_up": card.authentication is Authentication.ON_SESSION,
            "_spent": False,
        }
    )


def card_of(method: Seen) -> Card:
    return BY_NUMBER[method["_number"]]


def existing(world: World, ident: str, param: str = "payment_method", status: int = 400) -> Obj:
    """The method with an id, to be changed; `pm_card_visa` and its like make a new one.

    Raises:
        Refusal: there is none.
    """
    if card := named(ident) if ident.startswith("pm_card_") else None:
        return add_card(world, card, at=world.now())
    if world.find(KIND, ident) is None:
        raise Refusal(
            f"No such PaymentMethod: '{ident}'",
            status=status,
            code="resource_missing",
            param=param,
        )
    return world.edit(KIND, ident)


def usable(world: World, ident: str, customer: str | None) -> Obj:
    """The method with an id, for an intent of this customer or of nobody.

    Raises:
        Refusal: it is another customer's, or it was used up or detached.
    """
    method = existing(world, ident)
    if method["_spent"]:
        raise _spent()
    if method["customer"] and customer is None:
        raise Refusal(
            "The payment method you provided belongs to a customer. Please include the Customer "
            "in the `customer` parameter.",
            param="payment_method",
        )
    if method["customer"] not in {None, customer}:
        raise Refusal(
            f"The customer does not have a payment method with the ID {ident}. The payment method "
            "must be attached to the customer.",
            code="resource_missing",
            param="payment_method",
        )
    return method


def attach(world: World, method: Obj, customer: str, param: str = "customer") -> Obj:
    """Attach a method to a customer, after its issuer was asked.

    Raises:
        Refusal: the card is declined (402), it is another customer's, or it was detached before.
    """
    owner = customers.existing(world, customer, param)
    if method["customer"] == customer:
        return method
    if method["_spent"]:
        raise _spent()
    if method["customer"]:
        raise Refusal(
            "The payment method you provided has already been attached to a customer.",
            code="payment_method_unexpected_state",
        )
    card = card_of(method)
    if card.decline and not card.attaches:
        raise declined(card.decline, {})
    method["customer"] = owner["id"]
    world.emit("payment_method.attached", method)
    return method


def detach(world: World, method: Obj) -> Obj:
    """Take a method from its customer, for good; it pays nothing any more."""
    world.signal("payment_method.detaching", method)
    owner = world.edit("customer", method["customer"])
    if owner["invoice_settings"]["default_payment_method"] == method["id"]:
        owner["invoice_settings"]["default_payment_method"] = None
        world.updated(owner)
    previous = {"customer": method["customer"]}
    method["customer"] = None
    method["_spent"] = True
    world.emit("payment_method.detached", method, previous)
    return method


def declined(why: str, more: Obj, *, keeps: bool = False) -> Refusal:
    """The answer 402 that a declined card brings."""
    decline = DECLINES[why]
    error = decline.error(None, None)
    told = {
        key: error[key]
        for key in ("advice_code", "decline_code", "network_decline_code")
        if key in error
    }
    return Refusal(
        decline.message,
        status=402,
        type="card_error",
        code=decline.code,
        param=decline.param,
        more=told | more,
        keeps=keeps,
    )


@when("customer.introducing_payment_method")
def introduce(world: World, customer: Obj) -> None:
    """Attach what a new customer brings along, and tell the customer its id."""
    method = existing(world, customer["_payment_method"])
    customer["_payment_method"] = attach(world, method, customer["id"])["id"]


@when("customer.deleted")
def detach_all(world: World, customer: Seen) -> None:
    for method in world.where(KIND, "customer", customer["id"]):
        found = world.edit(KIND, method["id"])
        found["customer"] = None
        found["_spent"] = True
        world.emit("payment_method.detached", found, {"customer": customer["id"]})


def _spent() -> Refusal:
    return Refusal(
        "The provided PaymentMethod was previously used with a PaymentIntent without Customer "
        "attachment, shared with a connected account without Customer attachment, or was detached "
        "from a Customer. It may not be used again. To use a PaymentMethod multiple times, you "
        "must attach it to a Customer first."
    )


def _billing_details(sent: Seen) -> Obj:
    details: Obj = {"address": None, "email": None, "name": None, "phone": None, "tax_id": None}
    return details | dict(sent) | {"address": NO_ADDRESS | (sent.get("address") or {})}


def _shown(card: Card, month: int, year: int, details: Seen, *, with_cvc: bool) -> Obj:
    given = {
        "address_line1_check": details["address"]["line1"],
        "address_postal_code_check": details["address"]["postal_code"],
        "cvc_check": with_cvc,
    }
    return {
        "brand": card.brand,
        "checks": {
            check: ("fail" if check in card.failing_checks else "pass") if told else None
            for check, told in given.items()
        },
        "country": card.country,
        "display_brand": "american_express" if card.brand == "amex" else card.brand,
        "exp_month": month,
        "exp_year": year,
        "fingerprint": hashlib.sha256(card.number.encode()).hexdigest()[:16],
        "funding": card.funding,
        "generated_from": None,
        "last4": card.number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": card.brand != "amex"},
        "wallet": None,
    }
