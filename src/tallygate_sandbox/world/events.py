"""The log of events: what happened, with the object as it was then. Kept for 30 days.

Source: https://docs.stripe.com/api/events; the payload is frozen when the event is made.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from tallygate_sandbox.world.objects import Obj, Seen, decode, encode

if TYPE_CHECKING:  # the world makes its events with this module
    from tallygate_sandbox.world.world import World

API_VERSION = "2026-10-28.endive"
KEPT_SECONDS = 30 * 24 * 3600
SWEEP_EVERY = 500


def event(
    world: "World",
    type: str,  # noqa: A002  # Stripe's word
    obj: Seen,
    previous: Obj | None,
    request: Obj | None,
) -> Obj:
    """Make an event about an object; `previous` holds the fields that changed, as they were."""
    snapshot: Obj = {"object": world.view(obj)}
    if previous is not None:
        snapshot["previous_attributes"] = previous
    return {
        "id": world.ids.new("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": world.now(obj),
        # As bytes: what happens to the object later must not change what was said of it.
        "data": msgspec.Raw(encode(snapshot)),
        "livemode": False,
        "pending_webhooks": 0,
        "request": request or {"id": None, "idempotency_key": None},
        "type": type,
        "_at": world.now(),  # a test clock's year is no reason to forget the others' events
    }


def changed_fields(before: Seen, now: Seen) -> Obj:
    """What differs, with its earlier values; inside hashes only the keys that differ."""
    changed: Obj = {}
    for key in before.keys() | now.keys():
        old, new = before.get(key), now.get(key)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            changed[key] = changed_fields(old, new)
        else:
            changed[key] = old
    return dict(sorted(changed.items()))


def data_of(event: Seen) -> Obj:
    """An event's data: `object`, and `previous_attributes` where it was an update."""
    kept: Obj | msgspec.Raw = event["data"]
    return decode(kept) if isinstance(kept, msgspec.Raw) else kept  # from the file it is a dict


def prune(world: "World") -> None:
    """Once in a while forget the events that are older than Stripe keeps them."""
    if world.objects.count("event") % SWEEP_EVERY:
        return
    for old in world.objects.older("event", world.now() - KEPT_SECONDS, "_at"):
        world.remove("event", old)
