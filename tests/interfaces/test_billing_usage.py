"""Usage and its cost, as the container platform's document has them (rows C5, C6, C8)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.interfaces.world import OPERATOR, Api, World

from tallygate.testing import FrozenClock
from tallygate.workflows import publish
from tallygate.workflows.installation import Installation
from tallygate.workflows.questions.forecast import ExpectedUsage
from tallygate.workflows.usage_known import StoredUsage

CATALOG = Path(__file__).parents[2] / "examples" / "helvetia_cloud" / "catalog.yaml"
BEGIN = datetime(2026, 9, 1, tzinfo=UTC)
SHOP = "/api/v1/billing/usage?organizationId=shop"
DAY = timedelta(days=1)

# 100 h and 50 GB-h of web-1, 12.5 GB; a volume of 20 GB all month and one of 10 GB for its half.
EVENTS = [
    ("c1", "resource.created", "web-1", "2026-09-03T00:00:00Z", {"project": "web"}),
    ("c2", "resource.stopped", "web-1", "2026-09-07T04:00:00Z", {}),
    ("n1", "container.network", "web-1", "2026-09-04T00:00:00Z", {"bytes": 12500000000}),
    ("v1", "volume.size", "web", "2026-09-01T00:00:00Z", {"volume": "db", "size_gb": 20}),
    ("v2", "volume.size", "web", "2026-09-16T00:00:00Z", {"volume": "media", "size_gb": 10}),
]


@pytest.fixture
def cloud(installation: Installation, clock: FrozenClock, client: httpx2.Client) -> Api:
    """The container platform, a shop with a project, and a hobbyist."""
    clock.set(BEGIN)
    publish.apply(installation, CATALOG.read_text("utf-8"))
    api = Api(client, OPERATOR)
    for name in ("shop", "hobby"):
        made = api.ok("POST", "/v1/organizations", {"name": name.title(), "external_id": name})
        body = {"organization": made["id"], "name": "Web", "external_id": "web"}
        api.ok("POST", "/v1/projects", body)
    return api


def subscribe(cloud: Api, who: str, plan: str) -> str:
    body = {"billing_account": who, "plan": plan}
    return str(cloud.ok("POST", "/v1/subscriptions", body)["subscription"]["id"])


def send(cloud: Api, *more: tuple[Any, ...], whose: str = "shop") -> None:
    key = cloud.ok(
        "POST",
        "/v1/keys",
        {"scopes": ["ingest"], "organization": organization(cloud, whose)},
    )["key"]
    events = [
        {"id": name, "source": "docker", "type": kind, "subject": subject, "time": at}
        | {"data": {**fields, **({"type": "container"} if kind == "resource.created" else {})}}
        for name, kind, subject, at, fields in more
    ]
    told = Api(cloud.client, key).ok("POST", "/v1/events", events)
    assert told["accepted"] == len(events), told


def organization(cloud: Api, name: str) -> str:
    return str(cloud.ok("GET", f"/v1/organizations?external_id={name}")["data"][0]["id"])


def metrics(told: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {one["metric"]: (one["quantity"], one["cost"]) for one in told["usage"]}


ALL_OF_IT = {
    "COMPUTE_HOURS": (100, 1),
    "MEMORY_GB_HOURS": (50, 0.25),
    "BANDWIDTH_GB": (12.5, 1.5),
    "STORAGE_GB": (25, 0.58),
}


def test_four_metrics_with_their_cost(cloud: Api, clock: FrozenClock) -> None:
    subscribe(cloud, "shop", "STARTER")
    clock.set(BEGIN + 29 * DAY)
    send(cloud, *EVENTS)
    clock.set(BEGIN + 30 * DAY - timedelta(microseconds=1))
    told = cloud.ok("GET", SHOP)
    assert metrics(told) == ALL_OF_IT
    assert told["periodStart"] == "2026-09-01T00:00:00Z"
    assert told["periodEnd"] == "2026-10-01T00:00:00Z"
    assert (told["currency"], told["cost"]) == ("usd", 3.33)
    assert {one["metric"]: one["unit"] for one in told["usage"]}["STORAGE_GB"] == "GB-month"
    assert cloud.ok("GET", SHOP.replace("organizationId", "userId")) == told


def test_the_cost_is_what_the_invoice_will_say(cloud: Api, clock: FrozenClock) -> None:
    begun = subscribe(cloud, "shop", "STARTER")
    clock.set(BEGIN + 10 * DAY)
    send(cloud, EVENTS[0], EVENTS[2])
    cloud.ok("POST", f"/v1/subscriptions/{begun}/change", {"plan": "PRO"})
    clock.set(BEGIN + 17 * DAY)
    lines = cloud.ok("GET", f"/v1/invoices/preview?subscription={begun}")["lines"]
    owed: dict[str, int] = {}
    for line in lines:
        if line["meter"] is not None:
            owed[line["meter"].upper()] = owed.get(line["meter"].upper(), 0) + line["amount"]
    told = metrics(cloud.ok("GET", SHOP))
    assert {name: round(cost * 100) for name, (_, cost) in told.items()} == owed
    assert owed["COMPUTE_HOURS"] == 360


def test_the_containers_of_a_service_add_up(cloud: Api, clock: FrozenClock) -> None:
    subscribe(cloud, "shop", "STARTER")
    clock.set(BEGIN + 20 * DAY)
    deployed = {"project": "web", "service": "front"}
    send(
        cloud,
        ("c1", "resource.created", "one", "2026-09-03T00:00:00Z", deployed),
        ("c2", "resource.deleted", "one", "2026-09-04T00:00:00Z", {}),
        ("c3", "resource.created", "two", "2026-09-04T00:00:00Z", deployed),
        ("c4", "resource.deleted", "two", "2026-09-06T00:00:00Z", {}),
        ("c5", "resource.created", "job", "2026-09-06T00:00:00Z", {"project": "web"}),
        ("c6", "resource.stopped", "job", "2026-09-06T08:00:00Z", {}),
        ("v1", "volume.size", "web", "2026-09-01T00:00:00Z", {"volume": "db", "size_gb": 30}),
    )
    told = cloud.ok("GET", SHOP)
    services = {one["serviceId"]: metrics(one) for one in told["services"]}
    assert services == {
        "front": {"COMPUTE_HOURS": (72, 0.72), "MEMORY_GB_HOURS": (36, 0.18)},
        "job": {"COMPUTE_HOURS": (8, 0.08), "MEMORY_GB_HOURS": (4, 0.02)},
        "web": {"STORAGE_GB": (20, 0.46)},
    }
    assert [one["serviceId"] for one in told["services"]] == ["front", "web", "job"]
    assert told["moreServices"] is False
    cents = [round(one["cost"] * 100) for one in told["services"]]
    assert (cents, sum(cents), told["cost"]) == ([90, 46, 10], 146, 1.46)
    service = "/api/v1/billing/usage/service"
    front = cloud.ok("GET", f"{service}/front?organizationId=shop")
    assert (metrics(front), front["serviceId"]) == (services["front"], "front")
    assert front["cost"] == 0.9
    assert metrics(cloud.ok("GET", f"{service}/one")) == {
        "COMPUTE_HOURS": (24, 0.24),
        "MEMORY_GB_HOURS": (12, 0.06),
    }
    whole = cloud.ok("GET", f"{service}/web?organizationId=shop")
    assert metrics(whole) == services["web"], "as a service alone, it is what it says"
    assert cloud("GET", f"{service}/front").status_code == 404, "the platform has to say whose"
    assert cloud("GET", f"{service}/front?organizationId=hobby").status_code == 404
    assert cloud("GET", f"{service}/shop").status_code == 404, "an organization is no service"


def test_a_share_is_of_what_is_owed_after_the_allowance(world: World) -> None:
    mine = world.acme.things
    events = [
        {
            "id": name,
            "source": "x",
            "type": "api.call",
            "subject": mine[name],
            "data": {"calls": n},
        }
        for name, n in (("resource", 300), ("project", 100))
    ]
    assert world.platform.ok("POST", "/v1/events", events)["accepted"] == 2
    world.clock.set(world.clock.now() + DAY)
    acme = world.as_(world.acme, "read")
    told = acme.ok("GET", "/api/v1/billing/usage")
    assert metrics(told)["CALLS"] == (400, 30), "100 are included"
    shares = {one["serviceId"]: metrics(one).get("CALLS") for one in told["services"]}
    assert shares == {"vm-1": (300, 22.5), "web": (100, 7.5)}


@pytest.mark.parametrize("plan", ["FREE", None])
def test_a_free_account_has_usage_and_no_cost(
    plan: str | None, cloud: Api, clock: FrozenClock
) -> None:
    clock.set(BEGIN + 2 * DAY)
    if plan is not None:
        subscribe(cloud, "hobby", plan)
    clock.set(BEGIN + 9 * DAY)
    send(cloud, *EVENTS[:3], whose="hobby")
    told = cloud.ok("GET", "/api/v1/billing/usage?userId=hobby")
    assert metrics(told) == {
        "COMPUTE_HOURS": (100, 0),
        "MEMORY_GB_HOURS": (50, 0),
        "BANDWIDTH_GB": (12.5, 0),
        "STORAGE_GB": (0, 0),
    }
    assert told["periodStart"] == ("2026-09-03T00:00:00Z" if plan else "2026-09-01T00:00:00Z")
    assert told["periodEnd"] == ("2026-10-03T00:00:00Z" if plan else "2026-10-01T00:00:00Z")


def test_the_past_is_told_by_the_windows_that_are_billed(cloud: Api, clock: FrozenClock) -> None:
    clock.set(BEGIN + 10 * DAY)
    begun = subscribe(cloud, "shop", "STARTER")
    clock.set(BEGIN + 80 * DAY)
    send(cloud, ("c1", "resource.created", "web-1", "2026-09-01T00:00:00Z", {"project": "web"}))
    cloud.ok("POST", "/v1/invoices/close", {"commit": True})
    asked = "&periodStart=2026-08-20T00:00:00Z&periodEnd=2026-11-12T12:00:00Z"
    told = cloud.ok("GET", SHOP.replace("?", "/history?") + asked)
    starts = [one["periodStart"][:10] for one in told["periods"]]
    assert starts == ["2026-08-20", "2026-09-01", "2026-09-11", "2026-10-11", "2026-11-11"]
    hours = [metrics(one)["COMPUTE_HOURS"] for one in told["periods"]]
    assert hours == [(0, 0), (240, 0), (720, 7.2), (744, 7.44), (36, 0.36)]
    assert metrics(told)["COMPUTE_HOURS"] == (1740, 15)
    invoices = cloud.ok("GET", "/v1/invoices?limit=100")["data"]
    billed = [
        line["amount"]
        for one in invoices
        for line in one["lines"]
        if line["meter"] == "compute_hours" and one["subscription"] == begun
    ]
    assert billed == [720, 744]


def test_by_default_the_past_is_thirty_days(cloud: Api, clock: FrozenClock) -> None:
    clock.set(BEGIN + 45 * DAY)
    told = cloud.ok("GET", SHOP.replace("?", "/history?"))
    assert told["periodStart"] == "2026-09-16T00:00:00Z"
    assert told["periodEnd"] == "2026-10-16T00:00:00Z"


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ("periodEnd=2026-09-01T00:00:01Z", "periodEnd"),
        ("periodStart=2026-09-01T00:00:00Z", "periodStart"),
        ("periodStart=2025-08-01T00:00:00Z", "periodStart"),
        ("periodStart=0001-01-01T00:00:00Z", "periodStart"),
        ("periodStart=yesterday", "periodStart"),
        ("from=2026-08-01T00:00:00Z", "from"),
        ("userId=shop", "userId"),
    ],
)
def test_a_bad_question_is_refused(asked: str, param: str, cloud: Api) -> None:
    answer = cloud("GET", SHOP.replace("?", "/history?") + "&" + asked)
    assert (answer.status_code, answer.json()["param"]) == (422, param)


def test_the_first_days_of_time_can_be_asked_about(cloud: Api) -> None:
    asked = SHOP.replace("?", "/history?") + "&periodEnd=1970-01-02T00:00:00Z"
    assert cloud.ok("GET", asked)["cost"] == 0


def test_the_platform_says_whose(cloud: Api) -> None:
    for path in ("", "/history", "/forecast"):
        answer = cloud("GET", f"/api/v1/billing/usage{path}")
        assert (answer.status_code, answer.json()["param"]) == (422, "organizationId")


def test_a_forecast_goes_on_as_in_the_last_days(cloud: Api, clock: FrozenClock) -> None:
    assert steady_forecast(cloud, clock) == {
        # One container runs on: 30 days of 24 hours. It sent 1 GB on each of the last seven days.
        "COMPUTE_HOURS": (720, 7.2),
        "MEMORY_GB_HOURS": (360, 1.8),
        "BANDWIDTH_GB": (22, 2.64),
        "STORAGE_GB": (20, 0.46),
    }


def test_a_forecast_of_what_was_so_far_is_caught(
    cloud: Api, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted defect: nothing is expected of the time that is left."""
    monkeypatch.setattr(ExpectedUsage, "exactly", StoredUsage.exactly)
    assert steady_forecast(cloud, clock)["COMPUTE_HOURS"] == (360, 3.6)


def steady_forecast(cloud: Api, clock: FrozenClock) -> dict[str, Any]:
    subscribe(cloud, "shop", "STARTER")
    clock.set(BEGIN + 15 * DAY)
    gigabyte = {"bytes": 1000000000}
    days = range(9, 16)
    send(
        cloud,
        ("c1", "resource.created", "web-1", "2026-09-01T00:00:00Z", {"project": "web"}),
        ("v1", "volume.size", "web", "2026-09-01T00:00:00Z", {"volume": "db", "size_gb": 20}),
        *[
            (f"n{day}", "container.network", "web-1", f"2026-09-{day:02}T12:00:00Z", gigabyte)
            for day in days
        ],
    )
    told = cloud.ok("GET", SHOP.replace("?", "/forecast?"))
    assert told["periodEnd"] == "2026-10-01T00:00:00Z"
    return metrics(told)


def test_a_level_is_expected_to_stay(world: World) -> None:
    event = {"id": "p", "source": "x", "type": "disk.report", "subject": "acme"}
    world.platform.ok("POST", "/v1/events", event | {"data": {"disk": "a", "gb": "6.5"}})
    world.clock.set(world.clock.now() + DAY)
    told = world.as_(world.acme, "read").ok("GET", "/api/v1/billing/usage/forecast")
    assert metrics(told)["PEAK"] == (7, 7)


def test_without_a_price_list_there_is_nothing_to_tell(client: httpx2.Client) -> None:
    api = Api(client, OPERATOR)
    api.ok("POST", "/v1/organizations", {"name": "Shop", "external_id": "shop"})
    answer = api("GET", SHOP)
    assert (answer.status_code, "price list" in answer.json()["detail"]) == (409, True)
    assert api.ok("GET", "/api/usage/shop")["usage"] == []
