"""The endpoints of payment methods. Source: https://docs.stripe.com/api/payment_methods."""

from datetime import UTC, datetime
from typing import Any

from tallygate_sandbox.api import Call, Evidence, endpoint, expandable, page
from tallygate_sandbox.payments import methods
from tallygate_sandbox.payments.methods import KIND
from tallygate_sandbox.payments.numbers import named, of_number
from tallygate_sandbox.wire.refusals import Refusal, absent, missing_param, no_such
from tallygate_sandbox.world import Obj, Seen

CARD = "card.number card.exp_month card.exp_year card.cvc card.token"
CVC_LENGTHS = (3, 4)
MONTHS = range(1, 13)
MOST_YEARS = 50

expandable(KIND, customer="customer")


@endpoint(
    "POST /v1/payment_methods",
    "PaymentMethodCreateParams",
    f"allow_redisplay billing_details metadata type {CARD}",
)
def create(call: Call) -> Obj:
    if "type" not in call.params:
        raise missing_param("type")
    if call.params["type"] != "card":
        raise absent(f"payment methods of type {call.params['type']}")
    card = call.sent("card")
    if card is None:
        raise missing_param("card")
    return add_card(call, card)


@endpoint("GET /v1/payment_methods/{id}", "PaymentMethodRetrieveParams")
def retrieve(call: Call) -> Obj:
    return methods.existing(call.world, call.path["id"], status=404)


@endpoint(
    "POST /v1/payment_methods/{id}",
    "PaymentMethodUpdateParams",
    "allow_redisplay billing_details metadata card.exp_month card.exp_year",
)
def update(call: Call) -> Obj:
    world = call.world
    method = methods.existing(world, call.path["id"], status=404)
    if method["customer"] is None:
        raise Refusal(
            "You must save this PaymentMethod to a customer before you can update it.",
            code="payment_method_unexpected_state",
        )
    call.change(method, "allow_redisplay", "metadata")
    if details := call.sent("billing_details"):
        address = method["billing_details"]["address"] | (details.get("address") or {})
        method["billing_details"] |= details | {"address": address}
    if card := call.sent("card"):
        shown = method["card"]
        month = card.get("exp_month", shown["exp_month"])
        year = card.get("exp_year", shown["exp_year"])
        shown["exp_month"], shown["exp_year"] = expiry(month, year, world.now(method))
    world.updated(method)
    return method


@endpoint("GET /v1/payment_methods", "PaymentMethodListParams", "allow_redisplay customer type")
def list_(call: Call) -> Obj:
    """A customer's methods; without a customer there are none to list."""
    customer = call.sent("customer")
    if customer:
        call.world.get("customer", customer, "customer")
    return _list(call, customer)


@endpoint(
    "GET /v1/customers/{customer}/payment_methods",
    "CustomerPaymentMethodListParams",
    "allow_redisplay type",
)
def list_of_customer(call: Call) -> Obj:
    return _list(call, call.world.get("customer", call.path["customer"])["id"])


@endpoint(
    "GET /v1/customers/{customer}/payment_methods/{id}", "CustomerPaymentMethodRetrieveParams"
)
def retrieve_of_customer(call: Call) -> Obj:
    found = call.world.find(KIND, call.path["id"])
    if found is None or found["customer"] != call.path["customer"]:
        raise no_such(KIND, call.path["id"], "payment_method")
    return dict(found)


@endpoint(
    "POST /v1/payment_methods/{id}/attach", "PaymentMethodAttachParams", "customer", Evidence.SDK
)
def attach(call: Call) -> Obj:
    customer = call.sent("customer")
    if customer is None:
        raise missing_param("customer")
    method = methods.existing(call.world, call.path["id"], status=404)
    return methods.attach(call.world, method, customer)


@endpoint("POST /v1/payment_methods/{id}/detach", "PaymentMethodDetachParams")
def detach(call: Call) -> Obj:
    method = methods.existing(call.world, call.path["id"], status=404)
    if method["customer"] is None:
        raise Refusal(
            "The payment method you provided is not attached to a customer so detachment is "
            "impossible.",
            code="payment_method_unexpected_state",
        )
    return methods.detach(call.world, method)


def add_card(call: Call, card: Seen) -> Obj:
    """Add the card that was sent: `token`, or `number`, `exp_month`, `exp_year` and `cvc`.

    Raises:
        Refusal: something is missing, or 402 as the card's issuer would say it.
    """
    known: dict[str, Any] = {
        "at": call.world.now(),
        "billing_details": call.sent("billing_details"),
        "metadata": call.sent("metadata"),
        "allow_redisplay": call.sent("allow_redisplay", "unspecified"),
    }
    if token := card.get("token"):
        found = named(token)
        if found is None:
            raise no_such("token", token, "card[token]", status=400)
        return methods.add_card(call.world, found, **known)
    for name in ("number", "exp_month", "exp_year"):
        if card.get(name) is None:
            raise missing_param(f"card[{name}]")
    found = of_number(card["number"])
    expires = expiry(card["exp_month"], card["exp_year"], known["at"])
    cvc = card.get("cvc")
    if cvc is not None and not (cvc.isdigit() and len(cvc) in CVC_LENGTHS):
        raise _incorrect("invalid_cvc", "Your card's security code is invalid.", "cvc")
    return methods.add_card(call.world, found, expires=expires, with_cvc=cvc is not None, **known)


def _list(call: Call, customer: str | None) -> Obj:
    wanted = {"type": call.sent("type"), "allow_redisplay": call.sent("allow_redisplay")}
    among = call.world.where(KIND, "customer", customer) if customer else []
    return page(
        call,
        KIND,
        lambda m: all(value is None or m[name] == value for name, value in wanted.items()),
        reversed(among),
    )


def expiry(month: int, year: int, now: int) -> tuple[int, int]:
    """A month and a year of four digits, not past yet. Afterwards a test card never expires."""
    today = datetime.fromtimestamp(now, UTC)
    year = year + 2000 if 0 <= year < 100 else year
    past = year == today.year and month < today.month
    if month not in MONTHS or past:
        raise _incorrect(
            "invalid_expiry_month", "Your card's expiration month is invalid.", "exp_month"
        )
    if not today.year <= year <= today.year + MOST_YEARS:
        raise _incorrect(
            "invalid_expiry_year", "Your card's expiration year is invalid.", "exp_year"
        )
    return month, year


def _incorrect(code: str, message: str, param: str) -> Refusal:
    return Refusal(message, status=402, type="card_error", code=code, param=param)
