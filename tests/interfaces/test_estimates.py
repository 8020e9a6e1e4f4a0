"""What something would cost, through the API and by commands."""

import json
from typing import Any

from tests.interfaces.commands import Run, told
from tests.interfaces.world import World

RESOURCE, PLAN = "/v1/quote/resource", "/v1/quote/plan"


def test_a_resource_is_priced_before_it_is_there(world: World) -> None:
    """E7: the price, who pays, and what the next invoice will have more; 25.00 a month."""
    acme = world.as_(world.acme, "read")
    asked = {"project": world.acme.things["project"], "type": "vm", "count": 2}
    found = acme.ok("POST", RESOURCE, asked)
    assert found["payer"]["billing_account"] == world.acme.billing_account
    assert (found["payer"]["plan"], found["payer"]["begins"]) == ("small", False)
    assert (found["currency"], found["free_of_charge"]) == ("usd", False)
    [price] = found["prices"]
    assert price["curve"] == {"kind": "per_unit", "amount": "25", "size": None, "tiers": []}
    assert price["description"] == ["25.00 USD for each resource a month"]
    charge, monthly = found["first_charge"], found["monthly"]
    # All of March and, in advance, all of April.
    assert (charge["dated"], charge["amount"]) == ("2026-04-01T00:00:00Z", 10000)
    assert [(line["before"], line["after"], line["more"]) for line in charge["lines"]] == [
        (2500, 7500, 5000),
        (0, 5000, 5000),
    ]
    assert monthly["amount"] == 5000
    assert found["notes"] == []
    assert acme.ok("GET", "/v1/resources")["data"][1:] == []


def test_a_resource_is_priced_as_it_changes_and_goes(world: World) -> None:
    acme, resource = world.as_(world.acme, "read"), world.acme.things["resource"]
    same = acme.ok("POST", RESOURCE, {"resource": resource, "type": "vm.big"})
    assert (same["act"], same["first_charge"], same["monthly"]["amount"]) == ("resize", None, 0)
    gone = acme.ok("POST", RESOURCE, {"resource": resource, "delete": True})
    # 25.00 for March were never billed: it was created at the instant of the subscription.
    assert (gone["act"], gone["monthly"]["amount"]) == ("delete", -2500)
    rival = world.as_(world.rival, "read")
    assert rival("POST", RESOURCE, {"resource": resource, "delete": True}).status_code == 404


def test_a_plan_is_priced_for_an_account(world: World) -> None:
    acme = world.as_(world.acme, "read")
    found = acme.ok("POST", PLAN, {"billing_account": "acme", "plan": "large"})
    assert [(line["price"], line["more"]) for line in found["first_charge"]["lines"]] == [
        ("small_monthly", -2900),
        ("large_monthly", 9900),
    ]
    assert [(one["price"], one["included"], one["left"]) for one in found["allowances"]] == [
        ("calls", "100", "100")
    ]
    assert [one["price"] for one in found["prices"]] == ["large_monthly", "calls_large"]
    done = world.as_(world.acme).ok(
        "POST",
        f"/v1/subscriptions/{world.acme.things['subscription']}/change",
        {"plan": "large", "at": found["at"]},
    )
    assert done["invoice"]["total"] == found["first_charge"]["amount"]


def test_what_cannot_be_priced_is_a_sentence(world: World) -> None:
    acme, project = world.as_(world.acme, "read"), world.acme.things["project"]

    def refused(body: dict[str, Any], path: str = RESOURCE) -> tuple[int, str]:
        answer = acme("POST", path, body)
        return answer.status_code, answer.json()["detail"]

    for count in (0, -1, 1.5, "2", 1001):
        assert refused({"project": project, "type": "vm", "count": count})[0] == 422, count
    for body in (
        {"type": "vm"},
        {"project": project},
        {"delete": True},
        {"resource": "vm-1", "project": project},
        {"resource": "vm-1", "count": 2},
        {"resource": "vm-1", "delete": True, "type": "vm.big"},
        {"resource": "vm-1"},
        {"project": project, "type": "cat"},
        {"project": project, "type": "vm", "currency": "eur"},
        {"project": project, "type": "vm", "at": "2020-01-01T00:00:00Z"},
        {"project": project, "type": "vm", "fields": {"running": True}},
    ):
        status, said = refused(body)
        assert status in {409, 422}, (body, said)
    assert refused({"project": "nowhere", "type": "vm"})[0] == 404
    status, said = refused({"billing_account": "acme", "plan": "huge"}, PLAN)
    assert (status, said.startswith("There is no plan 'huge'")) == (422, True)


def test_commands_say_the_same(run: Run) -> None:
    run("catalog", "apply", "--commit")
    body = json.dumps({"name": "Acme", "external_id": "acme"})
    made = told(run("api", "POST", "/v1/organizations", body))
    body = json.dumps({"organization": made["id"], "name": "Web", "external_id": "web"})
    run("api", "POST", "/v1/projects", body)
    asked = ("estimate", "create", "vm", "--project", "web")
    found = told(run(*asked, "--count", "2", "--field", "vcpu=8", "--json"))
    assert found["payer"]["billing_account"] == made["billing_account"]
    assert (found["payer"]["begins"], found["first_charge"]["amount"]) == (True, 5000)
    shown = run(*asked).stdout
    assert "vm_monthly: 25.00 USD for each resource a month" in shown
    assert "First charge  25.00 USD on " in shown
    assert "A full month  25.00 USD, before tax" in shown
    begun = told(run("estimate", "plan", "acme", "small", "--interval", "year", "--json"))
    assert begun["first_charge"]["amount"] == 29000
    body = json.dumps({"project": "web", "type": "vm", "external_id": "vm-1"})
    run("api", "POST", "/v1/resources", body)
    assert told(run("estimate", "delete", "vm-1", "--json"))["act"] == "delete"
    words = ("--type", "vm.big", "--field", "fast=true", "--field", "zone=a")
    assert told(run("estimate", "resize", "vm-1", *words, "--json"))["act"] == "resize"
    for wrong in (
        ("create", "vm", "--project", "nowhere"),
        ("create", "vm", "--project", "web", "--count", "0"),
        ("create", "vm", "--project", "web", "--field", "vcpu"),
        ("create", "vm", "--project", "web", "--field", "a=1", "--field", "a=2"),
        ("create", "vm", "--project", "web", "--at", "tomorrow"),
        ("plan", "acme", "small", "--interval", "week"),
        ("plan", "acme", "small", "--when", "soon"),
        ("resize", "vm-1"),
    ):
        done = run("estimate", *wrong, code=1)
        assert done.stderr.startswith("error: "), wrong
        assert done.stdout == ""
