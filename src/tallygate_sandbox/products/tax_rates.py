"""Tax rates, by hand and those that automatic tax makes for itself.

Source: https://docs.stripe.com/api/tax_rates. Assumed: one that automatic tax made is not active.
"""

from decimal import Decimal
from typing import Any

from tallygate_sandbox.api import Call, endpoint, page
from tallygate_sandbox.world import Obj, Seen, World, index

KIND = "tax_rate"
SETTABLE = "active country description display_name jurisdiction metadata state tax_type"

index(KIND, "_automatic")


@endpoint("POST /v1/tax_rates", "TaxRateCreateParams", f"{SETTABLE} inclusive percentage")
def create(call: Call) -> Obj:
    world = call.world
    rate = world.add(_blank(world, call.params["percentage"], inclusive=call.params["inclusive"]))
    call.change(rate, *SETTABLE.split())
    world.emit("tax_rate.created", rate)
    return rate


def automatic(
    world: World, place: tuple[str | None, str | None], percentage: Decimal, *, inclusive: bool
) -> Seen:
    """The rate of automatic tax at a place (country, state), made when it is first needed."""
    country, state = place
    key = f"{country} {state} {percentage.normalize():f} {inclusive}"
    if known := world.where(KIND, "_automatic", key):
        return known[0]
    rate = _blank(world, float(percentage), inclusive=inclusive)
    return world.add(
        rate
        | {
            "active": False,
            "country": country,
            "display_name": "Tax",
            "effective_percentage": rate["percentage"],
            "state": state,
            "_automatic": key,
        }
    )


def _blank(world: World, percentage: Any, *, inclusive: bool) -> Obj:
    return {
        "id": world.ids.new("txr"),
        "object": KIND,
        "active": True,
        "country": None,
        "created": world.now(),
        "description": None,
        "display_name": "",
        "effective_percentage": None,
        "flat_amount": None,
        "inclusive": inclusive,
        "jurisdiction": None,
        "jurisdiction_level": None,
        "livemode": False,
        "metadata": {},
        "percentage": percentage,
        "rate_type": "percentage",
        "state": None,
        "tax_type": None,
    }


@endpoint("GET /v1/tax_rates/{id}", "TaxRateRetrieveParams")
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint("POST /v1/tax_rates/{id}", "TaxRateUpdateParams", SETTABLE)
def update(call: Call) -> Obj:
    rate = call.world.edit(KIND, call.path["id"])
    call.change(rate, *SETTABLE.split())
    call.world.updated(rate)
    return rate


@endpoint("GET /v1/tax_rates", "TaxRateListParams", "active created inclusive")
def list_(call: Call) -> Obj:
    wanted = {k: call.params[k] for k in ("active", "inclusive") if k in call.params}
    return page(call, KIND, lambda rate: all(rate[k] == v for k, v in wanted.items()))
