"""Tax ids of customers, and of the account itself.

Source: https://docs.stripe.com/api/tax_ids and https://docs.stripe.com/billing/customer/tax-ids:
which types are verified, and the values that decide how it ends in a sandbox. It ends a minute
after the id was added (assumed).
"""

import re
from functools import cache

from tallygate_sandbox.api import Call, endpoint, expandable, page
from tallygate_sandbox.wire.refusals import Refusal, missing_param, no_such
from tallygate_sandbox.wire.shapes import Choice, OneOf, shape_of
from tallygate_sandbox.world import Obj, Seen, World, due, index

KIND = "tax_id"
VERIFIED_TYPES = frozenset({"au_abn", "eu_vat", "gb_vat"})
VERIFIED_AFTER = 60
OUTCOMES = {"000000000": "verified", "111111111": "unverified"}
EU_VAT = re.compile(r"(?P<country>[A-Z]{2})[A-Z0-9+*]{2,13}\Z")
OFFERED = (  # what pages offer; by API there are all of Stripe's
    *("eu_vat", "gb_vat", "ch_vat", "no_vat", "us_ein", "au_abn", "ca_gst_hst", "in_gst"),
    *("jp_cn", "nz_gst", "br_cnpj", "mx_rfc", "sg_gst", "za_vat"),
)
EU = frozenset(
    {
        *("at", "be", "bg", "cy", "cz", "de", "dk", "ee", "es", "fi", "fr", "gr", "hr", "hu"),
        *("ie", "it", "lt", "lu", "lv", "mt", "nl", "pl", "pt", "ro", "se", "si", "sk"),
    }
)
# In these names the first two letters are not those of the country.
NO_COUNTRY = {"eu": None, "gb": "GB"}

index(KIND, "customer")
expandable(KIND, customer="customer", owner__customer="customer")


@cache
def supported_in(country: str) -> bool:
    """Is there a type of tax id in a country (two letters)? As the SDK lists them."""
    types = shape_of("CustomerTaxIdCreateParams").shapes["type"]
    words = types.words if isinstance(types, Choice) else ()
    if isinstance(types, OneOf):
        words = tuple(w for one in types.options if isinstance(one, Choice) for w in one.words)
    return country in EU or any(word.startswith(f"{country}_") for word in words)


def of(world: World, customer: str) -> list[Seen]:
    """A customer's tax ids, oldest first."""
    return world.where(KIND, "customer", customer)


def add(world: World, customer: Seen | None, kind: str, value: str) -> Obj:
    """Add a tax id to a customer, or to the account; emits customer.tax_id.created.

    Raises:
        Refusal: tax_id_invalid.
    """
    eu_vat = EU_VAT.match(value)
    if kind == "eu_vat" and not eu_vat:
        raise Refusal(f"Invalid value for {kind}.", code="tax_id_invalid", param="value")
    prefix = kind[:2]
    owner = customer["id"] if customer else None
    verified = kind in VERIFIED_TYPES and customer is not None
    made = world.add(
        {
            "id": world.ids.new("txi"),
            "object": KIND,
            "country": eu_vat["country"]
            if eu_vat and prefix == "eu"
            else NO_COUNTRY.get(prefix, prefix.upper()),
            "created": world.now(customer),
            "customer": owner,
            "customer_account": None,
            "livemode": False,
            "owner": {
                "account": None,
                "application": None,
                "customer": owner,
                "customer_account": None,
                "type": "customer" if customer else "self",
            },
            "type": kind,
            "value": value,
            "verification": {
                "status": "pending" if verified else "unavailable",
                "verified_address": None,
                "verified_name": None,
            }
            if customer
            else None,
        }
    )
    if customer:
        world.emit("customer.tax_id.created", made)
    if verified and value[-9:] in OUTCOMES:
        world.set_timer("tax_id.verified", made, world.now(made) + VERIFIED_AFTER)
    return made


@due("tax_id.verified")
def verify(world: World, ident: str) -> None:
    made = world.edit(KIND, ident)
    status = OUTCOMES[made["value"][-9:]]
    made["verification"] |= {"status": status}
    if status == "verified":
        made["verification"] |= {"verified_address": "123 TEST STREET", "verified_name": "TEST"}
    world.updated(made, "customer.tax_id.updated")


@endpoint("POST /v1/customers/{customer}/tax_ids", "CustomerTaxIdCreateParams", "type value")
def create_of_customer(call: Call) -> Obj:
    return add(call.world, _customer(call), call.params["type"], call.params["value"])


@endpoint("GET /v1/customers/{customer}/tax_ids/{id}", "CustomerTaxIdRetrieveParams")
def retrieve_of_customer(call: Call) -> Obj:
    return dict(_of_customer(call))


@endpoint("GET /v1/customers/{customer}/tax_ids", "CustomerTaxIdListParams")
def list_of_customer(call: Call) -> Obj:
    return page(call, KIND, among=reversed(of(call.world, _customer(call)["id"])))


@endpoint("DELETE /v1/customers/{customer}/tax_ids/{id}", "CustomerTaxIdDeleteParams")
def delete_of_customer(call: Call) -> Obj:
    return _delete(call.world, _of_customer(call))


@endpoint("POST /v1/tax_ids", "TaxIdCreateParams", "owner.type owner.customer type value")
def create(call: Call) -> Obj:
    owner = call.sent("owner", {"type": "self"})
    return add(call.world, _owner(call, owner), call.params["type"], call.params["value"])


@endpoint("GET /v1/tax_ids/{id}", "TaxIdRetrieveParams")
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint("GET /v1/tax_ids", "TaxIdListParams", "owner.type owner.customer")
def list_(call: Call) -> Obj:
    """Those of a customer, or the account's own."""
    owner = _owner(call, call.sent("owner", {"type": "self"}))
    ident = owner["id"] if owner else None
    return page(call, KIND, among=reversed(call.world.where(KIND, "customer", ident)))


@endpoint("DELETE /v1/tax_ids/{id}", "TaxIdDeleteParams")
def delete(call: Call) -> Obj:
    return _delete(call.world, call.world.get(KIND, call.path["id"]))


def _owner(call: Call, owner: Seen) -> Seen | None:
    if owner["type"] == "self":
        return None
    if owner["type"] != "customer":
        raise Refusal(
            f"The sandbox has no owner of type {owner['type']}.", status=501, type="api_error"
        )
    if not owner.get("customer"):
        raise missing_param("owner[customer]")
    return call.world.get("customer", owner["customer"], "owner[customer]")


def _customer(call: Call) -> Seen:
    found = call.world.get("customer", call.path["customer"])
    if "_deleted" in found:
        raise no_such("customer", found["id"], "customer")
    return found


def _of_customer(call: Call) -> Seen:
    found = call.world.get(KIND, call.path["id"])
    if found["customer"] != call.path["customer"]:
        raise no_such(KIND, found["id"])
    return found


def _delete(world: World, tax_id: Seen) -> Obj:
    ident = tax_id["id"]
    if tax_id["customer"]:
        world.emit("customer.tax_id.deleted", tax_id)
    world.stop_timer("tax_id.verified", tax_id)
    world.remove(KIND, ident)
    return {"id": ident, "object": KIND, "deleted": True}
