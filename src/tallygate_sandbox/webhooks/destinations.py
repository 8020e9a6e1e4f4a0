"""Event destinations. Source: https://docs.stripe.com/api/v2/core/event-destinations.

The URL and the secret are shown only when `include` asks for them, the secret only on creation.
"""

from typing import Any

from tallygate_sandbox.api import Call, endpoint
from tallygate_sandbox.webhooks.deliveries import drop_pending, queue
from tallygate_sandbox.webhooks.endpoints import check_url
from tallygate_sandbox.webhooks.secrets import new_secret
from tallygate_sandbox.webhooks.thin import thin
from tallygate_sandbox.webhooks.version_2 import page_of, rfc3339
from tallygate_sandbox.wire.refusals import Refusal, absent, missing_param
from tallygate_sandbox.world import Obj, Seen, World
from tallygate_sandbox.world.events import API_VERSION
from tallygate_sandbox.world.world import public

KIND = "v2.core.event_destination"
URL = "webhook_endpoint.url"
SECRET = "webhook_endpoint.signing_secret"  # noqa: S105  # a field's name


@endpoint(
    "POST /v2/core/event_destinations",
    "v2.core.EventDestinationCreateParams",
    "description enabled_events event_payload events_from include metadata name "
    "snapshot_api_version type webhook_endpoint",
)
def create(call: Call) -> Obj:
    world, sent = call.world, call.params
    if sent["type"] != "webhook_endpoint":
        raise absent(f"event destinations of type {sent['type']}")
    if "webhook_endpoint" not in sent:
        raise missing_param("webhook_endpoint")
    if call.sent("events_from", ["@self"]) != ["@self"]:
        raise absent("events of other accounts")
    check_url(sent["webhook_endpoint"]["url"], "webhook_endpoint.url")
    thin = sent["event_payload"] == "thin"
    version = call.sent("snapshot_api_version")
    if thin and version:
        raise Refusal("A thin event has no version.", param="snapshot_api_version")
    if version not in {None, API_VERSION}:
        raise absent(f"events in the API version {version}: it has {API_VERSION}")
    if not sent["enabled_events"]:
        raise Refusal("enabled_events must not be empty.", param="enabled_events")
    made = world.add(
        {
            "id": world.ids.new("ed_test"),
            "object": KIND,
            "created": rfc3339(world.now()),
            "description": call.sent("description", ""),
            "enabled_events": sent["enabled_events"],
            "event_payload": sent["event_payload"],
            "events_from": ["@self"],
            "livemode": False,
            "metadata": call.sent("metadata", {}),
            "name": sent["name"],
            "snapshot_api_version": None if thin else version or API_VERSION,
            "status": "enabled",
            "status_details": None,
            "type": "webhook_endpoint",
            "updated": rfc3339(world.now()),
            "webhook_endpoint": None,
            "_listens": sent["event_payload"],
            "_secrets": [{"secret": new_secret(world), "until": None}],
            "_url": sent["webhook_endpoint"]["url"],
        }
    )
    return shown(made, call.sent("include", []), first=True)


@endpoint(
    "GET /v2/core/event_destinations/{id}", "v2.core.EventDestinationRetrieveParams", "include"
)
def retrieve(call: Call) -> Obj:
    return shown(call.world.get(KIND, call.path["id"]), call.sent("include", []))


@endpoint(
    "GET /v2/core/event_destinations", "v2.core.EventDestinationListParams", "include limit page"
)
def list_(call: Call) -> Obj:
    include = call.sent("include", [])
    return page_of(call, KIND, show=lambda made: shown(made, include))


@endpoint(
    "POST /v2/core/event_destinations/{id}",
    "v2.core.EventDestinationUpdateParams",
    "description enabled_events include metadata name webhook_endpoint",
)
def update(call: Call) -> Obj:
    made = call.world.edit(KIND, call.path["id"])
    for name in ("description", "enabled_events", "name"):
        if call.sent(name):
            made[name] = call.params[name]
    call.change(made, "metadata")
    if target := call.sent("webhook_endpoint"):
        check_url(target["url"], "webhook_endpoint.url")
        made["_url"] = target["url"]
    return shown(_touched(call.world, made), call.sent("include", []))


@endpoint("POST /v2/core/event_destinations/{id}/disable", "v2.core.EventDestinationDisableParams")
def disable(call: Call) -> Obj:
    made = call.world.edit(KIND, call.path["id"])
    made |= {"status": "disabled", "status_details": {"disabled": {"reason": "user"}}}
    made["_listens"] = None
    drop_pending(call.world, made["id"])
    return shown(_touched(call.world, made), [])


@endpoint("POST /v2/core/event_destinations/{id}/enable", "v2.core.EventDestinationEnableParams")
def enable(call: Call) -> Obj:
    made = call.world.edit(KIND, call.path["id"])
    made |= {"status": "enabled", "status_details": None, "_listens": made["event_payload"]}
    return shown(_touched(call.world, made), [])


@endpoint("POST /v2/core/event_destinations/{id}/ping", "v2.core.EventDestinationPingParams")
def ping(call: Call) -> Obj:
    """Send this destination an event that is about nothing but itself."""
    made = call.world.get(KIND, call.path["id"])
    if made["status"] != "enabled":
        raise Refusal("The event destination is disabled.")
    about = {"id": made["id"], "type": KIND, "url": f"/v2/core/event_destinations/{made['id']}"}
    event = call.world.add(thin(call.world, f"{KIND}.ping", about))
    queue(call.world, event, made)
    return event


@endpoint("DELETE /v2/core/event_destinations/{id}", "v2.core.EventDestinationDeleteParams")
def delete(call: Call) -> Obj:
    ident = call.world.get(KIND, call.path["id"])["id"]
    drop_pending(call.world, ident)
    call.world.remove(KIND, ident)
    return {"id": ident, "object": KIND, "deleted": True}


def shown(made: Seen, include: list[str], *, first: bool = False) -> Obj:
    """A destination with what `include` asks for."""
    target: dict[str, Any] = {"signing_secret": None, "url": None}
    if URL in include:
        target["url"] = made["_url"]
    if SECRET in include and first:
        target["signing_secret"] = made["_secrets"][0]["secret"]
    return public(made) | {"webhook_endpoint": target}


def _touched(world: World, made: Obj) -> Obj:
    made["updated"] = rfc3339(world.now())
    return made
