"""The endpoints of setup intents. Source: https://docs.stripe.com/api/setup_intents."""

from tallygate_sandbox.api import Call, endpoint, expandable, page
from tallygate_sandbox.customers import existing
from tallygate_sandbox.payments import methods, setups
from tallygate_sandbox.payments.setups import KIND, OPEN
from tallygate_sandbox.payments.shared import checked_secret, choose_types, need_return_url
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, index

CONFIRMING = "return_url use_stripe_sdk"

index(KIND, "customer")
expandable(KIND, customer="customer", payment_method=methods.KIND)


@endpoint(
    "POST /v1/setup_intents",
    "SetupIntentCreateParams",
    f"allowed_payment_method_types automatic_payment_methods confirm customer description metadata"
    f" payment_method usage {CONFIRMING}",
)
def create(call: Call) -> Obj:
    world = call.world
    if customer := call.sent("customer"):
        existing(call.world, customer, "customer")
    intent = setups.new(world, customer, call.sent("usage", "off_session"))
    choose_types(call, intent)
    _change(call, intent)
    world.add(intent)
    world.emit("setup_intent.created", intent)
    if call.sent("confirm"):
        return _confirm(call, intent)
    if "return_url" in call.params:
        raise Refusal(
            "The parameter `return_url` can only be used when `confirm` is `true`.",
            param="return_url",
        )
    return intent


@endpoint("GET /v1/setup_intents/{id}", "SetupIntentRetrieveParams", "client_secret")
def retrieve(call: Call) -> Obj:
    return dict(checked_secret(call, call.world.get(KIND, call.path["id"])))


@endpoint(
    "POST /v1/setup_intents/{id}",
    "SetupIntentUpdateParams",
    "customer description metadata payment_method",
)
def update(call: Call) -> Obj:
    intent = call.world.edit(KIND, call.path["id"])
    if customer := call.sent("customer"):
        existing(call.world, customer, "customer")
        intent["customer"] = customer
    _change(call, intent)
    return intent


@endpoint(
    "POST /v1/setup_intents/{id}/confirm",
    "SetupIntentConfirmParams",
    f"payment_method {CONFIRMING}",
)
def confirm(call: Call) -> Obj:
    intent = call.world.edit(KIND, call.path["id"])
    if intent["status"] not in OPEN:
        raise setups.unexpected(call.world, intent, "confirm")
    _change(call, intent)
    return _confirm(call, intent)


@endpoint("POST /v1/setup_intents/{id}/cancel", "SetupIntentCancelParams", "cancellation_reason")
def cancel(call: Call) -> Obj:
    intent = call.world.edit(KIND, call.path["id"])
    if intent["status"] not in OPEN:
        raise setups.unexpected(call.world, intent, "cancel")
    return setups.cancel(call.world, intent["id"], call.sent("cancellation_reason"))


@endpoint("GET /v1/setup_intents", "SetupIntentListParams", "created customer payment_method")
def list_(call: Call) -> Obj:
    wanted = {"customer": call.sent("customer"), "payment_method": call.sent("payment_method")}
    return page(call, KIND, lambda s: all(v is None or s[name] == v for name, v in wanted.items()))


def _confirm(call: Call, intent: Obj) -> Obj:
    """Confirm, and answer 402 to a decline: the intent and its error stay."""
    need_return_url(call, intent)
    intent["_return_url"] = None if call.sent("use_stripe_sdk") else call.sent("return_url")
    intent["_base_url"] = call.base_url
    confirmed = setups.confirm(call.world, intent["id"])
    if confirmed["last_setup_error"]:
        raise setups.refusal(call.world, confirmed)
    return confirmed


def _change(call: Call, intent: Obj) -> None:
    call.change(intent, "description", "metadata")
    if ident := call.sent("payment_method"):
        intent["payment_method"] = methods.usable(call.world, ident, intent["customer"])["id"]
        intent["status"] = "requires_confirmation"
