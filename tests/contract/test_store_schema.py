from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event, inspect, text
from sqlalchemy.exc import IntegrityError

from tallygate.adapters.store import Store, check_schema, inbox, members, migrate, open_store
from tallygate.adapters.store import installation as installations
from tallygate.adapters.store.events import number_streams
from tallygate.adapters.store.schema import VERSION_TABLE, current, newest, upgrade_one
from tallygate.adapters.store.tables import metadata
from tallygate.core.errors import Conflict


class PowerCut(BaseException):
    pass


class Cut:
    """Counts the statements of a store's writer, and stops the world at one of them."""

    def __init__(self, store: Store, at: int) -> None:
        self.at, self.seen = at, 0
        event.listen(store.writer_engine, "before_cursor_execute", self._count)

    def _count(self, *_said: object) -> None:
        self.seen += 1
        if self.seen == self.at:
            raise PowerCut


def plainly(index: Any) -> str:
    options = {name: str(option) for name, option in index.pop("dialect_options", {}).items()}
    return f"{index} {options}"


def shape(store: Store) -> dict[str, Any]:
    """Everything that an engine tells of its tables."""
    with store.read() as tx:
        look = inspect(tx)
        return {
            table: {
                "columns": [
                    (c["name"], str(c["type"]), c["nullable"], c["default"])
                    for c in look.get_columns(table)
                ],
                "primary": look.get_pk_constraint(table),
                "foreign": sorted(map(str, look.get_foreign_keys(table))),
                "unique": sorted(map(str, look.get_unique_constraints(table))),
                "checks": sorted(map(str, look.get_check_constraints(table))),
                "indexes": sorted(map(plainly, look.get_indexes(table))),
                "options": look.get_table_options(table),
            }
            for table in look.get_table_names()
            if table != VERSION_TABLE
        }


@pytest.fixture(params=["sqlite", "postgres"])
def declared(request: pytest.FixtureRequest) -> Any:
    """A store whose tables were made from the declarations, without a migration."""
    url = "sqlite://"
    if request.param == "postgres":
        url = request.getfixturevalue("make_database")("declared")
    store = open_store(url)
    with store.write() as tx:
        metadata.create_all(tx)
    yield store
    store.close()


@pytest.fixture(params=["sqlite", "postgres"])
def bare(request: pytest.FixtureRequest) -> Any:
    url = "sqlite://"
    if request.param == "postgres":
        url = request.getfixturevalue("make_database")("bare")
    store = open_store(url)
    yield store
    store.close()


def test_migrations_lead_to_the_declared_schema(store: Store) -> None:
    with store.read() as tx:
        context = MigrationContext.configure(
            tx,
            opts={"target_metadata": metadata, "version_table": VERSION_TABLE},
        )
        assert compare_metadata(context, metadata) == []


def test_migrated_and_declared_tables_are_equal_to_the_last_check(
    declared: Store, sqlite_store: Store, request: pytest.FixtureRequest
) -> None:
    migrated = sqlite_store
    if declared.dialect == "postgresql":
        migrated = request.getfixturevalue("postgres_store")
    assert shape(migrated) == shape(declared)


def test_every_table_of_a_tenant_names_the_tenant() -> None:
    shared = {"catalogs", "installation", "idempotency_keys", "inbox", "organizations", "meters"}
    shared |= {"provider_state", "provider_calls"}
    by_origin = {"events"}  # whose origins name the tenant
    by_subject = {"cells", "marked_values"}  # made from events; a subject has one tenant
    named = {table.name for table in metadata.sorted_tables if "organization" in table.columns}
    assert named.isdisjoint(shared | by_origin | by_subject)
    assert named | shared | by_origin | by_subject == set(metadata.tables)


def test_a_new_database_is_refused_until_it_is_upgraded(bare: Store) -> None:
    with pytest.raises(Conflict, match="no tables yet: run `tallygate db upgrade`"):
        check_schema(bare)
    assert migrate(bare)[-1] == newest()
    assert migrate(bare) == []
    check_schema(bare)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [("0000", "which schema"), ("0000a", "needs"), ("9999", "newer version")],
)
def test_tables_of_another_version_are_refused(bare: Store, number: str, sentence: str) -> None:
    migrate(bare)
    with bare.write() as tx:
        tx.execute(text("UPDATE schema_version SET version_num = :number"), {"number": number})
    with pytest.raises(Conflict, match=sentence):
        check_schema(bare)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE schema_version (script TEXT)",
        "CREATE TABLE schema_version (version_num TEXT); CREATE TABLE invoices (id TEXT)",
        "CREATE TABLE events (id TEXT)",
    ],
)
def test_tables_that_are_not_ours_are_left_alone(bare: Store, statement: str) -> None:
    with bare.write() as tx:
        for one in statement.split("; "):
            tx.execute(text(one))
    for does in (check_schema, migrate):
        with pytest.raises(Conflict, match="and does not say which schema"):
            does(bare)


def test_a_newer_database_is_never_migrated(bare: Store) -> None:
    migrate(bare)
    with bare.write() as tx:
        tx.execute(text("UPDATE schema_version SET version_num = '9999'"))
    with pytest.raises(Conflict, match="newer version"):
        migrate(bare)


def test_a_migration_that_fails_leaves_nothing(
    bare: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_tx: object) -> None:
        raise RuntimeError("the power went out")

    monkeypatch.setattr("tallygate.adapters.store.schema._check_references", fail)
    with pytest.raises(RuntimeError):
        migrate(bare)
    with bare.read() as tx:
        assert inspect(tx).get_table_names() == []


@pytest.mark.parametrize("number", [1, 2, 10, 20, 30, 40])
def test_a_migration_that_is_cut_anywhere_leaves_the_old_schema(bare: Store, number: int) -> None:
    cut = Cut(bare, at=number)
    with pytest.raises(PowerCut):
        migrate(bare)
    cut.at = 0
    with bare.read() as tx:
        assert set(inspect(tx).get_table_names()) <= {VERSION_TABLE}
    assert migrate(bare)[-1] == newest()
    check_schema(bare)


def all_but_the_first() -> list[str]:
    return [f"{number:04}" for number in range(2, int(newest()) + 1)]


FIRST_ROWS = """
INSERT INTO organizations VALUES ('org_1', 'Acme', 'bil_1', NULL, 0);
INSERT INTO billing_accounts VALUES ('bil_1', 'org_1', 'main', 'usd', NULL, 0);
INSERT INTO members VALUES ('mem_1', 'org_1', 'ann', 'owner', 0, NULL);
INSERT INTO installation VALUES ('ins_1', 3, 'secret', 5);
INSERT INTO streams VALUES (7, 'org_1', 'res_1', 'disk.report');
INSERT INTO inbox VALUES ('evt_1', 'invoice.paid', 0, 6, NULL, 7, 'waiting', 2, 1, BODY)
"""


@pytest.fixture(params=["sqlite", "postgres"])
def first_schema(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A database at 0001, on disk, with a row in each table that is changed later."""
    url, body = f"sqlite:///{tmp_path}/first.db", "x'00ff'"
    if request.param == "postgres":
        url, body = request.getfixturevalue("make_database")("first"), r"'\x00ff'"
    store = open_store(url)
    with store.write() as tx:
        upgrade_one(tx)
        for statement in FIRST_ROWS.replace("BODY", body).split(";"):
            tx.exec_driver_sql(statement)
    yield store
    store.close()


def test_the_first_schema_is_upgraded_with_its_rows(first_schema: Store) -> None:
    assert migrate(first_schema) == all_but_the_first()
    check_schema(first_schema)
    with first_schema.write() as tx:
        identity = installations.identity(tx)
        assert identity is not None
        assert (identity.id, identity.epoch, identity.secret) == ("ins_1", 3, "secret")
        assert installations.sender_is_open(tx)
        assert installations.witness(tx) is None
        assert number_streams(tx, [("org_1", "res_1", "disk.report")]).popitem()[1] == 7
        (hint,) = inbox.waiting(tx, 9)
        assert (hint.id, hint.body, hint.deliveries, hint.settled_at) == (
            *("evt_1", b"\x00\xff", 2, None),
        )
        (ann,) = members.list_members(tx, "org_1")
        assert (ann.person, ann.role, ann.project) == ("ann", "owner", None)
        tx.execute(
            text("INSERT INTO attention VALUES ('bil_1', 'org_1', 0, 0, '', 0, NULL, 0, 1)")
        )


@pytest.mark.parametrize("number", [5, 15, 30])
def test_an_upgrade_that_is_cut_anywhere_leaves_the_rows_as_they_were(
    first_schema: Store, number: int
) -> None:
    cut = Cut(first_schema, at=number)
    with pytest.raises(PowerCut):
        migrate(first_schema)
    cut.at = 0
    with first_schema.read() as tx:
        assert current(tx) == "0001"
        assert "outbox" not in inspect(tx).get_table_names()
        assert tx.execute(text("SELECT * FROM installation")).all() == [("ins_1", 3, "secret", 5)]
    assert migrate(first_schema) == all_but_the_first()
    check_schema(first_schema)


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_those_that_start_together_upgrade_once(
    dialect: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    if dialect == "postgres":
        url = request.getfixturevalue("make_database")("together")
    stores = [open_store(url) for _ in range(3)]
    done: list[str] = []

    def upgrade(store: Store) -> None:
        done.extend(migrate(store))

    threads = [Thread(target=upgrade, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [f"{number:04}" for number in range(1, int(newest()) + 1)]
    for store in stores:
        check_schema(store)
        store.close()


def test_foreign_keys_hold_after_a_migration(bare: Store) -> None:
    migrate(bare)
    with pytest.raises(IntegrityError), bare.write() as tx:
        tx.execute(text("INSERT INTO projects VALUES ('prj_1', 'org_none', 'p', NULL, 0)"))


def test_a_column_of_numbers_refuses_text(sqlite_store: Store) -> None:
    with pytest.raises(IntegrityError), sqlite_store.write() as tx:
        tx.execute(text("INSERT INTO catalogs VALUES ('one', 'n', 't', 0)"))
