"""Setup intents: a card made ready for payments to come.

Source: https://docs.stripe.com/payments/setup-intents.
"""

from tallygate_sandbox.payments import methods
from tallygate_sandbox.payments.declines import DECLINES
from tallygate_sandbox.payments.intents import next_action, not_authenticated
from tallygate_sandbox.payments.shared import card_refusal
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World

KIND = "setup_intent"
OPEN = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})


def prepare(world: World, *, customer: str | None, usage: str = "off_session") -> Obj:
    """Create an unconfirmed setup intent, as a subscription's `pending_setup_intent`."""
    intent = world.add(new(world, customer, usage))
    world.emit("setup_intent.created", intent)
    return intent


def confirm(world: World, intent: str, payment_method: str | None = None) -> Obj:
    """Ask the card's issuer: the intent is `succeeded`, `requires_action`, or has an error.

    Raises:
        Refusal: there is no such method, or none at all, or the intent is final.
    """
    found = world.edit(KIND, intent)
    if found["status"] not in OPEN:
        raise unexpected(world, found, "confirm")
    chosen = payment_method or found["payment_method"]
    if chosen is None:
        raise Refusal(
            "You cannot confirm this SetupIntent because it's missing a payment method. Update "
            "the SetupIntent with a payment method and then confirm it again.",
            code="setup_intent_unexpected_state",
            more={"setup_intent": world.view(found)},
        )
    method = methods.usable(world, chosen, found["customer"])
    found |= {"payment_method": method["id"], "last_setup_error": None, "next_action": None}
    found["latest_attempt"] = world.ids.new("setatt")
    card = methods.card_of(method)
    if card.decline and not card.attaches:
        return _fail(world, found, DECLINES[card.decline].error(None, world.view(method)))
    if card.authentication.needed(off_session=True, set_up=method["_set_up"]):
        found |= {"status": "requires_action", "next_action": next_action(found)}
        world.emit("setup_intent.requires_action", found)
        return found
    return _succeed(world, found, method)


def authenticate(world: World, intent: str, *, succeeded: bool) -> Obj:
    """The owner of the card has authenticated the setup, or failed to."""
    found = world.edit(KIND, intent)
    if found["status"] != "requires_action":
        raise unexpected(world, found, "authenticate")
    method = world.edit(methods.KIND, found["payment_method"])
    found["next_action"] = None
    if succeeded:
        return _succeed(world, found, method)
    return _fail(world, found, not_authenticated(KIND, world.view(method)))


def cancel(world: World, intent: str, reason: str | None = None) -> Obj:
    """Cancel a setup intent that is not final; a final one stays."""
    found = world.edit(KIND, intent)
    if found["status"] in OPEN:
        found |= {"status": "canceled", "cancellation_reason": reason, "next_action": None}
        world.emit("setup_intent.canceled", found)
    return found


def refusal(world: World, intent: Seen) -> Refusal:
    """What the API answers, with status 402, when a card was not set up; the attempt stays."""
    return card_refusal(intent["last_setup_error"], setup_intent=world.view(intent))


def unexpected(world: World, intent: Seen, verb: str) -> Refusal:
    """A setup intent is not in a state for this."""
    return Refusal(
        f"You cannot {verb} this SetupIntent because it has a status of {intent['status']}.",
        code="setup_intent_unexpected_state",
        more={"setup_intent": world.view(intent)},
    )


def new(world: World, customer: str | None, usage: str) -> Obj:
    """A setup intent with all its fields, not yet added."""
    ident = world.ids.new("seti")
    return {
        "id": ident,
        "object": KIND,
        "allowed_payment_method_types": None,
        "application": None,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "client_secret": f"{ident}_secret_{world.ids.token(31)}",
        "created": world.now({"customer": customer}),
        "customer": customer,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": usage,
        "_base_url": "",
        "_return_url": None,
    }


def _succeed(world: World, intent: Obj, method: Obj) -> Obj:
    if intent["customer"]:
        methods.attach(world, method, intent["customer"])
    method["_set_up"] = True
    intent["status"] = "succeeded"
    world.emit("setup_intent.succeeded", intent)
    return intent


def _fail(world: World, intent: Obj, error: Obj) -> Obj:
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "last_setup_error": error,
    }
    world.emit("setup_intent.setup_failed", intent)
    return intent
