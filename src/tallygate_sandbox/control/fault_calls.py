"""`/_sandbox/faults`: what is to go wrong, for requests and for webhooks."""

from starlette.requests import Request

from tallygate_sandbox.control.faults import KINDS, REASONS
from tallygate_sandbox.control.pulse import Pulse
from tallygate_sandbox.control.requests import Body, Sent, control
from tallygate_sandbox.webhooks import faults as webhooks
from tallygate_sandbox.wire.refusals import missing_param, no_such

MAX_TIMES = 1_000_000
ENDPOINTS = ("webhook_endpoint", "v2.core.event_destination")


@control("GET /_sandbox/faults")
async def list_(pulse: Pulse, _request: Request, _body: Body) -> Body:
    return {"data": [fault.shown() for fault in pulse.faults.coming()], "kinds": KINDS}


@control("POST /_sandbox/faults")
async def add(pulse: Pulse, _request: Request, body: Body) -> Body:
    """The next `times` requests with this method and path prefix, after `skip` of them, fail."""
    sent = Sent(body, "kind times skip method path seconds reason")
    if "kind" not in body:
        raise missing_param("kind")
    fault = pulse.faults.add(
        kind=sent.choice("kind", tuple(KINDS), ""),
        times=sent.whole("times", 1, MAX_TIMES) or 1,
        skip=sent.whole("skip", 0, MAX_TIMES) or 0,
        method=sent.choice("method", ("GET", "POST", "DELETE"), "") or None,
        path=sent.text("path", "/"),
        seconds=sent.fraction("seconds", 600, 1.0),
        reason=sent.choice("reason", REASONS, REASONS[0]),
    )
    return fault.shown()


@control("DELETE /_sandbox/faults")
async def clear(pulse: Pulse, request: Request, body: Body) -> Body:
    pulse.faults.clear()
    return await list_(pulse, request, body)


@control("GET /_sandbox/faults/webhooks")
async def list_webhooks(pulse: Pulse, _request: Request, _body: Body) -> Body:
    found = pulse.world.objects.newest_first(webhooks.KIND)
    return {"data": [shown(dict(one)) for one in found]}


@control("POST /_sandbox/faults/webhooks")
async def set_webhooks(pulse: Pulse, _request: Request, body: Body) -> Body:
    """How deliveries go wrong, to one `endpoint` or to all of them.

    `duplicate` and `lose` are shares from 0 to 1, `delay` the most seconds of the sandbox's clock,
    `parallel` how many attempts may be under way at once.
    """
    sent = Sent(body, "endpoint duplicate lose reorder delay parallel seed")
    endpoint = sent.text("endpoint", webhooks.EVERY)
    world = pulse.world
    if endpoint != webhooks.EVERY and not any(world.find(kind, endpoint) for kind in ENDPOINTS):
        raise no_such("webhook_endpoint", endpoint, "endpoint", status=400)
    fault = {
        "duplicate": sent.fraction("duplicate", 1, 0.0),
        "lose": sent.fraction("lose", 1, 0.0),
        "reorder": sent.truth("reorder"),
        "delay": sent.whole("delay", 0, 30 * 86_400) or 0,
        "parallel": sent.whole("parallel", 1, 100) or 1,
        "seed": sent.whole("seed", 0, 2**53) or 0,
    }
    with world.transaction():
        webhooks.set_fault(world, endpoint, fault)
    return {"endpoint": endpoint} | fault


@control("DELETE /_sandbox/faults/webhooks")
async def clear_webhooks(pulse: Pulse, _request: Request, _body: Body) -> Body:
    with pulse.world.transaction():
        for one in list(pulse.world.objects.newest_first(webhooks.KIND)):
            webhooks.clear_fault(pulse.world, one["id"])
    return {"data": []}


def shown(fault: Body) -> Body:
    return {"endpoint": fault.pop("id")} | {k: v for k, v in fault.items() if k != "object"}
