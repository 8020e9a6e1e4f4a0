"""Accounts, resources and their lives, kept alike on both engines; a tenant sees its own."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallygate.accounts import LifeEvent, Stretch, fold_life
from tallygate.accounts.life import LIFE_KINDS, Fields, LifeKind
from tallygate.accounts.model import (
    BillingAccount,
    Member,
    Organization,
    PayerChange,
    Project,
    Resource,
)
from tallygate.adapters.store import (
    Store,
    Transaction,
    accounts,
    installation,
    members,
    resources,
    subjects,
)
from tallygate.adapters.store.life_rows import LifeRecord, News, save_news
from tallygate.adapters.store.stretches import paid_by_each, stretches_of
from tallygate.core.errors import Conflict, Invalid, NotFound
from tallygate.core.period import Period

START = datetime(2026, 4, 1, tzinfo=UTC)
APRIL = Period(START, datetime(2026, 5, 1, tzinfo=UTC))


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def organization(tx: Transaction, name: str, external_id: str | None = None) -> Organization:
    made = Organization(f"org_{name}", name.title(), f"bil_{name}", START, external_id)
    accounts.save_organization(tx, made)
    accounts.save_billing_account(
        tx, BillingAccount(made.billing_account, made.id, made.name, START)
    )
    return made


def project(tx: Transaction, owner: Organization, name: str, own: str | None = None) -> Project:
    made = Project(f"prj_{name}", owner.id, name, START, own)
    accounts.save_project(tx, made)
    return made


def resource(tx: Transaction, home: Project, name: str, own: str | None = None) -> Resource:
    made = Resource(f"res_{name}", home.organization, home.id, "vm.s", START, own)
    save_news(tx, [News(made, born=True)])
    return made


def test_what_is_saved_is_found(store: Store) -> None:
    with store.write() as tx:
        acme = organization(tx, "acme", "acme-1")
        web = project(tx, acme, "web", "proj-7")
        vm = resource(tx, web, "vm", "vm-9")
        ann = Member("mem_1", acme.id, "ann@acme.example", "owner", START)
        members.save_member(tx, ann)
    with store.read() as tx:
        assert accounts.get_organization(tx, acme.id) == acme
        assert accounts.get_project(tx, web.id, acme.id) == web
        assert resources.get_resource(tx, vm.id, acme.id) == vm
        assert members.get_member(tx, ann.id, acme.id) == ann
        account = accounts.get_billing_account(tx, "bil_acme", acme.id)
        assert account == BillingAccount("bil_acme", acme.id, "Acme", START)


def test_a_tenant_sees_its_own_and_the_platform_sees_all(store: Store) -> None:
    with store.write() as tx:
        acme, zeta = organization(tx, "acme"), organization(tx, "zeta")
        web, shop = project(tx, acme, "web"), project(tx, zeta, "shop")
        resource(tx, web, "vm"), resource(tx, shop, "db")
        members.save_member(tx, Member("mem_1", acme.id, "ann", "owner", START))
    getters: list[tuple[Callable[..., object], str]] = [
        (accounts.get_organization, acme.id),
        (accounts.get_billing_account, "bil_acme"),
        (accounts.get_project, "prj_web"),
        (members.get_member, "mem_1"),
        (resources.get_resource, "res_vm"),
    ]
    with store.read() as tx:
        for get, name in getters:
            assert get(tx, name) == get(tx, name, acme.id)
            with pytest.raises(NotFound):
                get(tx, name, zeta.id)
            with pytest.raises(NotFound):
                get(tx, f"{name}x")
        assert accounts.list_organizations(tx, zeta.id) == (zeta,)
        assert accounts.list_projects(tx, zeta.id) == (shop,)
        assert accounts.list_projects(tx, None) == (shop, web)
        assert [r.id for r in resources.list_resources(tx, zeta.id)] == ["res_db"]
        assert resources.list_resources(tx, zeta.id, project=web.id) == ()
        assert members.list_members(tx, zeta.id) == ()
        assert [a.id for a in accounts.list_billing_accounts(tx, zeta.id)] == ["bil_zeta"]


def test_lists_come_in_pages_in_the_order_of_ids(store: Store) -> None:
    names = ["A", "Z", "a", "b", "z", "_"]
    with store.write() as tx:
        acme = organization(tx, "acme")
        for name in names:
            project(tx, acme, name)
    seen: list[str] = []
    with store.read() as tx:
        while found := accounts.list_projects(tx, acme.id, seen[-1] if seen else None, 4):
            seen.extend(one.id for one in found)
    assert seen == sorted(f"prj_{name}" for name in names)


def test_external_ids_are_names_once_in_an_organization(store: Store) -> None:
    with store.write() as tx:
        acme, zeta = organization(tx, "acme", "acme-1"), organization(tx, "zeta")
        web = project(tx, acme, "web", "same")
        project(tx, zeta, "shop", "same")
        with pytest.raises(Conflict, match="'same' names something else"):
            project(tx, acme, "other", "same")
        with pytest.raises(Conflict, match="'same' names something else"):
            subjects.refuse_taken_name(tx, "same", web.organization)
        with pytest.raises(Conflict, match="external id 'acme-1' already"):
            organization(tx, "third", "acme-1")


def test_events_may_use_our_id_or_the_platforms_own(store: Store) -> None:
    with store.write() as tx:
        acme, zeta = organization(tx, "acme", "acme-1"), organization(tx, "zeta")
        web = project(tx, acme, "web", "same")
        project(tx, zeta, "shop", "same")
        resource(tx, web, "vm", "vm-9")
    with store.read() as tx:
        found = subjects.resolve_subject(tx, "vm-9", acme.id)
        assert found == ("res_vm", acme.id, "resource")
        assert subjects.resolve_subject(tx, "res_vm", None) == found
        assert subjects.resolve_subject(tx, "acme-1", None).kind == "organization"
        assert subjects.resolve_subject(tx, "bil_acme", None).kind == "billing_account"
        assert subjects.resolve_subject(tx, "same", zeta.id).id == "prj_shop"
        with pytest.raises(Invalid, match="a name in several organizations"):
            subjects.resolve_subject(tx, "same", None)
        for foreign in ("vm-9", "res_vm", "nothing"):
            with pytest.raises(NotFound):
                subjects.resolve_subject(tx, foreign, zeta.id)


def test_to_the_platform_an_organization_comes_before_what_others_name(store: Store) -> None:
    with store.write() as tx:
        bravo, acme = organization(tx, "bravo"), organization(tx, "acme", "acme-1")
        project(tx, bravo, "taken", "acme-1")
        resource(tx, project(tx, organization(tx, "charlie"), "web"), "vm", "acme-1")
    with store.read() as tx:
        assert subjects.resolve_subject(tx, "acme-1", None).id == acme.id
        assert subjects.resolve_subject(tx, "acme-1", acme.id).id == acme.id
        assert subjects.resolve_subject(tx, "acme-1", bravo.id).id == "prj_taken"
        assert subjects.resolve_subject(tx, "acme-1", None, "project").id == "prj_taken"


def test_the_first_currency_stays(store: Store) -> None:
    with store.write() as tx:
        organization(tx, "acme")
        accounts.fix_currency(tx, "bil_acme", "eur")
        accounts.fix_currency(tx, "bil_acme", "eur")
        with pytest.raises(Conflict, match="another currency than usd"):
            accounts.fix_currency(tx, "bil_acme", "usd")
        assert accounts.get_billing_account(tx, "bil_acme").currency == "eur"


def test_members_during_a_period(store: Store) -> None:
    with store.write() as tx:
        acme = organization(tx, "acme")
        stays = [(-9, None), (-9, 0), (-9, 1), (5, 6), (29, None), (30, None)]
        for number, (since, until) in enumerate(stays):
            left = None if until is None else day(until)
            members.save_member(
                tx, Member(f"mem_{number}", acme.id, f"p{number}", "viewer", day(since), left)
            )
        there = members.members_during(tx, acme.id, APRIL)
        assert [member.id for member in there] == ["mem_0", "mem_2", "mem_3", "mem_4"]
        with pytest.raises(Conflict, match="p0 is a member"):
            members.save_member(tx, Member("mem_x", acme.id, "p0", "owner", day(1)))
        members.end_member(tx, "mem_0", day(3))
        members.save_member(tx, Member("mem_x", acme.id, "p0", "owner", day(4)))


def test_stretches_follow_the_payer(store: Store) -> None:
    with store.write() as tx:
        acme = organization(tx, "acme")
        other = organization(tx, "zeta")
        accounts.save_billing_account(tx, BillingAccount("bil_b", acme.id, "B", START))
        web, old = project(tx, acme, "web"), project(tx, acme, "old")
        resource(tx, web, "vm"), resource(tx, old, "db")
        resource(tx, project(tx, other, "far"), "far")
        accounts.save_payer_change(tx, PayerChange(web.id, day(10), "bil_b"), acme.id)
        with pytest.raises(Conflict, match="at that very instant"):
            accounts.save_payer_change(tx, PayerChange(web.id, day(10), None), acme.id)
        ours = stretches_of(tx, "bil_acme", APRIL)
        theirs = stretches_of(tx, "bil_b", APRIL)
        wanted = [("bil_b", APRIL), ("bil_zeta", APRIL), ("bil_b", Period(day(0), day(9)))]
        each = paid_by_each(tx, wanted)
        assert each == [paid_by_each(tx, [one])[0] for one in wanted]
        assert [set(paid) for paid in each] == [
            {"bil_b", "prj_web", "res_vm"},
            {"bil_zeta", "org_zeta", "prj_far", "res_far"},
            {"bil_b"},
        ]
        with pytest.raises(NotFound):
            stretches_of(tx, "bil_nobody", APRIL)
    before, after = Period(day(0), day(10)), Period(day(10), day(30))
    assert set(ours) == {
        Stretch("bil_acme", APRIL),
        Stretch("org_acme", APRIL),
        Stretch("prj_old", APRIL),
        Stretch("res_db", APRIL),
        Stretch("prj_web", before),
        Stretch("res_vm", before),
    }
    assert set(theirs) == {
        Stretch("bil_b", APRIL),
        Stretch("prj_web", after),
        Stretch("res_vm", after),
    }


def tell(tx: Transaction, vm: Resource, *events: LifeEvent) -> Resource:
    news = News(vm, born=False)
    for event in events:
        news.add(LifeRecord("test", event.id.removeprefix("test "), event))
    return save_news(tx, [news])[0]


def live(store: Store, vm: Resource, *events: LifeEvent) -> Resource:
    with store.write() as tx:
        for event in events:
            vm = tell(tx, vm, event)
    return vm


def happened(number: int, kind: LifeKind, at: int, **fields: Decimal | str | bool) -> LifeEvent:
    made = kind == "created"
    spec: Fields = {"vcpu": Decimal(2), "arch": "arm"} if made else {}
    return LifeEvent(day(at), f"test e{number}", kind, "vm.s" if made else None, spec, fields)


def test_a_late_event_changes_what_was(store: Store) -> None:
    with store.write() as tx:
        vm = resource(tx, project(tx, organization(tx, "acme"), "web"), "vm")
    vm = live(store, vm, happened(1, "created", 2), happened(3, "deleted", 9))
    assert (vm.created_at, vm.deleted_at) == (day(2), day(9))
    vm = live(
        store,
        vm,
        happened(4, "stopped", 4),
        happened(5, "resized", 3, ram=Decimal("0.50"), name="x", spot=True),
    )
    with store.read() as tx:
        states = accounts.states_of(tx, [vm.id], APRIL)
        assert resources.get_resource(tx, vm.id) == vm
        assert accounts.states_of(tx, [vm.id], Period(day(3), day(4))) == states[1:2]
        assert accounts.states_of(tx, [vm.id], Period(day(9), day(20))) == ()
        assert accounts.states_of(tx, [], APRIL) == ()
    assert [(s.since, s.until, s.running) for s in states] == [
        (day(2), day(3), True),
        (day(3), day(4), True),
        (day(4), day(9), False),
    ]
    assert states[1].fields == {
        "vcpu": Decimal(2),
        "arch": "arm",
        "ram": Decimal("0.5"),
        "name": "x",
        "spot": True,
    }


def test_states_of_many_resources(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "IDS_AT_ONCE", 5)
    with store.write() as tx:
        web = project(tx, organization(tx, "acme"), "web")
        for number in range(12):
            vm = resource(tx, web, f"vm{number:02}")
            tell(tx, vm, happened(number, "created", 1))
        names = [f"res_vm{number:02}" for number in range(12)]
        assert len(accounts.states_of(tx, names, APRIL)) == 12


numbers = count()
lives = st.lists(
    st.tuples(st.sampled_from(LIFE_KINDS), st.integers(0, 6), st.integers(0, 3)), max_size=8
)


@settings(
    deadline=None,
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(life=lives)
def test_kept_states_are_the_fold_of_the_life(
    store: Store, life: list[tuple[LifeKind, int, int]]
) -> None:
    name = next(numbers)
    events = [
        happened(number, kind, at, disk=Decimal(disk))
        for number, (kind, at, disk) in enumerate(life)
    ]
    with store.write() as tx:
        vm = resource(tx, project(tx, organization(tx, f"o{name}"), f"p{name}"), f"v{name}")
    live(store, vm, *events)
    with store.read() as tx:
        kept = accounts.states_of(tx, [vm.id], APRIL)
    assert kept == fold_life(vm.id, events)


def test_an_installation_has_one_identity_and_shows_no_secret(store: Store) -> None:
    with store.write() as tx:
        assert installation.identity(tx) is None
        made = installation.found_installation(tx, "ins_1", "hunter2", START)
    with store.read() as tx:
        assert installation.identity(tx) == made
    assert made.epoch == 1
    assert "hunter2" not in repr(made)
