"""A report is taken whole, once, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tallygate.core.errors import Conflict, Invalid, NotFound
from tallygate.workflows import accounts, publish, usage_reports
from tallygate.workflows.installation import Installation
from tallygate.workflows.usage_reports import UsageReport, history, take_report

NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)

CATALOG = """
name: devices
currency: usd
meters:
  devices: {event: device.report, value: devices, aggregation: max, per: [instance_id]}
  messages: {event: mqtt.report, value: mqtt_messages, aggregation: sum}
  storage: {event: storage.report, value: storage_gb, aggregation: max, per: [EXTRA]}
"""
FIGURES = {"devices": Decimal(3), "mqtt_messages": Decimal(100), "storage_gb": Decimal("2.5")}


@pytest.fixture
def here(each_installation: Installation, clock: Any) -> Installation:
    clock.set(NOW)
    accounts.create_organization(each_installation, "Acme", external_id="acme")
    publish.apply(each_installation, CATALOG.replace("EXTRA", "instance_id"))
    return each_installation


def used(here: Installation, clock: Any) -> dict[str, Decimal]:
    clock.set(NOW + timedelta(minutes=1))
    return {meter.key: quantity for meter, quantity in history(here, "acme").usage}


def test_many_senders_of_one_report_count_once(here: Installation, clock: Any) -> None:
    report = UsageReport("acme", "one", FIGURES, report_id="r")
    with ThreadPoolExecutor(8) as senders:
        taken = list(senders.map(lambda _: take_report(here, report), range(24)))
    assert len({one.kept.id for one in taken}) == 1
    assert [one.again for one in taken].count(False) == 1
    assert used(here, clock) == {"devices": 3, "messages": 100, "storage": Decimal("2.5")}


def test_of_many_reports_under_one_name_one_counts(here: Installation, clock: Any) -> None:
    def send(number: int) -> bool:
        figures = {"mqtt_messages": Decimal(number)}
        try:
            take_report(here, UsageReport("acme", "one", figures, report_id="r"))
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as senders:
        counted = list(senders.map(send, range(1, 17)))
    assert counted.count(True) == 1
    assert used(here, clock)["messages"] == counted.index(True) + 1


def test_a_figure_that_a_meter_cannot_read_refuses_the_report(
    here: Installation, clock: Any
) -> None:
    assert refuses_whole(here, clock)


def test_a_report_that_is_kept_in_parts_is_caught(
    here: Installation, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted defect: what is refused of a report does not undo the rest."""
    monkeypatch.setattr(usage_reports, "_check", lambda *_: None)
    assert not refuses_whole(here, clock)


def refuses_whole(here: Installation, clock: Any) -> bool:
    """Whether nothing of a report is kept, one of whose figures a meter refuses."""
    report = UsageReport("acme", "one", FIGURES, report_id="r")
    publish.apply(here, CATALOG.replace("EXTRA", "region"))
    with suppress(Invalid):
        take_report(here, report)
    kept = used(here, clock)["messages"]
    publish.apply(here, CATALOG.replace("EXTRA", "instance_id"))
    return kept == 0 and not take_report(here, report).again


def test_a_tenant_reports_for_itself(here: Installation) -> None:
    rival = accounts.create_organization(here, "Rival").id
    with pytest.raises(NotFound, match="no customer 'acme'"):
        take_report(here, UsageReport("acme", "one", FIGURES), tenant=rival)


def test_the_newest_reports_of_many_things_are_found(here: Installation, clock: Any) -> None:
    acme = history(here, "acme")
    assert (acme.total, acme.reports) == (0, ())
    with here.store.read() as tx:
        organization = accounts.locate_account(tx, "acme", None).organization
    names = [f"p{number:02}" for number in range(40)]
    for name in names:
        accounts.create_project(here, organization, name, tenant=None, external_id=name)
    for minutes, name in enumerate(names):
        at = NOW - timedelta(minutes=minutes)
        take_report(here, UsageReport(name, "one", FIGURES, timestamp=at))
    found = history(here, "acme", limit=3)
    assert found.total == 40
    assert [one.report.customer for one in found.reports] == names[:3]
    assert len(usage_reports.latest(here, "acme")) == 40
    assert [one.report.customer for one in usage_reports.latest(here, "p07")] == ["p07"]
