"""Customers. Source: https://docs.stripe.com/api/customers; fields as recorded."""

from string import ascii_uppercase

from tallygate_sandbox.api import Call, Evidence, endpoint, expandable, page
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World, index

KIND = "customer"
SETTABLE = "address description email metadata name phone preferred_locales shipping tax_exempt"

index(KIND, "email", "test_clock")
expandable(KIND, invoice_settings__default_payment_method="payment_method")
expandable(KIND, test_clock="test_helpers.test_clock")


@endpoint(
    "POST /v1/customers",
    "CustomerCreateParams",
    f"{SETTABLE} balance invoice_prefix invoice_settings next_invoice_sequence test_clock tax",
    Evidence.RECORDED,
)
def create(call: Call) -> Obj:
    world = call.world
    if clock := call.sent("test_clock"):
        world.get("test_helpers.test_clock", clock, "test_clock")
    customer = world.add(
        {
            "id": world.ids.new("cus", 14),
            "object": KIND,
            "address": None,
            "balance": call.sent("balance", 0),
            "created": world.time_on(clock or ""),
            "currency": None,
            "default_source": None,
            "delinquent": False,
            "description": None,
            "email": None,
            "invoice_prefix": call.sent("invoice_prefix", world.ids.token(8, ascii_uppercase)),
            "invoice_settings": {
                "custom_fields": None,
                "default_payment_method": None,
                "footer": None,
                "rendering_options": None,
            },
            "livemode": False,
            "metadata": {},
            "name": None,
            "next_invoice_sequence": call.sent("next_invoice_sequence", 1),
            "phone": None,
            "preferred_locales": [],
            "shipping": None,
            "tax_exempt": "none",
            "test_clock": clock,
        }
    )
    change(call, customer)
    world.emit("customer.created", customer)
    return customer


@endpoint("GET /v1/customers/{id}", "CustomerRetrieveParams", evidence=Evidence.RECORDED)
def retrieve(call: Call) -> Obj:
    return dict(existing(call.world, call.path["id"]))


@endpoint(
    "POST /v1/customers/{id}",
    "CustomerUpdateParams",
    f"{SETTABLE} balance invoice_prefix invoice_settings next_invoice_sequence tax",
    Evidence.RECORDED,
)
def update(call: Call) -> Obj:
    customer = call.world.edit(KIND, call.path["id"])
    change(call, customer)
    call.change(customer, "balance", "invoice_prefix", "next_invoice_sequence")
    call.world.updated(customer)
    return customer


@endpoint("GET /v1/customers", "CustomerListParams", "created email test_clock", Evidence.SDK)
def list_(call: Call) -> Obj:
    """Customers; those of a test clock only when it is asked for."""
    clock, email = call.sent("test_clock"), call.sent("email")
    return page(
        call,
        KIND,
        lambda c: c.get("test_clock") == clock and (email is None or c["email"] == email),
    )


def existing(world: World, ident: str, param: str | None = None) -> Seen:
    """The customer, to be read. Raises: Refusal, when there is none."""
    return world.get(KIND, ident, param)


def change(call: Call, customer: Obj) -> None:
    """Set what was sent, as far as create and update share it."""
    call.change(customer, *SETTABLE.split())
    if settings := call.sent("invoice_settings"):
        method = settings.get("default_payment_method")
        if method and not belongs(call.world, method, customer):
            raise Refusal(
                "The customer does not have a payment method with the ID "
                f"{method}. The payment method must be attached to the customer.",
                code="resource_missing",
                param="invoice_settings[default_payment_method]",
            )
        customer["invoice_settings"] |= settings


def belongs(world: World, method: str, customer: Seen) -> bool:
    found = world.find("payment_method", method)
    return found is not None and found["customer"] == customer["id"]
