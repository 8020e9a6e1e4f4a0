"""Taking a meter event back, within 24 hours of its call.

Source: https://docs.stripe.com/api/billing/meter-event-adjustment. Which event is named by its
identifier; what cannot be taken back is refused at once (assumed).
"""

from tallygate_sandbox.api import Call, Evidence, endpoint
from tallygate_sandbox.meters import queue
from tallygate_sandbox.meters.times import rfc3339
from tallygate_sandbox.wire.refusals import Refusal, missing_param
from tallygate_sandbox.world import Obj

PARAM = "cancel[identifier]"


@endpoint(
    "POST /v1/billing/meter_event_adjustments",
    "billing.MeterEventAdjustmentCreateParams",
    "cancel event_name type",
    Evidence.DOCUMENTED,
)
def create(call: Call) -> Obj:
    status = _cancel(call)
    return {
        "object": "billing.meter_event_adjustment",
        "cancel": {"identifier": call.params["cancel"]["identifier"]},
        "event_name": call.params["event_name"],
        "livemode": False,
        "status": status,
        "type": "cancel",
    }


@endpoint(
    "POST /v2/billing/meter_event_adjustments",
    "v2.billing.MeterEventAdjustmentCreateParams",
    "cancel event_name type",
    Evidence.DOCUMENTED,
)
def create_of_version_2(call: Call) -> Obj:
    status = _cancel(call)
    return {
        "id": call.world.ids.new("mtrea_test", 32),
        "object": "v2.billing.meter_event_adjustment",
        "cancel": {"identifier": call.params["cancel"]["identifier"]},
        "created": rfc3339(call.world.now()),
        "event_name": call.params["event_name"],
        "livemode": False,
        "status": status,
        "type": "cancel",
    }


def _cancel(call: Call) -> str:
    identifier = call.sent("cancel", {}).get("identifier")
    if not identifier:
        raise missing_param(PARAM)
    accepted = queue.known(call.world, identifier)
    if accepted is None or accepted["event_name"] != call.params["event_name"]:
        raise Refusal(
            f"No meter event with the identifier '{identifier}' was received for this event name "
            "within the last 24 hours.",
            code="resource_missing",
            param=PARAM,
        )
    if accepted["canceled"]:
        raise Refusal(f"The meter event '{identifier}' is canceled already.", param=PARAM)
    return queue.cancel(call.world, identifier)
