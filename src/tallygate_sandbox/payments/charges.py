"""Charges: one attempt of an intent to take money from a card, made or refused.

Source: https://docs.stripe.com/api/charges; fields as real payments show them.
"""

from tallygate_sandbox.api import Call, Evidence, endpoint, expandable, only_expanded, page
from tallygate_sandbox.api.pages import list_of
from tallygate_sandbox.api.search import NUMBER, TOKEN, search
from tallygate_sandbox.payments import balance, sources
from tallygate_sandbox.payments.declines import AUTHORIZED, DECLINES
from tallygate_sandbox.payments.methods import card_of
from tallygate_sandbox.world import Obj, Seen, World, index

KIND = "charge"

index(KIND, "customer", "payment_intent")
expandable(KIND, balance_transaction=balance.KIND, customer="customer", review="review")
expandable(KIND, failure_balance_transaction=balance.KIND, payment_intent="payment_intent")


def attempt(world: World, intent: Seen, method: Seen, decline: str, *, authenticated: bool) -> Obj:
    """Charge a card for an intent; `decline` says why its issuer refuses, "" that it does not.

    Emits charge.succeeded or charge.failed.
    """
    charge = world.add(_new(world, intent, method))
    charge["payment_method_details"] = _details(
        world, intent, method, declined=bool(decline), authenticated=authenticated
    )
    if decline:
        why = DECLINES[decline]
        charge |= {
            "failure_code": why.code,
            "failure_message": why.message,
            "outcome": why.outcome(),
        }
        world.emit("charge.failed", charge)
        return charge
    charge |= {"outcome": AUTHORIZED, "paid": True, "status": "succeeded"}
    charge["receipt_url"] = f"/_pages/receipts/{charge['id']}"
    if intent["capture_method"] != "manual":
        settle(world, charge, charge["amount"], card_of(method).later)
    world.emit("charge.succeeded", charge)
    return charge


def settle(world: World, charge: Obj, amount: int, later: str = "") -> None:
    """Capture a charge: the amount, less the fee, comes onto the balance."""
    charge["captured"] = True
    charge["amount_captured"] = amount
    charge["balance_transaction"] = balance.move(
        world,
        source=charge,
        amount=amount,
        kind="charge",
        fee=balance.fee_of(amount),
        at_once=later == "available",
        description=charge["description"],
    )


def _new(world: World, intent: Seen, method: Seen) -> Obj:
    return {
        "id": world.ids.new("ch"),
        "object": KIND,
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "TALLYGATE SANDBOX",
        "captured": False,
        "created": world.now(intent),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": None,
        "paid": False,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": None,
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": intent["shipping"],
        "source": world.view(source)
        if (source := world.find(sources.KIND, method["id"]))
        else None,
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "failed",
        "transfer_data": None,
        "transfer_group": intent["transfer_group"],
    }


def _details(
    world: World, intent: Seen, method: Seen, *, declined: bool, authenticated: bool
) -> Obj:
    card = method["card"]
    shown = {
        key: card[key]
        for key in ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint")
    }
    amount = intent["amount"]
    shown |= {
        "amount_authorized": None if declined else amount,
        "authorization_code": world.ids.token(6, "0123456789"),
        "extended_authorization": DISABLED,
        "funding": card["funding"],
        "incremental_authorization": UNAVAILABLE,
        "installments": None,
        "last4": card["last4"],
        "mandate": None,
        "multicapture": UNAVAILABLE,
        "network": card["brand"],
        "network_token": UNUSED,
        "network_transaction_id": world.ids.token(15, "0123456789"),
        "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
        "regulated_status": card["regulated_status"],
        "three_d_secure": AUTHENTICATED if authenticated else None,
        "wallet": None,
    }
    return {"card": shown, "type": "card"}


# Parts that are the same in all charges are one thing in memory: nothing changes them.
DISABLED: Obj = {"status": "disabled"}
UNAVAILABLE: Obj = {"status": "unavailable"}
UNUSED: Obj = {"used": False}
AUTHENTICATED: Obj = {
    "authentication_flow": "challenge",
    "electronic_commerce_indicator": "05",
    "exemption_indicator": None,
    "result": "authenticated",
    "result_reason": None,
    "transaction_id": None,
    "version": "2.2.0",
}


@endpoint("GET /v1/charges/{id}", "ChargeRetrieveParams")
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint("POST /v1/charges/{id}", "ChargeUpdateParams", "description metadata receipt_email")
def update(call: Call) -> Obj:
    charge = call.world.edit(KIND, call.path["id"])
    call.change(charge, "description", "metadata", "receipt_email")
    call.world.updated(charge)
    return charge


@endpoint("GET /v1/charges", "ChargeListParams", "created customer payment_intent transfer_group")
def list_(call: Call) -> Obj:
    among = None
    for field in ("payment_intent", "customer"):
        if value := call.sent(field):
            among = reversed(call.world.where(KIND, field, value))
            break
    wanted = {f: call.sent(f) for f in ("customer", "payment_intent", "transfer_group")}
    return page(
        call, KIND, lambda c: all(v is None or c[f] == v for f, v in wanted.items()), among
    )


@endpoint("GET /v1/charges/search", "ChargeSearchParams", "query page", Evidence.DOCUMENTED)
def search_(call: Call) -> Obj:
    fields = {"amount": NUMBER, "created": NUMBER, "currency": TOKEN, "customer": TOKEN}
    card = dict.fromkeys(("brand", "fingerprint", "last4"), TOKEN)
    card |= {"exp_month": NUMBER, "exp_year": NUMBER}
    fields |= {"disputed": TOKEN, "refunded": TOKEN, "status": TOKEN}
    fields["billing_details.address.postal_code"] = TOKEN
    fields |= {f"payment_method_details.card.{name}": how for name, how in card.items()}
    return search(call, KIND, fields)


@only_expanded(KIND, "refunds")
def refunds(world: World, charge: Seen) -> Obj:
    made = [
        world.view(refund) for refund in reversed(world.where("refund", "charge", charge["id"]))
    ]
    return list_of(f"/v1/charges/{charge['id']}/refunds", made)
