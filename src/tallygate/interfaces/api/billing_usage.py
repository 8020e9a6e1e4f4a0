"""What did a customer use, and what does it cost? As the container platform's document has it.

The paths, names and numbers of that platform: a metric is a meter's key in capitals, quantities
and costs are JSON numbers, a cost is in the currency's main unit, before coupons and tax.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from tallygate.core.errors import Invalid
from tallygate.core.period import Period
from tallygate.interfaces.api.callers import By, Here
from tallygate.interfaces.api.named_paths import CamelShape, Organization, User, whose
from tallygate.interfaces.api.numbers import Number, numbered
from tallygate.interfaces.api.routes import SEES_BILLING, guarded_router
from tallygate.interfaces.api.wire import Id, Instant
from tallygate.workflows.questions.account_usage import AccountUsage, MetricUsage, usage_history
from tallygate.workflows.questions.forecast import forecast
from tallygate.workflows.questions.service_usage import current_usage, service_usage

router = guarded_router("/api/v1/billing/usage", "billing usage")

HISTORY = timedelta(days=30)
MOST_SERVICES = 100


class MetricShape(CamelShape):
    """What was used of one metric, and what it costs."""

    metric: str = Field(examples=["COMPUTE_HOURS"])
    quantity: Number
    unit: str
    cost: Number


class ServiceShape(CamelShape):
    """What one service used, and its share of the cost."""

    service_id: str
    usage: list[MetricShape]
    cost: Number


class PeriodUsageShape(CamelShape):
    """What was used in a period."""

    usage: list[MetricShape]
    period_start: Instant
    period_end: Instant
    currency: str
    cost: Number


class CurrentShape(PeriodUsageShape):
    """The period that is billed next, so far, and the services, the most expensive first."""

    services: list[ServiceShape]
    more_services: bool = Field(description="Whether there are services that are not shown.")


class ServiceUsageShape(PeriodUsageShape):
    """What one service used in the current period, so far."""

    service_id: str


class PastShape(PeriodUsageShape):
    """A period, and the billed windows in it, in the order of time."""

    periods: list[PeriodUsageShape]


@router.get(
    "", response_model=CurrentShape, summary="Read usage and its cost", openapi_extra=SEES_BILLING
)
def get_billing_usage(
    here: Here, caller: By, organization: Organization = None, user: User = None
) -> Response:
    """The current period so far, aggregated for a user or an organization, and by service."""
    whole, used = current_usage(here, whose(caller, organization, user), tenant=caller.tenant())
    services = [
        ServiceShape(service_id=one.service, usage=_metrics(one.metrics), cost=one.cost)
        for one in used[:MOST_SERVICES]
    ]
    more = len(used) > MOST_SERVICES
    return numbered(CurrentShape(**dict(_used(whole)), services=services, more_services=more))


@router.get(
    "/history",
    response_model=PastShape,
    summary="Read usage of the past",
    openapi_extra=SEES_BILLING,
)
def get_usage_history(
    here: Here,
    caller: By,
    organization: Organization = None,
    user: User = None,
    start: Annotated[Instant | None, Query(alias="periodStart")] = None,
    end: Annotated[Instant | None, Query(alias="periodEnd")] = None,
) -> Response:
    """From `periodStart` to `periodEnd`, at most a year; by default the last thirty days."""
    stop = here.now if end is None else end
    begin = stop - HISTORY if start is None else start
    if begin >= stop:
        raise Invalid("`periodStart` must come before `periodEnd`.", param="periodStart")
    found = usage_history(
        here,
        whose(caller, organization, user),
        Period(begin, stop),
        tenant=caller.tenant(),
    )
    return numbered(PastShape(**dict(_used(found)), periods=[_used(one) for one in found.parts]))


@router.get(
    "/forecast",
    response_model=PeriodUsageShape,
    summary="Forecast usage and its cost",
    openapi_extra=SEES_BILLING,
)
def forecast_usage(
    here: Here, caller: By, organization: Organization = None, user: User = None
) -> Response:
    """The current period at its end, if usage goes on as in the last seven days."""
    account = whose(caller, organization, user)
    return numbered(_used(forecast(here, account, tenant=caller.tenant())))


@router.get(
    "/service/{service}",
    response_model=ServiceUsageShape,
    summary="Read the usage of a service",
    openapi_extra=SEES_BILLING,
)
def get_service_usage(
    service: Id,
    here: Here,
    caller: By,
    organization: Organization = None,
    user: User = None,
) -> Response:
    """The current period so far. A service is what events name so, or a project or resource."""
    named = None
    if organization or user or caller.organization:
        named = whose(caller, organization, user)
    whole, found = service_usage(here, service, account=named, tenant=caller.tenant())
    return numbered(
        ServiceUsageShape(
            service_id=service,
            usage=_metrics(found.metrics),
            period_start=whole.period.start,
            period_end=whole.period.end,
            currency=whole.currency,
            cost=found.cost,
        )
    )


def _used(found: AccountUsage) -> PeriodUsageShape:
    return PeriodUsageShape(
        usage=_metrics(found.metrics),
        period_start=found.period.start,
        period_end=found.period.end,
        currency=found.currency,
        cost=found.cost,
    )


def _metrics(metrics: Iterable[MetricUsage]) -> list[MetricShape]:
    return [
        MetricShape(
            metric=one.meter.key.upper(),
            quantity=one.quantity,
            unit=one.meter.unit,
            cost=one.cost,
        )
        for one in metrics
    ]
