"""Reading subscriptions: one, lists, and search.

Source: https://docs.stripe.com/api/subscriptions/list. Canceled ones are left out unless asked
for; those of a test clock are, unless the customer or the clock is named. `current_period_end`
compares with the earliest item's end, `current_period_start` with the latest item's start.
"""

from collections.abc import Callable, Iterable
from typing import Any

from tallygate_sandbox.api import Call, Evidence, endpoint, page
from tallygate_sandbox.api.pages import within
from tallygate_sandbox.api.search import NUMBER, TOKEN, search
from tallygate_sandbox.subscriptions import items as rows
from tallygate_sandbox.subscriptions.subscription import ENDED, KIND
from tallygate_sandbox.world import Obj, Seen, World


@endpoint("GET /v1/subscriptions/{id}", "SubscriptionRetrieveParams", evidence=Evidence.RECORDED)
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint(
    "GET /v1/subscriptions",
    "SubscriptionListParams",
    "automatic_tax collection_method created current_period_end current_period_start customer "
    "plan price status test_clock",
)
def list_(call: Call) -> Obj:
    world = call.world
    customer, clock = call.sent("customer"), call.sent("test_clock")
    among: Iterable[Seen] | None = None
    if customer:
        among = reversed(world.where(KIND, "customer", customer))
    elif clock:
        among = reversed(world.where(KIND, "test_clock", clock))
    tests = [test for test in (_by_status(call), _by_price(call), *_by_period(call)) if test]
    taxed = (call.sent("automatic_tax") or {}).get("enabled")

    def keep(sub: Seen) -> bool:
        if not customer and sub["test_clock"] != clock:
            return False
        if clock and sub["test_clock"] != clock:
            return False
        if taxed is not None and sub["automatic_tax"]["enabled"] != taxed:
            return False
        method = call.sent("collection_method", sub["collection_method"])
        return sub["collection_method"] == method and all(test(sub) for test in tests)

    return page(call, KIND, keep, among)


def _by_status(call: Call) -> Callable[[Seen], bool] | None:
    status = call.sent("status")
    if status == "all":
        return None
    if status == "ended":
        return lambda sub: sub["status"] in ENDED
    if status is None:
        return lambda sub: sub["status"] != "canceled"
    return lambda sub: bool(sub["status"] == status)


def _by_price(call: Call) -> Callable[[Seen], bool] | None:
    price = call.sent("price") or call.sent("plan")
    if not price:
        return None
    return lambda sub: any(item["price"] == price for item in _items(call.world, sub))


def _by_period(call: Call) -> list[Callable[[Seen], bool]]:
    world = call.world

    def end(sub: Seen) -> int:
        return min(int(item["current_period_end"]) for item in _items(world, sub))

    def start(sub: Seen) -> int:
        return max(int(item["current_period_start"]) for item in _items(world, sub))

    tests = []
    for name, of in (("current_period_end", end), ("current_period_start", start)):
        bounds: Any = call.sent(name)
        if isinstance(bounds, int):
            bounds = {"gte": bounds, "lte": bounds}
        if bounds:
            tests.append(within(bounds, of))
    return tests


def _items(world: World, sub: Seen) -> list[Seen]:
    return [world.get(rows.KIND, ident) for ident in sub["_items"]]


@endpoint(
    "GET /v1/subscriptions/search", "SubscriptionSearchParams", "query page", Evidence.DOCUMENTED
)
def search_(call: Call) -> Obj:
    fields = {"created": NUMBER, "canceled_at": NUMBER, "status": TOKEN}
    return search(call, KIND, fields)
