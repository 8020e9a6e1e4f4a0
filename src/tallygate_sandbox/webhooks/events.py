"""The lists of events: snapshots in version 1, thin ones in version 2, for 30 days.

Sources: https://docs.stripe.com/api/events and https://docs.stripe.com/api/v2/core/events.
"""

from collections.abc import Callable
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from tallygate_sandbox.api import Call, endpoint, page
from tallygate_sandbox.api.pages import within
from tallygate_sandbox.webhooks.deliveries import tell_thin
from tallygate_sandbox.webhooks.version_2 import page_of
from tallygate_sandbox.wire.refusals import Refusal, no_such
from tallygate_sandbox.world import Obj, Seen, World, view_of, when
from tallygate_sandbox.world.events import KEPT_SECONDS, data_of
from tallygate_sandbox.world.world import public

KIND = "event"
THIN = "v2.core.event"
MAX_TYPES = 20


@view_of(KIND)
def view(_world: World, event: Seen) -> Obj:
    return public(event) | {"data": data_of(event)}


@endpoint("GET /v1/events", "EventListParams", "created delivery_success type types")
def list_(call: Call) -> Obj:
    """Events, newest first, of the last 30 days."""
    wanted, delivered = _types(call), call.sent("delivery_success")
    oldest = call.world.now() - KEPT_SECONDS

    def keep(event: Seen) -> bool:
        if delivered is not None and (event["pending_webhooks"] == 0) != delivered:
            return False
        return wanted(event["type"]) and event["_at"] > oldest

    return page(call, KIND, keep)


def _types(call: Call) -> Callable[[str], bool]:
    one, many = call.sent("type"), call.sent("types")
    if one and many:
        raise Refusal("You may pass either type or types, but not both.", param="types")
    if many and len(many) > MAX_TYPES:
        raise Refusal(f"You can filter by up to {MAX_TYPES} types.", param="types")
    if one:
        return lambda type_: fnmatchcase(type_, one.replace("[", "[[]"))
    return lambda type_: not many or type_ in many


@endpoint("GET /v1/events/{id}", "EventRetrieveParams")
def retrieve(call: Call) -> Obj:
    return dict(_recent(call, KIND))


@endpoint("GET /v2/core/events/{id}", "v2.core.EventRetrieveParams")
def retrieve_thin(call: Call) -> Obj:
    """A thin event with its data, which its notification does not carry."""
    return dict(_recent(call, THIN))


@endpoint("GET /v2/core/events", "v2.core.EventListParams", "created object_id types page")
def list_thin(call: Call) -> Obj:
    many, about = call.sent("types", []), call.sent("object_id")
    oldest = call.world.now() - KEPT_SECONDS
    bounds = {name: _seconds(name, text) for name, text in call.sent("created", {}).items()}
    in_time = within(bounds, lambda event: event["_created"])

    def keep(event: Seen) -> bool:
        if many and event["type"] not in many:
            return False
        if about and (event.get("related_object") or {}).get("id") != about:
            return False
        return event["_created"] > oldest and in_time(event)

    return page_of(call, THIN, keep)


@when("thin_event")
def deliver_thin(world: World, event: Seen) -> None:
    """Queue a thin event that a room has made for those who want it."""
    tell_thin(world, event)


def _recent(call: Call, kind: str) -> Seen:
    event = call.world.get(kind, call.path["id"])
    at = event["_at" if kind == KIND else "_created"]
    if at <= call.world.now() - KEPT_SECONDS:
        raise no_such(kind, call.path["id"])
    return event


def _seconds(name: str, text: Any) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except (TypeError, ValueError, OverflowError):
        raise Refusal(f"Invalid timestamp: {text}", param=f"created[{name}]") from None
