"""Credit grants. Source: https://docs.stripe.com/api/billing/credit-grant.

`_available` is what is left of a grant in minor units. A grant of which something was used can be
expired but not voided (assumed).
"""

from tallygate_sandbox.api import Call, Evidence, endpoint, expandable, page
from tallygate_sandbox.credits import ledger
from tallygate_sandbox.customers import existing
from tallygate_sandbox.wire.refusals import Refusal, missing_param
from tallygate_sandbox.world import Obj, Seen, World, due, index

KIND = "billing.credit_grant"
MAX_UNUSED = 100
MAX_PRICES = 20
LOWEST_PRIORITY = 100
DEFAULT_PRIORITY = 50

index(KIND, "customer")
expandable(KIND, customer="customer", test_clock="test_helpers.test_clock")


@endpoint(
    "POST /v1/billing/credit_grants",
    "billing.CreditGrantCreateParams",
    "amount applicability_config category customer effective_at expires_at metadata name priority",
    Evidence.DOCUMENTED,
)
def create(call: Call) -> Obj:
    world = call.world
    if not call.sent("customer"):
        raise missing_param("customer")
    customer = existing(world, call.params["customer"], "customer")
    now = world.now(customer)
    effective, expires = call.sent("effective_at", now), call.sent("expires_at")
    priority = call.sent("priority", DEFAULT_PRIORITY)
    if not 0 <= priority <= LOWEST_PRIORITY:
        raise Refusal(f"priority must be between 0 and {LOWEST_PRIORITY}.", param="priority")
    if expires is not None and expires <= max(now, effective):
        raise Refusal(
            "expires_at must be in the future and after effective_at.", param="expires_at"
        )
    if sum(unused(grant, now) for grant in of_customer(world, customer["id"])) >= MAX_UNUSED:
        raise Refusal(f"A customer can have at most {MAX_UNUSED} unused credit grants.")
    amount = _amount(call)
    grant = world.add(
        {
            "id": world.ids.new("credgr_test", 32),
            "object": KIND,
            "amount": amount,
            "applicability_config": {
                "scope": scope_of(world, call.params["applicability_config"])
            },
            "category": call.sent("category", "paid"),
            "created": now,
            "customer": customer["id"],
            "customer_account": None,
            "effective_at": effective,
            "expires_at": expires,
            "livemode": False,
            "metadata": call.sent("metadata", {}),
            "name": call.sent("name"),
            "priority": priority,
            "test_clock": customer.get("test_clock"),
            "updated": now,
            "voided_at": None,
            "_available": 0,
        }
    )
    world.emit("billing.credit_grant.created", grant)
    ledger.credit(world, grant, amount["monetary"]["value"], effective_at=effective)
    _set_expiry(world, grant)
    return grant


@endpoint(
    "GET /v1/billing/credit_grants/{id}",
    "billing.CreditGrantRetrieveParams",
    evidence=Evidence.DOCUMENTED,
)
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint(
    "POST /v1/billing/credit_grants/{id}",
    "billing.CreditGrantUpdateParams",
    "expires_at metadata",
    Evidence.DOCUMENTED,
)
def update(call: Call) -> Obj:
    grant, now = _open(call)
    if "expires_at" in call.params:
        expires = call.params["expires_at"]
        if expires is not None and expires <= max(now, grant["effective_at"]):
            raise Refusal(
                "expires_at must be in the future and after effective_at.", param="expires_at"
            )
    call.change(grant, "expires_at", "metadata")
    _set_expiry(call.world, grant)
    _touch(call.world, grant)
    return grant


@endpoint(
    "GET /v1/billing/credit_grants",
    "billing.CreditGrantListParams",
    "customer",
    Evidence.DOCUMENTED,
)
def list_(call: Call) -> Obj:
    customer = call.sent("customer")
    if customer:
        call.world.get("customer", customer, "customer")
        return page(call, KIND, among=reversed(of_customer(call.world, customer)))
    return page(call, KIND, lambda grant: grant["test_clock"] is None)


@endpoint(
    "POST /v1/billing/credit_grants/{id}/expire",
    "billing.CreditGrantExpireParams",
    evidence=Evidence.DOCUMENTED,
)
def expire(call: Call) -> Obj:
    grant, now = _open(call)
    grant["expires_at"] = now
    call.world.stop_timer("credits.expire", grant)
    _touch(call.world, grant)
    ledger.debit(call.world, grant, grant["_available"], "credits_expired")
    return grant


@endpoint(
    "POST /v1/billing/credit_grants/{id}/void",
    "billing.CreditGrantVoidGrantParams",
    evidence=Evidence.DOCUMENTED,
)
def void(call: Call) -> Obj:
    grant, now = _open(call)
    if grant["_available"] != grant["amount"]["monetary"]["value"]:
        raise Refusal("A credit grant that has been applied cannot be voided; expire it instead.")
    grant["voided_at"] = now
    call.world.stop_timer("credits.expire", grant)
    _touch(call.world, grant)
    ledger.debit(call.world, grant, grant["_available"], "credits_voided")
    return grant


@due("credits.expire")
def end(world: World, ident: str) -> None:
    """Take what is left of a grant when its time is over."""
    grant = world.edit(KIND, ident)
    ledger.debit(world, grant, grant["_available"], "credits_expired")


def of_customer(world: World, customer: str) -> list[Seen]:
    """A customer's grants, oldest first."""
    return world.where(KIND, "customer", customer)


def unused(grant: Seen, now: int) -> bool:
    """Whether something of a grant can be used, now or later."""
    return not is_over(grant, now) and grant["_available"] > 0


def is_over(grant: Seen, now: int) -> bool:
    expires = grant["expires_at"]
    return grant["voided_at"] is not None or (expires is not None and expires <= now)


def scope_of(world: World, config: Obj) -> Obj:
    """Which prices a grant pays for: all metered ones, or at most 20 named ones.

    Raises:
        Refusal: neither or both, too many, or a price that is not there or not metered.
    """
    scope, name = config["scope"], "applicability_config[scope]"
    prices = scope.get("prices")
    if bool(prices) == bool(scope.get("price_type")):
        raise Refusal("Pass either price_type or prices, and not both.", param=name)
    if not prices:
        return {"price_type": scope["price_type"]}
    if len(prices) > MAX_PRICES:
        raise Refusal(f"At most {MAX_PRICES} prices can be named.", param=f"{name}[prices]")
    for number, price in enumerate(prices):
        place = f"{name}[prices][{number}][id]"
        found = world.get("price", price["id"], place)
        if not (found.get("recurring") or {}).get("meter"):
            raise Refusal(f"The price {price['id']} is not metered.", param=place)
    return {"prices": [{"id": price["id"]} for price in prices]}


def pays_for(grant: Seen, price: str) -> bool:
    """Whether a grant's scope holds this metered price."""
    prices = grant["applicability_config"]["scope"].get("prices")
    return prices is None or price in {one["id"] for one in prices}


def _amount(call: Call) -> Obj:
    monetary = call.params["amount"].get("monetary")
    if monetary is None:
        raise missing_param("amount[monetary]")
    if monetary["value"] <= 0:
        raise Refusal("This value must be greater than 0.", param="amount[monetary][value]")
    value = {"currency": monetary["currency"].lower(), "value": monetary["value"]}
    return {"monetary": value, "type": "monetary"}


def _open(call: Call) -> tuple[Obj, int]:
    """The grant to be changed, and its time. Raises: Refusal, when it is over."""
    grant = call.world.edit(KIND, call.path["id"])
    now = call.world.now(grant)
    if is_over(grant, now):
        word = "voided" if grant["voided_at"] is not None else "expired"
        raise Refusal(f"The credit grant is {word} already.")
    return grant, now


def _touch(world: World, grant: Obj) -> None:
    grant["updated"] = world.now(grant)
    world.updated(grant)


def _set_expiry(world: World, grant: Obj) -> None:
    if grant["expires_at"] is None:
        world.stop_timer("credits.expire", grant)
    else:
        world.set_timer("credits.expire", grant, grant["expires_at"])
