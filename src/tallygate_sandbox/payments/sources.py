"""Card sources: what customers paid with before there were payment methods.

Source: the SDK's types, and https://docs.stripe.com/payments/payment-methods/transitioning: a card
source is a payment method, too, under the same id. So it is kept as one, with a row beside it that
says that it is also a source; how it looks as a card is computed.

Assumed: what comes and goes as a source is told as a payment method as well; a new source of a
customer takes the place of the default one, which goes.
"""

from typing import Any

from tallygate_sandbox import customers
from tallygate_sandbox.api import expandable, only_expanded
from tallygate_sandbox.api.pages import list_of
from tallygate_sandbox.payments import methods
from tallygate_sandbox.payments.numbers import named
from tallygate_sandbox.wire.refusals import absent, no_such
from tallygate_sandbox.world import Obj, Seen, World, index, view_of, when

KIND = "card"
BRANDS = {
    "amex": "American Express",
    "diners": "Diners Club",
    "discover": "Discover",
    "jcb": "JCB",
    "mastercard": "MasterCard",
    "unionpay": "UnionPay",
    "visa": "Visa",
}
ADDRESS = {
    "address_city": "city",
    "address_country": "country",
    "address_line1": "line1",
    "address_line2": "line2",
    "address_state": "state",
    "address_zip": "postal_code",
}

index(KIND, "customer")
expandable(KIND, customer="customer")
expandable("customer", default_source=KIND)
expandable("subscription", default_source=KIND)
expandable("invoice", default_source=KIND)
expandable("payment_intent", source=KIND)


@view_of(KIND)
def shown(world: World, row: Obj) -> Obj:
    """The card of a payment method, in the words of sources."""
    method = world.get(methods.KIND, row["id"])
    card, details = method["card"], method["billing_details"]
    same = ("country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    return {
        "id": row["id"],
        "object": KIND,
        **{name: details["address"][part] for name, part in ADDRESS.items()},
        "address_line1_check": card["checks"]["address_line1_check"],
        "address_zip_check": card["checks"]["address_postal_code_check"],
        "allow_redisplay": method["allow_redisplay"],
        "brand": BRANDS[card["brand"]],
        "customer": row["customer"],
        "cvc_check": card["checks"]["cvc_check"],
        "dynamic_last4": None,
        "metadata": method["metadata"],
        "name": details["name"],
        "regulated_status": card["regulated_status"],
        "tokenization_method": None,
        **{name: card[name] for name in same},
    }


def add(world: World, customer: str, token: str, metadata: dict[str, str] | None = None) -> Obj:
    """Give a customer the card of a token such as `tok_visa`; the first one is the default.

    Raises:
        Refusal: no such token, or 402 as the card's issuer says it; 501, a bank account.
    """
    owner = customers.existing(world, customer)
    if token.startswith("btok_"):
        raise absent("bank accounts as sources")
    card = named(token) if token.startswith("tok_") else None
    if card is None:
        raise no_such("token", token, "source", status=400)
    ident, at = world.ids.new("card"), world.now(owner)
    method = methods.add_card(world, card, at=at, metadata=metadata, ident=ident)
    methods.attach(world, method, customer)
    row = world.add({"id": ident, "object": KIND, "customer": customer})
    world.emit("customer.source.created", row)
    if owner["default_source"] is None:
        make_default(world, customer, ident)
    return row


def make_default(world: World, customer: str, ident: str | None) -> None:
    owner = world.edit("customer", customer)
    owner["default_source"] = ident
    if "_introduced" not in owner:
        world.updated(owner)


def owned(world: World, customer: str, ident: str, param: str = "id", status: int = 404) -> Seen:
    """A source of this customer.

    Raises:
        Refusal: there is none with this id, or it is another's.
    """
    found = world.find(KIND, ident)
    if found is None or found["customer"] != customer:
        raise no_such("source", ident, param, status=status)
    return found


@only_expanded("customer", "sources")
def of_customer(world: World, customer: Seen) -> Obj:
    rows = reversed(world.where(KIND, "customer", customer["id"]))
    return list_of(f"/v1/customers/{customer['id']}/sources", [world.view(one) for one in rows])


@when("customer.introducing_source")
def introduce(world: World, customer: Obj) -> None:
    """Give a customer the source that was sent with it, in the place of its default one."""
    before = customer["default_source"]
    made = add(world, customer["id"], customer.pop("_source"))
    customer["default_source"] = made["id"]
    if before is not None:
        methods.detach(world, world.edit(methods.KIND, before))


@when("customer.choosing_source")
def choose(world: World, customer: Obj) -> None:
    """Make one of the customer's sources its default."""
    chosen = customer.pop("_source")
    customer["default_source"] = owned(
        world, customer["id"], chosen, "default_source", status=400
    )["id"]


@when("payment_method.detaching")
def leave(world: World, method: Seen) -> None:
    """A card source goes; of those that are left the newest becomes the default."""
    row = world.find(KIND, method["id"])
    if row is None:
        return
    owner = world.edit("customer", row["customer"])
    world.emit("customer.source.deleted", row)
    world.remove(KIND, row["id"])
    if owner["default_source"] == row["id"]:
        left = world.where(KIND, "customer", owner["id"])
        make_default(world, owner["id"], left[-1]["id"] if left else None)


@when("customer.deleted")
def leave_with_customer(world: World, customer: Seen) -> None:
    for row in world.where(KIND, "customer", customer["id"]):
        world.emit("customer.source.deleted", row)
        world.remove(KIND, row["id"])


def details_of(sent: dict[str, Any], before: Seen) -> Obj:
    """A method's billing details with the name and the address that a source was sent."""
    address = {part: sent[name] for name, part in ADDRESS.items() if name in sent}
    changed = {"name": sent["name"]} if "name" in sent else {}
    return dict(before) | changed | {"address": before["address"] | address}
