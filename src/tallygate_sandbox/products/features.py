"""Features of products, and the entitlements that a customer's subscriptions give.

Source: https://docs.stripe.com/billing/entitlements. An entitlement lives with its subscription:
active while that is trialing, active or past due.
"""

from tallygate_sandbox.api import Call, endpoint, expandable, page
from tallygate_sandbox.api.pages import list_of
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World, index, when

KIND = "entitlements.feature"
OF_PRODUCT = "product_feature"
ENTITLING = {"trialing", "active", "past_due"}

index(KIND, "lookup_key")
index(OF_PRODUCT, "_product")
expandable("entitlements.active_entitlement", feature=KIND)


@endpoint(
    "POST /v1/entitlements/features",
    "entitlements.FeatureCreateParams",
    "lookup_key metadata name",
)
def create(call: Call) -> Obj:
    world, key = call.world, call.params["lookup_key"]
    if any(feature["active"] for feature in world.where(KIND, "lookup_key", key)):
        raise Refusal(f"A feature with lookup_key {key} already exists.", param="lookup_key")
    return world.add(
        {
            "id": world.ids.new("feat"),
            "object": KIND,
            "active": True,
            "livemode": False,
            "lookup_key": key,
            "metadata": call.sent("metadata", {}),
            "name": call.params["name"],
        }
    )


@endpoint("GET /v1/entitlements/features/{id}", "entitlements.FeatureRetrieveParams")
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint(
    "POST /v1/entitlements/features/{id}",
    "entitlements.FeatureUpdateParams",
    "active metadata name",
)
def update(call: Call) -> Obj:
    feature = call.world.edit(KIND, call.path["id"])
    call.change(feature, "active", "metadata", "name")
    return feature


@endpoint("GET /v1/entitlements/features", "entitlements.FeatureListParams", "archived lookup_key")
def list_(call: Call) -> Obj:
    key, archived = call.sent("lookup_key"), call.sent("archived", False)
    return page(
        call,
        KIND,
        lambda f: (key is None or f["lookup_key"] == key) and f["active"] is not archived,
    )


@endpoint(
    "POST /v1/products/{product}/features", "ProductFeatureCreateParams", "entitlement_feature"
)
def attach(call: Call) -> Obj:
    """Give a product a feature."""
    world = call.world
    world.get("product", call.path["product"])
    feature = world.get(KIND, call.params["entitlement_feature"], "entitlement_feature")
    return world.add(
        {
            "id": world.ids.new("prodft", 14),
            "object": OF_PRODUCT,
            "entitlement_feature": dict(feature),
            "livemode": False,
            "_product": call.path["product"],
        }
    )


@endpoint("GET /v1/products/{product}/features", "ProductFeatureListParams")
def list_of_product(call: Call) -> Obj:
    call.world.get("product", call.path["product"])
    held = call.world.where(OF_PRODUCT, "_product", call.path["product"])
    return page(call, OF_PRODUCT, among=reversed(held))


@endpoint("GET /v1/products/{product}/features/{id}", "ProductFeatureRetrieveParams")
def retrieve_of_product(call: Call) -> Obj:
    return dict(call.world.get(OF_PRODUCT, call.path["id"]))


@endpoint("DELETE /v1/products/{product}/features/{id}", "ProductFeatureDeleteParams")
def detach(call: Call) -> Obj:
    """Take a feature from a product."""
    held = call.world.get(OF_PRODUCT, call.path["id"])
    call.world.remove(OF_PRODUCT, held["id"])
    return {"id": held["id"], "object": OF_PRODUCT, "deleted": True}


@endpoint(
    "GET /v1/entitlements/active_entitlements",
    "entitlements.ActiveEntitlementListParams",
    "customer",
)
def list_active(call: Call) -> Obj:
    call.world.get("customer", call.params["customer"], "customer")
    active = active_entitlements(call.world, call.params["customer"])
    limit = call.sent("limit", 10)
    ids = [entitlement["id"] for entitlement in active]
    after = call.sent("starting_after")
    start = ids.index(after) + 1 if after in ids else 0
    return list_of(call.url, active[start : start + limit], more=len(active) > start + limit)


def active_entitlements(world: World, customer: str) -> list[Obj]:
    """What a customer is entitled to now, one entry for each feature."""
    products = [
        world.get("price", item["price"])["product"]
        for subscription in world.where("subscription", "customer", customer)
        if subscription["status"] in ENTITLING
        for item in world.where("subscription_item", "subscription", subscription["id"])
    ]
    held = [
        entry for p in dict.fromkeys(products) for entry in world.where(OF_PRODUCT, "_product", p)
    ]
    features = {entry["entitlement_feature"]["id"]: entry["entitlement_feature"] for entry in held}
    return [
        {
            "id": f"ent_{customer.removeprefix('cus_')}{ident.removeprefix('feat_')}",
            "object": "entitlements.active_entitlement",
            "feature": ident,
            "livemode": False,
            "lookup_key": feature["lookup_key"],
        }
        for ident, feature in features.items()
    ]


@when(
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
)
def summarize(world: World, subscription: Seen) -> None:
    """Tell when what a customer is entitled to has changed."""
    if world.objects.count(OF_PRODUCT) == 0:
        return
    customer = world.edit("customer", subscription["customer"])
    active = active_entitlements(world, customer["id"])
    keys = [entitlement["lookup_key"] for entitlement in active]
    if keys == customer.get("_entitled", []):
        return
    customer["_entitled"] = keys
    summary = {
        "object": "entitlements.active_entitlement_summary",
        "customer": customer["id"],
        "entitlements": list_of(
            f"/v1/customer/{customer['id']}/entitlements", active[:10], more=len(active) > 10
        ),
        "livemode": False,
    }
    world.emit("entitlements.active_entitlement_summary.updated", summary)
