"""The list of schedules. Source: https://docs.stripe.com/api/subscription_schedules/list."""

from typing import Any

from tallygate_sandbox.api import Call, endpoint, page
from tallygate_sandbox.api.pages import within
from tallygate_sandbox.subscriptions.phases import KIND
from tallygate_sandbox.world import Obj, Seen


@endpoint(
    "GET /v1/subscription_schedules",
    "SubscriptionScheduleListParams",
    "customer created canceled_at completed_at released_at scheduled",
)
def list_(call: Call) -> Obj:
    customer = call.sent("customer")
    among = reversed(call.world.where(KIND, "customer", customer)) if customer else None
    names = [n for n in ("canceled_at", "completed_at", "released_at") if n in call.params]

    def keep(schedule: Seen) -> bool:
        if not customer and schedule["test_clock"] is not None:
            return False
        if call.sent("scheduled") and schedule["status"] != "not_started":
            return False
        return all(_in(call.params[name], schedule, name) for name in names)

    return page(call, KIND, keep, among)


def _in(bounds: Any, schedule: Seen, name: str) -> bool:
    if isinstance(bounds, int):
        bounds = {"gte": bounds, "lte": bounds}
    return within(bounds, lambda one: one[name])(schedule)
