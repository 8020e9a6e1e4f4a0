"""From nothing to a resource that runs, in one call: KtrlPlane's flows 1 to 3 (rows E2 to E4)."""

from datetime import timedelta
from typing import Any

import pytest
from tests.interfaces.world import World

from tallygate.core.failpoints import armed

WANTED: dict[str, Any] = {
    "organization": {"external_id": "org-ann", "owner": "ann"},
    "project": {"external_id": "prj-1", "name": "First"},
    "resource": {"type": "vm", "external_id": "vm-1"},
}


def count(world: World, noun: str) -> int:
    return len(world.platform.ok("GET", f"/v1/{noun}?limit=100")["data"])


def test_flow_1_the_first_project_makes_the_organization_and_who_pays(world: World) -> None:
    asked = {"organization": {"owner": "ann"}, "project": {"name": "First"}}
    made = world.platform.ok("POST", "/v1/setups", asked)
    assert made["created"] == ["organization", "project"]
    assert made["organization"]["name"] == "ann"
    assert made["billing_account"]["id"] == made["organization"]["billing_account"]
    assert made["resource"] is None
    path = f"/v1/members?organization={made['organization']['id']}"
    [ann] = world.platform.ok("GET", path)["data"]
    assert (ann["person"], ann["role"], ann["project"]) == ("ann", "owner", None)


def test_flow_2_a_resource_brings_what_it_needs_and_once(world: World) -> None:
    made = world.platform.ok("POST", "/v1/setups", WANTED)
    assert made["created"] == ["organization", "project", "resource"]
    assert made["resource"]["project"] == made["project"]["id"]
    again = world.platform.ok("POST", "/v1/setups", WANTED)
    assert again == {**made, "created": []}
    more = {**WANTED, "resource": {"type": "vm.big", "external_id": "vm-2"}}
    assert world.platform.ok("POST", "/v1/setups", more)["created"] == ["resource"]


def test_flow_3_a_project_pays_for_itself(world: World) -> None:
    asked = {**WANTED, "project": {"external_id": "prj-2", "billing": "separate"}}
    made = world.platform.ok("POST", "/v1/setups", asked)
    assert made["created"] == ["organization", "billing_account", "project", "resource"]
    payer = made["billing_account"]["id"]
    assert payer != made["organization"]["billing_account"]
    told = world.platform.ok("GET", f"/v1/projects/{made['project']['id']}/payers")["data"]
    assert [one["billing_account"] for one in told] == [payer]
    third = {**WANTED, "project": {"external_id": "prj-3", "billing_account": payer}}
    third.pop("resource")
    assert world.platform.ok("POST", "/v1/setups", third)["billing_account"]["id"] == payer


def test_an_organizations_key_sets_up_its_own(world: World) -> None:
    own = world.as_(world.acme)
    made = own.ok("POST", "/v1/setups", {"resource": {"type": "vm"}})
    assert made["organization"]["id"] == world.acme.id
    assert made["project"]["id"] == world.acme.things["project"]
    assert made["created"] == ["resource"]
    told = own("POST", "/v1/setups", WANTED)
    assert told.json()["code"] == "platform_only"


@pytest.mark.parametrize(
    ("asked", "param", "sentence"),
    [
        ({}, "organization.name", "Name the organization"),
        ({**WANTED, "resource": {"type": "nothing"}}, None, "no resource type"),
        (
            {**WANTED, "project": {"external_id": "org-ann"}},
            "external_id",
            "names the organization",
        ),
        ({**WANTED, "project": {"billing_account": "bil_x"}}, None, "no billing account"),
        (
            {**WANTED, "organization": {"external_id": "o", "name": "O", "owner": " "}},
            None,
            "visible character",
        ),
    ],
)
def test_what_is_refused_leaves_nothing(
    world: World, asked: dict[str, Any], param: str | None, sentence: str
) -> None:
    before = {noun: count(world, noun) for noun in ("organizations", "projects", "resources")}
    answer = world.platform("POST", "/v1/setups", asked)
    assert answer.status_code in {404, 409, 422}
    assert sentence in answer.json()["detail"]
    if param is not None:
        assert answer.json()["param"] == param
    assert before == {noun: count(world, noun) for noun in before}


def test_a_name_that_means_another_thing_is_told(world: World) -> None:
    world.platform.ok("POST", "/v1/setups", WANTED)
    other = {**WANTED, "project": {"external_id": "prj-9"}}
    answer = world.platform("POST", "/v1/setups", other)
    assert answer.status_code == 409
    assert "vm-1 is there already" in answer.json()["detail"]
    with_type = {**WANTED, "resource": {"type": "vm.big", "external_id": "vm-1"}}
    assert world.platform("POST", "/v1/setups", with_type).status_code == 409


def test_what_was_deleted_is_not_taken_as_there(world: World) -> None:
    made = world.platform.ok("POST", "/v1/setups", WANTED)
    world.clock.advance(timedelta(hours=1))
    world.platform.ok("DELETE", f"/v1/resources/{made['resource']['id']}")
    answer = world.platform("POST", "/v1/setups", WANTED)
    assert answer.status_code == 409
    assert "and deleted" in answer.json()["detail"]


def test_a_project_that_is_named_is_another_one_than_the_first(world: World) -> None:
    own = world.as_(world.acme)
    made = own.ok("POST", "/v1/setups", {"project": {"name": "Second"}})
    assert made["created"] == ["project"]
    assert made["project"]["id"] != world.acme.things["project"]


def test_what_a_tenant_calls_its_own_keeps_no_organization_from_a_name(world: World) -> None:
    """The platform's name for an organization may be what a tenant calls a project."""
    own = world.as_(world.acme)
    own.ok("POST", "/v1/projects", {"name": "Mine", "external_id": "org-ann"})
    made = world.platform.ok("POST", "/v1/setups", WANTED)
    assert made["created"] == ["organization", "project", "resource"]
    assert made["organization"]["id"] != world.acme.id


def test_a_payer_of_another_organization_is_not_there(world: World) -> None:
    foreign = {"billing_account": world.rival.things["billing_account"]}
    own = world.as_(world.acme)
    answer = own("POST", "/v1/setups", {"project": {"name": "Third", **foreign}})
    assert answer.status_code == 404
    assert count(world, "projects") == 2


def test_half_of_it_is_never_there(world: World) -> None:
    before = count(world, "organizations")

    def die() -> None:
        raise RuntimeError("the power went out")

    with armed("set_up.commit.before", die), pytest.raises(AssertionError, match="internal"):
        world.platform("POST", "/v1/setups", WANTED)
    assert count(world, "organizations") == before
    made = world.platform.ok("POST", "/v1/setups", WANTED)
    assert made["created"] == ["organization", "project", "resource"]


def test_who_may_operate_may_not_say_who_pays(world: World) -> None:
    body = {"organization": world.acme.id, "person": "dev", "role": "developer"}
    world.platform.ok("POST", "/v1/members", body)
    own, headers = world.as_(world.acme), {"Tallygate-Person": "dev"}
    inherited = {"project": {"external_id": "p-1"}}
    assert own("POST", "/v1/setups", inherited, headers=headers).status_code == 201
    for project in (
        {"external_id": "p-2", "billing": "separate"},
        {"external_id": "p-2", "billing_account": world.acme.things["billing_account"]},
    ):
        answer = own("POST", "/v1/setups", {"project": project}, headers=headers)
        assert answer.json()["code"] == "missing_role"
    body = {"name": "p-2", "billing_account": world.acme.things["billing_account"]}
    assert own("POST", "/v1/projects", body, headers=headers).status_code == 403
