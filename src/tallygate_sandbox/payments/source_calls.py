"""The endpoints of a customer's sources. Source: the SDK's types; only cards."""

from tallygate_sandbox.api import Call, endpoint, page
from tallygate_sandbox.customers import existing
from tallygate_sandbox.payments import methods, sources
from tallygate_sandbox.payments.method_calls import expiry
from tallygate_sandbox.payments.sources import ADDRESS, KIND
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj
from tallygate_sandbox.world.events import changed_fields

ONE = "/v1/customers/{customer}/sources/{id}"


@endpoint(
    "POST /v1/customers/{customer}/sources", "CustomerPaymentSourceCreateParams", "metadata source"
)
def create(call: Call) -> Obj:
    return sources.add(
        call.world, call.path["customer"], call.params["source"], call.sent("metadata")
    )


@endpoint("GET /v1/customers/{customer}/sources", "CustomerPaymentSourceListParams", "object")
def list_(call: Call) -> Obj:
    """Newest first; of other kinds than cards there are none."""
    owner = existing(call.world, call.path["customer"])
    wanted = call.sent("object", KIND)
    among = reversed(call.world.where(KIND, "customer", owner["id"]))
    return page(call, KIND, lambda _: wanted == KIND, among)


@endpoint(f"GET {ONE}", "CustomerPaymentSourceRetrieveParams")
def retrieve(call: Call) -> Obj:
    return dict(sources.owned(call.world, call.path["customer"], call.path["id"]))


@endpoint(
    f"POST {ONE}",
    "CustomerPaymentSourceUpdateParams",
    f"{' '.join(ADDRESS)} exp_month exp_year metadata name",
)
def update(call: Call) -> Obj:
    world = call.world
    row = sources.owned(world, call.path["customer"], call.path["id"])
    before = world.view(row)
    method = world.edit(methods.KIND, row["id"])
    method["billing_details"] = sources.details_of(call.params, method["billing_details"])
    call.change(method, "metadata")
    sent = {name: _number(call, name) for name in ("exp_month", "exp_year") if call.sent(name)}
    if sent:
        months = {name: method["card"][name] for name in ("exp_month", "exp_year")} | sent
        valid = expiry(months["exp_month"], months["exp_year"], world.now(method))
        method["card"]["exp_month"], method["card"]["exp_year"] = valid
    world.updated(method)
    previous = changed_fields(before, world.view(row))
    if previous:
        world.emit("customer.source.updated", row, previous)
    return dict(row)


@endpoint(f"DELETE {ONE}", "CustomerPaymentSourceDeleteParams")
def delete(call: Call) -> Obj:
    row = sources.owned(call.world, call.path["customer"], call.path["id"])
    ident = row["id"]
    methods.detach(call.world, call.world.edit(methods.KIND, ident))
    return {"id": ident, "object": KIND, "deleted": True}


def _number(call: Call, name: str) -> int:
    """A month or a year, which the SDK sends as text."""
    sent = str(call.params[name])
    if not (sent.isascii() and sent.isdigit() and len(sent) <= len("2026")):
        raise Refusal(f"Invalid integer: {sent}", code="parameter_invalid_integer", param=name)
    return int(sent)
