"""The ledger of credit: each change of a grant's balance is a transaction that stays.

Source: https://docs.stripe.com/api/billing/credit-balance-transaction.
"""

from tallygate_sandbox.api import Call, Evidence, endpoint, expandable, page
from tallygate_sandbox.wire.refusals import missing_param
from tallygate_sandbox.world import Obj, Seen, World, index

KIND = "billing.credit_balance_transaction"

index(KIND, "_customer", "_invoice")
expandable(
    KIND,
    credit_grant="billing.credit_grant",
    credit__credits_application_invoice_voided__invoice="invoice",
    debit__credits_applied__invoice="invoice",
    test_clock="test_helpers.test_clock",
)


@endpoint(
    "GET /v1/billing/credit_balance_transactions",
    "billing.CreditBalanceTransactionListParams",
    "credit_grant customer",
    Evidence.DOCUMENTED,
)
def list_(call: Call) -> Obj:
    customer, grant = call.sent("customer"), call.sent("credit_grant")
    if not customer:
        raise missing_param("customer")
    call.world.get("customer", customer, "customer")
    mine = reversed(call.world.where(KIND, "_customer", customer))
    return page(call, KIND, lambda one: grant in {None, one["credit_grant"]}, mine)


@endpoint(
    "GET /v1/billing/credit_balance_transactions/{id}",
    "billing.CreditBalanceTransactionRetrieveParams",
    evidence=Evidence.DOCUMENTED,
)
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


def credit(
    world: World,
    grant: Obj,
    amount: int,
    *,
    effective_at: int | None = None,
    voided: tuple[str, str] | None = None,
) -> Obj:
    """Add to a grant: at its start, or what a `voided` (invoice, line) had used of it."""
    grant["_available"] += amount
    side = {
        "amount": _monetary(grant, amount),
        "credits_application_invoice_voided": _use(voided),
        "type": "credits_application_invoice_voided" if voided else "credits_granted",
    }
    return _transaction(world, grant, {"credit": side, "type": "credit"}, effective_at, voided)


def debit(
    world: World, grant: Obj, amount: int, reason: str, applied: tuple[str, str] | None = None
) -> Obj | None:
    """Take from a grant, for an (invoice, line) or at its end; nothing gives no transaction."""
    assert 0 <= amount <= grant["_available"], "a balance is never below zero"
    if amount == 0:
        return None
    grant["_available"] -= amount
    side = {
        "amount": _monetary(grant, amount),
        "credits_applied": _use(applied),
        "type": reason,
    }
    return _transaction(world, grant, {"debit": side, "type": "debit"}, None, applied)


def of_invoice(world: World, invoice: str) -> list[Seen]:
    """The transactions that applied credit to an invoice or gave it back, oldest first."""
    return world.where(KIND, "_invoice", invoice)


def _transaction(
    world: World, grant: Seen, side: Obj, effective_at: int | None, use: tuple[str, str] | None
) -> Obj:
    now = world.now(grant)
    transaction: Obj = {
        "id": world.ids.new("cbtxn_test", 32),
        "object": KIND,
        "created": now,
        "credit": None,
        "credit_grant": grant["id"],
        "debit": None,
        "effective_at": now if effective_at is None else effective_at,
        "livemode": False,
        "test_clock": grant["test_clock"],
        "type": None,
        "_customer": grant["customer"],
        "_invoice": use[0] if use else None,
    } | side
    world.add(transaction)
    world.emit("billing.credit_balance_transaction.created", transaction)
    return transaction


def _monetary(grant: Seen, amount: int) -> Obj:
    currency = grant["amount"]["monetary"]["currency"]
    return {"monetary": {"currency": currency, "value": amount}, "type": "monetary"}


def _use(use: tuple[str, str] | None) -> Obj | None:
    return {"invoice": use[0], "invoice_line_item": use[1]} if use else None
