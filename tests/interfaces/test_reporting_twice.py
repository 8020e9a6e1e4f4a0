"""Reporting twice never doubles usage, whatever names the report (row D9)."""

from datetime import timedelta
from typing import Any

import pytest
from tests.interfaces.exporter import GUIDE, send, used
from tests.interfaces.world import START, World

from tallygate.adapters.store.subjects import Subject
from tallygate.core.failpoints import armed
from tallygate.workflows import usage_reports
from tallygate.workflows.usage_reports import UsageReport

HOUR = timedelta(hours=1)

# D9: (headers, fields) of a first and a second report, the hours between their arrivals, and
# whether the second is the first one again (=), another one that counts (+), or a conflict (!).
IDENTITIES = [
    ("the same within the hour", ({}, {}), ({}, {}), 0, "="),
    ("the same at the hour's end", ({}, {}), ({}, {}), 0.99, "="),
    ("the same in the next hour", ({}, {}), ({}, {}), 1, "+"),
    ("another body within the hour", ({}, {}), ({}, {"total_devices": 6}), 0, "!"),
    ("another instance", ({}, {}), ({}, {"instance_id": "k8s-cluster-2"}), 0, "+"),
    ("report_id, days later", ({}, {"report_id": "r"}), ({}, {"report_id": "r"}), 50, "="),
    ("another report_id", ({}, {"report_id": "r"}), ({}, {"report_id": "s"}), 0, "+"),
    (
        "report_id, another body",
        ({}, {"report_id": "r"}),
        ({}, {"report_id": "r", "total_devices": 6}),
        50,
        "!",
    ),
    (
        "the key, days later",
        ({"Idempotency_Key": "k"}, {}),
        ({"Idempotency_Key": "k"}, {}),
        50,
        "=",
    ),
    ("another key", ({"Idempotency_Key": "k"}, {}), ({"Idempotency_Key": "l"}, {}), 0, "+"),
    (
        "the key, another body",
        ({"Idempotency_Key": "k"}, {}),
        ({"Idempotency_Key": "k"}, {"total_devices": 6}),
        0,
        "!",
    ),
    (
        "the key comes before the report_id",
        ({"Idempotency_Key": "k"}, {"report_id": "r"}),
        ({"Idempotency_Key": "l"}, {"report_id": "r"}),
        0,
        "+",
    ),
    (
        "a key is no report_id",
        ({"Idempotency_Key": "r"}, {}),
        ({}, {"report_id": "r"}),
        0,
        "+",
    ),
    ("half an hour, within", ({}, {"interval": 1800000}), ({}, {"interval": 1800000}), 0.49, "="),
    ("half an hour, after", ({}, {"interval": 1800000}), ({}, {"interval": 1800000}), 0.5, "+"),
    ("a day, within", ({}, {"interval": 86400000}), ({}, {"interval": 86400000}), 23, "="),
    (
        "the same figures, as texts and with zeros",
        ({}, {"metrics": {"devices": 3, "mqtt_messages": 15000, "storage_gb": 2.5}}),
        ({}, {"metrics": {"storage_gb": "2.50", "mqtt_messages": "15000", "devices": 3.0}}),
        0,
        "=",
    ),
    (
        "what a gauge says is another body too",
        ({}, {}),
        ({}, {"metrics": {"devices": 4}}),
        0,
        "!",
    ),
]


@pytest.mark.parametrize("case", IDENTITIES, ids=[case[0] for case in IDENTITIES])
def test_reporting_twice_never_doubles(case: tuple[Any, ...], guided: World) -> None:
    assert doubles(guided, case) is None


def doubles(guided: World, case: tuple[Any, ...]) -> str | None:
    """What is wrong with the second report of a case; None: nothing."""
    _, (headers, fields), (headers_2, fields_2), hours, expected = case
    first = send(guided, GUIDE | fields, **headers)
    assert first.status_code == 201, first.text
    guided.clock.set(START + hours * HOUR)
    before = used(guided)
    second = send(guided, GUIDE | fields_2, **headers_2)
    after = used(guided)
    status = {"=": 201, "+": 201, "!": 409}[expected]
    if second.status_code != status:
        return f"{second.status_code}: {second.text}"
    if (second.text == first.text) != (expected == "="):
        return f"the answer: {second.text}"
    if (second.headers.get("idempotent-replayed") == "true") != (expected == "="):
        return "the mark of a repetition"
    more = 15000 if expected == "+" else 0
    if after["messages"] != before["messages"] + more:
        return f"the meter: {before} and then {after}"
    return None


def test_the_identities_catch_one_made_of_the_arrival(
    guided: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted defect: every arrival is a report of its own."""

    def by_arrival(
        report: UsageReport, subject: Subject, arrival: Any, key: str | None = None
    ) -> str:
        return f"{subject.id}-{report.instance}-{arrival:%Y%m%dT%H%M%S}"

    monkeypatch.setattr(usage_reports, "identity_of", by_arrival)
    case = next(one for one in IDENTITIES if one[0] == "the same at the hour's end")
    wrong = doubles(guided, case)
    assert wrong is not None


def test_the_identities_catch_one_without_the_whole_report(
    guided: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted defect: the report as it came is not kept, so a second one adds its figures."""
    events_of = usage_reports._events

    def figures_only(report: UsageReport, subject: Subject, name: str) -> Any:
        head, *figures = events_of(report, subject, name)
        told = usage_reports._event(report, subject, head.id, "usage.report", {"metrics": {}})
        return [told, *figures]

    monkeypatch.setattr(usage_reports, "_events", figures_only)
    monkeypatch.setattr(
        usage_reports,
        "_read",
        lambda logged: usage_reports._Content("", "", usage_reports._Figures()),
    )
    assert not second_adds_nothing(guided)


def test_a_conflict_changes_nothing(guided: World) -> None:
    assert second_adds_nothing(guided)
    refused = send(guided, GUIDE | {"metrics": {"mqtt_messages": 7}})
    assert (refused.status_code, refused.json()["code"]) == (409, "report_conflict")
    assert refused.json()["param"] == "instance_id"
    assert guided.platform.ok("GET", f"/api/usage/{GUIDE['customer_id']}")["total"] == 1


def second_adds_nothing(guided: World) -> bool:
    """Whether a conflict whose figures are all other ones leaves the meters alone."""
    assert send(guided, GUIDE | {"metrics": {"devices": 3}}).status_code == 201
    send(guided, GUIDE | {"metrics": {"mqtt_messages": 7}})
    return bool(used(guided)["messages"] == 0)


def test_a_report_that_is_cut_off_can_be_sent_again(guided: World) -> None:
    def stop() -> None:
        raise RuntimeError("the process dies")

    with armed("usage_report.commit.before", stop):
        answer = guided.client.post(
            "/api/usage/report",
            json=GUIDE,
            headers={"Authorization": f"Bearer {guided.platform.key}"},
        )
    assert answer.status_code == 500
    assert used(guided)["messages"] == 0
    again = send(guided)
    assert (again.status_code, again.headers.get("idempotent-replayed")) == (201, None)
    assert used(guided)["messages"] == 15000
