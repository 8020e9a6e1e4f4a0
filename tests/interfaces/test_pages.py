"""A long list is read in pages, each thing once, also while more is added."""

from typing import Any

from tests.interfaces.operations import OPERATIONS
from tests.interfaces.world import Api, World

LISTS = [one.path for one in OPERATIONS if one.lists]


def pages(api: Api, path: str, limit: int) -> list[list[dict[str, Any]]]:
    found: list[list[dict[str, Any]]] = []
    cursor = ""
    while True:
        told = api.ok("GET", f"{path}limit={limit}{cursor}")
        assert told["object"] == "list"
        assert told["has_more"] == (told["next_cursor"] is not None)
        found.append(told["data"])
        if not told["has_more"]:
            return found
        assert len(told["data"]) == limit
        cursor = f"&cursor={told['next_cursor']}"


def test_pages_come_to_the_whole_in_order(world: World) -> None:
    acme = world.as_(world.acme)
    made = [world.acme.things["project"]]
    made += [acme.ok("POST", "/v1/projects", {"name": f"P{n}"})["id"] for n in range(6)]
    for limit in (1, 2, 3, 7, 100):
        read = pages(acme, "/v1/projects?", limit)
        assert [one["id"] for page in read for one in page] == made
    assert len(pages(acme, "/v1/projects?", 7)) == 1


def test_what_is_created_while_one_reads_comes_at_the_end(world: World) -> None:
    acme = world.as_(world.acme)
    acme.ok("POST", "/v1/projects", {"name": "second"})
    first = acme.ok("GET", "/v1/projects?limit=1")
    added = acme.ok("POST", "/v1/projects", {"name": "third"})["id"]
    rest = acme.ok("GET", f"/v1/projects?cursor={first['next_cursor']}")["data"]
    assert [one["name"] for one in rest] == ["second", "third"]
    assert rest[-1]["id"] == added


def test_filters_narrow_one_another(world: World) -> None:
    acme, things = world.as_(world.acme), world.acme.things
    other = acme.ok("POST", "/v1/projects", {"name": "Other"})["id"]
    for project, found in ((things["project"], [things["resource"]]), (other, [])):
        for more in ("", "&external_id=vm-1"):
            told = acme.ok("GET", f"/v1/resources?project={project}{more}")
            assert [one["id"] for one in told["data"]] == found


def test_an_external_id_finds_one_thing_of_its_kind(world: World) -> None:
    acme = world.as_(world.acme)
    for path, name, found in (
        ("projects", "web", 1),
        ("resources", "vm-1", 1),
        ("organizations", "acme", 1),
        ("organizations", "web", 0),
        ("projects", "vm-1", 0),
        ("projects", "nobody", 0),
    ):
        told = acme.ok("GET", f"/v1/{path}?external_id={name}")
        assert len(told["data"]) == found, (path, name)
    twice = world.platform("GET", "/v1/projects?external_id=web")
    assert twice.status_code == 422
    one = f"/v1/projects?external_id=web&organization={world.rival.id}"
    assert len(world.platform.ok("GET", one)["data"]) == 1


def test_events_are_paged_by_time_where_many_happen_at_once(world: World) -> None:
    sensor, acme = world.as_(world.acme, "ingest"), world.as_(world.acme)
    sent = [
        {
            "id": f"e{n}",
            "source": "s",
            "type": "api.call",
            "subject": ("web", "vm-1", "acme")[n % 3],
            "time": f"2026-02-2{n % 4}T00:00:00Z",
            "data": {"calls": n},
        }
        for n in range(20)
    ]
    assert sensor.ok("POST", "/v1/events", sent)["accepted"] == 20
    whole = acme.ok("GET", "/v1/events?type=api.call&limit=100")["data"]
    assert [one["time"] for one in whole] == sorted(one["time"] for one in whole)
    for limit in (1, 3, 19, 20):
        read = pages(acme, "/v1/events?type=api.call&", limit)
        assert [one for page in read for one in page] == whole
    some = acme.ok("GET", "/v1/events?subject=web&from=2026-02-21T00:00:00Z")["data"]
    assert {one["subject"] for one in some} == {world.acme.things["project"]}
    behind = (
        f"/v1/events?billing_account={world.acme.billing_account}&meter=calls"
        "&from=2026-02-21T00:00:00Z&to=2026-02-23T00:00:00Z&"
    )
    read = pages(acme, behind, 4)
    assert sum(int(one["value"]) for page in read for one in page) == sum(
        n for n in range(20) if n % 4 in {1, 2}
    )


def test_a_cursor_of_another_list_is_refused(shared_world: World) -> None:
    acme = shared_world.as_(shared_world.acme)
    for path in LISTS:
        for wrong in ("a%20b", "zzz", f"prj_{'!' * 26}", shared_world.acme.things["member"]):
            answer = acme("GET", f"{path}?cursor={wrong}")
            if (path, wrong[:4]) == ("/v1/members", "mem_"):
                assert answer.status_code == 200
                continue
            assert answer.status_code == 422, (path, wrong)
            assert answer.json()["param"] == "cursor"


def test_a_misspelled_filter_is_refused_with_those_that_there_are(shared_world: World) -> None:
    for path in LISTS:
        answer = shared_world.platform("GET", f"{path}?organisation=org_1")
        assert answer.status_code == 422, path
        assert answer.json()["param"] == "organisation"
        assert "'organisation': there are limit, cursor" in answer.json()["detail"]
    account = shared_world.acme.billing_account
    answer = shared_world.platform("GET", f"/v1/billing_accounts/{account}?limit=1")
    assert "this path takes none" in answer.json()["detail"]
    assert shared_world.platform("POST", "/v1/projects?dry=1", {"name": "P"}).status_code == 422
