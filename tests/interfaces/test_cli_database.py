"""The commands find the database that is meant, and make none by mistake."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from tests.interfaces.commands import Run


@pytest.mark.usefixtures("no_database")
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
