"""Operators add resource types through the API and the command line, too (row E5)."""

from pathlib import Path

import pytest
from tests.interfaces.commands import Run
from tests.interfaces.world import World

from tallygate.workflows.subscribe import subscribe

PATH = "/v1/resource_types"
GPU = {
    "key": "vm.gpu",
    "description": "One with a GPU",
    "new_price": {"per_unit": "90.00", "every": "month"},
    "spec": {"vcpu": "16"},
    "cost": {"amount": "40.00", "every": "month"},
}


def test_the_types_are_told_with_their_prices(world: World) -> None:
    told = world.as_(world.acme, "read").ok("GET", PATH)["data"]
    assert [one["key"] for one in told] == ["vm", "vm.big"]
    assert told[0]["price"] == {
        "key": "vm_monthly",
        "kind": "counted",
        "every": "month",
        "meter": None,
        "included": "0",
        "curve": "per_unit",
        "unit": {"usd": "25"},
        "size": None,
        "tiers": None,
    }
    assert "cost" not in told[0]


def test_a_type_is_added_and_billed_to_who_subscribed_before(world: World) -> None:
    made = world.platform.ok("POST", "/v1/organizations", {"name": "New"})
    home = world.platform.ok("POST", "/v1/projects", {"organization": made["id"], "name": "P"})
    subscribe(world.installation, made["billing_account"], "small")
    dry = world.platform.ok("POST", PATH, {**GPU, "dry_run": True})
    assert (dry["applied"], dry["version"]) == (False, 2)
    assert world.platform.ok("GET", "/v1/catalog")["version"] == 1
    done = world.platform.ok("POST", PATH, GPU)
    assert (done["applied"], done["version"]) == (True, 2)
    assert "vm.gpu" in " ".join(done["changes"])
    text = world.platform.ok("GET", "/v1/catalog")["text"]
    assert '"vm.gpu": {' in text
    world.platform.ok("POST", "/v1/resources", {"project": home["id"], "type": "vm.gpu"})
    shown = world.platform.ok(
        "GET", f"/v1/invoices/preview?billing_account={made['billing_account']}"
    )
    [gpu] = [line for line in shown["lines"] if line["price"] == "vm.gpu" and line["amount"]][:1]
    assert gpu["amount"] == 9000


@pytest.mark.parametrize(
    ("asked", "status", "sentence"),
    [
        ({**GPU, "key": "vm"}, 409, "has the resource type vm already"),
        ({"key": "x", "new_price": {"key": "vm_monthly"}}, 409, "price vm_monthly already"),
        ({"key": "x", "price": "nothing"}, 422, "problem"),
        ({**GPU, "new_price": {"per_unit": "-1", "every": "month"}}, 422, "problem"),
        ({**GPU, "new_price": {"per_unit": 90, "every": "month"}}, 422, "problem"),
    ],
)
def test_what_is_refused_changes_nothing(
    world: World, asked: dict[str, object], status: int, sentence: str
) -> None:
    answer = world.platform("POST", PATH, asked)
    assert answer.status_code == status
    assert sentence in answer.json()["detail"]
    assert world.platform.ok("GET", "/v1/catalog")["version"] == 1


def test_it_is_the_platforms_to_do(world: World) -> None:
    assert world.as_(world.acme)("POST", PATH, GPU).json()["code"] == "platform_only"


def test_the_command_line_adds_one(run: Run, tmp_path: Path) -> None:
    run("catalog", "apply", "--commit")
    asked = ("catalog", "add-type", "vm.gpu", "--per-unit", "90.00", "--spec", "vcpu=16")
    assert "This would be version 2" in run(*asked, code=2).stdout
    assert "vm.gpu" not in run("catalog", "show").stdout
    assert "Version 2 is in force" in run(*asked, "--commit").stdout
    text = run("catalog", "show").stdout
    assert '"vm.gpu": {"price": "vm.gpu", "spec": {"vcpu": 16}}' in text
    (tmp_path / "again.yaml").write_text(text, "utf-8")
    assert "is sound" in run("catalog", "check", str(tmp_path / "again.yaml")).stdout
    assert "name=value" in run(*asked[:3], "--spec", "vcpu", code=1).stderr
