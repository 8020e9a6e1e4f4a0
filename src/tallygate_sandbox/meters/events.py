"""One meter event by a call, in version 1 and version 2 of the API.

Version 1 checks the request, the value's digits, the identifier and the timestamp at once, and
finds the meter and the customer later. Version 2 checks everything at once. Both are processed
later. Source: https://docs.stripe.com/billing/subscriptions/usage-based/recording-usage-api; the
sentences of the refusals are as integrators have reported them.
"""

from typing import Any

from tallygate_sandbox.api import Call, Evidence, endpoint
from tallygate_sandbox.meters.checks import (
    Fault,
    digits_fault,
    event_of,
    read,
    timestamp_fault,
)
from tallygate_sandbox.meters.meters import MAX_EVENT_NAME, meter_named
from tallygate_sandbox.meters.queue import accept, refuse_repeated
from tallygate_sandbox.meters.times import rfc3339, seconds_of
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj

MAX_IDENTIFIER = 100
FIELDS = "event_name identifier payload timestamp"


@endpoint(
    "POST /v1/billing/meter_events",
    "billing.MeterEventCreateParams",
    FIELDS,
    Evidence.DOCUMENTED,
)
def create(call: Call) -> Obj:
    event = taken(call, call.params, call.sent("timestamp"))
    meter = meter_named(call.world, event["event_name"])
    key = meter["value_settings"]["event_payload_key"] if meter else "value"
    refuse(digits_fault(key, event["payload"].get(key)))
    refuse(timestamp_fault(event["timestamp"], event["received"]))
    refuse_repeated(call.world, event["identifier"])
    accept(call.world, [event])
    return {
        "object": "billing.meter_event",
        "created": event["received"],
        "event_name": event["event_name"],
        "identifier": event["identifier"],
        "livemode": False,
        "payload": event["payload"],
        "timestamp": event["timestamp"],
    }


@endpoint(
    "POST /v2/billing/meter_events",
    "v2.billing.MeterEventCreateParams",
    FIELDS,
    Evidence.DOCUMENTED,
)
def create_of_version_2(call: Call) -> Obj:
    event = taken(call, call.params, instant(call.params))
    reading = read(call.world, event)
    refuse(reading if isinstance(reading, Fault) else None)
    refuse_repeated(call.world, event["identifier"])
    accept(call.world, [event])
    return {
        "object": "v2.billing.meter_event",
        "created": rfc3339(event["received"]),
        "event_name": event["event_name"],
        "identifier": event["identifier"],
        "livemode": False,
        "payload": event["payload"],
        "timestamp": rfc3339(event["timestamp"]),
    }


def taken(call: Call, params: dict[str, Any], timestamp: int | None, prefix: str = "") -> Obj:
    """The event of a request whose shape is right.

    Raises:
        Refusal: a name or an identifier too long or empty, or a payload that is no hash.
    """
    for name, most in (("event_name", MAX_EVENT_NAME), ("identifier", MAX_IDENTIFIER)):
        if name in params and not params[name]:
            raise Refusal(f"Invalid string: {name} must not be empty", param=prefix + name)
        if len(params.get(name) or "") > most:
            raise Refusal(
                f"Invalid string: {name} must be at most {most} characters", param=prefix + name
            )
    payload = params["payload"]
    if not isinstance(payload, dict):
        raise Refusal("Invalid object", param=f"{prefix}payload")
    return event_of(
        call.world,
        event_name=params["event_name"],
        payload=payload,
        identifier=params.get("identifier"),
        timestamp=timestamp,
        request=call.headers.get("idempotency-key"),
    )


def refuse(fault: Fault | None) -> None:
    """Answer a fault at once, where Stripe does not leave it to an error report."""
    if fault:
        raise Refusal(fault.message, code=fault.code, param=fault.param)


def instant(params: dict[str, Any], prefix: str = "") -> int | None:
    """The timestamp of an event of version 2, if it was sent."""
    text = params.get("timestamp")
    return None if text is None else seconds_of(text, f"{prefix}timestamp")
