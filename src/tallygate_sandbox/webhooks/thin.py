"""Thin twins: nearly every snapshot event exists as a thin `v1.*` event too.

Source: https://docs.stripe.com/event-destinations, and the SDK's list of thin types. A twin is
made only when a destination wants it.
"""

from stripe.events._event_classes import _V2_EVENT_CLASS_LOOKUP as THIN_TYPES

from tallygate_sandbox.webhooks.deliveries import tell_thin, wants
from tallygate_sandbox.webhooks.version_2 import rfc3339
from tallygate_sandbox.world import Obj, Seen, World, when
from tallygate_sandbox.world.events import data_of

KIND = "v2.core.event"
DESTINATION = "v2.core.event_destination"


@when("event.made")
def make_twin(world: World, event: Seen) -> None:
    """Make an event's thin twin, if a destination listens for it."""
    if not world.objects.count(DESTINATION):
        return
    type_ = f"v1.{event['type']}"
    listening = world.where(DESTINATION, "_listens", "thin")
    if type_ in THIN_TYPES and any(wants(one, type_) for one in listening):
        tell_thin(world, world.add(twin(world, event, type_)))


def twin(world: World, event: Seen, type_: str) -> Obj:
    about, request = data_of(event)["object"], event["request"]
    reason = {"type": "request", "request": request} if request["id"] else None
    kind = about["object"]
    url = f"/v1/{kind.replace('.', '/')}s/{about['id']}"
    made = thin(world, type_, {"id": about["id"], "type": kind, "url": url})
    return made | {
        "created": rfc3339(event["created"]),
        "reason": reason,
        "snapshot_event": event["id"],
    }


def thin(world: World, type_: str, about: Obj) -> Obj:
    """A thin event about an object: its id, type and url."""
    return {
        "id": world.ids.new("evt_test", 40),
        "object": KIND,
        "changes": None,
        "context": None,
        "created": rfc3339(world.now()),
        "livemode": False,
        "reason": None,
        "related_object": about,
        "snapshot_event": None,
        "type": type_,
        "_created": world.now(),
    }
