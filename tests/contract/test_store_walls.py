"""The second wall: what Postgres holds back where a query forgets to ask for the tenant's own."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, func, make_url, select, update
from sqlalchemy.exc import DBAPIError
from tests.conftest import empty

from tallygate.accounts.model import BillingAccount, Home, Member, Organization, Project
from tallygate.adapters.store import Store, accounts, audit_log, members, migrate, open_store
from tallygate.adapters.store.audit_log import Entry
from tallygate.adapters.store.former import seen_project
from tallygate.adapters.store.homes import relocate
from tallygate.adapters.store.tables import accounts as t
from tallygate.adapters.store.tables import metadata
from tallygate.adapters.store.walls import (
    READ_THROUGH,
    SHARED,
    beyond_tenant,
    raise_wall,
    role_of,
    tenants_tables,
    unbound,
    unprotected,
    within_tenant,
)
from tallygate.core.errors import NotFound
from tallygate.interfaces.cli.doctor import judge_second_wall
from tallygate.testing import START

PLATFORMS_ALONE = {"idempotency_keys", "inbox", "provider_calls"}
"""Tables that no tenant's transaction needs: it has no right to them at all."""

PLAIN = "tallygate_plain"
A, B = "org_a", "org_b"


def settle(store: Store) -> None:
    """Two organizations with a member each."""
    with store.write() as tx:
        for org in (A, B):
            account = f"bil_{org}"
            accounts.save_organization(tx, Organization(org, org, account, START, f"name-{org}"))
            accounts.save_billing_account(tx, BillingAccount(account, org, org, START))
            members.save_member(tx, Member(f"mem_{org}", org, "Ada", "owner", START))


@pytest.fixture
def walled(postgres_store: Store) -> Store:
    """A store on Postgres with two organizations."""
    empty(postgres_store)
    settle(postgres_store)
    return postgres_store


def test_a_tenant_sees_its_own_rows_whatever_is_asked(walled: Store) -> None:
    with walled.of(A).read() as tx:
        assert tx.execute(select(t.organizations.c.id)).scalars().all() == [A]
        assert tx.execute(select(func.count()).select_from(t.subjects)).scalar() == 3
        assert [one.id for one in members.list_members(tx, None)] == [f"mem_{A}"]
        with pytest.raises(NotFound):
            members.get_member(tx, f"mem_{B}", None)
    with walled.read() as tx:
        assert [one.id for one in members.list_members(tx, None)] == [f"mem_{A}", f"mem_{B}"]


def test_a_tenant_changes_its_own_rows_only(walled: Store) -> None:
    with walled.of(A).write() as tx:
        assert tx.execute(update(t.members).values(person="Eve")).rowcount == 1
        assert tx.execute(delete(t.members).where(t.members.c.organization == B)).rowcount == 0
    with walled.read() as tx:
        assert [one.person for one in members.list_members(tx, None)] == ["Eve", "Ada"]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO members VALUES ('mem_x', 'org_b', 'Eve', 'owner', 0, NULL, NULL)",
        "UPDATE members SET organization = 'org_b'",
        "INSERT INTO audit_log VALUES (1, 0, 'x', NULL, NULL, 'x', '', '{}', 'x')",
        "INSERT INTO marked_values VALUES (1, 1, 'org_b', 1, 'x', 'f', 1)",
    ],
)
def test_a_row_of_anothers_is_refused(walled: Store, statement: str) -> None:
    with (
        pytest.raises(DBAPIError, match="violates row-level security policy"),
        walled.of(A).write() as tx,
    ):
        tx.exec_driver_sql(statement)


def test_the_platforms_own_tables_are_closed_to_tenants(walled: Store) -> None:
    for table in sorted(PLATFORMS_ALONE):
        with (
            pytest.raises(DBAPIError, match=f"permission denied for table {table}"),
            walled.of(A).read() as tx,
        ):
            tx.execute(metadata.tables[table].select())


def test_a_connection_is_nobodys_after_a_tenants_transaction(walled: Store) -> None:
    for _ in range(40):  # more than there are connections
        with walled.of(A).read() as tx:
            assert len(accounts.list_organizations(tx)) == 1
        with walled.read() as tx:
            assert len(accounts.list_organizations(tx)) == 2
        with pytest.raises(KeyError), walled.of(B).write():
            raise KeyError
        with walled.write() as tx:
            assert len(accounts.list_organizations(tx)) == 2


def test_what_concerns_everybody_is_asked_beyond_the_wall(walled: Store) -> None:
    entry = Entry(START, "them", "member.add", "x", B)
    with walled.write() as tx:
        assert audit_log.append(tx, entry) == 1
    with walled.of(A).write() as tx:
        assert audit_log.append(tx, entry._replace(organization=A)) == 2
        assert [kept.number for kept in audit_log.page(tx, None)] == [2]
    with walled.read() as tx:
        assert audit_log.verify(tx) is None


def test_the_wall_stands_again_after_a_look_beyond_it(walled: Store) -> None:
    def seen(tx: Any) -> int:
        return len(accounts.list_organizations(tx))

    with walled.of(A).write() as tx:
        with beyond_tenant(tx):
            assert seen(tx) == 2
        assert seen(tx) == 1
        with pytest.raises(KeyError), beyond_tenant(tx):
            raise KeyError
        assert seen(tx) == 1
        with pytest.raises(DBAPIError), tx.begin_nested(), beyond_tenant(tx):
            tx.exec_driver_sql("SELECT 1 / 0")
        assert seen(tx) == 1
        with pytest.raises(DBAPIError), beyond_tenant(tx), tx.begin_nested():
            tx.exec_driver_sql("SELECT 1 / 0")
        assert seen(tx) == 1


def test_every_table_with_an_organization_has_a_policy_that_binds(walled: Store) -> None:
    with walled.read() as tx:
        assert not unprotected(tx), (
            "These tables have a column `organization` and no policy: call `walls.protect` in the "
            "migration that makes them."
        )
        assert unbound(tx) == list(tenants_tables())  # the owner is bound by none
    with walled.of(A).read() as tx:
        assert unbound(tx) == []
    left = set(metadata.tables) - set(tenants_tables()) - set(SHARED) - set(READ_THROUGH)
    assert left == PLATFORMS_ALONE, "Say in `walls` whether tenants read this table."


def test_a_table_without_its_policy_is_found(walled: Store) -> None:
    def planted(*statements: str) -> list[str]:
        with walled.writer_engine.connect() as tx:  # rolled back at its end
            for statement in statements:
                tx.exec_driver_sql(statement)
            return unprotected(tx)

    assert planted("CREATE TABLE tokens (id text, organization text)") == ["tokens"]
    assert planted("DROP POLICY tenant ON invoices") == ["invoices"]
    assert planted("ALTER TABLE cells DISABLE ROW LEVEL SECURITY") == ["cells"]
    assert planted() == []


@pytest.fixture
def plain_user(make_database: Any) -> Iterator[tuple[str, Engine]]:
    """The address of an empty database for a user who may not make roles, as many hosts give."""
    url = make_database("hosted")
    admin = open_store(url)
    with admin.write() as tx:
        # Roles outlive the database of the test before.
        for role in (PLAIN, role_of(tx)):
            tx.exec_driver_sql(f"DROP ROLE IF EXISTS {role}")
        tx.exec_driver_sql(f"CREATE ROLE {PLAIN} LOGIN")
        tx.exec_driver_sql(f"GRANT CREATE, USAGE ON SCHEMA public TO {PLAIN}")
    mine = make_url(url).set(username=PLAIN).render_as_string(hide_password=False)
    yield mine, admin.writer_engine
    admin.close()


def test_without_the_right_to_make_roles_the_first_wall_stands_alone_until_one_is_made(
    plain_user: tuple[str, Engine],
) -> None:
    url, admin = plain_user
    store = open_store(url)
    migrate(store)
    settle(store)
    with store.of(A).read() as tx:  # the owner of the tables, whom no policy binds
        assert len(accounts.list_organizations(tx)) == 2
        assert unbound(tx)
        role = role_of(tx)
    told = judge_second_wall(store)
    assert told.state == "warning"
    [wanted] = re.findall(r"`(CREATE ROLE .*?)`", told.sentence)
    assert wanted == f'CREATE ROLE "{role}" NOLOGIN; GRANT "{role}" TO "{PLAIN}"'
    with admin.begin() as tx:
        tx.exec_driver_sql(wanted)
    assert migrate(store) == []
    with store.of(A).read() as tx:
        assert len(accounts.list_organizations(tx)) == 1
        assert unbound(tx) == []
    assert judge_second_wall(store).state == "ok"
    with store.write() as tx:
        tx.exec_driver_sql("DROP POLICY tenant ON invoices")
    assert "off for invoices" in judge_second_wall(store).sentence
    with store.write() as tx:
        raise_wall(tx)  # again, which changes nothing
    store.close()


def test_a_user_that_owns_no_table_is_bound_without_a_role(
    plain_user: tuple[str, Engine],
) -> None:
    url, admin = plain_user
    owner = open_store(str(admin.url.render_as_string(hide_password=False)))
    migrate(owner)
    settle(owner)
    with owner.write() as tx:
        tx.exec_driver_sql(f"DROP OWNED BY {role_of(tx)}")
        tx.exec_driver_sql(f"DROP ROLE {role_of(tx)}")
        tx.exec_driver_sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {PLAIN}")
    owner.close()
    store = open_store(url)
    with store.of(A).read() as tx:
        assert len(accounts.list_organizations(tx)) == 1
        assert unbound(tx) == []
    with store.read() as tx:
        assert len(accounts.list_organizations(tx)) == 2
    with store.writer_engine.connect() as silent:  # says not whom it is for, and sees nothing
        assert silent.exec_driver_sql("SELECT count(*) FROM organizations").scalar() == 0
    store.close()


def test_sqlite_has_the_first_wall_alone(sqlite_store: Store) -> None:
    settle(sqlite_store)
    narrowed = sqlite_store.of(A)
    assert narrowed.of(A) is narrowed
    with narrowed.read() as tx:
        assert len(accounts.list_organizations(tx)) == 2
        assert len(accounts.list_organizations(tx, narrowed.tenant)) == 1
        with beyond_tenant(tx):
            assert len(accounts.list_organizations(tx, narrowed.tenant)) == 1


def test_for_a_tenant_a_transaction_for_all_is_bound_for_a_while(walled: Store) -> None:
    def seen(tx: Any) -> int:
        return len(accounts.list_organizations(tx))

    with walled.write() as tx:
        with within_tenant(tx, A):
            assert seen(tx) == 1
            with beyond_tenant(tx):
                assert seen(tx) == 2
            assert seen(tx) == 1
        assert seen(tx) == 2
        with pytest.raises(KeyError), within_tenant(tx, A):
            raise KeyError
        assert seen(tx) == 2
        with pytest.raises(DBAPIError), tx.begin_nested(), within_tenant(tx, A):
            tx.exec_driver_sql("INSERT INTO members VALUES ('m', 'org_b', 'E', 'owner', 0)")
        with within_tenant(tx, None):
            assert seen(tx) == 2
    with walled.of(A).write() as tx, within_tenant(tx, B):
        assert [one.id for one in accounts.list_organizations(tx)] == [A]


def test_whose_a_project_was_reads_what_it_was_and_writes_nothing_of_it(walled: Store) -> None:
    with walled.write() as tx:
        accounts.save_project(tx, Project("prj_1", A, "Web", START, "web"))
        later = START + timedelta(days=1)
        relocate(tx, (Home("prj_1", A, None, later), Home("prj_1", B, later, None)))
    with walled.of(A).write() as tx:
        left = seen_project(tx, "prj_1", A)
        assert (left.organization, left.left_at) == (A, later)
        assert accounts.list_projects(tx, A) == ()
    for stranger in ("org_c", "org_d"):
        with walled.of(stranger).read() as tx, pytest.raises(NotFound):
            seen_project(tx, "prj_1", None)
    with walled.of(B).write() as tx:
        assert accounts.get_project(tx, "prj_1", B).organization == B
        assert tx.execute(update(t.projects).values(name="Ours")).rowcount == 1
    for statement in (
        "UPDATE projects SET name = 'Eve'",
        "DELETE FROM project_homes",
        "INSERT INTO project_homes VALUES ('prj_1', 2, 'org_a', 0, NULL)",
    ):
        with (
            pytest.raises(DBAPIError, match=r"row-level security policy|permission denied"),
            walled.of(A).write() as tx,
        ):
            tx.exec_driver_sql(statement)
