"""Meters. Source: https://docs.stripe.com/api/billing/meter."""

from tallygate_sandbox.api import Call, Evidence, endpoint, page
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World, index

KIND = "billing.meter"
MAX_DISPLAY_NAME = 250
MAX_EVENT_NAME = 100

index(KIND, "event_name")


def meter_of(world: World, price: Seen) -> Seen | None:
    """The meter of a metered price; None for a licensed or a one-time price."""
    recurring = price.get("recurring") or {}
    return world.find(KIND, recurring.get("meter"))


def meter_named(world: World, event_name: str) -> Seen | None:
    """The meter that counts events of this name, active or not."""
    found = world.where(KIND, "event_name", event_name)
    return found[0] if found else None


@endpoint(
    "POST /v1/billing/meters",
    "billing.MeterCreateParams",
    "customer_mapping default_aggregation display_name event_name event_time_window "
    "value_settings",
    Evidence.DOCUMENTED,
)
def create(call: Call) -> Obj:
    world, event_name = call.world, call.params["event_name"]
    _limit(call, "display_name", MAX_DISPLAY_NAME)
    _limit(call, "event_name", MAX_EVENT_NAME)
    if meter_named(world, event_name):
        raise Refusal(
            f"There is already a meter with the event name '{event_name}'.", param="event_name"
        )
    now = world.now()
    mapping = call.sent("customer_mapping", {})
    meter = world.add(
        {
            "id": world.ids.new("mtr_test", 32),
            "object": KIND,
            "created": now,
            "customer_mapping": {
                "event_payload_key": mapping.get("event_payload_key") or "stripe_customer_id",
                "type": "by_id",
            },
            "default_aggregation": {"formula": call.params["default_aggregation"]["formula"]},
            "display_name": call.params["display_name"],
            "event_name": event_name,
            "event_time_window": call.sent("event_time_window"),
            "livemode": False,
            "status": "active",
            "status_transitions": {"deactivated_at": None},
            "updated": now,
            "value_settings": {
                "event_payload_key": call.sent("value_settings", {}).get("event_payload_key")
                or "value"
            },
        }
    )
    world.emit("billing.meter.created", meter)
    return meter


@endpoint(
    "GET /v1/billing/meters/{id}", "billing.MeterRetrieveParams", evidence=Evidence.DOCUMENTED
)
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint(
    "POST /v1/billing/meters/{id}",
    "billing.MeterUpdateParams",
    "display_name",
    Evidence.DOCUMENTED,
)
def update(call: Call) -> Obj:
    """Change the name: nothing else of a meter can be changed."""
    meter = call.world.edit(KIND, call.path["id"])
    _limit(call, "display_name", MAX_DISPLAY_NAME)
    if call.sent("display_name", meter["display_name"]) != meter["display_name"]:
        meter["display_name"] = call.params["display_name"]
        meter["updated"] = call.world.now()
        call.world.updated(meter)
    return meter


@endpoint("GET /v1/billing/meters", "billing.MeterListParams", "status", Evidence.DOCUMENTED)
def list_(call: Call) -> Obj:
    status = call.sent("status")
    return page(call, KIND, lambda meter: status is None or meter["status"] == status)


@endpoint(
    "POST /v1/billing/meters/{id}/deactivate",
    "billing.MeterDeactivateParams",
    evidence=Evidence.DOCUMENTED,
)
def deactivate(call: Call) -> Obj:
    """Take no more events; a second time is refused (assumed)."""
    return _turn(call, "inactive", "deactivated")


@endpoint(
    "POST /v1/billing/meters/{id}/reactivate",
    "billing.MeterReactivateParams",
    evidence=Evidence.DOCUMENTED,
)
def reactivate(call: Call) -> Obj:
    return _turn(call, "active", "reactivated")


def _turn(call: Call, status: str, verb: str) -> Obj:
    meter = call.world.edit(KIND, call.path["id"])
    if meter["status"] == status:
        raise Refusal(f"The meter is {status} already.")
    meter["status"] = status
    meter["updated"] = call.world.now()
    meter["status_transitions"] = {
        "deactivated_at": meter["updated"] if status == "inactive" else None
    }
    call.world.emit(f"billing.meter.{verb}", meter)
    return meter


def _limit(call: Call, name: str, most: int) -> None:
    value = call.sent(name, "")
    if len(value) > most:
        raise Refusal(f"Invalid string: {name} must be at most {most} characters", param=name)
