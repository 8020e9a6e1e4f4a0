"""How does a customer's exporter report what its instance used, once?

A report says how many devices an instance has and how much it stores (gauges), and how many MQTT
messages and API requests there were since its last report (counts). It becomes ordinary events:
one for each figure, of the type that meters ask for, and beside them the report as it came, under
one identity. All of them are kept, or none.

The identity is the sender's `Idempotency-Key`; without one the `report_id`; without that the
customer, the instance, and the reporting interval in which the report arrived. So reporting twice
never doubles: the same report again is the same events, and another one under that identity is a
conflict and changes nothing.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from tallygate.adapters.store import event_pages
from tallygate.adapters.store.event_pages import LoggedEvent
from tallygate.adapters.store.homes import homes_of_subject, subject_at
from tallygate.adapters.store.subjects import Subject
from tallygate.core.errors import Conflict, Invalid
from tallygate.core.failpoints import failpoint
from tallygate.core.period import MICROSECOND, Period, to_micros
from tallygate.workflows.customers import (
    Quantities,
    find_customer,
    find_subject,
    payer_of,
    quantities,
)
from tallygate.workflows.ingest import Batch, Incoming, Verdicts, take_in
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.running_totals import mirrored

SOURCE = "usage-report"
REPORT = "usage.report"
"""The type of the event that keeps a report as it came."""

EVENT_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "devices": "device.report",
        "mqtt_messages": "mqtt.report",
        "storage_gb": "storage.report",
        "api_requests": "api.report",
    }
)
"""By figure, the type of the event that carries it."""

HOURLY = timedelta(hours=1)
MILLISECOND = timedelta(milliseconds=1)
LONGEST_INTERVAL = timedelta(days=31)
MOST_READ = 10_000
"""Among so many of the newest reports each instance's newest is looked for."""


@dataclass(frozen=True, slots=True)
class UsageReport:
    """What an exporter says. `customer` is the name that it uses; `metrics` are by figure.

    `timestamp` is when the figures were taken (None: on arrival), `interval` how often the
    instance reports (None: hourly).
    """

    customer: str
    instance: str
    metrics: Mapping[str, Decimal]
    active_devices: int | None = None
    total_devices: int | None = None
    report_id: str | None = None
    timestamp: datetime | None = None
    interval: timedelta | None = None


@dataclass(frozen=True, slots=True)
class KeptReport:
    """A report in the log: `id` is its position there, `timestamp` when it counts."""

    id: int
    report: UsageReport
    timestamp: datetime
    created_at: datetime


class Taken(NamedTuple):
    """A report that was taken; `again` says that it had been before.

    `collected`: the payment provider holds the subscription that pays for it, and so gets the
    period's running totals with this report in them.
    """

    kept: KeptReport
    again: bool
    collected: bool


@dataclass(frozen=True, slots=True)
class History:
    """A customer's current period: its newest reports, how many there are, and the usage so far.

    `usage` is by meter of the price list in force, as an invoice would measure it.
    """

    period: Period
    reports: tuple[KeptReport, ...]
    total: int
    usage: Quantities


def take_report(
    installation: Installation,
    report: UsageReport,
    *,
    tenant: str | None = None,
    key: str | None = None,
) -> Taken:
    """Take in a report, once. `key` is the sender's `Idempotency-Key`.

    Raises:
        NotFound: the tenant has no such customer.
        Conflict: another report has this identity; that one counts.
        Invalid: the time is out of bounds, or a meter cannot read a figure. Nothing was kept.
    """
    with installation.store.write() as tx:
        at = report.timestamp or installation.now
        subject = subject_at(tx, find_subject(tx, report.customer, tenant), at, tenant)
        name = identity_of(report, subject, installation.now, key)
        batch = Batch(_events(report, subject, name), subject.organization)
        [verdicts] = take_in(tx, installation, [batch])
        _check(verdicts, report, key)
        homes = {home.organization for home in homes_of_subject(tx, subject)}
        tenants = sorted({subject.organization, *homes})
        logged = event_pages.find(tx, tenants, SOURCE, name, subject.id)
        assert logged is not None, "what was accepted is in the log"
        payer = payer_of(tx, subject, at)
        collected = mirrored(tx, payer) is not None
        failpoint("usage_report.commit.before")
    return Taken(_kept(logged, _read(logged)), not verdicts.accepted, collected)


def history(
    installation: Installation, customer: str, *, tenant: str | None = None, limit: int = 100
) -> History:
    """A customer's reports of the current period, the newest first, and what it used so far.

    Raises:
        NotFound: the tenant has no such customer.
    """
    with installation.store.read() as tx:
        theirs = find_customer(tx, customer, tenant, installation.now)
        period = theirs.period
        logged = event_pages.newest(
            tx,
            theirs.subject.organization,
            subjects=theirs.subjects,
            types=[REPORT],
            since=period.start,
            until=period.end,
            limit=limit,
        )
        total = event_pages.count(
            tx,
            theirs.subject.organization,
            subjects=theirs.subjects,
            types=[REPORT],
            since=period.start,
            until=period.end,
        )
        usage = quantities(tx, theirs.stretches, period, installation.now)
    return History(period, _all_kept(logged), total, usage)


def latest(
    installation: Installation, customer: str, *, tenant: str | None = None
) -> tuple[KeptReport, ...]:
    """The newest report of each of a customer's instances, the newest first.

    Raises:
        NotFound: the tenant has no such customer.
    """
    with installation.store.read() as tx:
        theirs = find_customer(tx, customer, tenant, installation.now)
        logged = event_pages.newest(
            tx,
            theirs.subject.organization,
            subjects=theirs.subjects,
            types=[REPORT],
            limit=MOST_READ,
        )
    found: dict[tuple[str, object], LoggedEvent] = {}
    for event in logged:
        found.setdefault((event.subject, event.fields.get("instance_id")), event)
    return _all_kept(found.values())


def identity_of(
    report: UsageReport, subject: Subject, arrival: datetime, key: str | None = None
) -> str:
    """The name under which a report counts once, within the tenant and the source."""
    if key is not None:
        return _name("key", key)
    if report.report_id is not None:
        return _name("report", report.report_id)
    length = (report.interval or HOURLY) // MICROSECOND
    begun = to_micros(arrival) // length
    return _name("interval", subject.id, report.instance, length, begun)


def _name(kind: str, *parts: str | int) -> str:
    # Hashed, so that a key of any characters and length gives an id, and no two kinds meet.
    return f"{kind}-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:40]}"


def _events(report: UsageReport, subject: Subject, name: str) -> list[Incoming]:
    """The report as it came, and then an event for each of its figures."""
    events = [_event(report, subject, name, REPORT, _content(report))]
    for figure, value in report.metrics.items():
        fields = {"instance_id": report.instance, figure: value}
        events.append(_event(report, subject, f"{name}-{figure}", EVENT_TYPES[figure], fields))
    return events


def _event(
    report: UsageReport, subject: Subject, name: str, kind: str, fields: dict[str, Any]
) -> Incoming:
    return Incoming(name, SOURCE, kind, subject.id, report.timestamp, fields)


def _content(report: UsageReport) -> dict[str, Any]:
    said = {
        "customer_id": report.customer,
        "instance_id": report.instance,
        "active_devices": report.active_devices,
        "total_devices": report.total_devices,
        "metrics": dict(report.metrics),
        "report_id": report.report_id,
        "interval": report.interval and report.interval // MILLISECOND,
    }
    return {name: value for name, value in said.items() if value is not None}


class _Figures(msgspec.Struct):
    devices: Decimal | None = None
    mqtt_messages: Decimal | None = None
    storage_gb: Decimal | None = None
    api_requests: Decimal | None = None


class _Content(msgspec.Struct):
    """What `_content` wrote."""

    customer_id: str
    instance_id: str
    metrics: _Figures
    active_devices: int | None = None
    total_devices: int | None = None
    report_id: str | None = None
    interval: Annotated[int, Meta(ge=1, le=LONGEST_INTERVAL // MILLISECOND)] | None = None


def _read(logged: LoggedEvent) -> _Content:
    return msgspec.convert(logged.fields, _Content)


def _all_kept(logged: Iterable[LoggedEvent]) -> tuple[KeptReport, ...]:
    """The reports among events, which whoever sends events may have given the type of a report."""
    found = []
    for event in logged:
        with suppress(msgspec.ValidationError):
            found.append(_kept(event, _read(event)))
    return tuple(found)


def _kept(logged: LoggedEvent, said: _Content) -> KeptReport:
    figures = msgspec.structs.asdict(said.metrics)
    report = UsageReport(
        customer=said.customer_id,
        instance=said.instance_id,
        metrics={name: value for name, value in figures.items() if value is not None},
        active_devices=said.active_devices,
        total_devices=said.total_devices,
        report_id=said.report_id,
        timestamp=logged.time if logged.timed else None,
        interval=None if said.interval is None else said.interval * MILLISECOND,
    )
    return KeptReport(logged.position, report, logged.time, logged.received_at)


def _check(verdicts: Verdicts, report: UsageReport, key: str | None) -> None:
    """Undo everything where one event of the report was not taken.

    Raises:
        Conflict: another report has this identity.
        Invalid: something in it cannot be accepted.
    """
    if verdicts.conflicts:
        if key is not None:
            name, param = "this Idempotency-Key", "Idempotency-Key"
        elif report.report_id is not None:
            name, param = f"the report_id {report.report_id!r}", "report_id"
        else:
            name, param = f"{report.instance!r} in this reporting interval", "instance_id"
        raise Conflict(
            f"Another report of {name} was accepted before, and counts; this one changed "
            "nothing. Send a new report under a report_id of its own.",
            param=param,
            code="report_conflict",
        )
    if verdicts.rejected:
        raise Invalid(verdicts.rejected[0].error)
