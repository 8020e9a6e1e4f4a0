"""The account's balance and what moves it.

Source: https://docs.stripe.com/api/balance_transactions. A charge is available after two days, and
2.9 % + 30 of it are the fee (the rate of a test account in the United States).
"""

from collections import defaultdict

from tallygate_sandbox.api import Call, Evidence, endpoint, expandable, page
from tallygate_sandbox.world import Obj, World, index, view_of

KIND = "balance_transaction"
TOTALS = "sandbox.balance"
PENDING_SECONDS = 2 * 24 * 3600
FEE_PER_MILLE, FIXED_FEE = 29, 30

index(KIND, "source")
expandable(KIND, source="charge|refund|dispute")


def move(
    world: World,
    *,
    source: Obj,
    amount: int,
    kind: str,
    fee: int = 0,
    at_once: bool = False,
    description: str | None = None,
) -> str:
    """Note what a charge or refund moves; `amount` in minor units, negative when it goes out.

    `kind` is charge, refund, refund_failure or adjustment. Gives the transaction's id.
    """
    now = world.now(source)
    made = world.add(
        {
            "id": world.ids.new("txn"),
            "object": KIND,
            "amount": amount,
            "available_on": now if at_once else now + PENDING_SECONDS,
            "balance_type": "payments",
            "created": now,
            "currency": source["currency"],
            "description": description,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": _fee_details(fee, source["currency"]),
            "net": amount - fee,
            "reporting_category": "dispute" if kind == "adjustment" else kind,
            "source": source["id"],
            "type": kind,
        }
    )
    _count(world, made)
    ident: str = made["id"]
    return ident


def fee_of(amount: int) -> int:
    """What Stripe keeps of a charge, rounded half up."""
    return (amount * FEE_PER_MILLE + 500) // 1000 + FIXED_FEE


@endpoint("GET /v1/balance", "BalanceRetrieveParams", evidence=Evidence.SDK)
def retrieve(call: Call) -> Obj:
    now = call.world.now()
    available: defaultdict[str, int] = defaultdict(int)
    pending: defaultdict[str, int] = defaultdict(int)
    for totals in call.world.objects.newest_first(TOTALS):
        currency = totals["id"]
        available[currency] = totals["available"]
        pending[currency] += 0
        for day, net in totals["by_day"].items():
            (available if int(day) <= now else pending)[currency] += net
    available.setdefault("usd", 0)
    pending.setdefault("usd", 0)
    return {
        "object": "balance",
        "available": _by_currency(available),
        "instant_available": _by_currency(dict.fromkeys(available, 0)),
        "livemode": False,
        "pending": _by_currency(pending),
        "refund_and_dispute_prefunding": {
            "available": _by_currency(dict.fromkeys(available, 0), sources=False),
            "pending": _by_currency(dict.fromkeys(available, 0), sources=False),
        },
    }


@endpoint("GET /v1/balance_transactions/{id}", "BalanceTransactionRetrieveParams")
def retrieve_transaction(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint(
    "GET /v1/balance_transactions", "BalanceTransactionListParams", "created currency source type"
)
def list_(call: Call) -> Obj:
    wanted = {name: call.sent(name) for name in ("currency", "source", "type")}
    return page(call, KIND, lambda t: all(v is None or t[name] == v for name, v in wanted.items()))


@view_of(KIND)
def shown(world: World, transaction: Obj) -> Obj:
    available = transaction["available_on"] <= world.now()
    return transaction | {"status": "available" if available else "pending"}


def _count(world: World, transaction: Obj) -> None:
    """Add to the totals of its currency, by the day on which it becomes available."""
    currency = transaction["currency"]
    if world.find(TOTALS, currency) is None:
        world.add({"id": currency, "object": TOTALS, "available": 0, "by_day": {}})
    totals = world.edit(TOTALS, currency)
    now = world.now()
    for day in [day for day in totals["by_day"] if int(day) <= now]:
        totals["available"] += totals["by_day"].pop(day)
    day = str(transaction["available_on"])
    totals["by_day"][day] = totals["by_day"].get(day, 0) + transaction["net"]


def _fee_details(fee: int, currency: str) -> list[Obj]:
    if not fee:
        return []
    return [
        {
            "amount": fee,
            "application": None,
            "currency": currency,
            "description": "Stripe processing fees",
            "type": "stripe_fee",
        }
    ]


def _by_currency(amounts: dict[str, int], *, sources: bool = True) -> list[Obj]:
    return [
        {"amount": amount, "currency": currency}
        | ({"source_types": {"card": amount}} if sources else {})
        for currency, amount in sorted(amounts.items())
    ]
