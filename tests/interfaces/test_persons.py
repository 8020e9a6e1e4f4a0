"""A request for a person is held to what that member may do, and says whom to ask (row E10)."""

from typing import Any

import pytest
from tests.interfaces.world import Api, World

NEW = "/v1/resources"


def asking(person: str, organization: str | None = None) -> dict[str, str]:
    told = {"Tallygate-Person": person}
    return told if organization is None else {**told, "Tallygate-Organization": organization}


@pytest.fixture
def team(world: World) -> World:
    """Ann owns Acme, Bob bills, Dev develops, Vic looks; Pam develops in one project only."""
    for person, role in (
        ("ann", "owner"),
        ("bob", "billing"),
        ("dev", "developer"),
        ("vic", "viewer"),
    ):
        world.platform.ok(
            "POST",
            "/v1/members",
            {"organization": world.acme.id, "person": person, "role": role},
        )
    world.platform.ok(
        "POST",
        "/v1/members",
        {"organization": world.acme.id, "person": "pam", "project": world.acme.things["project"]},
    )
    return world


def resource(world: World) -> dict[str, Any]:
    return {"project": world.acme.things["project"], "type": "vm"}


def both_keys(world: World, person: str) -> list[tuple[Api, dict[str, str]]]:
    """The organization's own key, and the platform's, asking for one person."""
    return [
        (world.as_(world.acme), asking(person)),
        (world.platform, asking(person, world.acme.id)),
    ]


@pytest.mark.parametrize(
    ("person", "operates", "sees_billing", "manages"),
    [
        ("ann", 201, 200, 201),
        ("bob", 403, 200, 403),
        ("dev", 201, 403, 403),
        ("vic", 403, 403, 403),
        ("pam", 201, 403, 403),
        ("stranger", 403, 403, 403),
    ],
)
def test_a_role_opens_what_it_may(
    team: World, person: str, operates: int, sees_billing: int, manages: int
) -> None:
    for number, (api, headers) in enumerate(both_keys(team, person)):
        made = api("POST", NEW, resource(team), headers=headers)
        assert made.status_code == operates
        assert api("GET", "/v1/invoices", headers=headers).status_code == sees_billing
        body = {"organization": team.acme.id, "person": f"new {number}"}
        assert api("POST", "/v1/members", body, headers=headers).status_code == manages


def test_the_answer_names_whom_to_ask(team: World) -> None:
    api, headers = both_keys(team, "dev")[0]
    told = api("GET", "/v1/invoices", headers=headers).json()
    assert told["code"] == "missing_role"
    assert told["detail"] == (
        "dev may not see billing here: that takes the role owner or billing. "
        "Ask bob (billing), ann (owner)."
    )


def test_a_project_member_is_let_into_that_project_only(team: World) -> None:
    other = team.platform.ok("POST", "/v1/projects", {"organization": team.acme.id, "name": "Two"})
    mine, theirs = team.acme.things["project"], other["id"]
    vm = team.platform.ok("POST", NEW, {"project": theirs, "type": "vm"})["id"]
    for api, headers in both_keys(team, "pam"):
        for path, status in (
            (f"/v1/projects/{mine}", 200),
            (f"/v1/projects/{theirs}", 403),
            (f"/v1/resources?project={mine}", 200),
            (f"/v1/resources?project={theirs}", 403),
            ("/v1/resources", 403),
            (f"/v1/resources/{team.acme.things['resource']}", 200),
            (f"/v1/resources/{vm}", 403),
        ):
            assert api("GET", path, headers=headers).status_code == status, path
        told = api("POST", NEW, {"project": theirs, "type": "vm"}, headers=headers).json()
        assert told["code"] == "missing_role"
        assert "dev (developer), ann (owner)." in told["detail"]


def test_one_field_cannot_speak_for_another(team: World) -> None:
    """A query or a body that names one's own project beside a foreign path opens nothing."""
    other = team.platform.ok("POST", "/v1/projects", {"organization": team.acme.id, "name": "Two"})
    vm = team.platform.ok("POST", NEW, {"project": other["id"], "type": "vm"})["id"]
    mine = team.acme.things["project"]
    api, headers = both_keys(team, "pam")[0]
    body = {"type": "vm.big", "resource": mine}
    assert api("POST", f"/v1/resources/{vm}/resize", body, headers=headers).status_code == 403
    path = f"/v1/projects/{other['id']}?project={mine}"
    assert api("GET", path, headers=headers).status_code in {403, 422}
    assert api("GET", "/v1/invoices?project=" + mine, headers=headers).status_code in {403, 422}


def test_a_person_of_another_organization_is_nobody_here(team: World) -> None:
    team.platform.ok(
        "POST", "/v1/members", {"organization": team.rival.id, "person": "eve", "role": "owner"}
    )
    mine = team.acme.things["resource"]
    rival = team.as_(team.rival)
    assert rival("GET", f"/v1/resources/{mine}", headers=asking("eve")).status_code == 404
    there = asking("eve", team.rival.id)
    assert team.platform("GET", f"/v1/resources/{mine}", headers=there).status_code == 404
    here = asking("eve", team.acme.id)
    refused = team.platform("GET", f"/v1/resources/{mine}", headers=here)
    assert refused.status_code == 403
    assert "eve is no member here" in refused.json()["detail"]
    assert "ann" not in refused.text, "who belongs to an organization is told to its members only"
    assert rival("GET", "/v1/members", headers=here).status_code == 404


def test_who_has_left_may_nothing(team: World) -> None:
    [bob] = [
        one
        for one in team.platform.ok("GET", f"/v1/members?organization={team.acme.id}")["data"]
        if one["person"] == "bob"
    ]
    api, headers = both_keys(team, "bob")[0]
    assert api("GET", "/v1/invoices", headers=headers).status_code == 200
    team.platform.ok("DELETE", f"/v1/members/{bob['id']}")
    assert api("GET", "/v1/invoices", headers=headers).status_code == 403


def test_bad_headers_get_a_sentence(team: World) -> None:
    for api, headers, told in (
        (team.platform, asking("ann"), "in whose organization"),
        (team.platform, {"Tallygate-Organization": team.acme.id}, "for whom you ask"),
        (team.platform, asking("ann", "org_nobody"), "There is no organization"),
        (team.as_(team.acme), asking(" "), "must be one printable text"),
        (team.as_(team.acme), asking("x" * 201), "must be one printable text"),
        (team.as_(team.acme), asking("a\tb"), "must be one printable text"),
    ):
        answer = api("GET", "/v1/projects", headers=headers)
        assert answer.status_code in {404, 422}
        assert told in answer.json()["detail"]


def test_what_is_the_platforms_is_no_persons(team: World) -> None:
    answer = team.platform("POST", "/v1/invoices/close", {}, headers=asking("ann", team.acme.id))
    assert answer.json()["code"] == "platform_only"


def test_events_are_told_by_machines(team: World) -> None:
    answer = team.platform("POST", "/v1/events", [], headers=asking("ann", team.acme.id))
    assert answer.status_code == 422
    assert "leave Tallygate-Person out" in answer.json()["detail"]


def test_an_answer_is_told_again_to_the_same_person_only(team: World) -> None:
    api, headers = both_keys(team, "dev")[0]
    once = {**headers, "Idempotency-Key": "one"}
    made = api.ok("POST", NEW, resource(team), headers=once)
    assert api.ok("POST", NEW, resource(team), headers=once) == made
    other = {**asking("ann"), "Idempotency-Key": "one"}
    assert api("POST", NEW, resource(team), headers=other).status_code == 422


def test_an_owner_makes_keys_through_either_key(team: World) -> None:
    for api, headers in both_keys(team, "ann"):
        body = {"scopes": ["read"], "organization": team.acme.id}
        made = api.ok("POST", "/v1/keys", body, headers=headers)
        assert made["organization"] == team.acme.id
    for api, headers in both_keys(team, "dev"):
        assert api("GET", "/v1/keys", headers=headers).status_code == 403


def test_the_record_names_the_person(team: World) -> None:
    api, headers = both_keys(team, "ann")[0]
    api.ok("POST", "/v1/members", {"person": "zoe"}, headers=headers)
    log = team.platform.ok("GET", "/v1/audit_log?limit=100")["data"]
    [added] = [one for one in log if one["detail"].get("person") == "zoe"]
    assert (added["actor"], added["operation"]) == ("ann", "member.add")
