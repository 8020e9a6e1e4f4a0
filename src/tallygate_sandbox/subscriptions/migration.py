"""From classic to flexible billing, one way. Source: https://docs.stripe.com/api/subscriptions/migrate."""

from tallygate_sandbox.api import Call, endpoint
from tallygate_sandbox.subscriptions.creation import billing_mode
from tallygate_sandbox.subscriptions.subscription import ENDED, Contract, announce
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj


@endpoint("POST /v1/subscriptions/{id}/migrate", "SubscriptionMigrateParams", "billing_mode")
def migrate(call: Call) -> Obj:
    contract = Contract.opened(call.world, call.path["id"])
    sub = contract.sub
    if contract.flexible:
        raise Refusal(
            "This subscription already uses `billing_mode.type=flexible`.", param="billing_mode"
        )
    if sub["status"] in ENDED:
        raise Refusal(f"A subscription with status {sub['status']} cannot be migrated.")
    sub["billing_mode"] = billing_mode(call.params["billing_mode"], contract.now())
    announce(call.world, sub)
    return sub
