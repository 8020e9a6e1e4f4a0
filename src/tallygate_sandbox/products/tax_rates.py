"""Tax rates. Source: https://docs.stripe.com/api/tax_rates."""

from tallygate_sandbox.api import Call, endpoint, page
from tallygate_sandbox.world import Obj

KIND = "tax_rate"
SETTABLE = "active country description display_name jurisdiction metadata state tax_type"


@endpoint("POST /v1/tax_rates", "TaxRateCreateParams", f"{SETTABLE} inclusive percentage")
def create(call: Call) -> Obj:
    world = call.world
    rate = world.add(
        {
            "id": world.ids.new("txr"),
            "object": KIND,
            "active": True,
            "country": None,
            "created": world.now(),
            "description": None,
            "display_name": "",
            "effective_percentage": None,
            "flat_amount": None,
            "inclusive": call.params["inclusive"],
            "jurisdiction": None,
            "jurisdiction_level": None,
            "livemode": False,
            "metadata": {},
            "percentage": call.params["percentage"],
            "rate_type": "percentage",
            "state": None,
            "tax_type": None,
        }
    )
    call.change(rate, *SETTABLE.split())
    world.emit("tax_rate.created", rate)
    return rate


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
