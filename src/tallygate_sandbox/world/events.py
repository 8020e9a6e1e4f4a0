"""The log of events: what happened, with the object as it was then. Kept for 30 days.

Source: https://docs.stripe.com/api/events; the payload is frozen when the event is made.
"""

from collections.abc import Mapping

import msgspec

from tallygate_sandbox.world.objects import Obj, Objects, Seen, decode, encode

API_VERSION = "2026-10-28.endive"
KEPT_SECONDS = 30 * 24 * 3600
SWEEP_EVERY = 500


def event(kind: str, shown: Obj, previous: Obj | None, request: Obj | None) -> Obj:
    """An event of this type, without its id and times.

    `shown` is the object as it is; `previous` holds the fields that changed, as they were.
    """
    snapshot: Obj = {"object": shown}
    if previous is not None:
        snapshot["previous_attributes"] = previous
    return {
        "object": "event",
        "api_version": API_VERSION,
        # As bytes: what happens to the object later must not change what was said of it.
        "data": msgspec.Raw(encode(snapshot)),
        "livemode": False,
        "pending_webhooks": 0,
        "request": request or {"id": None, "idempotency_key": None},
        "type": kind,
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


def outdated(objects: Objects, now: int) -> list[str]:
    """Once in a while, the ids of the events that are older than Stripe keeps them."""
    if objects.count("event") % SWEEP_EVERY:
        return []
    return objects.older("event", now - KEPT_SECONDS, "_at")
