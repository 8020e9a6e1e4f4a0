"""Error reports: thin events about meter events that were taken and could not be counted.

`v1.billing.meter.error_report_triggered` is about a meter, `v1.billing.meter.no_meter_found` about
none. There is one for each meter and validation window. Without `report_seconds` in the settings
(`{"id": "meters", "object": "_settings", "report_seconds": 0}`) what is processed together is a
window; with it, windows of so many seconds are reported when they end: Stripe's have ten.
"""

from tallygate_sandbox.meters.checks import Fault
from tallygate_sandbox.meters.times import rfc3339
from tallygate_sandbox.world import Obj, World, due

KIND = "v2.core.event"
GATHERED = "_meter_faults"
MAX_SAMPLES = 5
WINDOW_SECONDS = 10


def report(world: World, faults: list[tuple[Fault, str]]) -> None:
    """Report these faults, now or when their window ends; with each comes its request's key."""
    by_meter: dict[str | None, list[tuple[Fault, str]]] = {}
    for fault, request in faults:
        by_meter.setdefault(fault.meter, []).append((fault, request))
    window = (world.find("_settings", "meters") or {}).get("report_seconds", 0)
    now = world.now()
    start = now - now % (window or WINDOW_SECONDS)
    for meter, found in by_meter.items():
        gathered = _gathered(world, meter, start, start + (window or WINDOW_SECONDS))
        for fault, request in found:
            _add(gathered, fault, request)
        if window:
            world.set_timer("meters.report", gathered, gathered["end"])
        else:
            send(world, gathered["id"])


@due("meters.report")
def send(world: World, ident: str) -> None:
    """Make the thin event of a window that has ended."""
    gathered = world.get(GATHERED, ident)
    world.remove(GATHERED, ident)
    types = list(gathered["types"].values())
    count = sum(one["error_count"] for one in types)
    event = {
        "id": world.ids.new("evt_test", 40),
        "object": KIND,
        "changes": None,
        "context": None,
        "created": rfc3339(world.now()),
        "data": {
            "developer_message_summary": (
                "There is 1 invalid event" if count == 1 else f"There are {count} invalid events"
            ),
            "reason": {"error_count": count, "error_types": types},
            "validation_end": rfc3339(gathered["end"]),
            "validation_start": rfc3339(gathered["start"]),
        },
        "livemode": False,
        "reason": None,
        "snapshot_event": None,
        "type": "v1.billing.meter.no_meter_found",
        "_created": world.now(),
    }
    if meter := gathered["meter"]:
        event["type"] = "v1.billing.meter.error_report_triggered"
        event["related_object"] = {
            "id": meter,
            "type": "billing.meter",
            "url": f"/v1/billing/meters/{meter}",
        }
    world.add(event)
    world.signal("thin_event", event)


def _gathered(world: World, meter: str | None, start: int, end: int) -> Obj:
    ident = meter or "none"
    if world.find(GATHERED, ident):
        return world.edit(GATHERED, ident)
    return world.add(
        {
            "id": ident,
            "object": GATHERED,
            "meter": meter,
            "start": start,
            "end": end,
            "types": {},
        }
    )


def _add(gathered: Obj, fault: Fault, request: str) -> None:
    empty = {"code": fault.code, "error_count": 0, "sample_errors": []}
    one = gathered["types"].setdefault(fault.code, empty)
    one["error_count"] += 1
    if len(one["sample_errors"]) < MAX_SAMPLES:
        sample = {"error_message": fault.message, "request": {"identifier": request}}
        one["sample_errors"].append(sample)
