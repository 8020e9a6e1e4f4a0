"""The endpoints of payment intents. Source: https://docs.stripe.com/api/payment_intents."""

from tallygate_sandbox.api import Call, Evidence, endpoint, expandable, page
from tallygate_sandbox.api.search import NUMBER, TOKEN, search
from tallygate_sandbox.customers import existing
from tallygate_sandbox.money.currencies import least_charge, written
from tallygate_sandbox.payments import charges, intents, methods
from tallygate_sandbox.payments.intents import KIND, OPEN
from tallygate_sandbox.payments.shared import checked_secret, choose_types, need_return_url
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, index

MOST = 99_999_999
SETTABLE = "description metadata receipt_email setup_future_usage shipping statement_descriptor "
SETTABLE += "statement_descriptor_suffix transfer_group"
CONFIRMING = "error_on_requires_action off_session return_url use_stripe_sdk"

index(KIND, "customer", "_invoice")
expandable(KIND, customer="customer", payment_method=methods.KIND, latest_charge=charges.KIND)


@endpoint(
    "POST /v1/payment_intents",
    "PaymentIntentCreateParams",
    f"{SETTABLE} {CONFIRMING} allowed_payment_method_types amount automatic_payment_methods"
    " capture_method confirm confirmation_method currency customer payment_method",
)
def create(call: Call) -> Obj:
    world = call.world
    currency = call.params["currency"].lower()
    _check_amount(call.params["amount"], currency)
    if customer := call.sent("customer"):
        existing(call.world, customer, "customer")
    intent = intents.new(world, call.params["amount"], currency, customer)
    choose_types(call, intent)
    call.change(intent, "capture_method", "confirmation_method")
    _change(call, intent)
    world.add(intent)
    world.emit("payment_intent.created", intent)
    if call.sent("confirm"):
        return _confirm(call, intent)
    for name in CONFIRMING.split():
        if name in call.params:
            raise Refusal(
                f"The parameter `{name}` can only be used when `confirm` is `true`.", param=name
            )
    return intent


@endpoint(
    "GET /v1/payment_intents/{id}",
    "PaymentIntentRetrieveParams",
    "client_secret",
    Evidence.RECORDED,
)
def retrieve(call: Call) -> Obj:
    return dict(checked_secret(call, call.world.get(KIND, call.path["id"])))


@endpoint(
    "POST /v1/payment_intents/{id}",
    "PaymentIntentUpdateParams",
    f"{SETTABLE} payment_method amount currency customer",
)
def update(call: Call) -> Obj:
    intent = call.world.edit(KIND, call.path["id"])
    for name in ("amount", "currency", "customer", "payment_method"):
        if name in call.params and intent["status"] not in OPEN:
            raise intents.unexpected(call.world, intent, f"update the {name} of")
        if name in call.params and intent["_invoice"] and name != "payment_method":
            raise Refusal(
                f"You cannot modify `{name}` on a PaymentIntent when it was created by an "
                "invoice.",
                param=name,
            )
    if "amount" in call.params:
        _check_amount(call.params["amount"], call.sent("currency", intent["currency"]).lower())
    if customer := call.sent("customer"):
        existing(call.world, customer, "customer")
    call.change(intent, "amount", "currency", "customer")
    intent["currency"] = intent["currency"].lower()
    _change(call, intent)
    return intent


@endpoint(
    "POST /v1/payment_intents/{id}/confirm",
    "PaymentIntentConfirmParams",
    f"payment_method {CONFIRMING} receipt_email setup_future_usage shipping",
)
def confirm(call: Call) -> Obj:
    intent = call.world.edit(KIND, call.path["id"])
    if intent["status"] not in OPEN:
        raise intents.unexpected(call.world, intent, "confirm")
    _change(call, intent)
    return _confirm(call, intent)


@endpoint(
    "POST /v1/payment_intents/{id}/cancel", "PaymentIntentCancelParams", "cancellation_reason"
)
def cancel(call: Call) -> Obj:
    intent = call.world.edit(KIND, call.path["id"])
    if intent["status"] not in OPEN | {"requires_capture"}:
        raise intents.unexpected(call.world, intent, "cancel")
    if intent["_invoice"]:
        raise Refusal(
            "You cannot cancel PaymentIntents created by invoices. You should instead void the "
            "invoice."
        )
    return intents.cancel(call.world, intent["id"], call.sent("cancellation_reason"))


@endpoint(
    "POST /v1/payment_intents/{id}/capture", "PaymentIntentCaptureParams", "amount_to_capture"
)
def capture(call: Call) -> Obj:
    world = call.world
    intent = world.edit(KIND, call.path["id"])
    if intent["status"] != "requires_capture":
        raise intents.unexpected(world, intent, "capture")
    amount = call.sent("amount_to_capture", intent["amount"])
    if not 0 < amount <= intent["amount"]:
        raise Refusal("Amount to capture is out of range.", param="amount_to_capture")
    charge = world.edit(charges.KIND, intent["latest_charge"])
    charges.settle(world, charge, amount)
    world.emit("charge.captured", charge)
    intent |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0}
    world.emit("payment_intent.succeeded", intent)
    return intent


@endpoint("GET /v1/payment_intents", "PaymentIntentListParams", "created customer")
def list_(call: Call) -> Obj:
    customer = call.sent("customer")
    if customer is None:
        return page(call, KIND)
    return page(call, KIND, among=reversed(call.world.where(KIND, "customer", customer)))


@endpoint(
    "GET /v1/payment_intents/search",
    "PaymentIntentSearchParams",
    "query page",
    Evidence.DOCUMENTED,
)
def search_(call: Call) -> Obj:
    fields = {"amount": NUMBER, "created": NUMBER} | dict.fromkeys(
        ("currency", "customer", "status"), TOKEN
    )
    return search(call, KIND, fields)


def _confirm(call: Call, intent: Obj) -> Obj:
    """Confirm, and answer 402 to a decline: the intent and its failed charge stay."""
    off_session = bool(call.sent("off_session")) or bool(call.sent("error_on_requires_action"))
    if not off_session:
        need_return_url(call, intent)
    intent["_return_url"] = None if call.sent("use_stripe_sdk") else call.sent("return_url")
    intent["_base_url"] = call.base_url
    chosen = intent["payment_method"]
    confirmed = intents.confirm(call.world, intent["id"], chosen, off_session=off_session)
    if confirmed["last_payment_error"]:
        raise intents.refusal(call.world, confirmed)
    return confirmed


def _change(call: Call, intent: Obj) -> None:
    """Set what was sent, as far as create, update and confirm share it."""
    call.change(intent, *SETTABLE.split())
    if ident := call.sent("payment_method"):
        intent["payment_method"] = methods.usable(call.world, ident, intent["customer"])["id"]
        intent["status"] = "requires_confirmation"


def _check_amount(amount: int, currency: str) -> None:
    if amount < 1:
        raise Refusal(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount",
        )
    least = least_charge(currency)
    if amount < least:
        raise Refusal(
            f"Amount must be at least {written(least, currency)} {currency}",
            code="amount_too_small",
            param="amount",
        )
    if amount > MOST:
        raise Refusal(
            f"Amount must be no more than {written(MOST, currency)} {currency}",
            code="amount_too_large",
            param="amount",
        )
