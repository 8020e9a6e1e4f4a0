"""What payment and setup intents have in common: types of methods, a secret, the way back.

Stripe chooses the types of methods unless it is told; here are only cards.
"""

from tallygate_sandbox.api import Call
from tallygate_sandbox.wire.refusals import Refusal, absent
from tallygate_sandbox.world import Obj, Seen


def choose_types(call: Call, intent: Obj) -> None:
    """Note on a new intent what `allowed_payment_method_types` and `automatic_...` say.

    Raises:
        Refusal: 501, cards are not among them.
    """
    allowed = call.sent("allowed_payment_method_types")
    if allowed and "card" not in allowed:
        raise absent(f"the payment method types {', '.join(allowed)}")
    intent["allowed_payment_method_types"] = allowed
    automatic = call.sent("automatic_payment_methods", {"enabled": not allowed})
    if automatic["enabled"]:
        intent["automatic_payment_methods"] = {"allow_redirects": "always"} | automatic


def need_return_url(call: Call, intent: Seen) -> None:
    """Methods that redirect need an address to come back to; without one they must be ruled out.

    Raises:
        Refusal: `return_url` is missing.
    """
    automatic = intent["automatic_payment_methods"] or {}
    if automatic.get("allow_redirects") != "always" or call.sent("return_url"):
        return
    raise Refusal(
        "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. "
        "Because some of these payment methods might redirect your customer off of your page, you "
        "must provide a `return_url`. If you don't want to accept redirect-based payment methods, "
        "set `automatic_payment_methods[enabled]` to `true` and "
        "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
        "Payment Intents.".replace("PaymentIntent", NAMES[intent["object"]], 1),
        param="return_url",
    )


def checked_secret(call: Call, intent: Seen) -> Seen:
    """The intent, whose secret a browser may send along.

    Raises:
        Refusal: the secret is another's.
    """
    sent = call.sent("client_secret")
    if sent is not None and sent != intent["client_secret"]:
        raise Refusal(
            "The client_secret provided does not match the client_secret associated with the "
            f"{NAMES[intent['object']]}.",
            param="client_secret",
        )
    return intent


NAMES = {"payment_intent": "PaymentIntent", "setup_intent": "SetupIntent"}


def card_refusal(error: Seen, **intent: Obj) -> Refusal:
    """What an intent's last error is to whoever asked for it: 402, and the attempt stays."""
    kept = ("type", "code", "message", "param", "doc_url")
    return Refusal(
        error["message"],
        status=402,
        type="card_error",
        code=error["code"],
        param=error.get("param"),
        more={key: value for key, value in error.items() if key not in kept} | intent,
        keeps=True,
    )
