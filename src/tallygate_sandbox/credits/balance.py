"""What is left of a customer's credit, by currency.

`ledger_balance` is the sum of all transactions; `available_balance` leaves out what is not yet
effective (assumed). A filter by scope counts the grants that pay for all metered prices, or for
one of the named ones (assumed).
"""

from collections.abc import Callable

from tallygate_sandbox.api import Call, Evidence, endpoint, expandable
from tallygate_sandbox.credits.grants import of_customer, pays_for
from tallygate_sandbox.wire.refusals import Refusal, missing_param
from tallygate_sandbox.world import Obj, Seen

KIND = "billing.credit_balance_summary"

expandable(KIND, customer="customer")


@endpoint(
    "GET /v1/billing/credit_balance_summary",
    "billing.CreditBalanceSummaryRetrieveParams",
    "customer filter",
    Evidence.DOCUMENTED,
)
def retrieve(call: Call) -> Obj:
    if not call.sent("customer"):
        raise missing_param("customer")
    customer = call.world.get("customer", call.params["customer"], "customer")
    now = call.world.now(customer)
    keep = _filter(call)
    ledger: dict[str, int] = {}
    available: dict[str, int] = {}
    for grant in of_customer(call.world, customer["id"]):
        if not keep(grant):
            continue
        currency, left = grant["amount"]["monetary"]["currency"], grant["_available"]
        ledger[currency] = ledger.get(currency, 0) + left
        usable = left if grant["effective_at"] <= now else 0
        available[currency] = available.get(currency, 0) + usable
    return {
        "object": KIND,
        "balances": [
            {
                "available_balance": _monetary(currency, available[currency]),
                "ledger_balance": _monetary(currency, ledger[currency]),
            }
            for currency in ledger
        ],
        "customer": customer["id"],
        "customer_account": None,
        "livemode": False,
    }


def _filter(call: Call) -> Callable[[Seen], bool]:
    asked = call.params["filter"]
    if asked["type"] == "credit_grant":
        ident = asked.get("credit_grant")
        if not ident:
            raise missing_param("filter[credit_grant]")
        call.world.get("billing.credit_grant", ident, "filter[credit_grant]")
        return lambda grant: grant["id"] == ident
    scope = asked.get("applicability_scope") or {}
    prices = scope.get("prices")
    if bool(prices) == bool(scope.get("price_type")):
        raise Refusal(
            "Pass either price_type or prices, and not both.", param="filter[applicability_scope]"
        )
    if not prices:
        return lambda grant: "price_type" in grant["applicability_config"]["scope"]
    return lambda grant: any(pays_for(grant, price["id"]) for price in prices)


def _monetary(currency: str, value: int) -> Obj:
    return {"monetary": {"currency": currency, "value": value}, "type": "monetary"}
