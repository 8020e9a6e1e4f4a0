"""Which events are in the log, and which stand behind a line?

Events come in by `POST /v1/events` (see `ingest_route`); here they are read again.
"""

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field

from tallygate.adapters.store.event_pages import Place
from tallygate.core.errors import Invalid
from tallygate.core.period import Period
from tallygate.core.quantity import plain
from tallygate.interfaces.api.callers import By, Here
from tallygate.interfaces.api.pages import DEFAULT_LIMIT, Cursor, Limit, page
from tallygate.interfaces.api.routes import PROBLEM, READS, guarded_router
from tallygate.interfaces.api.wire import Instant, Key, Page, Reference, Shape
from tallygate.workflows.questions import report
from tallygate.workflows.questions.report import FoundEvent

router = guarded_router("/v1/events", "events")

MAX_POSITION = 2**62


_EXAMPLE = {
    "specversion": "1.0",
    "id": "01JD3Z",
    "source": "gateway-1",
    "type": "api.call",
    "subject": "customer-42",
    "time": "2026-11-21T09:00:00Z",
    "data": {"calls": 5},
}
_FORMS = (
    "application/json",
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/x-ndjson",
)
_ANSWER = {"accepted": 1, "duplicates": 0, "conflicts": [], "rejected": []}

SENDING: dict[str, Any] = {
    "tags": ["events"],
    "summary": "Send events",
    "operationId": "send_events",
    "description": (
        "One CloudEvent, an array of them, or one on each line (NDJSON). Answered when all that "
        "was accepted is on disk, with a verdict for each: sending again is safe, since an event "
        "counts once by its tenant, source and id. Good events are kept whatever the others are."
    ),
    "x-scope": "ingest",
    "security": [{"HTTPBearer": []}],
    "requestBody": {
        "required": True,
        "content": {form: {"schema": {"type": "object"}, "example": _EXAMPLE} for form in _FORMS},
    },
    "responses": {
        "200": {
            "description": "The verdicts, in the order of what was sent.",
            "content": {"application/json": {"schema": {"type": "object"}, "example": _ANSWER}},
        },
        "4XX": PROBLEM,
    },
}
"""How `POST /v1/events`, which stands beside the framework, is described."""


class EventShape(Shape):
    """An accepted event. With a meter, `value` is what the meter read in it."""

    object: Literal["event"] = "event"
    position: int = Field(description="Its number in the log, in the order of acceptance.")
    organization: str
    source: str
    id: str
    type: str
    subject: str
    time: Instant
    received_at: Instant
    data: dict[str, Any] = Field(description="As it came; numbers with a fraction as strings.")
    value: str | None


def shape(found: FoundEvent) -> EventShape:
    """An event on the wire."""
    event, value = found
    return EventShape(
        position=event.position,
        organization=event.organization,
        source=event.source,
        id=event.id,
        type=event.type,
        subject=event.subject,
        time=event.time,
        received_at=event.received_at,
        data=dict(event.fields),
        value=value if value is None or isinstance(value, str) else plain(value),
    )


@router.get("", summary="List events", openapi_extra=READS)
def list_events(
    here: Here,
    caller: By,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    organization: Reference | None = None,
    subject: Reference | None = None,
    type: Annotated[Key | None, Query()] = None,  # noqa: A002  # CloudEvents' own word
    billing_account: Reference | None = None,
    meter: Key | None = None,
    since: Annotated[Instant | None, Query(alias="from")] = None,
    until: Annotated[Instant | None, Query(alias="to")] = None,
) -> Page[EventShape]:
    """In the order of time. With `billing_account`, `meter`, `from` and `to`: the way down.

    Those are the events that the meter read for the account in that time, with their values.
    """
    tenant, after = caller.tenant(organization), _place(cursor)
    if since is not None and until is not None and until < since:
        raise Invalid("`to` must not come before `from`.", param="to")
    if billing_account is None and meter is None:
        found = report.list_events(
            here,
            tenant=tenant,
            subject=subject,
            type=type,
            since=since,
            until=until,
            after=after,
            limit=limit + 1,
        )
        return page(found, limit, shape, _cursor)
    if billing_account is None or meter is None or since is None or until is None:
        raise Invalid(
            "The way down takes all of billing_account, meter, from and to.", param="meter"
        )
    behind = report.events_behind(
        here,
        billing_account,
        meter,
        Period(since, until),
        tenant=tenant,
        after=after,
        limit=limit + 1,
    )
    return page(behind, limit, shape, _cursor)


def _cursor(found: FoundEvent) -> str:
    at, position = found.event.place
    return f"{at}.{position}"


def _place(cursor: str | None) -> Place | None:
    """Where the page before ended.

    Raises:
        Invalid: the cursor is none of ours.
    """
    if cursor is None:
        return None
    at, _, position = cursor.partition(".")
    if not (_is_number(at.removeprefix("-")) and _is_number(position)):
        raise Invalid("The cursor is not one that a page ended with.", param="cursor")
    return int(at), int(position)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18
