"""Customers. Source: https://docs.stripe.com/api/customers; fields as recorded."""

from collections.abc import Iterable
from string import ascii_uppercase

from tallygate_sandbox.api import Call, Evidence, endpoint, expandable, page
from tallygate_sandbox.api.search import NUMBER, TEXT, search
from tallygate_sandbox.customers import balance, tax_ids
from tallygate_sandbox.customers.details import change, settle_default, settle_source
from tallygate_sandbox.wire.refusals import no_such
from tallygate_sandbox.world import Obj, Seen, World, index, view_of
from tallygate_sandbox.world.world import public

KIND = "customer"
SETTABLE = (
    "address business_name description email individual_name invoice_prefix invoice_settings"
    " metadata name next_invoice_sequence phone preferred_locales shipping tax tax_exempt"
)

index(KIND, "email", "test_clock")
expandable(KIND, invoice_settings__default_payment_method="payment_method")
expandable(KIND, test_clock="test_helpers.test_clock")


@endpoint(
    "POST /v1/customers",
    "CustomerCreateParams",
    f"{SETTABLE} balance payment_method source tax_id_data test_clock",
    Evidence.RECORDED,
)
def create(call: Call) -> Obj:
    world = call.world
    clock = call.sent("test_clock")
    if clock:
        world.get("test_helpers.test_clock", clock, "test_clock")
    customer = world.add(_new(world, clock))
    change(call, customer)
    if method := call.sent("payment_method"):
        customer["_payment_method"] = method
        world.signal("customer.introducing_payment_method", customer)
    settle_source(call, customer)
    settle_default(call, customer)
    balance.move(world, customer["id"], call.sent("balance", 0), "initial")
    world.emit("customer.created", customer)
    for tax_id in call.sent("tax_id_data", []):
        tax_ids.add(world, customer, tax_id["type"], tax_id["value"])
    return customer


@endpoint("GET /v1/customers/{id}", "CustomerRetrieveParams", evidence=Evidence.RECORDED)
def retrieve(call: Call) -> Obj:
    """The customer; of a deleted one only that it is deleted."""
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint(
    "POST /v1/customers/{id}",
    "CustomerUpdateParams",
    f"{SETTABLE} balance default_source source",
    Evidence.RECORDED,
)
def update(call: Call) -> Obj:
    world = call.world
    customer = world.edit(KIND, existing(world, call.path["id"])["id"])
    change(call, customer)
    settle_source(call, customer)
    settle_default(call, customer)
    if "balance" in call.params:
        balance.move(
            world, customer["id"], (call.sent("balance") or 0) - customer["balance"], "adjustment"
        )
    world.updated(customer)
    if call.sent("source"):
        world.signal("customer.source_replaced", customer)
    return customer


@endpoint("DELETE /v1/customers/{id}", "CustomerDeleteParams", evidence=Evidence.DOCUMENTED)
def delete(call: Call) -> Obj:
    """Delete for good: first its subscriptions end, afterwards it shows only that it was there.

    Rooms above react to the moment `customer.deleting` and to the event.
    """
    world = call.world
    customer = world.edit(KIND, existing(world, call.path["id"])["id"])
    world.signal("customer.deleting", customer)
    world.emit("customer.deleted", customer)
    customer["_deleted"] = True
    return customer


@endpoint("GET /v1/customers", "CustomerListParams", "created email test_clock", Evidence.SDK)
def list_(call: Call) -> Obj:
    """Customers; those of a test clock only when it is asked for."""
    clock, email = call.sent("test_clock"), call.sent("email")
    among: Iterable[Seen] | None = None
    if email is not None:
        among = reversed(call.world.where(KIND, "email", email))
    elif clock is not None:
        among = reversed(call.world.where(KIND, "test_clock", clock))
    return page(
        call,
        KIND,
        lambda c: (
            c.get("test_clock") == clock
            and (email is None or c["email"] == email)
            and "_deleted" not in c
        ),
        among,
    )


@endpoint("GET /v1/customers/search", "CustomerSearchParams", "query page", Evidence.DOCUMENTED)
def search_(call: Call) -> Obj:
    fields = {"created": NUMBER} | dict.fromkeys(("email", "name", "phone"), TEXT)
    there = (c for c in call.world.objects.newest_first(KIND) if "_deleted" not in c)
    return search(call, KIND, fields, among=there)


def existing(world: World, ident: str, param: str | None = None) -> Seen:
    """The customer, to be read.

    Raises:
        Refusal: there is none, or it is deleted.
    """
    found = world.get(KIND, ident, param)
    if "_deleted" in found:
        raise no_such(KIND, ident, param or "id", status=400 if param else 404)
    return found


@view_of(KIND)
def shown(_world: World, customer: Obj) -> Obj:
    if "_deleted" in customer:
        return {"id": customer["id"], "object": KIND, "deleted": True}
    return public(customer)


def _new(world: World, clock: str | None) -> Obj:
    return {
        "id": world.ids.new("cus", 14),
        "object": KIND,
        "address": None,
        "balance": 0,
        "created": world.time_on(clock or ""),
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": world.ids.token(8, ascii_uppercase),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": clock,
    }
