"""Refunds: a charge, or a part of it, given back.

Source: https://docs.stripe.com/refunds. The fee stays with Stripe. Two test cards let a refund
settle later, for good or ill: here after a minute (assumed).
"""

from tallygate_sandbox.api import Call, endpoint, expandable, page
from tallygate_sandbox.money.currencies import written
from tallygate_sandbox.payments import balance, charges, methods
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World, due, index

KIND = "refund"
SETTLES_AFTER = 60

index(KIND, "charge", "payment_intent")
expandable(KIND, balance_transaction=balance.KIND, charge=charges.KIND, customer="customer")
expandable(KIND, failure_balance_transaction=balance.KIND, payment_intent="payment_intent")
expandable(KIND, payment_method=methods.KIND)


def refund(
    world: World,
    *,
    charge: str,
    amount: int | None = None,
    reason: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Obj:
    """Give back a charge, or `amount` minor units of it.

    Emits refund.created and charge.refunded.

    Raises:
        Refusal: it is refunded already, or not by as much.
    """
    charged = world.edit(charges.KIND, charge, "charge")
    left = charged["amount_captured"] - charged["amount_refunded"]
    wanted = left if amount is None else amount
    _check(charged, wanted, left)
    made = world.add(_new(world, charged, wanted, reason, metadata or {}))
    later = methods.card_of(world.get(methods.KIND, charged["payment_method"])).later
    if later == "refund_pending":
        made |= {"status": "pending", "pending_reason": "processing"}
    else:
        made["balance_transaction"] = balance.move(
            world, source=made, amount=-wanted, kind="refund", at_once=True
        )
    if later.startswith("refund_"):
        world.set_timer("refund.settles", made, world.now(made) + SETTLES_AFTER)
    charged["amount_refunded"] += wanted
    charged["refunded"] = charged["amount_refunded"] == charged["amount"]
    world.emit("refund.created", made)
    world.updated(charged, "charge.refunded")
    return made


@due("refund.settles")
def settle(world: World, ident: str) -> None:
    """A pending refund arrives; one that was thought to have arrived comes back."""
    made = world.edit(KIND, ident)
    if made["status"] == "pending":
        made |= {"status": "succeeded", "pending_reason": None}
        made["balance_transaction"] = balance.move(
            world, source=made, amount=-made["amount"], kind="refund", at_once=True
        )
        world.updated(made)
        return
    charged = world.edit(charges.KIND, made["charge"])
    charged["amount_refunded"] -= made["amount"]
    charged["refunded"] = False
    made |= {"status": "failed", "failure_reason": "expired_or_canceled_card"}
    made["failure_balance_transaction"] = balance.move(
        world, source=made, amount=made["amount"], kind="refund_failure", at_once=True
    )
    world.emit("refund.failed", made)
    world.updated(charged)


@endpoint(
    "POST /v1/refunds",
    "RefundCreateParams",
    "amount charge currency metadata payment_intent reason",
)
def create(call: Call) -> Obj:
    charge, intent = call.sent("charge"), call.sent("payment_intent")
    if charge is None and intent is None:
        raise Refusal(
            "One of the following params should be provided for this request: payment_intent or "
            "charge.",
            code="parameter_missing",
        )
    if charge is None:
        found = call.world.get("payment_intent", intent, "payment_intent")
        charge = found["latest_charge"]
        if found["status"] != "succeeded":
            raise Refusal(
                f"This PaymentIntent ({intent}) does not have a successful charge to refund.",
                code="payment_intent_unexpected_state",
                param="payment_intent",
            )
    return refund(
        call.world,
        charge=charge,
        amount=call.sent("amount"),
        reason=call.sent("reason"),
        metadata=call.sent("metadata"),
    )


@endpoint("GET /v1/refunds/{id}", "RefundRetrieveParams")
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint("POST /v1/refunds/{id}", "RefundUpdateParams", "metadata")
def update(call: Call) -> Obj:
    found = call.world.edit(KIND, call.path["id"])
    call.change(found, "metadata")
    call.world.updated(found)
    return found


@endpoint("POST /v1/refunds/{id}/cancel", "RefundCancelParams")
def cancel(call: Call) -> Obj:
    """Only what waits for the customer's action can be canceled: no card's refund does."""
    found = call.world.get(KIND, call.path["id"])
    raise Refusal(
        f"You cannot cancel a refund with status {found['status']} that does not require action.",
        code="charge_not_refundable",
    )


@endpoint("GET /v1/refunds", "RefundListParams", "charge created payment_intent")
def list_(call: Call) -> Obj:
    for field in ("charge", "payment_intent"):
        if value := call.sent(field):
            return page(call, KIND, among=reversed(call.world.where(KIND, field, value)))
    return page(call, KIND)


def _check(charge: Seen, wanted: int, left: int) -> None:
    if not charge["captured"]:
        raise Refusal(
            f"Charge {charge['id']} has not been captured and cannot be refunded.",
            code="charge_not_refundable",
        )
    if left == 0:
        raise Refusal(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    if wanted < 1:
        raise Refusal(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount",
        )
    if wanted > left:
        sent, most = (written(amount, charge["currency"]) for amount in (wanted, left))
        raise Refusal(
            f"Refund amount ({sent}) is greater than unrefunded amount on charge ({most})",
            param="amount",
        )


def _new(
    world: World, charge: Seen, amount: int, reason: str | None, metadata: dict[str, str]
) -> Obj:
    return {
        "id": world.ids.new("re"),
        "object": KIND,
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": world.now(charge),
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "description": None,
        "destination_details": {
            "card": {
                "reference": None,
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "failure_balance_transaction": None,
        "failure_reason": None,
        "instructions_email": None,
        "metadata": metadata,
        "next_action": None,
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "pending_reason": None,
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
