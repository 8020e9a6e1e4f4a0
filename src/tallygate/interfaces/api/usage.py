"""How much was used, by account, meter and day?"""

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from tallygate.core.errors import Invalid
from tallygate.core.period import Period
from tallygate.interfaces.api.callers import By, Here
from tallygate.interfaces.api.pages import DEFAULT_LIMIT, Cursor, Limit, check_cursor
from tallygate.interfaces.api.routes import READS, guarded_router
from tallygate.interfaces.api.wire import (
    Exact,
    Instant,
    Key,
    Page,
    PeriodShape,
    Reference,
    Shape,
    period_shape,
)
from tallygate.workflows.questions import report
from tallygate.workflows.questions.report import MeterUsage

router = guarded_router("/v1/usage", "usage")


class DayShape(Shape):
    """What was used on one UTC day."""

    day: date
    quantity: Exact


class UsageShape(Shape):
    """What one account used of one meter.

    The days of count, sum and time_weighted add up to `quantity`; those of a level do not.
    """

    object: Literal["usage"] = "usage"
    billing_account: str
    organization: str
    meter: str
    unit: str
    period: PeriodShape
    quantity: Exact = Field(description="As an invoice of this period would measure it.")
    days: list[DayShape]


def shape(usage: MeterUsage, period: Period) -> UsageShape:
    """One account's usage of one meter on the wire."""
    return UsageShape(
        billing_account=usage.billing_account,
        organization=usage.organization,
        meter=usage.meter,
        unit=usage.unit,
        period=period_shape(period),
        quantity=usage.quantity,
        days=[DayShape(day=day, quantity=quantity) for day, quantity in usage.days],
    )


@router.get("", summary="Report usage", openapi_extra=READS)
def report_usage(
    here: Here,
    caller: By,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    organization: Reference | None = None,
    billing_account: Reference | None = None,
    meter: Key | None = None,
    since: Annotated[Instant | None, Query(alias="from")] = None,
    until: Annotated[Instant | None, Query(alias="to")] = None,
) -> Page[UsageShape]:
    """By account, meter and day, from `from` to `to`; by default this calendar month so far.

    `limit` counts accounts.
    """
    period = month_so_far(here.now, since, until)
    rows, more = report.report_usage(
        here,
        period,
        tenant=caller.tenant(organization),
        billing_account=billing_account,
        meter=meter,
        after=check_cursor(cursor, "bil"),
        limit=limit,
    )
    return Page[UsageShape](
        data=[shape(row, period) for row in rows], has_more=more is not None, next_cursor=more
    )


def month_so_far(now: datetime, since: datetime | None, until: datetime | None) -> Period:
    """The period that is asked about: by default this calendar month (UTC) up to now.

    Raises:
        Invalid: it ends before it begins.
    """
    start = since or now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if until is None:
        until = max(now, start)
    if until < start:
        raise Invalid("`to` must not come before `from`.", param="to")
    return Period(start, until)
