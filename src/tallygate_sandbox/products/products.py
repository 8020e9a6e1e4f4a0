"""Products. Source: https://docs.stripe.com/api/products."""

from tallygate_sandbox.api import Call, Evidence, endpoint, page
from tallygate_sandbox.api.search import TEXT, TOKEN, search
from tallygate_sandbox.products import prices
from tallygate_sandbox.products.product import KIND, add
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj

SETTABLE = (
    "active description images marketing_features metadata name package_dimensions shippable "
    "statement_descriptor tax_code tax_details unit_label url"
)


@endpoint(
    "POST /v1/products",
    "ProductCreateParams",
    f"{SETTABLE} id type default_price_data.currency default_price_data.currency_options "
    "default_price_data.metadata default_price_data.recurring default_price_data.tax_behavior "
    "default_price_data.unit_amount default_price_data.unit_amount_decimal",
)
def create(call: Call) -> Obj:
    world = call.world
    product = add(world, call.params.get("id"))
    call.change(product, *SETTABLE.split())
    world.emit("product.created", product)
    if wanted := call.sent("default_price_data"):
        price = prices.add(world, wanted | {"product": product["id"]}, "default_price_data")
        product["default_price"] = price["id"]
    return product


@endpoint("GET /v1/products/{id}", "ProductRetrieveParams")
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint("POST /v1/products/{id}", "ProductUpdateParams", f"{SETTABLE} default_price")
def update(call: Call) -> Obj:
    world = call.world
    product = world.edit(KIND, call.path["id"])
    if price := call.sent("default_price"):
        found = world.get("price", price, "default_price")
        if found["product"] != product["id"]:
            raise Refusal(f"The price {price} belongs to another product.", param="default_price")
    call.change(product, "default_price", *SETTABLE.split())
    product["updated"] = world.now()
    world.updated(product)
    return product


@endpoint("GET /v1/products", "ProductListParams", "active created ids shippable url")
def list_(call: Call) -> Obj:
    wanted = {k: call.params[k] for k in ("active", "shippable", "url") if k in call.params}
    ids = call.sent("ids")
    return page(
        call,
        KIND,
        lambda p: all(p[k] == v for k, v in wanted.items()) and (not ids or p["id"] in ids),
    )


@endpoint("GET /v1/products/search", "ProductSearchParams", "query page", Evidence.DOCUMENTED)
def search_(call: Call) -> Obj:
    fields = {"active": TOKEN, "name": TEXT, "description": TEXT, "url": TEXT}
    return search(call, KIND, fields)


@endpoint("DELETE /v1/products/{id}", "ProductDeleteParams", evidence=Evidence.DOCUMENTED)
def delete(call: Call) -> Obj:
    """Delete a product that has no prices."""
    world, ident = call.world, call.path["id"]
    product = world.get(KIND, ident)
    if world.where("price", "product", ident):
        raise Refusal(
            "This product cannot be deleted because it has one or more user-created prices."
        )
    world.emit("product.deleted", product)
    world.remove(KIND, ident)
    return {"id": ident, "object": KIND, "deleted": True}
