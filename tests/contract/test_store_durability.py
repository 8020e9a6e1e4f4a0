"""A database that would forget is refused; a writer is alone; a reader sees one moment."""

import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url, text

from tallygate.adapters.store import Store, engine, open_store, rest
from tallygate.core.errors import Invalid, Unreachable, Unsafe
from tallygate.core.failpoints import armed

NOW = {"id": "ins_1", "epoch": 1, "secret": "s", "created_at": 0}
ADD = text("INSERT INTO installation VALUES (:id, :epoch, :secret, :created_at)")
COUNT = text("SELECT count(*) FROM installation")


@pytest.mark.parametrize("level", ["OFF", "NORMAL", "normal"])
def test_sqlite_that_does_not_sync_is_refused(tmp_path: Path, level: str) -> None:
    with pytest.raises(Unsafe, match=f"synchronous={level.upper()}"):
        open_store(f"sqlite:///{tmp_path}/x.db?synchronous={level}")


@pytest.mark.parametrize("level", ["FULL", "extra"])
def test_sqlite_that_syncs_is_accepted(tmp_path: Path, level: str) -> None:
    open_store(f"sqlite:///{tmp_path}/x.db?synchronous={level}").close()


def test_the_writer_itself_syncs_fully(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/x.db")
    with store.write() as tx:
        assert tx.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
        assert tx.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert tx.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    store.close()


@pytest.mark.parametrize("level", ["off", "local", "remote_write"])
def test_postgres_that_answers_too_early_is_refused(make_database: Any, level: str) -> None:
    address = make_url(make_database("early")).update_query_dict(
        {"options": f"-csynchronous_commit={level}"}
    )
    with pytest.raises(Unsafe, match=f"synchronous_commit={level}"):
        open_store(address.render_as_string(hide_password=False))


def test_postgres_that_does_not_keep_utf8_is_refused(make_database: Any) -> None:
    store = open_store(make_database("encoded"))
    with store.append() as tx:
        tx.execute(text("DROP DATABASE IF EXISTS ascii"))
        tx.execute(
            text("CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
        )
    address = store.writer_engine.url.set(database="ascii")
    store.close()
    with pytest.raises(Invalid, match="SQL_ASCII, and names need UTF8"):
        open_store(address.render_as_string(hide_password=False))


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_postgres_that_does_not_sync_is_refused(start_postgres: Any, setting: str) -> None:
    server = start_postgres()
    try:
        store = open_store(server.get_uri())
        with store.append() as tx:
            tx.execute(text(f"ALTER SYSTEM SET {setting} = off"))
            tx.execute(text("SELECT pg_reload_conf()"))
        store.close()
        await_setting(server.get_uri(), setting)
        with pytest.raises(Unsafe, match=f"{setting}=off"):
            open_store(server.get_uri())
    finally:
        server.cleanup()


@pytest.mark.parametrize(
    ("url", "error", "sentence"),
    [
        ("mysql://host/x", Invalid, "sqlite or postgresql, not mysql"),
        ("nonsense", Invalid, "must look like"),
        ("postgresql://me@host:abc/x", Invalid, "must look like"),
        ("postgresql://me@[::1/x", Invalid, "must look like"),
        ("postgresql://me:hunter2@127.0.0.1:1/x?color=red", Invalid, "cannot be used: .*color"),
        ("sqlite:///x.db?mode=ro", Invalid, "takes one setting"),
        ("sqlite:////proc/none/x.db", Unreachable, "There is no folder /proc/none"),
        ("postgresql://me:hunter2@127.0.0.1:1/x", Unreachable, "127.0.0.1:1/x did not answer"),
    ],
)
def test_an_address_that_leads_nowhere_gets_a_sentence(
    url: str, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence) as refused:
        open_store(url)
    assert "hunter2" not in str(refused.value)


def test_a_file_that_is_not_there_is_made_only_on_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Unreachable, match=f"no database at {tmp_path}/x.db: .*db upgrade"):
        open_store("sqlite:///x.db", create=False)
    assert not list(tmp_path.iterdir())
    open_store("sqlite:///x.db").close()
    open_store("sqlite:///x.db", create=False).close()


def test_a_file_that_is_no_database_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("a letter to the editor" * 100)
    with pytest.raises(Unreachable, match="not a database"):
        open_store(f"sqlite:///{tmp_path}/x.db")


def test_an_exception_takes_everything_back(store: Store) -> None:
    with pytest.raises(KeyError), store.write() as tx:
        fail(tx.execute(ADD, NOW))
    with store.read() as tx:
        assert tx.execute(COUNT).scalar_one() == 0


def test_a_reader_cannot_write(store: Store, sqlite_store: Store) -> None:
    for one in (store, sqlite_store):
        with pytest.raises(Exception, match=r"readonly|read-only"), one.read() as tx:
            tx.execute(ADD, NOW)
        add_one(one, "ins_1")


def test_the_world_can_be_stopped_around_a_commit(store: Store) -> None:
    with armed("store.commit.before", interrupt), pytest.raises(KeyError):
        add_one(store, "ins_1")
    with store.read() as tx:
        assert tx.execute(COUNT).scalar_one() == 0
    with armed("store.commit.after", interrupt), pytest.raises(KeyError):
        add_one(store, "ins_1")
    with store.read() as tx:
        assert tx.execute(COUNT).scalar_one() == 1


def test_a_file_that_another_program_locks_is_waited_for_but_not_forever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "WAIT_SECONDS", 0.2)
    store = open_store(f"sqlite:///{tmp_path}/x.db")
    with store.write() as tx:
        tx.execute(text("CREATE TABLE installation (id, epoch, secret, created_at)"))
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unreachable, match="locked"):
        add_one(store, "ins_1")
    other.execute("ROLLBACK")
    add_one(store, "ins_1")
    other.close()
    store.close()


def test_a_reader_sees_one_moment(store: Store) -> None:
    with store.read() as tx:
        assert tx.execute(COUNT).scalar_one() == 0
        writer = threading.Thread(target=add_one, args=(store, "ins_1"))
        writer.start()
        writer.join()
        assert tx.execute(COUNT).scalar_one() == 0
    with store.read() as tx:
        assert tx.execute(COUNT).scalar_one() == 1


def test_a_transaction_within_another_is_a_mistake(store: Store) -> None:
    with pytest.raises(AssertionError, match="one transaction"), store.write(), store.read():
        pass
    with pytest.raises(AssertionError, match="one transaction"), store.write(), store.write():
        pass
    add_one(store, "ins_1")


def test_one_writer_at_a_time_makes_read_modify_write_safe(store: Store) -> None:
    add_one(store, "ins_1")
    threads = [threading.Thread(target=raise_epoch, args=(store, 10)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as tx:
        assert tx.execute(text("SELECT epoch FROM installation")).scalar_one() == 41


def test_two_processes_take_turns_too(store: Store, request: pytest.FixtureRequest) -> None:
    """Two stores on one database know nothing of each other's locks."""
    other = (
        open_store(store.writer_engine.url.render_as_string(hide_password=False))
        if store.dialect == "postgresql"
        else open_store(f"sqlite:///{store.place}")
    )
    add_one(store, "ins_1")
    threads = [threading.Thread(target=raise_epoch, args=(s, 10)) for s in (store, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with other.read() as tx:
        assert tx.execute(text("SELECT epoch FROM installation")).scalar_one() == 21
    other.close()


def test_waiting_for_another_writer_ends(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "WAIT_SECONDS", 0.05)
    refused: list[Unreachable] = []

    def write() -> None:
        try:
            add_one(store, "ins_1")
        except Unreachable as error:
            refused.append(error)

    with store.write():
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    assert "busy" in str(refused[0])
    add_one(store, "ins_1")


def test_a_full_disk_is_told_and_passes(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/x.db")
    with store.write() as tx:
        tx.execute(text("CREATE TABLE pages (content TEXT)"))
    with store.write() as tx:
        tx.exec_driver_sql("PRAGMA max_page_count = 10")
    with pytest.raises(Unreachable, match="full"), store.write() as tx:
        tx.execute(text("INSERT INTO pages VALUES (:content)"), {"content": "x" * 100_000})
    with store.write() as tx:
        tx.exec_driver_sql("PRAGMA max_page_count = 1000")
    with store.write() as tx:
        tx.execute(text("INSERT INTO pages VALUES (:content)"), {"content": "x" * 100_000})
        assert tx.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    store.close()


def test_a_connection_that_was_cut_is_told_and_replaced(postgres_store: Store) -> None:
    kill = text("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(Unreachable, match="did not answer"), postgres_store.write() as tx:
        tx.execute(kill)
    with postgres_store.write() as tx:
        assert tx.execute(text("SELECT 1")).scalar_one() == 1


def test_connections_that_were_cut_while_they_rested_are_replaced_unnoticed(
    postgres_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres_store.writer_engine.url.set(drivername="postgresql")
    with postgres_store.read():
        pass
    with psycopg.connect(url.render_as_string(hide_password=False)) as other:
        cut = other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
    assert cut
    monkeypatch.setattr(rest, "REST_SECONDS", 0)
    for _ in cut:
        with postgres_store.read() as tx:
            assert tx.execute(text("SELECT 1")).scalar_one() == 1


def test_a_mistake_in_our_sql_stays_a_mistake(store: Store) -> None:
    with pytest.raises(Exception, match="nowhere") as raised, store.read() as tx:
        tx.execute(text("SELECT 1 FROM nowhere"))
    assert not isinstance(raised.value, Unreachable)


def interrupt() -> None:
    raise KeyError


def fail(_done: object) -> None:
    raise KeyError


def await_setting(url: str, setting: str) -> None:
    """Wait until new connections see what was set: the server reads its file when it can."""
    for _ in range(200):
        with psycopg.connect(url) as connection:
            found = connection.execute("SELECT current_setting(%s)", (setting,)).fetchone()
        if found == ("off",):
            return
        time.sleep(0.05)


def add_one(store: Store, name: str) -> None:
    with store.write() as tx:
        tx.execute(ADD, {**NOW, "id": name})


def raise_epoch(store: Store, times: int) -> None:
    for _ in range(times):
        with store.write() as tx:
            epoch = tx.execute(text("SELECT epoch FROM installation")).scalar_one()
            tx.execute(text("UPDATE installation SET epoch = :epoch"), {"epoch": epoch + 1})
