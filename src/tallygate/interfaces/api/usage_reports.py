"""How does an exporter in a customer's cluster report usage, and read it again?

The paths, fields and answers of the IoT platform's guide, with an API key, which the guide does
without. Numbers are JSON numbers here.
"""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Annotated

from fastapi import Header, Query
from pydantic import AfterValidator, AliasChoices, Field
from starlette.responses import Response

from tallygate.core.errors import Invalid
from tallygate.core.ids import ID_GRAMMAR
from tallygate.interfaces.api.callers import By, Here
from tallygate.interfaces.api.numbers import Count, Figure, Number, numbered
from tallygate.interfaces.api.routes import INGESTS, READS, guarded_router
from tallygate.interfaces.api.wire import (
    ExternalId,
    Id,
    Instant,
    PeriodShape,
    Reference,
    Shape,
    period_shape,
)
from tallygate.workflows import usage_reports
from tallygate.workflows.customers import Quantities
from tallygate.workflows.usage_reports import (
    LONGEST_INTERVAL,
    MILLISECOND,
    KeptReport,
    UsageReport,
)

router = guarded_router("/api/usage", "usage reports")

MOST_REPORTS = 100
SHORTEST_INTERVAL = timedelta(minutes=1)

_NAME = Field(max_length=128, description=f"{ID_GRAMMAR}.", examples=["k8s-cluster-1"])


def _interval(value: int) -> int:
    low, high = SHORTEST_INTERVAL // MILLISECOND, LONGEST_INTERVAL // MILLISECOND
    if not low <= value <= high:
        raise ValueError(f"an interval has {low} to {high} milliseconds")
    return value


class ReportedMetrics(Shape):
    """The figures. What an exporter could not find out it leaves out; 0 is a figure."""

    devices: Count | None = Field(default=None, description="Active devices: a gauge.")
    mqtt_messages: Count | None = Field(default=None, description="Since the last report.")
    storage_gb: Figure | None = Field(default=None, description="What is stored: a gauge.")
    api_requests: Count | None = Field(default=None, description="Since the last report.")


class NewReport(Shape):
    """What one instance used. Without `metrics.devices`, `active_devices` are the devices."""

    customer_id: Annotated[Reference, Field(examples=["cust_abc123"])] = Field(
        validation_alias=AliasChoices("customer_id", "customerId"),
        description="Our id, or the platform's own, of an organization, billing account, project "
        "or resource. `customerId` is read too.",
    )
    instance_id: Annotated[ExternalId, _NAME]
    active_devices: Count | None = None
    total_devices: Count | None = None
    metrics: ReportedMetrics = Field(default_factory=ReportedMetrics)
    report_id: Annotated[ExternalId, _NAME] | None = Field(
        default=None, description="Names the report, so that it counts once."
    )
    timestamp: Instant | None = Field(default=None, description="Left out: the arrival.")
    interval: Annotated[int, AfterValidator(_interval)] | None = Field(
        default=None,
        description="How often the instance reports, in milliseconds, as COLLECTION_INTERVAL.",
        examples=[3600000],
    )


class ReportShape(Shape):
    """A report as it was accepted. `id` is its position in the log of events."""

    id: int
    customer_id: str
    instance_id: str
    active_devices: int | None
    total_devices: int | None
    metrics: dict[str, Number] = Field(examples=[{"devices": 3, "storage_gb": 2.5}])
    report_id: str | None
    interval: int | None
    timestamp: Instant
    created_at: Instant


class ReportedShape(Shape):
    """The report was accepted, now or before."""

    message: str = "Usage reported successfully"
    stripe_reported: bool = Field(
        description="Whether Stripe holds the payer's subscription, and so is told the period's "
        "running totals with this report in them. The answer does not wait for that."
    )
    report: ReportShape


class UsedShape(Shape):
    """What a meter gives for the current period so far, as an invoice would measure it."""

    meter: str
    quantity: Number
    unit: str


class HistoryShape(Shape):
    """The current period: the newest reports, the newest first, and how many there are."""

    customer_id: str
    period: PeriodShape
    reports: list[ReportShape]
    total: int
    usage: list[UsedShape]


class LatestShape(Shape):
    """The newest report, and the newest of each instance."""

    customer_id: str
    report: ReportShape | None
    reports: list[ReportShape]


@router.post(
    "/report",
    status_code=201,
    response_model=ReportedShape,
    summary="Report usage of an instance",
    openapi_extra=INGESTS,
)
def report_instance_usage(
    body: NewReport,
    here: Here,
    caller: By,
    key: Annotated[
        str | None, Header(alias="Idempotency-Key", min_length=1, max_length=128)
    ] = None,
) -> Response:
    """Counts once by the `Idempotency-Key`, else the `report_id`, else customer, instance, hour.

    The hour is that of the arrival, or, with `interval`, a stretch of that length. The same report
    again gets the same answer, marked `Idempotent-Replayed: true`; another one is a 409.
    """
    if key is not None and not key.isprintable():
        raise Invalid("An Idempotency-Key has printable characters only.", param="Idempotency-Key")
    taken = usage_reports.take_report(here, _report(body), tenant=caller.tenant(), key=key)
    told = ReportedShape(stripe_reported=taken.collected, report=_shape(taken.kept))
    return numbered(told, 201, {"Idempotent-Replayed": "true"} if taken.again else None)


@router.get(
    "/{customer}",
    response_model=HistoryShape,
    summary="Read a customer's usage",
    openapi_extra=READS,
)
def get_customer_usage(
    customer: Id,
    here: Here,
    caller: By,
    limit: Annotated[int, Query(ge=1, le=MOST_REPORTS)] = MOST_REPORTS,
) -> Response:
    """The reports of the current period, and what its meters give so far."""
    found = usage_reports.history(here, customer, tenant=caller.tenant(), limit=limit)
    return numbered(
        HistoryShape(
            customer_id=customer,
            period=period_shape(found.period),
            reports=_shapes(found.reports),
            total=found.total,
            usage=_used(found.usage),
        )
    )


@router.get(
    "/{customer}/latest",
    response_model=LatestShape,
    summary="Read a customer's latest report",
    openapi_extra=READS,
)
def get_latest_usage(customer: Id, here: Here, caller: By) -> Response:
    """The newest report of each of the customer's instances, and the newest of all."""
    reports = _shapes(usage_reports.latest(here, customer, tenant=caller.tenant()))
    newest = reports[0] if reports else None
    return numbered(LatestShape(customer_id=customer, report=newest, reports=reports))


def _report(body: NewReport) -> UsageReport:
    """The report that a body makes.

    Raises:
        Invalid: there is no figure in it.
    """
    metrics: dict[str, Decimal] = body.metrics.model_dump(exclude_none=True)
    if body.active_devices is not None:
        metrics.setdefault("devices", body.active_devices)
    if not metrics:
        raise Invalid(
            "A report has at least one figure: devices, mqtt_messages, storage_gb, api_requests.",
            param="metrics",
        )
    return UsageReport(
        customer=body.customer_id,
        instance=body.instance_id,
        metrics=metrics,
        active_devices=_int(body.active_devices),
        total_devices=_int(body.total_devices),
        report_id=body.report_id,
        timestamp=body.timestamp,
        interval=None if body.interval is None else body.interval * MILLISECOND,
    )


def _int(count: Decimal | None) -> int | None:
    return None if count is None else int(count)


def _shapes(kept: Iterable[KeptReport]) -> list[ReportShape]:
    return [_shape(one) for one in kept]


def _shape(kept: KeptReport) -> ReportShape:
    report = kept.report
    return ReportShape(
        id=kept.id,
        customer_id=report.customer,
        instance_id=report.instance,
        active_devices=report.active_devices,
        total_devices=report.total_devices,
        metrics=dict(report.metrics),
        report_id=report.report_id,
        interval=None if report.interval is None else report.interval // MILLISECOND,
        timestamp=kept.timestamp,
        created_at=kept.created_at,
    )


def _used(usage: Quantities) -> list[UsedShape]:
    return [
        UsedShape(meter=meter.key, quantity=quantity, unit=meter.unit) for meter, quantity in usage
    ]
