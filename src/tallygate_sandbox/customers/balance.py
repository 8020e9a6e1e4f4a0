"""A customer's balance and what moved it: negative amounts are a credit.

Source: https://docs.stripe.com/api/customer_balance_transactions.
"""

from tallygate_sandbox.api import Call, endpoint, expandable, page
from tallygate_sandbox.wire.refusals import Refusal, no_such
from tallygate_sandbox.world import Obj, World, index

KIND = "customer_balance_transaction"

index(KIND, "customer", "invoice")
expandable(KIND, customer="customer", invoice="invoice", credit_note="credit_note")


def move(
    world: World,
    customer: str,
    amount: int,
    kind: str,
    *,
    currency: str | None = None,
    invoice: str | None = None,
    credit_note: str | None = None,
    description: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Obj | None:
    """Add `amount` minor units to a customer's balance, and note why; nothing when it is 0.

    `kind` is Stripe's type: adjustment, applied_to_invoice, unapplied_from_invoice, credit_note,
    invoice_too_small, initial... The event customer.updated is the caller's to emit.
    """
    if not amount:
        return None
    owner = world.edit("customer", customer)
    owner["currency"] = owner["currency"] or currency
    owner["balance"] += amount
    return world.add(
        {
            "id": world.ids.new("cbtxn"),
            "object": KIND,
            "amount": amount,
            "checkout_session": None,
            "created": world.now(owner),
            "credit_note": credit_note,
            "currency": currency or owner["currency"] or "usd",
            "customer": customer,
            "customer_account": None,
            "description": description,
            "ending_balance": owner["balance"],
            "invoice": invoice,
            "livemode": False,
            "metadata": metadata or {},
            "type": kind,
        }
    )


@endpoint(
    "POST /v1/customers/{customer}/balance_transactions",
    "CustomerBalanceTransactionCreateParams",
    "amount currency description metadata",
)
def create(call: Call) -> Obj:
    world = call.world
    owner = world.edit("customer", call.path["customer"])
    if "_deleted" in owner:
        raise no_such("customer", owner["id"], "customer")
    currency, amount = call.params["currency"].lower(), call.params["amount"]
    if owner["currency"] not in {None, currency}:
        raise Refusal(
            f"The customer's currency is {owner['currency']}, and you sent {currency}.",
            param="currency",
        )
    if amount == 0:
        raise Refusal("The amount of a balance transaction cannot be 0.", param="amount")
    made = move(
        world,
        owner["id"],
        amount,
        "adjustment",
        currency=currency,
        description=call.sent("description"),
        metadata=call.sent("metadata"),
    )
    assert made is not None
    world.updated(owner)
    return made


@endpoint(
    "GET /v1/customers/{customer}/balance_transactions/{id}",
    "CustomerBalanceTransactionRetrieveParams",
)
def retrieve(call: Call) -> Obj:
    return _existing(call)


@endpoint(
    "POST /v1/customers/{customer}/balance_transactions/{id}",
    "CustomerBalanceTransactionUpdateParams",
    "description metadata",
)
def update(call: Call) -> Obj:
    found = _existing(call)
    call.change(found, "description", "metadata")
    return found


@endpoint(
    "GET /v1/customers/{customer}/balance_transactions",
    "CustomerBalanceTransactionListParams",
    "created invoice",
)
def list_(call: Call) -> Obj:
    owner = call.world.get("customer", call.path["customer"])
    invoice = call.sent("invoice")
    return page(
        call,
        KIND,
        lambda t: invoice is None or t["invoice"] == invoice,
        reversed(call.world.where(KIND, "customer", owner["id"])),
    )


def _existing(call: Call) -> Obj:
    found = call.world.edit(KIND, call.path["id"])
    if found["customer"] != call.path["customer"]:
        raise no_such(KIND, found["id"], "transaction")
    return found
