"""Payment intents: from a wish to be paid to a charge.

Source: https://docs.stripe.com/payments/paymentintents/lifecycle; fields as recorded.
"""

from tallygate_sandbox.payments import charges, methods, sources
from tallygate_sandbox.payments.declines import DECLINES
from tallygate_sandbox.payments.shared import card_refusal
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World

KIND = "payment_intent"
OPEN = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})
# The same in all intents, and one thing in memory: nothing changes them.
NO_TIP: Obj = {"tip": {}}
METHOD_OPTIONS: Obj = {
    "card": {
        "installments": None,
        "mandate_options": None,
        "network": None,
        "request_three_d_secure": "automatic",
    }
}
CARDS_ONLY = ["card"]


def collect(
    world: World,
    *,
    customer: str,
    amount: int,
    currency: str,
    payment_method: str | None,
    invoice: str | None = None,
    off_session: bool = True,
    description: str | None = None,
    setup_future_usage: str | None = None,
) -> Obj:
    """Create a payment intent and confirm it at once; its events are emitted.

    Gives the intent: `succeeded`, `requires_payment_method` with `last_payment_error`, or
    `requires_action` (3-D Secure; for an invoice also off session). A decline is no exception: the
    status says how it went, and `refusal` what the API answers to it.
    """
    intent = prepare(
        world,
        customer=customer,
        amount=amount,
        currency=currency,
        invoice=invoice,
        description=description,
        setup_future_usage=setup_future_usage,
    )
    return confirm(world, intent["id"], payment_method, off_session=off_session)


def prepare(
    world: World,
    *,
    customer: str | None,
    amount: int,
    currency: str,
    invoice: str | None = None,
    description: str | None = None,
    setup_future_usage: str | None = None,
) -> Obj:
    """Create an unconfirmed payment intent, `requires_payment_method`, as for default_incomplete.

    `amount` is in minor units. An intent of an invoice bears its id in `_invoice`.
    """
    intent = new(world, amount, currency, customer)
    intent |= {
        "capture_method": "automatic",
        "description": description,
        "setup_future_usage": setup_future_usage,
        "_invoice": invoice,
    }
    if invoice:
        intent["payment_details"] = {"customer_reference": None, "order_reference": invoice}
    world.add(intent)
    world.emit("payment_intent.created", intent)
    return intent


def confirm(
    world: World, intent: str, payment_method: str | None = None, *, off_session: bool = False
) -> Obj:
    """Try to pay an intent, for the first time or again; like collect, it refuses no decline.

    Without a method it takes the intent's own, or the customer's default.

    Raises:
        Refusal: there is no such method, or none at all, or the intent is final.
    """
    found = world.edit(KIND, intent)
    if found["status"] not in OPEN:
        raise unexpected(world, found, "confirm")
    chosen = payment_method or found["payment_method"]
    if chosen is None and found["customer"]:
        chosen = methods.default_method(world, found["customer"])
    if chosen is None:
        raise Refusal(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can "
            "either update the PaymentIntent with a payment method and then confirm it again, or "
            "confirm it again directly with a payment method or ConfirmationToken.",
            code="payment_intent_unexpected_state",
            more={"payment_intent": world.view(found)},
        )
    method = methods.usable(world, chosen, found["customer"])
    found |= {"payment_method": method["id"], "last_payment_error": None, "next_action": None}
    source = world.find(sources.KIND, method["id"])  # an older source, which bears the method's id
    found["source"] = source["id"] if source else None
    card = methods.card_of(method)
    if card.authentication.needed(off_session=off_session, set_up=method["_set_up"]):
        if off_session and not found["_invoice"]:
            return _charge(world, found, method, "authentication_required")
        found["status"] = "requires_action"
        found["next_action"] = next_action(found)
        world.emit("payment_intent.requires_action", found)
        return found
    return _charge(world, found, method, card.decline)


def authenticate(world: World, intent: str, *, succeeded: bool) -> Obj:
    """The owner of the card has authenticated the payment, or failed to: go on, or give it up."""
    found = world.edit(KIND, intent)
    if found["status"] != "requires_action":
        raise unexpected(world, found, "authenticate")
    method = world.edit(methods.KIND, found["payment_method"])
    found["next_action"] = None
    if succeeded:
        if found["setup_future_usage"] == "off_session" or found["_invoice"]:
            method["_set_up"] = True
        decline = methods.card_of(method).decline
        return _charge(world, found, method, decline, authenticated=True)
    found |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "last_payment_error": not_authenticated("payment_intent", world.view(method)),
    }
    world.emit("payment_intent.payment_failed", found)
    return found


def cancel(world: World, intent: str, reason: str | None = None) -> Obj:
    """Cancel an intent that is not paid, as when its invoice is voided; a final one stays."""
    found = world.edit(KIND, intent)
    if found["status"] in OPEN or found["status"] == "requires_capture":
        found |= {
            "status": "canceled",
            "canceled_at": world.now(found),
            "cancellation_reason": reason,
            "amount_capturable": 0,
            "next_action": None,
        }
        world.emit("payment_intent.canceled", found)
    return found


def refusal(world: World, intent: Seen) -> Refusal:
    """What the API answers, with status 402, when an intent was not paid; the attempt stays.

    A recorded answer names the charge, the intent and the method beside the codes.
    """
    if intent["status"] == "requires_action":
        return Refusal(
            "Payment for this invoice requires additional user action before it can be completed "
            "successfully. Payment can be completed using the PaymentIntent associated with the "
            "invoice.",
            status=402,
            type="card_error",
            code="invoice_payment_intent_requires_action",
            more={"payment_intent": world.view(intent)},
            keeps=True,
        )
    return card_refusal(intent["last_payment_error"], payment_intent=world.view(intent))


def unexpected(world: World, intent: Seen, verb: str) -> Refusal:
    """An intent is not in a state for this."""
    status = intent["status"]
    if verb == "confirm" and status == "succeeded":
        message = (
            "You cannot confirm this PaymentIntent because it has already succeeded after being "
            "previously confirmed."
        )
    else:
        message = f"You cannot {verb} this PaymentIntent because it has a status of {status}."
    return Refusal(
        message,
        code="payment_intent_unexpected_state",
        more={"payment_intent": world.view(intent)},
    )


def not_authenticated(of: str, method: Obj) -> Obj:
    """The error on an intent whose card's owner did not authenticate."""
    code = f"{of}_authentication_failure"
    return {
        "code": code,
        "doc_url": f"https://docs.stripe.com/error-codes#{code.replace('_', '-')}",
        "message": "The provided PaymentMethod has failed authentication. You can provide "
        "payment_method_data or a new PaymentMethod to attempt to fulfill this "
        f"{''.join(word.capitalize() for word in of.split('_'))} again.",
        "payment_method": method,
        "type": "invalid_request_error",
    }


def next_action(intent: Seen) -> Obj:
    """Where the owner of the card authenticates: a page of the sandbox."""
    page = f"{intent['_base_url']}/_pages/3ds/{intent['id']}"
    if intent["_return_url"]:
        redirect = {"return_url": intent["_return_url"], "url": page}
        return {"redirect_to_url": redirect, "type": "redirect_to_url"}
    sdk = {"stripe_js": page, "type": "three_d_secure_redirect"}
    return {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}


def _charge(
    world: World, intent: Obj, method: Obj, decline: str, *, authenticated: bool = False
) -> Obj:
    """Charge the card: the intent succeeds, waits for its capture, or asks for another method."""
    charge = charges.attempt(world, intent, method, decline, authenticated=authenticated)
    intent["latest_charge"] = charge["id"]
    if decline:
        intent |= {
            "status": "requires_payment_method",
            "payment_method": None,
            "last_payment_error": DECLINES[decline].error(charge["id"], world.view(method)),
        }
        world.emit("payment_intent.payment_failed", intent)
        return intent
    _keep_or_spend(world, intent, method)
    if intent["capture_method"] == "manual":
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        world.emit("payment_intent.amount_capturable_updated", intent)
        return intent
    intent |= {"status": "succeeded", "amount_received": intent["amount"]}
    world.emit("payment_intent.succeeded", intent)
    world.signal("payment_intent.charged", charge)
    return intent


def _keep_or_spend(world: World, intent: Seen, method: Obj) -> None:
    """A method of nobody is attached when it is set up for later; otherwise it pays once."""
    if method["customer"]:
        return
    if intent["setup_future_usage"] and intent["customer"]:
        methods.attach(world, method, intent["customer"])
    else:
        method["_spent"] = True


def new(world: World, amount: int, currency: str, customer: str | None) -> Obj:
    """An intent with all its fields, not yet added."""
    ident = world.ids.new("pi")
    return {
        "id": ident,
        "object": KIND,
        "allowed_payment_method_types": None,
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": NO_TIP,
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{ident}_secret_{world.ids.token(25)}",
        "confirmation_method": "automatic",
        "created": world.now({"customer": customer}),
        "currency": currency,
        "customer": customer,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_details": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": METHOD_OPTIONS,
        "payment_method_types": CARDS_ONLY,
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
        "_base_url": "",
        "_invoice": None,
        "_return_url": None,
    }
