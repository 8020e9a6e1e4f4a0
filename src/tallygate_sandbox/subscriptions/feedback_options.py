"""Feedback options: reasons of the account's own, from which a customer who cancels may choose.

Source: the SDK's types of `billing.FeedbackOption` (endive). The prefix of its ids is assumed.
"""

from tallygate_sandbox.api import Call, endpoint, page
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World

KIND = "billing.feedback_option"
LONGEST = 100


@endpoint("POST /v1/billing/feedback_options", "billing.FeedbackOptionCreateParams", "description")
def create(call: Call) -> Obj:
    return call.world.add(
        {
            "id": call.world.ids.new("fbo"),
            "object": KIND,
            "description": _checked(call.params["description"]),
            "livemode": False,
            "status": "active",
            "status_transitions": {"deactivated_at": None},
            "_created": call.world.now(),
        }
    )


@endpoint("GET /v1/billing/feedback_options/{id}", "billing.FeedbackOptionRetrieveParams")
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint(
    "POST /v1/billing/feedback_options/{id}", "billing.FeedbackOptionUpdateParams", "description"
)
def update(call: Call) -> Obj:
    option = call.world.edit(KIND, call.path["id"])
    if call.sent("description"):
        option["description"] = _checked(call.params["description"])
    return option


@endpoint(
    "POST /v1/billing/feedback_options/{id}/deactivate", "billing.FeedbackOptionDeactivateParams"
)
def deactivate(call: Call) -> Obj:
    option = call.world.edit(KIND, call.path["id"])
    if option["status"] == "active":
        option["status"] = "inactive"
        option["status_transitions"]["deactivated_at"] = call.world.now()
    return option


@endpoint("GET /v1/billing/feedback_options", "billing.FeedbackOptionListParams", "status")
def list_(call: Call) -> Obj:
    wanted = call.sent("status")
    return page(call, KIND, lambda found: wanted in {None, found["status"]})


def usable(world: World, ident: str, param: str) -> Seen:
    """The option, to be offered. Raises: Refusal, when there is none or it is not active."""
    found = world.get(KIND, ident, param)
    if found["status"] != "active":
        raise Refusal(f"The feedback option {ident} is not active.", param=param)
    return found


def _checked(description: str) -> str:
    if len(description) > LONGEST:
        raise Refusal(f"A feedback option has at most {LONGEST} characters.", param="description")
    return description
