"""Many meter events by a call, with a token that lives for 15 minutes; checked only later.

Source: https://docs.stripe.com/api/v2/billing-meter-stream. An event that cannot be counted shows
only in an error report, and a repeated identifier nowhere.
"""

from tallygate_sandbox.api import Call, Evidence, endpoint
from tallygate_sandbox.meters.events import instant, taken
from tallygate_sandbox.meters.queue import accept
from tallygate_sandbox.meters.times import rfc3339
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, World, due, index

KIND = "v2.billing.meter_event_session"
LIFE_SECONDS = 15 * 60
MAX_EVENTS = 100

index(KIND, "authentication_token")


@endpoint(
    "POST /v2/billing/meter_event_session",
    "v2.billing.MeterEventSessionCreateParams",
    evidence=Evidence.DOCUMENTED,
)
def open_session(call: Call) -> Obj:
    world = call.world
    now = world.now()
    session = world.add(
        {
            "id": world.ids.new("bmes_test", 32),
            "object": KIND,
            "authentication_token": world.ids.new("mes_test", 48),
            "created": rfc3339(now),
            "expires_at": rfc3339(now + LIFE_SECONDS),
            "livemode": False,
            "_expires": now + LIFE_SECONDS,
        }
    )
    world.set_timer("meters.session_end", session, now + LIFE_SECONDS)
    return session


@due("meters.session_end")
def end_session(world: World, ident: str) -> None:
    world.remove(KIND, ident)


@endpoint(
    "POST /v2/billing/meter_event_stream",
    "v2.billing.MeterEventStreamCreateParams",
    "events",
    Evidence.DOCUMENTED,
)
def send(call: Call) -> Obj:
    _refuse_expired(call)
    events = call.params["events"]
    if not 1 <= len(events) <= MAX_EVENTS:
        raise Refusal(
            f"Between 1 and {MAX_EVENTS} events can be sent by a request, not {len(events)}.",
            param="events",
        )
    places = [f"events[{number}]." for number in range(len(events))]
    accept(
        call.world,
        [
            taken(call, event, instant(event, place), place)
            for event, place in zip(events, places, strict=True)
        ],
    )
    return {}


def _refuse_expired(call: Call) -> None:
    """Raises: Refusal, 401, when the call's key is no token or one that has expired."""
    token = call.headers.get("authorization", "").rpartition(" ")[2]
    sessions = call.world.where(KIND, "authentication_token", token)
    if not sessions or sessions[0]["_expires"] <= call.world.now():
        raise Refusal(
            "The temporary session token has expired.",
            status=401,
            type="temporary_session_expired",
            code="billing_meter_event_session_expired",
        )
