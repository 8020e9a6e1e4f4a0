"""The commands find the database that is meant, make none by mistake, and look it over."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.interfaces.commands import Run, bill_by_commands, told

from tallygate.interfaces.cli.database import judge_webhooks


@pytest.mark.parametrize(
    "words",
    [
        "invoice close",
        "invoice close --commit",
        "invoice preview acme",
        "invoice explain inv_1",
        "usage report",
        "keys revoke key_1",
        "catalog apply",
    ],
)
def test_a_command_in_the_wrong_folder_makes_nothing(words: str, run: Run, tmp_path: Path) -> None:
    done = run(*words.split(), code=1)
    assert done.stderr.startswith(f"error: There is no database at {tmp_path}/billing.db: ")
    assert "tallygate db upgrade" in done.stderr
    assert "TALLYGATE_DATABASE_URL" in done.stderr
    assert not (tmp_path / "billing.db").exists()


@pytest.mark.parametrize("words", ["db upgrade", "keys create", "api GET /v1/plans", "serve"])
def test_a_folder_is_never_made(words: str, run: Run, tmp_path: Path) -> None:
    env = {"TALLYGATE_DATABASE_URL": "sqlite:///deep/billing.db"}
    assert f"no folder {tmp_path}/deep " in run(*words.split(), env=env, code=1).stderr
    assert "failed" in run("doctor", env=env, code=1).stdout
    assert not (tmp_path / "deep").exists()


def test_doctor_looks_at_everything(run: Run) -> None:
    states = {one["name"]: one["state"] for one in told(run("doctor", "--json"))}
    assert states == {"settings": "ok", "database": "warning"}
    assert "0001" in run("db", "upgrade").stdout
    assert "up to date" in run("db", "upgrade").stdout
    states = {one["name"]: one["state"] for one in told(run("doctor", "--json"))}
    assert states["durability"] == states["schema"] == states["clock"] == "ok"
    assert states["catalog"] == states["catalog file"] == "warning"
    run("catalog", "apply", "--commit")
    assert "warning" not in run("doctor").stdout
    done = run("doctor", env={"TALLYGATE_SECRET": "changeme"}, code=1)
    assert "TALLYGATE_SECRET" in done.stdout


@pytest.mark.parametrize("name", ["nothing.yaml", "."])
def test_doctor_tells_a_catalog_that_cannot_be_read(name: str, run: Run) -> None:
    done = run("doctor", "--json", env={"TALLYGATE_CATALOG": name}, code=1)
    found = {one["name"]: one for one in told(done)}
    assert found["catalog file"]["state"] == "failed"
    assert "TALLYGATE_CATALOG" in found["catalog file"]["sentence"]
    assert found["database"]["state"] == "warning"
    run("db", "upgrade")
    shown = run("doctor", env={"TALLYGATE_CATALOG": name}, code=1).stdout
    assert shown.count("catalog file") == 1
    assert "clock" in shown


@pytest.mark.parametrize("table", ["events", "invoices"])
def test_doctor_tells_a_clock_behind_what_is_stored(table: str, run: Run, tmp_path: Path) -> None:
    bill_by_commands(run, tmp_path)
    assert " behind " not in run("doctor").stdout
    column = {"events": "received_at", "invoices": "created_at"}[table]
    with closing(sqlite3.connect(tmp_path / "billing.db")) as database:
        database.execute(f"UPDATE {table} SET {column} = {column} + 240000000")  # noqa: S608  # ours
        database.commit()
        assert " behind " not in run("doctor").stdout
        database.execute(f"UPDATE {table} SET {column} = {column} + 120000000")  # noqa: S608  # ours
        database.commit()
    shown = run("doctor", code=1).stdout
    assert "failed  clock" in shown
    assert "the clock is behind what is stored" in shown


def test_a_file_that_is_no_database_is_let_go(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def watched(*place: Any, **how: Any) -> sqlite3.Connection:
        opened.append(connect(*place, **how))
        return opened[-1]

    (tmp_path / "billing.db").write_text("a letter to the editor" * 100)
    monkeypatch.setattr(sqlite3, "connect", watched)
    assert "not a database" in run("usage", "report", code=1).stderr
    assert opened
    for connection in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")


def test_doctor_tells_of_webhooks_where_stripe_is_in_use(run: Run) -> None:
    run("db", "upgrade")
    assert "webhooks" not in {one["name"] for one in told(run("doctor", "--json"))}
    key = {"STRIPE_SECRET_KEY": "sk_test_1a2b3c4d5e"}
    assert "set STRIPE_WEBHOOK_SECRET" in run("doctor", env=key).stdout
    secret = {"STRIPE_WEBHOOK_SECRET": "whsec_3kq8Zx1vT5bYp0LmWc7dRf2u"}
    assert "0 are stored" in run("doctor", env=key | secret).stdout


def test_doctor_tells_of_webhooks_that_are_left_alone() -> None:
    assert judge_webhooks({"waiting": 2, "settled": 5}, taken=True).sentence == "7 are stored."
    found = judge_webhooks({"waiting": 2, "foreign": 3, "other_version": 4}, taken=True)
    assert found.state == "warning"
    assert "3 came from another account" in found.sentence
    assert "4 came in another API version" in found.sentence
