"""Between accepting a meter event and counting it: identifiers, and a queue with a lag.

Without a lag (`{"id": "meters", "object": "_settings", "lag_seconds": 0}`) an event is processed
in the transaction that takes it; with one, so many seconds of its customer's clock later.

Identifiers are remembered for 24 hours of the sandbox's clock, whatever became of the event.
"""

from collections.abc import Iterable

from tallygate_sandbox.meters import alerts, ledger, reports
from tallygate_sandbox.meters.checks import Fault, customer_of, read
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World, due, when

QUEUED = "_meter_queue"
IDENTIFIER = "_meter_identifier"
REMEMBERED_SECONDS = 24 * 3600
SWEEP_EVERY = 200


def lag(world: World) -> int:
    """The seconds between accepting and processing."""
    settings = world.find("_settings", "meters") or {}
    seconds: int = settings.get("lag_seconds", 0)
    return seconds


def known(world: World, identifier: str) -> Seen | None:
    """What was accepted under this identifier in the last 24 hours."""
    found = world.find(IDENTIFIER, identifier)
    return found if found and found["created"] > world.now() - REMEMBERED_SECONDS else None


def refuse_repeated(world: World, identifier: str) -> None:
    if known(world, identifier):
        raise Refusal(f"An event already exists with identifier {identifier}.")


def accept(world: World, events: list[Obj]) -> None:
    """Take events, to be processed now or after the lag; repeated identifiers are dropped."""
    fresh = []
    for event in events:
        if not known(world, event["identifier"]):
            _remember(world, event)
            fresh.append(event)
    if not lag(world):
        _count(world, fresh)
        return
    by_timeline: dict[str, list[Obj]] = {}
    for event in fresh:
        timeline = world.timeline_of(customer_of(world, event))
        by_timeline.setdefault(timeline, []).append(event)
    for timeline, group in by_timeline.items():
        _enqueue(world, timeline, {"events": group, "cancel": None})


def cancel(world: World, identifier: str) -> str:
    """Have an accepted event not count; gives "complete", or "pending" while there is a lag."""
    place = world.get(IDENTIFIER, identifier)["place"]
    timeline = world.timeline_of({"customer": place[1]} if place else None)
    if not lag(world):
        _cancel(world, identifier)
        return "complete"
    _enqueue(world, timeline, {"events": [], "cancel": identifier})
    return "pending"


@due("meters.process")
def process(world: World, ident: str) -> None:
    """Count what has waited long enough."""
    queued = world.get(QUEUED, ident)
    world.remove(QUEUED, ident)
    _count(world, queued["events"])
    if queued["cancel"]:
        _cancel(world, queued["cancel"])


@when("customer.deleted")
def forget_usage(world: World, customer: Seen) -> None:
    """Nobody is billed for a deleted customer's usage."""
    for meter in list(world.objects.newest_first("billing.meter")):
        ledger.forget(world, meter["id"], customer["id"])


def _enqueue(world: World, timeline: str, what: Obj) -> None:
    queued = {"id": world.ids.new("mq"), "object": QUEUED, "test_clock": timeline or None} | what
    world.add(queued)
    world.set_timer("meters.process", queued, world.now(queued) + lag(world))


def _count(world: World, events: Iterable[Obj]) -> None:
    faults: list[tuple[Fault, str]] = []
    for event in events:
        reading = read(world, event)
        if isinstance(reading, Fault):
            faults.append((reading, event["request"]))
            continue
        # An identifier may be forgotten while its event waits for a test clock.
        remembered = world.find(IDENTIFIER, event["identifier"])
        if remembered and remembered["canceled"]:
            continue
        meter, customer, at = reading.meter, reading.customer, reading.at
        number = ledger.record(world, meter, customer, at, reading.value)
        if remembered:
            place = [meter, customer, at, number]
            world.edit(IDENTIFIER, event["identifier"])["place"] = place
        alerts.watch(world, meter, customer)
    reports.report(world, faults)


def _cancel(world: World, identifier: str) -> None:
    if world.find(IDENTIFIER, identifier) is None:
        return
    remembered = world.edit(IDENTIFIER, identifier)
    remembered["canceled"] = True
    if remembered["place"]:
        ledger.withdraw(world, *remembered["place"])


def _remember(world: World, event: Obj) -> None:
    identifier, now = event["identifier"], world.now()
    if world.find(IDENTIFIER, identifier):
        world.remove(IDENTIFIER, identifier)
    if world.objects.count(IDENTIFIER) % SWEEP_EVERY == 0:
        for old in world.objects.older(IDENTIFIER, now - REMEMBERED_SECONDS):
            world.remove(IDENTIFIER, old)
    world.add(
        {
            "id": identifier,
            "object": IDENTIFIER,
            "created": now,
            "event_name": event["event_name"],
            "place": None,
            "canceled": False,
        }
    )
