"""What does each project, resource, price and day cost, of an invoice or of the open period?"""

import base64
import binascii
import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from tallygate.core.errors import Invalid
from tallygate.core.period import EPOCH
from tallygate.core.quantity import round_to
from tallygate.interfaces.api.callers import By, Caller, Here
from tallygate.interfaces.api.pages import DEFAULT_LIMIT, Limit
from tallygate.interfaces.api.routes import SEES_BILLING, about, guarded_router
from tallygate.interfaces.api.wire import (
    Exact,
    Id,
    Instant,
    PeriodShape,
    Reference,
    Shape,
    period_shape,
)
from tallygate.invoicing.breakdown import Dimension, Part
from tallygate.workflows.questions import breakdown
from tallygate.workflows.questions.breakdown import Asked, Breakdown, Row

router = guarded_router("/v1", "breakdowns")

SHOWN = Decimal("0.000001")
OPERATORS = "Told to the platform's own keys alone, where projects or resources are told apart."

GroupBy = Annotated[
    str,
    Query(
        max_length=80,
        description="One of project, resource, meter, day; or two, with a comma between.",
        examples=["project", "resource,day"],
    ),
]
PartCursor = Annotated[
    str | None, Query(max_length=600, description="The `next_cursor` of the page before.")
]
OneProject = Annotated[Reference | None, Query(description="Its parts alone.")]


class PartShape(Shape):
    """What one project, resource, price or day, or a pair of these, costs; after discounts.

    What is not told apart is null. `project` and `resource` are ids, or `base_plan` (flats and
    minimum charges), `members` (seats), `account` (usage of the account itself); `resource` is a
    project's id where usage was sent for the project. Amounts are in minor units.
    """

    object: Literal["part"] = "part"
    project: str | None
    resource: str | None
    name: str | None = Field(description="The project's name, or the resource's external id.")
    price: str | None
    meter: str | None
    day: date | None
    amount: int
    exact: Exact = Field(description="What it would be in minor units without rounding.")
    rounding: Exact = Field(description="What `amount` has more than that; below 0: less.")
    cost: int | None = Field(description=f"What it cost the operator. {OPERATORS}")
    margin: int | None = Field(description=f"`amount` less `cost`. {OPERATORS}")


class BreakdownShape(Shape):
    """An invoice in parts, or (without an id) the open period; one page of the parts.

    Over all pages the amounts sum to `amount`, which is the invoice's total unless one project or
    resource was asked for.
    """

    object: Literal["breakdown"] = "breakdown"
    invoice: str | None
    organization: str
    billing_account: str
    subscription: str
    currency: str
    dated: Instant
    period: PeriodShape = Field(description="The period whose usage is billed, and costs told.")
    group_by: list[Dimension]
    project: str | None
    resource: str | None
    amount: int
    cost: int | None
    margin: int | None
    notes: list[str]
    data: list[PartShape]
    has_more: bool
    next_cursor: str | None = None


def breakdown_shape(
    told: Breakdown, limit: int | None = None, cursor: str | None = None
) -> BreakdownShape:
    """A breakdown on the wire: a page of it, or all."""
    rows = list(told.rows)
    if cursor is not None:
        after = _place(cursor)
        rows = [row for row in rows if row.part.order > after]
    shown = rows if limit is None else rows[:limit]
    more = len(rows) > len(shown)
    invoice = told.invoice
    return BreakdownShape(
        invoice=invoice.id or None,
        organization=invoice.organization,
        billing_account=invoice.billing_account,
        subscription=invoice.subscription,
        currency=invoice.currency,
        dated=invoice.dated,
        period=period_shape(invoice.period),
        group_by=list(told.by),
        project=told.project,
        resource=told.resource,
        amount=told.amount,
        cost=told.cost,
        margin=None if told.cost is None else told.amount - told.cost,
        notes=list(told.notes),
        data=[part_shape(row) for row in shown],
        has_more=more,
        next_cursor=_cursor(shown[-1].part) if more else None,
    )


def part_shape(row: Row) -> PartShape:
    """A part on the wire."""
    part = row.part
    exact = part.exact
    return PartShape(
        project=part.project,
        resource=part.resource,
        name=row.name,
        price=part.price,
        meter=part.meter,
        day=day_of(part),
        amount=part.amount,
        exact=shown_exactly(exact),
        rounding=shown_exactly(part.amount - exact),
        cost=row.cost,
        margin=None if row.cost is None else part.amount - row.cost,
    )


def day_of(part: Part) -> date | None:
    """The day of a part."""
    return None if part.day is None else EPOCH.date() + timedelta(days=part.day)


def shown_exactly(exact: Fraction) -> Decimal:
    """A fraction of minor units with at most six decimals, for reading."""
    return round_to(exact, SHOWN, "half_up")


@router.get(
    "/invoices/{invoice}/breakdown", summary="Break an invoice down", openapi_extra=SEES_BILLING
)
def break_invoice_down(
    invoice: Id,
    here: Here,
    caller: By,
    group_by: GroupBy = "project",
    project: OneProject = None,
    resource: OneProject = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: PartCursor = None,
) -> BreakdownShape:
    """Its parts sum to its total; each says which way it was rounded."""
    return _answered(
        caller,
        Asked(breakdown.dimensions(group_by), project, resource),
        lambda asked: breakdown.of_invoice(here, invoice, asked, tenant=caller.tenant()),
        limit,
        cursor,
    )


@router.get(
    "/billing_accounts/{billing_account}/breakdown",
    summary="Break the open period down",
    openapi_extra=SEES_BILLING,
)
def break_account_down(
    billing_account: Id,
    here: Here,
    caller: By,
    group_by: GroupBy = "project",
    project: OneProject = None,
    resource: OneProject = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: PartCursor = None,
) -> BreakdownShape:
    """The parts of the next invoice, with the usage so far; also of projects that inherit."""
    return _answered(
        caller,
        Asked(breakdown.dimensions(group_by), project, resource),
        lambda asked: breakdown.of_open_period(
            here, billing_account, asked, tenant=caller.tenant()
        ),
        limit,
        cursor,
    )


@router.get(
    "/projects/{project}/breakdown",
    summary="Break a project's cost down",
    openapi_extra=about(SEES_BILLING, "project"),
)
def break_project_down(
    project: Id,
    here: Here,
    caller: By,
    group_by: GroupBy = "resource",
    resource: OneProject = None,
    invoice: OneProject = None,
    billing_account: OneProject = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: PartCursor = None,
) -> BreakdownShape:
    """Of an invoice, or of the open period of whoever pays now, or of another payer."""
    return _answered(
        caller,
        Asked(breakdown.dimensions(group_by), None, resource),
        lambda asked: breakdown.of_project(
            here,
            project,
            asked,
            tenant=caller.tenant(),
            invoice=invoice,
            billing_account=billing_account,
        ),
        limit,
        cursor,
    )


def _answered(
    caller: Caller,
    asked: Asked,
    broken_down: Callable[[Asked], Breakdown],
    limit: int,
    cursor: str | None,
) -> BreakdownShape:
    """A page of a breakdown; what resources cost is the platform's to know."""
    operator = Asked(asked.by, asked.project, asked.resource, costs=caller.organization is None)
    return breakdown_shape(broken_down(operator), limit, cursor)


def _cursor(part: Part) -> str:
    place = json.dumps([part.project, part.resource, part.price, part.day])
    return base64.urlsafe_b64encode(place.encode()).decode()


def _place(cursor: str) -> tuple[tuple[int, str], tuple[int, str], str, int]:
    """The place that a page ended with.

    Raises:
        Invalid: the cursor is none of ours.
    """
    wrong = Invalid("The cursor is not one that a page ended with.", param="cursor")
    try:
        place = json.loads(base64.b64decode(cursor.encode(), b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        raise wrong from None
    if not isinstance(place, list) or len(place) != 4:
        raise wrong
    project, resource, price, day = place
    texts = (project, resource, price)
    if not all(one is None or isinstance(one, str) for one in texts):
        raise wrong
    if isinstance(day, bool) or not (day is None or isinstance(day, int)):
        raise wrong
    return Part(project, resource, price, day).order
