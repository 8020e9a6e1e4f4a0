"""The endpoints of subscription items: each is a change of its subscription.

Source: https://docs.stripe.com/api/subscription_items.
"""

from typing import Any

from tallygate_sandbox.api import Call, Evidence, endpoint, page
from tallygate_sandbox.subscriptions import items as rows
from tallygate_sandbox.subscriptions import updates
from tallygate_sandbox.subscriptions.subscription import KIND, Contract
from tallygate_sandbox.world import Obj

OF_ITEM = "billing_thresholds discounts metadata plan price price_data quantity tax_rates"
OF_CHANGE = ("payment_behavior", "proration_behavior", "proration_date", "off_session")


@endpoint(
    "POST /v1/subscription_items",
    "SubscriptionItemCreateParams",
    f"{OF_ITEM} subscription payment_behavior proration_behavior proration_date",
)
def create(call: Call) -> Obj:
    call.world.get(KIND, call.params["subscription"], "subscription")
    contract = Contract.opened(call.world, call.params["subscription"])
    updates.change(contract, _change(call, {}))
    return contract.items[-1]


@endpoint("GET /v1/subscription_items/{id}", "SubscriptionItemRetrieveParams")
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(rows.KIND, call.path["id"]))


@endpoint(
    "POST /v1/subscription_items/{id}",
    "SubscriptionItemUpdateParams",
    f"{OF_ITEM} off_session payment_behavior proration_behavior proration_date",
    Evidence.RECORDED,
)
def update(call: Call) -> Obj:
    item = call.world.get(rows.KIND, call.path["id"])
    updates.change(
        Contract.opened(call.world, item["subscription"]), _change(call, {"id": item["id"]})
    )
    return dict(call.world.get(rows.KIND, call.path["id"]))


@endpoint(
    "DELETE /v1/subscription_items/{id}",
    "SubscriptionItemDeleteParams",
    "clear_usage payment_behavior proration_behavior proration_date",
)
def delete(call: Call) -> Obj:
    """Take an item away; `clear_usage` does nothing to a meter's usage, as at Stripe."""
    item = call.world.get(rows.KIND, call.path["id"])
    wanted = {name: call.params[name] for name in OF_CHANGE if name in call.params}
    wanted["items"] = [{"id": item["id"], "deleted": True}]
    updates.change(Contract.opened(call.world, item["subscription"]), wanted)
    return {"id": call.path["id"], "object": rows.KIND, "deleted": True}


@endpoint("GET /v1/subscription_items", "SubscriptionItemListParams", "subscription")
def list_(call: Call) -> Obj:
    sub = call.world.get(KIND, call.params["subscription"], "subscription")
    found = [call.world.get(rows.KIND, ident) for ident in reversed(sub["_items"])]
    return page(call, rows.KIND, among=found)


def _change(call: Call, item: dict[str, Any]) -> dict[str, Any]:
    """The update of the subscription that a change of one item is."""
    item |= {name: call.params[name] for name in OF_ITEM.split() if name in call.params}
    change = {name: call.params[name] for name in OF_CHANGE if name in call.params}
    return change | {"items": [item]}
