"""Disputes: two test cards' owners ask their money back as soon as they have paid.

Source: https://docs.stripe.com/testing#disputes and https://docs.stripe.com/api/disputes. Evidence
cannot be submitted here: a dispute stays open, or is closed and thereby lost.
"""

from stripe import Dispute

from tallygate_sandbox.api import Call, endpoint, expandable, page
from tallygate_sandbox.payments import balance, charges, methods
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World, index, view_of, when
from tallygate_sandbox.world.world import public

KIND = "dispute"
FEE = 1500
ANSWER_WITHIN = 9 * 24 * 3600
NETWORK_CODES = {"fraudulent": "10.4", "product_not_received": "13.1"}
NOTHING = {"submission_count": 0, "submission_method": "not_submitted"}

index(KIND, "charge", "payment_intent")
expandable(KIND, charge=charges.KIND, payment_intent="payment_intent")


@when("payment_intent.charged")
def dispute(world: World, charge: Obj) -> None:
    """Dispute a charge whose card stands for that; its amount and a fee leave the balance."""
    later = methods.card_of(world.get(methods.KIND, charge["payment_method"])).later
    reason = later.removeprefix("dispute_")
    if reason == later:
        return
    made = world.add(_new(world, charge, reason))
    made["_moved"] = [
        balance.move(
            world,
            source=made,
            amount=-made["amount"],
            kind="adjustment",
            fee=FEE,
            at_once=True,
            description=f"Chargeback withdrawal for {charge['id']}",
        )
    ]
    charge["disputed"] = True
    world.emit("charge.dispute.created", made)
    world.emit("charge.dispute.funds_withdrawn", made)


@endpoint("GET /v1/disputes/{id}", "DisputeRetrieveParams")
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint("GET /v1/disputes", "DisputeListParams", "charge created payment_intent")
def list_(call: Call) -> Obj:
    wanted = {name: call.sent(name) for name in ("charge", "payment_intent")}
    return page(call, KIND, lambda d: all(v is None or d[name] == v for name, v in wanted.items()))


@endpoint("POST /v1/disputes/{id}/close", "DisputeCloseParams")
def close(call: Call) -> Obj:
    """Give in: the dispute is lost."""
    found = call.world.edit(KIND, call.path["id"])
    if found["status"] != "needs_response":
        raise Refusal("This dispute is already closed.", code="dispute_already_closed")
    found["status"] = "lost"
    call.world.emit("charge.dispute.closed", found)
    return found


@view_of(KIND)
def shown(world: World, made: Seen) -> Obj:
    moved = [world.view(world.get(balance.KIND, ident)) for ident in made.get("_moved", [])]
    return public(made) | {"balance_transactions": moved}


def _new(world: World, charge: Seen, reason: str) -> Obj:
    now = world.now(charge)
    card = charge["payment_method_details"]["card"]
    return {
        "id": world.ids.new("du"),
        "object": KIND,
        "amount": charge["amount"],
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": dict.fromkeys(Dispute.Evidence.__annotations__) | {"enhanced_evidence": {}},
        "evidence_details": NOTHING
        | {
            "due_by": now + ANSWER_WITHIN,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
        },
        "intended_submission_method": None,
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "network_reason_code": NETWORK_CODES[reason],
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": card["brand"],
                "case_type": "chargeback",
                "network": card["network"],
                "network_reason_code": NETWORK_CODES[reason],
            },
            "type": "card",
        },
        "reason": reason,
        "status": "needs_response",
    }
