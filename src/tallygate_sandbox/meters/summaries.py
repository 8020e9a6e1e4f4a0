"""What a customer used of a meter, as rows. Source: the API reference, with its sample.

The newest window comes first. Grouped by hour or day, a window without an event has no row; asked
without grouping there is one row, of zero when nothing was used (assumed).
"""

import hashlib
from collections.abc import Iterator
from itertools import dropwhile, islice, takewhile

from tallygate_sandbox.api import Call, Evidence, endpoint
from tallygate_sandbox.api.pages import DEFAULT_LIMIT, MAX_LIMIT, list_of
from tallygate_sandbox.customers import existing
from tallygate_sandbox.meters.usage import SECONDS, counted, total
from tallygate_sandbox.wire.refusals import Refusal, no_such
from tallygate_sandbox.world import Obj, Seen

MINUTE = 60


@endpoint(
    "GET /v1/billing/meters/{id}/event_summaries",
    "billing.MeterListEventSummariesParams",
    "customer end_time start_time value_grouping_window",
    Evidence.DOCUMENTED,
)
def list_(call: Call) -> Obj:
    meter = call.world.get("billing.meter", call.path["id"])
    existing(call.world, call.params["customer"], "customer")
    start, end = call.params["start_time"], call.params["end_time"]
    grouping = call.sent("value_grouping_window")
    _refuse_unaligned(start, end, SECONDS.get(grouping or "", MINUTE), grouping or "minute")
    rows = _grouped(call, meter, start, end) if grouping else iter([_row(call, meter, start, end)])
    return _page(call, rows)


def _grouped(call: Call, meter: Seen, start: int, end: int) -> Iterator[Obj]:
    """The rows of the windows with events, newest first."""
    size = SECONDS[call.params["value_grouping_window"]]
    events = counted(call.world, meter, call.params["customer"], start, end)
    begins = sorted({at - at % size for at, _ in events}, reverse=True)
    return (_row(call, meter, begin, begin + size) for begin in begins)


def _row(call: Call, meter: Seen, start: int, end: int) -> Obj:
    customer = call.params["customer"]
    formula = meter["default_aggregation"]["formula"]
    values = (value for _, value in counted(call.world, meter, customer, start, end))
    # The same question gives the same id: that makes it a cursor.
    digest = hashlib.sha256(f"{meter['id']} {customer} {start} {end}".encode()).hexdigest()
    return {
        "id": f"mtrusg_test_{digest[:40]}",
        "object": "billing.meter_event_summary",
        "aggregated_value": float(total(formula, values)),
        "end_time": end,
        "livemode": False,
        "meter": meter["id"],
        "start_time": start,
    }


def _refuse_unaligned(start: int, end: int, size: int, word: str) -> None:
    for name, instant in (("start_time", start), ("end_time", end)):
        if instant % size:
            raise Refusal(f"{name} must be aligned with {word} boundaries.", param=name)
    if end <= start:
        raise Refusal("end_time must be after start_time.", param="end_time")


def _page(call: Call, rows: Iterator[Obj]) -> Obj:
    limit = call.sent("limit", DEFAULT_LIMIT)
    if not 1 <= limit <= MAX_LIMIT:
        raise Refusal(
            f"This value must be between 1 and {MAX_LIMIT}.",
            code="parameter_invalid_integer",
            param="limit",
        )
    after, before = call.sent("starting_after"), call.sent("ending_before")
    if before:
        earlier = list(takewhile(lambda row: row["id"] != before, rows))
        return list_of(call.url, earlier[-limit:], more=len(earlier) > limit)
    if after:
        rows = dropwhile(lambda row: row["id"] != after, rows)
        if next(rows, None) is None:
            raise no_such("billing.meter_event_summary", after, "starting_after", status=400)
    chosen = list(islice(rows, limit + 1))
    return list_of(call.url, chosen[:limit], more=len(chosen) > limit)
