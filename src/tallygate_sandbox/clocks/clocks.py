"""Test clocks.

Sources: https://docs.stripe.com/api/test_clocks and
https://docs.stripe.com/billing/testing/test-clocks/api-advanced-usage.
"""

import logging
import time
from collections.abc import Iterator

from tallygate_sandbox.api import Call, Evidence, endpoint, page
from tallygate_sandbox.money.calendar import boundary
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World, due, index, when

KIND = "test_helpers.test_clock"
KEPT_SECONDS = 7 * 24 * 3600  # as in the documentation's example
MAX_CUSTOMERS = 3
MAX_INTERVALS = 2
LATEST = 32_503_680_000  # the year 3000
OVER = frozenset({"canceled", "incomplete_expired"})

log = logging.getLogger("tallygate_sandbox")

index(KIND, "status")
index("customer", "test_clock")
index("subscription", "customer")


@endpoint(
    "POST /v1/test_helpers/test_clocks",
    "test_helpers.TestClockCreateParams",
    "customer frozen_time name",
)
def create(call: Call) -> Obj:
    world = call.world
    frozen = call.params["frozen_time"]
    if not 0 <= frozen <= LATEST:
        raise Refusal("Invalid timestamp: it must lie before the year 3000.", param="frozen_time")
    clock = world.add(
        {
            "id": world.ids.new("clock"),
            "object": KIND,
            "created": world.now(),
            "deletes_after": world.now() + KEPT_SECONDS,
            "frozen_time": frozen,
            "livemode": False,
            "name": call.sent("name"),
            "status": "ready",
            "status_details": {},
        }
    )
    world.set_timer("test_clock.delete", clock, clock["deletes_after"])
    world.emit(f"{KIND}.created", clock)
    if call.sent("customer"):
        attach(world, clock, call.params["customer"])
    return clock


def attach(world: World, clock: Seen, ident: str) -> None:
    """Put a customer that exists on a clock, with all that they have and all that is due.

    Source: the SDK's types. Assumed: the clock does not begin before the customer.

    Raises:
        Refusal: no such customer, or one that has a clock already, or is younger than this one.
    """
    customer = world.edit("customer", ident, "customer")
    if customer["test_clock"] is not None:
        raise Refusal("The customer is attached to a test clock already.", param="customer")
    if clock["frozen_time"] < customer["created"]:
        raise Refusal(
            "The frozen_time cannot be before the customer was created.", param="frozen_time"
        )
    for kind, one in world.objects.places():
        found = world.find(kind, one)
        if found is None or (found.get("customer") != ident and one != ident):
            continue
        if "test_clock" in found:
            world.edit(kind, one)["test_clock"] = clock["id"]
        world.timers.move(one, clock["id"])
    world.updated(customer)


@endpoint("GET /v1/test_helpers/test_clocks/{id}", "test_helpers.TestClockRetrieveParams")
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint("GET /v1/test_helpers/test_clocks", "test_helpers.TestClockListParams")
def list_(call: Call) -> Obj:
    return page(call, KIND)


@endpoint(
    "POST /v1/test_helpers/test_clocks/{id}/advance",
    "test_helpers.TestClockAdvanceParams",
    "frozen_time",
    Evidence.DOCUMENTED,
)
def advance(call: Call) -> Obj:
    """Begin to advance; what is due until then is played after the answer."""
    world, target = call.world, call.params["frozen_time"]
    clock = world.edit(KIND, call.path["id"])
    if clock["status"] == "advancing":
        raise underway(clock["id"])
    if target <= clock["frozen_time"]:
        raise Refusal(
            "The frozen_time must be after the test clock's current frozen time "
            f"({clock['frozen_time']}).",
            param="frozen_time",
        )
    if target > farthest(world, clock):
        raise Refusal(
            "Cannot advance a test clock by more than two intervals of its shortest subscription, "
            f"or two years without one: at most to {farthest(world, clock)}.",
            param="frozen_time",
        )
    clock["status"] = "advancing"
    clock["status_details"] = {"advancing": {"target_frozen_time": target}}
    world.emit(f"{KIND}.advancing", clock)
    return clock


def farthest(world: World, clock: Seen) -> int:
    """To which instant a clock may be advanced."""
    now = clock["frozen_time"]
    ends = [boundary(now, i, MAX_INTERVALS * count, 1) for i, count in intervals(world, clock)]
    return min(ends, default=boundary(now, "year", MAX_INTERVALS, 1))


def intervals(world: World, clock: Seen) -> Iterator[tuple[str, int]]:
    """The intervals of a clock's subscriptions that are not over."""
    for customer in world.where("customer", "test_clock", clock["id"]):
        for subscription in world.where("subscription", "customer", customer["id"]):
            if subscription["status"] in OVER:
                continue
            for item in world.view(subscription)["items"]["data"]:
                recurring = item["price"]["recurring"]
                yield recurring["interval"], recurring["interval_count"]


@endpoint("DELETE /v1/test_helpers/test_clocks/{id}", "test_helpers.TestClockDeleteParams")
def delete(call: Call) -> Obj:
    remove(call.world, call.path["id"])
    return {"id": call.path["id"], "object": KIND, "deleted": True}


@due("test_clock.delete")
def remove_when_due(world: World, ident: str) -> None:
    clock = world.get(KIND, ident)
    if clock["status"] == "advancing":  # it ends in a moment of the machine's
        world.set_timer("test_clock.delete", clock, world.now() + 60)
    else:
        remove(world, ident)


def remove(world: World, ident: str) -> None:
    """Delete a clock with its customers and all that they have."""
    clock = world.get(KIND, ident)
    if clock["status"] == "advancing":
        raise underway(clock["id"])
    for kind, owned in world.on_timeline(ident):
        world.remove(kind, owned)
    world.timers.stop_timeline(ident)
    world.stop_timer("test_clock.delete", clock)
    world.emit(f"{KIND}.deleted", clock)
    world.remove(KIND, ident)


@when("customer.created")
def count(world: World, customer: Seen) -> None:
    clock = customer.get("test_clock")
    if clock and len(world.where("customer", "test_clock", clock)) > MAX_CUSTOMERS:
        raise Refusal(
            f"A test clock can have at most {MAX_CUSTOMERS} customers.", param="test_clock"
        )


def advancing(world: World) -> list[str]:
    """The ids of the clocks that advance at this moment."""
    return [clock["id"] for clock in world.where(KIND, "status", "advancing")]


def play(world: World, ident: str, seconds: float) -> bool:
    """Play what is due, for a slice of the machine's time; whether the clock still advances."""
    slice_ends = time.monotonic() + seconds
    target = world.get(KIND, ident)["status_details"]["advancing"]["target_frozen_time"]
    try:
        while world.play_next(ident, target):
            if time.monotonic() > slice_ends:
                return True
    except Exception:
        log.exception("the test clock %s stops on its way to %s", ident, target)
        _end(world, ident, "internal_failure")
        return False
    _end(world, ident, "ready", target)
    return False


def _end(world: World, ident: str, status: str, at: int | None = None) -> None:
    with world.transaction():
        clock = world.edit(KIND, ident)
        clock["status"] = status
        clock["status_details"] = {}
        if at is not None:
            clock["frozen_time"] = at
        world.emit(f"{KIND}.{status}", clock)


def refuse_changes(world: World) -> None:
    """Refuse a transaction that changed what belongs to a clock while it advances."""
    moving = advancing(world)
    for kind, ident in world.objects.changed() if moving else ():
        obj = world.find(kind, ident)
        timeline = world.timeline_of(obj)
        if timeline in moving:
            raise underway(timeline)


def underway(clock: str) -> Refusal:
    return Refusal(
        f"Test clock advancement underway - cannot perform modifications: {clock}", status=429
    )
