"""What is wrong with a meter event, in Stripe's codes, and what it says if nothing is.

Source: the codes of v1.billing.meter.error_report_triggered. Two limits are assumed: at most 10
payload keys beside the customer's and the value's; digits are counted as they are written, without
leading zeros.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from tallygate_sandbox.meters.meters import meter_named
from tallygate_sandbox.world import Obj, Seen, World

VALUE = re.compile(r"[-+]?(\d{1,100})(?:\.(\d{1,15}))?\Z", re.ASCII)
MAX_DIGITS = 15
MAX_DIMENSIONS = 10
PAST_SECONDS = 35 * 24 * 3600
AHEAD_SECONDS = 5 * 60


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an event does not count; `meter` is None when there is none."""

    code: str
    message: str
    param: str
    meter: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What an event says: so much, on a meter, of a customer, at an instant."""

    meter: str
    customer: str
    at: int
    value: Decimal


def read(world: World, event: Seen) -> Reading | Fault:
    """Resolve an event's meter and customer and read its value."""
    meter = meter_named(world, event["event_name"])
    if meter is None:
        message = f'No active meter found for event name "{event["event_name"]}".'
        return Fault("no_meter", message, "event_name")
    fault = (
        _active(meter)
        or _customer(world, meter, event)
        or _dimensions(meter, event)
        or value_fault(meter, event)
        or timestamp_fault(event["timestamp"], event["received"], meter["id"])
    )
    if fault:
        return fault
    payload = event["payload"]
    value = payload.get(meter["value_settings"]["event_payload_key"])
    counts = meter["default_aggregation"]["formula"] == "count"
    return Reading(
        meter["id"],
        payload[meter["customer_mapping"]["event_payload_key"]],
        event["timestamp"],
        Decimal(1) if counts else Decimal(value),
    )


def customer_of(world: World, event: Seen) -> Seen | None:
    """The customer that an event names, as far as its meter is known."""
    meter = meter_named(world, event["event_name"])
    key = meter["customer_mapping"]["event_payload_key"] if meter else "stripe_customer_id"
    return world.find("customer", event["payload"].get(key))


def timestamp_fault(at: int, now: int, meter: str | None = None) -> Fault | None:
    """At most 35 days back and five minutes ahead of the customer's clock at the call."""
    if at < now - PAST_SECONDS:
        message = (
            "The event timestamp cannot be more than 35 days in past. Expected a timestamp "
            f"greater than or equal to {now - PAST_SECONDS}."
        )
        return Fault("timestamp_too_far_in_past", message, "timestamp", meter)
    if at > now + AHEAD_SECONDS:
        message = (
            "The event timestamp cannot be more than 5 minutes in future. Expected a timestamp "
            f"less than or equal to {now + AHEAD_SECONDS}."
        )
        return Fault("timestamp_in_future", message, "timestamp", meter)
    return None


def too_many_digits(text: str) -> bool:
    """Whether a number has more significant digits than a double holds."""
    found = VALUE.match(text)
    if found is None:
        return False
    return len((found[1] + (found[2] or "")).lstrip("0")) > MAX_DIGITS


def digits_fault(key: str, text: str | None, meter: str | None = None) -> Fault | None:
    if text is None or not too_many_digits(text):
        return None
    return Fault(
        "meter_event_value_too_many_digits",
        f"The value of {key} has more than {MAX_DIGITS} significant digits.",
        f"payload[{key}]",
        meter,
    )


def value_fault(meter: Seen, event: Seen) -> Fault | None:
    """A count ignores its value; a sum and a last need a number."""
    key = meter["value_settings"]["event_payload_key"]
    text = event["payload"].get(key)
    if meter["default_aggregation"]["formula"] == "count":
        return None
    if text is None or not VALUE.match(text):
        said = "not found in payload" if text is None else "not a number"
        return Fault(
            "meter_event_invalid_value", f"Value key {key} {said}.", f"payload[{key}]", meter["id"]
        )
    return digits_fault(key, text, meter["id"])


def _active(meter: Seen) -> Fault | None:
    if meter["status"] == "active":
        return None
    message = f'The meter for event name "{meter["event_name"]}" is archived.'
    return Fault("archived_meter", message, "event_name", meter["id"])


def _customer(world: World, meter: Seen, event: Seen) -> Fault | None:
    key = meter["customer_mapping"]["event_payload_key"]
    customer = event["payload"].get(key)
    if not customer:
        return Fault(
            "meter_event_no_customer_defined",
            f"Customer mapping key {key} not found in payload.",
            f"payload[{key}]",
            meter["id"],
        )
    found = world.find("customer", customer)
    if found is None or "_deleted" in found:
        message = f"No such customer: '{customer}'"
        param = f"payload[{key}]"
        return Fault("meter_event_customer_not_found", message, param, meter["id"])
    return None


def _dimensions(meter: Seen, event: Seen) -> Fault | None:
    own = {
        meter["customer_mapping"]["event_payload_key"],
        meter["value_settings"]["event_payload_key"],
    }
    if len(event["payload"].keys() - own) <= MAX_DIMENSIONS:
        return None
    message = f"The payload has more than {MAX_DIMENSIONS} dimensions."
    return Fault("meter_event_dimension_count_too_high", message, "payload", meter["id"])


def event_of(
    world: World,
    *,
    event_name: str,
    payload: dict[str, str],
    identifier: str | None,
    timestamp: int | None,
    request: str | None,
) -> Obj:
    """An event as it came, with the customer's time of its arrival.

    `request` is the idempotency key of its call, by which error reports name it.
    """
    event: Obj = {
        "event_name": event_name,
        "payload": payload,
        "identifier": identifier or world.ids.token(32),
    }
    now = world.now(customer_of(world, event))
    event["received"] = now
    event["timestamp"] = now if timestamp is None else timestamp
    event["request"] = request or event["identifier"]
    return event
