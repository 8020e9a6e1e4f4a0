"""The clock of the whole sandbox: everyone can read it, and move it forward."""

from starlette.requests import Request

from tallygate_sandbox.control.pulse import Pulse
from tallygate_sandbox.control.requests import LATEST, Body, Sent, control
from tallygate_sandbox.webhooks.deliveries import pending
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world.world import SANDBOX


@control("GET /_sandbox/clock")
async def read(pulse: Pulse, _request: Request, _body: Body) -> Body:
    """What time it is (seconds since 1970), whether it runs, and when something is due."""
    world = pulse.world
    following = world.timers.next_due(SANDBOX)
    return {
        "now": world.clock.now(),
        "running": world.clock.frozen is None,
        "next_due": following.at if following else None,
        "deliveries_pending": len(pending(world)),
    }


@control("POST /_sandbox/clock")
async def move(pulse: Pulse, request: Request, body: Body) -> Body:
    """Go forward: `to` an instant, or `advance` by seconds; `to_next` stops at the next due step.

    `deliver` lets time wait for the webhooks of each step, and the answer for all of them.
    `frozen` says whether the clock stands still from then on.
    """
    sent = Sent(body, "to advance to_next frozen deliver")
    clock = pulse.world.clock
    to, by = sent.whole("to"), sent.whole("advance")
    if to is not None and by is not None:
        raise Refusal("Send `to` or `advance`, not both.", param="advance")
    if by is not None:
        to = clock.now() + by
    if to is not None and to < clock.now():
        raise Refusal(f"Time goes forward only: it is {clock.now()}.", param="to")
    if to is not None and to > LATEST:
        raise Refusal("Time ends with the year 9999.", param="advance")
    one_step, deliver = sent.truth("to_next"), sent.truth("deliver")
    if one_step and to is None:
        following = pulse.world.timers.next_due(SANDBOX)
        to = following.at if following else None
    if "frozen" in body:
        clock.freeze() if sent.truth("frozen") else clock.run()
    await pulse.move(clock.now() if to is None else to, one_step=one_step, deliver=deliver)
    if deliver:
        await pulse.sender.settle()
    return await read(pulse, request, body)
