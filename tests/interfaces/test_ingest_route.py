"""`POST /v1/events`: four forms, one answer, and nothing that breaks it."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.interfaces.world import OPERATOR, START

from tallygate.accounts.model import BillingAccount, Organization
from tallygate.adapters.store import accounts
from tallygate.interfaces.api import create_app
from tallygate.testing import FrozenClock
from tallygate.workflows.installation import Installation, Settings
from tallygate.workflows.keys import create_key

SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
LINES = "application/x-ndjson"


@pytest.fixture
def opened(each_installation: Installation, clock: FrozenClock) -> Iterator[TestClient]:
    clock.set(START)
    with each_installation.store.write() as tx:
        for letter in "ab":
            org, bil = f"org_{letter}", f"bil_{letter}"
            accounts.save_organization(tx, Organization(org, "Tenant", bil, START, f"t-{letter}"))
            accounts.save_billing_account(tx, BillingAccount(bil, org, "Payer", START))
    settings = Settings(max_batch=50, max_body_bytes=200_000)
    small = Installation(
        each_installation.store,
        each_installation.clock,
        each_installation.ids,
        settings,
        each_installation.random_bits,
    )
    app = create_app(small, operator=OPERATOR)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def event(name: str = "e-1", subject: str = "t-a", **more: Any) -> dict[str, Any]:
    return {"id": name, "source": "test", "type": "ping", "subject": subject, **more}


def post(
    client: TestClient, body: Any, kind: str = "application/json", key: str = OPERATOR
) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {key}", "content-type": kind}
    return client.post("/v1/events", content=content, headers=headers)


def test_the_four_forms(opened: TestClient) -> None:
    one = {"accepted": 1, "duplicates": 0, "conflicts": [], "rejected": []}
    assert post(opened, event("1"), SINGLE).json() == one
    assert post(opened, event("2")).json() == one
    assert post(opened, [event("3")]).json() == one
    assert post(opened, [event("4")], BATCH).json() == one
    lines = b"\n".join(json.dumps(event(name)).encode() for name in "1256")
    told = post(opened, lines, LINES).json()
    assert told == {"accepted": 2, "duplicates": 2, "conflicts": [], "rejected": []}


def test_a_verdict_for_each(opened: TestClient) -> None:
    post(opened, event("1", data={"a": 1}))
    sent = [event("1", data={"a": 2}), event("2", "nobody"), {"id": "3"}, event("4"), event("4")]
    told = post(opened, sent).json()
    assert (told["accepted"], told["duplicates"]) == (1, 1)
    [conflict] = told["conflicts"]
    assert (conflict["index"], conflict["id"]) == (0, "1")
    assert [(one["index"], one["id"]) for one in told["rejected"]] == [(1, "2"), (2, "3")]
    assert all(one["error"].endswith(".") for one in told["rejected"])


def test_keys_open_their_own_tenant(opened: TestClient, each_installation: Installation) -> None:
    own = create_key(each_installation, organization="org_a", scopes=["ingest"]).text
    looks = create_key(each_installation, organization="org_a", scopes=["read"]).text
    told = post(opened, [event("1"), event("2", "t-b")], key=own).json()
    assert told["accepted"] == 1
    assert "unknown" in told["rejected"][0]["error"]
    assert post(opened, event(), key=looks).status_code == 403
    assert post(opened, event(), key="tg_nothing").status_code == 401
    assert opened.post("/v1/events", json=event()).status_code == 401


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"[NaN]", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (event(), BATCH, 422),
        (event(), "text/plain", 415),
        ([event(str(n)) for n in range(51)], "application/json", 413),
        (b" " * 200_001, "application/json", 413),
    ],
)
def test_what_is_refused_whole(opened: TestClient, body: Any, kind: str, status: int) -> None:
    answer = post(opened, body, kind)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.json()["detail"]) > 10


def test_a_parameter_that_means_nothing_is_refused(opened: TestClient) -> None:
    headers = {"authorization": f"Bearer {OPERATOR}", "content-type": "application/json"}
    for query in ("dry_run=true", "dry_run", "a=1&b=2"):
        refused = opened.post(f"/v1/events?{query}", json=event(), headers=headers)
        assert refused.status_code == 422
        assert refused.json()["param"] == query.partition("=")[0]
        assert "this path takes none" in refused.json()["detail"]
    assert opened.post("/v1/events?", json=event(), headers=headers).json()["accepted"] == 1


def test_a_body_without_a_length_is_counted(opened: TestClient) -> None:
    headers = {"authorization": f"Bearer {OPERATOR}"}
    parts = (b" " * 50_000 for _ in range(5))
    assert opened.post("/v1/events", content=parts, headers=headers).status_code == 413
    split = iter([b"[", json.dumps(event()).encode(), b"]"])
    told = opened.post("/v1/events", content=split, headers=headers).json()
    assert told["accepted"] == 1


HOSTILE = [
    "NaN",
    "-Infinity",
    "1e308",
    "1E+1000000",
    "-1E-1000000",
    "9" * 400,
    "0." + "9" * 400,
    "9" * 20_000,
    "-1",
    "true",
    "null",
    '"\\u0000"',
    '"\\ud800"',
    '"\\u0661"',
    '"1e5"',
    '"' + "x" * 100_000 + '"',
    "[" * 2000 + "]" * 2000,
    '{"a":' * 2000 + "1" + "}" * 2000,
]
PLACES = [
    '{"id":"h","source":"test","type":"ping","subject":"t-a","data":{"n":%s}}',
    '{"id":%s,"source":"test","type":"ping","subject":"t-a"}',
    '{"id":"h","source":%s,"type":"ping","subject":"t-a"}',
    '{"id":"h","source":"test","type":%s,"subject":"t-a"}',
    '{"id":"h","source":"test","type":"ping","subject":%s}',
    '{"id":"h","source":"test","type":"ping","subject":"t-a","time":%s}',
    '{"id":"h","source":"test","type":"resource.created","subject":%s,"data":{"project":%s}}',
]
TIMES = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "-1-1-1", "2026-13-01T00:00:00Z"]


@pytest.mark.parametrize("place", PLACES)
def test_nothing_hostile_breaks_it(opened: TestClient, place: str) -> None:
    good = json.dumps(event("good"))
    for value in [*HOSTILE, *(f'"{at}"' for at in TIMES)]:
        hostile = place.replace("%s", value)
        for body, kind in ((f"[{good},{hostile}]", BATCH), (f"{good}\n{hostile}", LINES)):
            started = time.perf_counter()
            answer = post(opened, body.encode(), kind)
            assert time.perf_counter() - started < 1, hostile[:100]
            assert answer.status_code in {200, 400, 413, 422}, (hostile[:100], answer.text[:300])
            told = answer.json()
            if answer.status_code == 200:
                counted = told["accepted"] + told["duplicates"]
                assert counted + len(told["conflicts"]) + len(told["rejected"]) == 2
                assert counted >= 1, (hostile[:100], told)
    assert post(opened, event("good")).json()["duplicates"] == 1
