"""Deliveries: which event goes to whom, what was tried, and when it is tried again.

A delivery is `waiting` for its time, `pending` an attempt, `delivered`, `failed` after its last
attempt, `lost` on request, or `dropped` with its endpoint. Retries follow the sandbox's clock.
Source: https://docs.stripe.com/webhooks#automatic-retries: in a Stripe sandbox three retries
within a few hours; the exact times are assumed.
"""

from dataclasses import dataclass

from tallygate_sandbox.webhooks.faults import fate
from tallygate_sandbox.world import Obj, Seen, World, due, index, when
from tallygate_sandbox.world.events import KEPT_SECONDS

KIND = "_delivery"
RETRIES = (600, 3600, 3 * 3600)
SWEEP_EVERY = 500
OPEN = frozenset({"waiting", "pending"})
SETTLED = frozenset({"delivered", "dropped"})
ALL = "*"

index(KIND, "event", "_queue", "endpoint")
index("v2.core.event_destination", "_listens")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: the status that was answered, or what went wrong before one was."""

    at: int
    status: int | None
    error: str | None
    ms: int

    @property
    def succeeded(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@when("event.made")
def tell_snapshot(world: World, event: Obj) -> None:
    """Queue an event for each endpoint that wants it."""
    listening: list[Seen] = []
    if world.objects.count("webhook_endpoint"):
        listening += world.where("webhook_endpoint", "status", "enabled")
    if world.objects.count("v2.core.event_destination"):
        listening += world.where("v2.core.event_destination", "_listens", "snapshot")
    wanting = [one for one in listening if wants(one, event["type"])]
    event["pending_webhooks"] = len(wanting)
    for one in wanting:
        queue(world, event, one)


def tell_thin(world: World, event: Seen) -> None:
    """Queue a thin event for each destination that wants it."""
    for one in world.where("v2.core.event_destination", "_listens", "thin"):
        if wants(one, event["type"]):
            queue(world, event, one)


def wants(endpoint: Seen, type: str) -> bool:  # noqa: A002  # Stripe's word
    return ALL in endpoint["enabled_events"] or type in endpoint["enabled_events"]


def url_of(endpoint: Seen) -> str:
    url: str = endpoint.get("_url") or endpoint["url"]
    return url


def queue(world: World, event: Seen, endpoint: Seen) -> Obj:
    """Make a delivery, due at once unless its fate is another."""
    _prune(world)
    lot = fate(world, event["id"], endpoint["id"])
    made = world.add(
        {
            "id": world.ids.new("wd"),
            "object": KIND,
            "created": world.now(),
            "event": event["id"],
            "event_kind": event["object"],
            "type": event["type"],
            "endpoint": endpoint["id"],
            "endpoint_kind": endpoint["object"],
            "url": url_of(endpoint),
            "attempts": [],
            "retries": 0,
            "state": "lost" if lot.lost else "pending",
            "next_at": None,
            "_queue": None if lot.lost else endpoint["id"],
            "_again": lot.twice,
        }
    )
    if lot.delay and not lot.lost:
        _later(world, made, lot.delay)
    return made


def pending(world: World) -> list[Seen]:
    """The deliveries that wait for an attempt, as far as they are due."""
    return [one for endpoint in queues(world) for one in world.where(KIND, "_queue", endpoint)]


def refused(world: World, event: str) -> bool:
    """Was an event sent to somebody, and never taken so far?"""
    return any(
        one["attempts"] and one["state"] not in SETTLED
        for one in world.where(KIND, "event", event)
    )


def queues(world: World) -> list[str]:
    """The endpoints for which something is pending."""
    kinds = ("webhook_endpoint", "v2.core.event_destination")
    known = [one["id"] for kind in kinds for one in world.objects.newest_first(kind)]
    return [ident for ident in known if world.where(KIND, "_queue", ident)]


def record(world: World, ident: str, attempt: Attempt) -> None:
    """Keep what an attempt brought, and set the next one where one is to follow."""
    delivery = world.edit(KIND, ident)
    delivery["attempts"].append(
        {"at": attempt.at, "status": attempt.status, "error": attempt.error, "ms": attempt.ms}
    )
    if attempt.succeeded:
        if delivery["_again"]:
            delivery["_again"] = False  # stays pending: it comes twice
        else:
            _close(world, delivery, "delivered")
    elif delivery["retries"] < len(RETRIES):
        wait = RETRIES[delivery["retries"]]
        delivery["retries"] += 1
        _later(world, delivery, wait)
    else:
        _close(world, delivery, "failed")


def resend(world: World, event: Seen, endpoint: str | None = None) -> list[Seen]:
    """Deliver an event again: to one endpoint, even if it never had it, or to all that had it."""
    again: list[Seen] = []
    for delivery in world.where(KIND, "event", event["id"]):
        if endpoint in {None, delivery["endpoint"]}:
            changed = world.edit(KIND, delivery["id"])
            world.stop_timer("webhook.attempt", changed)
            _now(changed)
            again.append(changed)
    kinds = ("webhook_endpoint", "v2.core.event_destination")
    if endpoint and not again:
        named = [one for kind in kinds if (one := world.find(kind, endpoint))]
        again += [queue(world, event, one) for one in named]
    return again


def drop_pending(world: World, endpoint: str) -> None:
    """Give up what has not been delivered to an endpoint yet."""
    for delivery in world.where(KIND, "endpoint", endpoint):
        if delivery["state"] in OPEN:
            drop(world, delivery["id"])


def drop(world: World, ident: str) -> None:
    """Give up a delivery."""
    delivery = world.edit(KIND, ident)
    world.stop_timer("webhook.attempt", delivery)
    _close(world, delivery, "dropped")


@due("webhook.attempt")
def attempt_again(world: World, ident: str) -> None:
    _now(world.edit(KIND, ident))


def _now(delivery: Obj) -> None:
    delivery["state"] = "pending"
    delivery["next_at"] = None
    delivery["_queue"] = delivery["endpoint"]


def _later(world: World, delivery: Obj, seconds: int) -> None:
    delivery["state"] = "waiting"
    delivery["next_at"] = world.now() + seconds
    delivery["_queue"] = None
    world.set_timer("webhook.attempt", delivery, delivery["next_at"])


def _close(world: World, delivery: Obj, state: str) -> None:
    delivery["state"] = state
    delivery["next_at"] = None
    delivery["_queue"] = None
    if world.find("event", delivery["event"]):  # a thin event counts nothing
        event = world.edit("event", delivery["event"])
        states = [one["state"] for one in world.where(KIND, "event", event["id"])]
        event["pending_webhooks"] = sum(one not in SETTLED for one in states)


def _prune(world: World) -> None:
    """Once in a while forget the deliveries of events that are forgotten."""
    if world.objects.count(KIND) % SWEEP_EVERY:
        return
    for old in world.objects.older(KIND, world.now() - KEPT_SECONDS):
        delivery = world.get(KIND, old)
        if delivery["state"] not in OPEN:
            world.remove(KIND, old)
