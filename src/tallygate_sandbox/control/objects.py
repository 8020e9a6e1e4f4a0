"""`/_sandbox/objects`: ready objects put in, everything taken out; and what was asked lately."""

from itertools import islice

from starlette.requests import Request

from tallygate_sandbox.control.lately import KEPT_REQUESTS
from tallygate_sandbox.control.pulse import Pulse
from tallygate_sandbox.control.requests import Body, Sent, control
from tallygate_sandbox.webhooks import deliveries, secrets
from tallygate_sandbox.wire.refusals import Refusal, missing_param, no_such
from tallygate_sandbox.world.events import data_of

MAX_SHOWN = 1000
ENDPOINTS = ("webhook_endpoint", "v2.core.event_destination")


@control("GET /_sandbox/requests")
async def list_requests(pulse: Pulse, _request: Request, _body: Body) -> Body:
    short = ("id", "at", "method", "path", "status", "ms")
    return {"data": [{name: one[name] for name in short} for one in pulse.lately.all()]}


@control("GET /_sandbox/requests/{id}")
async def read_request(pulse: Pulse, request: Request, _body: Body) -> Body:
    ident = request.path_params["id"]
    for one in pulse.lately.all():
        if one["id"] == ident:
            return one
    raise Refusal(
        f"No such request: '{ident}'. The last {KEPT_REQUESTS} are kept, by this process only.",
        status=404,
    )


@control("GET /_sandbox/objects")
async def dump(pulse: Pulse, request: Request, _body: Body) -> Body:
    """Objects as they are kept, of one `kind`, or the kinds with their numbers."""
    objects = pulse.world.objects
    kind = request.query_params.get("kind")
    if kind is None:
        counts = {one: objects.count(one) for one in objects.kinds()}
        return {"kinds": {one: count for one, count in sorted(counts.items()) if count}}
    found = [dict(one) for one in islice(objects.newest_first(kind), MAX_SHOWN)]
    for one in found:
        one.pop("_secrets", None)
        if kind == "event":
            one["data"] = data_of(one)
    return {"data": found}


@control("POST /_sandbox/objects")
async def put(pulse: Pulse, _request: Request, body: Body) -> Body:
    """Put ready objects, each with its `object` and `id`, such as those of a recording.

    What is there already is replaced. Nothing follows from it: no event, no timer.
    """
    Sent(body, "objects")
    objects = body.get("objects")
    if not isinstance(objects, list) or not objects:
        raise missing_param("objects")
    for one in objects:
        named = isinstance(one, dict) and all(
            isinstance(one.get(key), str) and one[key] for key in ("object", "id")
        )
        if not named:
            raise Refusal("Each object has an `object` and an `id`.", param="objects")
    world = pulse.world
    with world.transaction():
        for one in objects:
            if world.find(one["object"], one["id"]):
                world.remove(one["object"], one["id"])
            world.add(one)
    return {"put": len(objects)}


@control("POST /_sandbox/events/{id}/resend")
async def resend(pulse: Pulse, request: Request, body: Body) -> Body:
    """Deliver an event again: to its `endpoint`, or to all that had it."""
    sent, ident, world = Sent(body, "endpoint"), request.path_params["id"], pulse.world
    event = world.find("event", ident) or world.find("v2.core.event", ident)
    if event is None:
        raise no_such("event", ident)
    endpoint = sent.text("endpoint", "*")
    with world.transaction():
        again = deliveries.resend(world, event, None if endpoint == "*" else endpoint)
    pulse.stir()
    return {"resent": [{"endpoint": one["endpoint"], "url": one["url"]} for one in again]}


@control("POST /_sandbox/webhook_endpoints/{id}/rotate")
async def rotate(pulse: Pulse, request: Request, body: Body) -> Body:
    """Give an endpoint a new secret; for `seconds` the old one signs too (at most a day)."""
    sent, ident, world = Sent(body, "seconds"), request.path_params["id"], pulse.world
    seconds = sent.whole("seconds", 0, secrets.BOTH_SECONDS)
    for kind in ENDPOINTS:
        if world.find(kind, ident):
            with world.transaction():
                still = secrets.BOTH_SECONDS if seconds is None else seconds
                return {"secret": secrets.rotate(world, world.edit(kind, ident), still)}
    raise no_such("webhook_endpoint", ident)
