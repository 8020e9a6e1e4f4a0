"""A resource's life by events and by calls: one history, a tenant's own."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tallygate.accounts.model import Organization, Project, ResourceState
from tallygate.adapters.store import accounts, resources
from tallygate.core.errors import Conflict, Invalid, NotFound
from tallygate.core.period import Period
from tallygate.testing import FrozenClock
from tallygate.workflows import publish
from tallygate.workflows.accounts import create_organization, create_project
from tallygate.workflows.ingest import Incoming, Verdicts, ingest
from tallygate.workflows.installation import Installation
from tallygate.workflows.operate import (
    create_resource,
    delete_resource,
    resize_resource,
    start_resource,
    stop_resource,
)

HOUR = timedelta(hours=1)
CATALOG = """
name: vms
currency: usd
prices:
  - {key: vm_s, per_unit: "10.00", every: month}
resources:
  vm.s: {price: vm_s, spec: {vcpu: 2, ram_gb: "4.5"}}
  vm.l: {price: vm_s, spec: {vcpu: 8, ram_gb: 16}}
"""


@pytest.fixture
def here(each_installation: Installation, clock: FrozenClock) -> Installation:
    publish.apply(each_installation, CATALOG)
    clock.advance(100 * HOUR)
    return each_installation


@pytest.fixture
def acme(here: Installation) -> Organization:
    return create_organization(here, "Acme")


@pytest.fixture
def web(here: Installation, acme: Organization) -> Project:
    return create_project(here, acme.id, "web", tenant=acme.id, external_id="web")


def states(here: Installation, resource: str) -> tuple[ResourceState, ...]:
    now = here.now
    with here.store.read() as tx:
        return accounts.states_of(tx, [resource], Period(now - 1000 * HOUR, now + 1000 * HOUR))


def tell(
    here: Installation,
    kind: str,
    subject: str,
    at: datetime,
    *,
    tenant: str | None = None,
    name: str = "",
    **said: Any,
) -> Verdicts:
    event = Incoming(
        id=name or f"{kind} {subject} {at}",
        source="test",
        type=f"resource.{kind}",
        subject=subject,
        time=at,
        data=said,
    )
    return ingest(here, [event], tenant)


def test_events_make_a_resource_and_its_states(here: Installation, web: Project) -> None:
    start = here.now - 50 * HOUR
    told = [
        tell(here, "created", "vm-1", start, project="web", type="vm.s", disk_gb=80),
        tell(here, "stopped", "vm-1", start + 10 * HOUR),
        tell(here, "deleted", "vm-1", start + 20 * HOUR),
        # Late: it ran again for five hours, larger.
        tell(here, "started", "vm-1", start + 12 * HOUR),
        tell(here, "resized", "vm-1", start + 17 * HOUR, type="vm.l", running=False),
    ]
    assert [verdicts.accepted for verdicts in told] == [1] * 5
    with here.store.read() as tx:
        [vm] = resources.list_resources(tx, web.organization)
    assert (vm.external_id, vm.project, vm.type) == ("vm-1", web.id, "vm.l")
    assert (vm.created_at, vm.deleted_at) == (start, start + 20 * HOUR)
    assert [(s.since - start, s.running, s.type) for s in states(here, vm.id)] == [
        (0 * HOUR, True, "vm.s"),
        (10 * HOUR, False, "vm.s"),
        (12 * HOUR, True, "vm.s"),
        (17 * HOUR, False, "vm.l"),
    ]
    assert states(here, vm.id)[0].fields == {
        "vcpu": Decimal(2),
        "ram_gb": Decimal("4.5"),
        "disk_gb": Decimal(80),
    }


def test_an_event_that_comes_twice_changes_nothing(here: Installation, web: Project) -> None:
    at = here.now - HOUR
    assert tell(here, "created", "vm-1", at, project="web", type="vm.s").accepted == 1
    again = tell(here, "created", "vm-1", at, project="web", type="vm.s")
    assert (again.accepted, again.duplicates) == (0, 1)
    other = tell(here, "created", "vm-1", at, project="web", type="vm.l")
    assert len(other.conflicts) == 1
    with here.store.read() as tx:
        [vm] = resources.list_resources(tx, web.organization)
    assert [state.type for state in states(here, vm.id)] == ["vm.s"]


def test_calls_and_events_are_one_history(
    here: Installation, clock: FrozenClock, web: Project
) -> None:
    start = clock.now()
    vm = create_resource(
        here, web.id, "vm.s", tenant=web.organization, external_id="vm-1", fields={"gpu": True}
    )
    assert (vm.organization, vm.created_at, vm.external_id) == (web.organization, start, "vm-1")
    clock.advance(10 * HOUR)
    assert tell(here, "stopped", "vm-1", start + HOUR).accepted == 1
    start_resource(here, "vm-1", tenant=web.organization, at=start + 2 * HOUR)
    stop_resource(here, vm.id, tenant=web.organization, at=start + 3 * HOUR)
    resize_resource(here, vm.id, tenant=None, type="vm.l", fields={"disk": 5})
    gone = delete_resource(here, vm.id, tenant=None)
    assert (gone.type, gone.deleted_at) == ("vm.s", clock.now())
    assert [(s.since - start, s.running) for s in states(here, vm.id)] == [
        (0 * HOUR, True),
        (HOUR, False),
        (2 * HOUR, True),
        (3 * HOUR, False),
    ]
    assert delete_resource(here, vm.id, tenant=None) == gone


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"type": "vm.s"}, "which project"),
        ({"project": "web"}, "which of the catalog's resource types"),
        ({"project": "web", "type": "vm.x"}, "has no resource type 'vm.x'; it has: vm.l, vm.s"),
        ({"project": "nowhere", "type": "vm.s"}, "no project 'nowhere'"),
        ({"project": 7, "type": "vm.s"}, "which project"),
        ({"project": "web", "type": "vm.s", "running": "yes"}, "true or false"),
        ({"project": "web", "type": "vm.s", "disk": [1]}, "data.disk must be a number"),
        ({"project": "web", "type": "vm.s", "disk": 10**15}, "data.disk must have at most 15"),
        ({"project": "web", "type": "vm.s", "disk": 10**400}, "data.disk must have at most 15"),
        ({"project": "web", "type": "vm.s", "note": "a\x00"}, "data.note must be a number"),
        ({"project": "web", "type": "vm.s", "external_id": "vm-2"}, "two names"),
        ({"project": "web", "type": "vm.s", **{f"f{n}": n for n in range(65)}}, "more than 64"),
    ],
)
def test_a_creation_that_says_too_little_or_too_much_is_rejected(
    here: Installation, web: Project, said: dict[str, Any], sentence: str
) -> None:
    [refusal] = tell(here, "created", "vm-1", here.now, **said).rejected
    assert sentence in refusal.error
    with here.store.read() as tx:
        assert resources.list_resources(tx, None) == ()


def test_a_new_resource_takes_no_name_of_ours(
    here: Installation, acme: Organization, web: Project
) -> None:
    [ours, taken] = [here.ids.new("res"), create_organization(here, "Bravo").billing_account]
    said = {"project": web.id, "type": "vm.s", "external_id": taken}
    refused = tell(here, "created", ours, here.now, tenant=acme.id, **said)
    assert "has the form of our ids" in refused.rejected[0].error


def test_events_about_what_is_not_there_are_rejected(here: Installation, web: Project) -> None:
    for kind, subject in [("started", "vm-1"), ("exploded", "web"), ("stopped", "web")]:
        assert len(tell(here, kind, subject, here.now).rejected) == 1
    forged = "res_" + "0" * 26
    assert tell(here, "created", "org_" + "0" * 26, here.now, project="web", type="vm.s").rejected
    assert tell(here, "stopped", forged, here.now).rejected


def test_a_tenant_has_its_own_resources_only(here: Installation, web: Project) -> None:
    zeta = create_organization(here, "Zeta")
    create_project(here, zeta.id, "web", tenant=None, external_id="web")
    vm = create_resource(here, web.id, "vm.s", tenant=None, external_id="vm-1")
    for change in (start_resource, stop_resource, delete_resource):
        for name in (vm.id, "vm-1"):
            with pytest.raises(NotFound):
                change(here, name, tenant=zeta.id)
    with pytest.raises(NotFound):
        create_resource(here, web.id, "vm.s", tenant=zeta.id)
    assert tell(here, "stopped", vm.id, here.now, tenant=zeta.id).rejected
    # Another organization's id can neither be taken nor be seen in an answer.
    taken = tell(here, "created", vm.id, here.now, tenant=zeta.id, project="web", type="vm.s")
    assert "form of our ids" in taken.rejected[0].error
    # The same external id is another resource elsewhere.
    assert tell(
        here, "created", "vm-1", here.now, tenant=zeta.id, project="web", type="vm.s"
    ).accepted
    with here.store.read() as tx:
        assert len(resources.list_resources(tx, None)) == 2
        assert resources.get_resource(tx, vm.id).deleted_at is None


def test_a_resource_stays_in_its_project_and_its_name_is_one(
    here: Installation, web: Project
) -> None:
    create_project(here, web.organization, "old", tenant=None, external_id="old")
    vm = create_resource(here, "web", "vm.s", tenant=None, external_id="vm-1")
    [moved] = tell(here, "created", "vm-1", here.now, project="old", type="vm.s").rejected
    assert "stays in its project" in moved.error
    with pytest.raises(Conflict, match="'vm-1' names something else"):
        create_resource(here, web.id, "vm.s", tenant=None, external_id="vm-1")
    [renamed] = tell(
        here,
        "created",
        "res_" + "1" * 26,
        here.now,
        project="web",
        type="vm.s",
        external_id="vm-1",
    ).rejected
    assert "names something else" in renamed.error
    with pytest.raises(NotFound, match="no project"):
        create_resource(here, vm.id, "vm.s", tenant=None)


def test_calls_that_cannot_be_meant_get_a_sentence(here: Installation, web: Project) -> None:
    vm = create_resource(here, web.id, "vm.s", tenant=None)
    with pytest.raises(Invalid, match="Say what changes"):
        resize_resource(here, vm.id, tenant=None)
    with pytest.raises(Invalid, match="running is not one of the fields"):
        resize_resource(here, vm.id, tenant=None, fields={"running": False})
    with pytest.raises(Invalid, match="no resource type"):
        create_resource(here, web.id, "vm.x", tenant=None)
    with pytest.raises(Invalid, match="too old"):
        stop_resource(here, vm.id, tenant=None, at=here.now - timedelta(days=500))
    with pytest.raises(NotFound, match="no resource"):
        stop_resource(here, web.id, tenant=None)


def test_calls_mean_a_project_and_a_resource_whoever_else_has_the_name(
    here: Installation, web: Project
) -> None:
    for name in ("web", "vm-1"):
        create_organization(here, name, external_id=name)
    vm = create_resource(here, "web", "vm.s", tenant=None, external_id="vm-1")
    assert vm.project == web.id
    assert stop_resource(here, "vm-1", tenant=None).id == vm.id
    with pytest.raises(NotFound, match="There is no project 'wep'") as refused:
        create_resource(here, "wep", "vm.s", tenant=None)
    assert refused.value.param == "project"
    with pytest.raises(NotFound, match="There is no resource 'vm-2'") as refused:
        stop_resource(here, "vm-2", tenant=None)
    assert refused.value.param == "resource"
