"""The commands do what they say, print JSON on request, and end with the right exit code."""

import io
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.interfaces.world import CATALOG

from tallygate.interfaces.cli import main
from tallygate.workflows import import_usage
from tallygate.workflows.ingest import ingest

Run = Callable[..., "Done"]
COMMAND = (sys.executable, "-m", "tallygate.interfaces.cli")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    (tmp_path / "catalog.yaml").write_text(CATALOG, "utf-8")
    return kept | {
        "TALLYGATE_DATABASE_URL": f"sqlite:///{tmp_path}/billing.db",
        "TALLYGATE_CATALOG": str(tmp_path / "catalog.yaml"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@dataclass
class Done:
    """How a command ended, and what it printed."""

    code: int
    stdout: str
    stderr: str


@pytest.fixture
def run(
    tmp_path: Path,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Runs a command in this process, which spares it loading everything each time."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("TALLYGATE_")]:
        monkeypatch.delenv(name)

    def command(
        *words: str, code: int = 0, env: dict[str, str] | None = None, stdin: str = ""
    ) -> Done:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (environment | (env or {})).items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["tallygate", *words])
            patch.setattr(sys, "stdin", io.StringIO(stdin))
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
        printed = capsys.readouterr()
        done = Done(ended.value.code or 0, printed.out, printed.err)  # type: ignore[arg-type]  # our codes are numbers
        assert done.code == code, f"{words}: {done}"
        return done

    return command


def told(done: Done) -> Any:
    return json.loads(done.stdout)


def test_a_quote_is_the_documented_json(run: Run) -> None:
    asked = ("quote", "catalog.yaml", "--plan", "small", "--usage", "calls=150.5", "--json")
    quoted = told(run(*asked, "--usage", "hours=10"))
    assert list(quoted) == ["currency", "lines", "subtotal", "discount", "total", "unpriced"]
    assert [list(line) for line in quoted["lines"]] == [
        ["price", "quantity", "amount", "explanation"]
    ] * len(quoted["lines"])
    assert [(line["price"], line["quantity"], line["amount"]) for line in quoted["lines"]] == [
        ("small_monthly", "1", 2900),
        ("calls", "50.5", 505),
        ("peak", "0", 0),
    ]
    assert (quoted["total"], quoted["unpriced"]) == (3405, ["hours"])
    yearly = told(run("quote", "catalog.yaml", "--plan", "small", "--interval", "year", "--json"))
    assert yearly["total"] == 29000
    shown = run("quote", "catalog.yaml", "--plan", "small", "--coupon", "EARLY").stdout
    assert "Total     20.30 USD" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--plan", "huge"), "huge"),
        (("--plan", "small", "--interval", "week"), "week"),
        (("--plan", "small", "--currency", "eur"), "eur"),
        (("--plan", "small", "--usage", "cows=5"), "cows"),
        (("--plan", "small", "--usage", "calls=many"), "many"),
        (("--plan", "small", "--usage", "calls"), "METER=QUANTITY"),
        (("--plan", "small", "--usage", "calls=1", "--usage", "calls=2"), "twice"),
        (("--plan", "small", "--coupon", "NOPE"), "NOPE"),
    ],
)
def test_a_quote_that_cannot_be_given_says_why(
    words: tuple[str, ...], said: str, run: Run
) -> None:
    done = run("quote", "catalog.yaml", *words, code=1)
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_a_catalog_shows_all_its_mistakes(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("name: 1\ncurrency: nope\nplans: {a: {x: 1}}\n", "utf-8")
    done = run("catalog", "check", "bad.yaml", code=1)
    problems = told(run("catalog", "check", "bad.yaml", "--json", code=1))["problems"]
    assert len(problems) >= 2
    for problem in problems:
        assert problem["place"].startswith("bad.yaml:")
        assert problem["message"] in done.stderr
    assert told(run("catalog", "check", "catalog.yaml", "--json"))["ok"] is True
    run("catalog", "check", "nothing.yaml", code=1)


def test_a_catalog_is_applied_when_committed(run: Run) -> None:
    run("db", "upgrade")
    assert "version 1" in run("catalog", "apply", code=2).stdout
    run("api", "GET", "/v1/catalog", code=1)
    assert "Version 1" in run("catalog", "apply", "--commit").stdout
    assert "in force already" in run("catalog", "apply").stdout


def test_usage_becomes_an_invoice_by_commands_alone(run: Run, tmp_path: Path) -> None:
    run("catalog", "apply", "--commit")
    body = json.dumps({"name": "Acme", "external_id": "acme"})
    made = told(run("api", "POST", "/v1/organizations", body))
    wish = {
        "billing_account": made["billing_account"],
        "plan": "small",
        "starts_at": _ago(days=40),
    }
    run("api", "post", "/v1/subscriptions", "-", stdin=json.dumps(wish))
    when = _ago(days=20)
    (tmp_path / "calls.csv").write_text(
        f"who,when,amount\nacme,{when},150\nacme,{when},1e9\nnobody,{when},5\n", "utf-8"
    )
    words = ("usage", "import", "calls.csv", "--type", "api.call", "--source", "logs")
    columns = ("--columns", "subject=who,time=when,calls=amount")
    first = run(*words, *columns, code=3)
    assert "calls.csv:3" in first.stderr
    assert "calls.csv:4" in first.stderr
    again = told(run(*words, *columns, "--json", code=3))[0]
    assert (again["accepted"], again["duplicates"], again["rejected"]) == (0, 1, 2)
    rows = told(run("usage", "report", "--from", _ago(days=40), "--json"))
    assert [(row["meter"], row["quantity"]) for row in rows] == [("calls", "150")]
    assert "150 call" in run("usage", "report", "--from", _ago(days=40)).stdout
    shown = told(run("invoice", "preview", "acme", "--json"))
    assert [line["amount"] for line in shown["lines"] if line["price"] == "calls"] == [500]
    assert "Nothing was stored" in run("invoice", "close", code=2).stderr
    closed = told(run("invoice", "close", "--commit", "--json"))
    assert [one["total"] for one in closed] == [2900 + 500]
    assert "Nothing is due." in run("invoice", "close").stdout
    explained = run("invoice", "explain", closed[0]["id"]).stdout
    assert "150 calls measured, 100 included" in explained
    assert "tallygate api GET '/v1/events?" in explained


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


def test_a_word_that_is_not_utf8_gets_a_sentence(run: Run) -> None:
    done = run("invoice", "preview", "a\udcff", code=1)
    assert done.stderr == ("error: The command has a word that is not UTF-8: write it in UTF-8.\n")


def test_what_nobody_foresaw_gets_a_sentence_too(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise KeyError("the\nmoon")

    monkeypatch.setattr("tallygate.config.load_config", fail)
    done = run("usage", "report", code=1)
    assert done.stderr == (
        "error: something went wrong that we did not foresee: KeyError: 'the\\nmoon'; "
        "run again with TALLYGATE_TRACEBACK=1 to see where\n"
    )
    shown = run("usage", "report", env={"TALLYGATE_TRACEBACK": "1"}, code=1).stderr
    assert shown.startswith("Traceback")
    assert 'raise KeyError("the' in shown


@pytest.mark.parametrize("words", ["db upgrade", "keys create", "api GET /v1/plans", "serve"])
def test_a_folder_is_never_made(words: str, run: Run, tmp_path: Path) -> None:
    env = {"TALLYGATE_DATABASE_URL": "sqlite:///deep/billing.db"}
    assert f"no folder {tmp_path}/deep " in run(*words.split(), env=env, code=1).stderr
    assert "failed" in run("doctor", env=env, code=1).stdout
    assert not (tmp_path / "deep").exists()


def test_an_import_that_lacks_a_type_is_told_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("time,subject,n\n" + "2026-02-01T00:00:00Z,acme,1\n" * 9)
    done = run("usage", "import", "a.csv", code=2)
    assert len(done.stderr.splitlines()) == 1
    assert all(f"--{option}" in done.stderr for option in ("type", "subject", "columns"))
    for delimiter in (";;", ""):
        refused = run("usage", "import", "a.csv", "--delimiter", delimiter, code=1)
        assert "delimiter is one character" in refused.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_import_that_is_stopped_says_how_far_it_came(
    number: int, code: int, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("api", "POST", "/v1/organizations", '{"name": "Acme", "external_id": "acme"}')
    (tmp_path / "a.csv").write_text("type,subject,n\n" + "t,acme,1\n" * 5)

    def stop_at_the_last(*given: Any) -> Any:
        if len(given[1]) == 1:
            os.kill(os.getpid(), number)
        return ingest(*given)

    words = ("usage", "import", "a.csv", "--assume-utc")
    with monkeypatch.context() as patch:
        patch.setattr(import_usage, "LINES_AT_ONCE", 2)
        patch.setattr(import_usage, "ingest", stop_at_the_last)
        stopped = run(*words, code=code)
    assert stopped.stderr == "Stopped after 4 lines; run it again to go on.\n"
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert "1 accepted, 4 known before" in run(*words).stdout


def test_a_key_is_shown_once_and_revoked(run: Run) -> None:
    made = told(run("keys", "create", "--scope", "read", "--json"))
    assert made["key"].startswith("tg_live_")
    assert made["organization"] is None
    assert run("keys", "create").stdout.startswith("tg_live_")
    listed = told(run("api", "GET", "/v1/keys"))["data"]
    assert [key["scopes"] for key in listed] == [["read"], ["ingest"]]
    run("keys", "revoke", made["id"])
    assert "key_nobody" in run("keys", "revoke", "key_nobody", code=1).stderr
    assert "nobody" in run("keys", "create", "--organization", "nobody", code=1).stderr
    assert "ingest" in run("keys", "create", "--scope", "owner", code=1).stderr


def test_api_shows_the_problem_and_fails(run: Run) -> None:
    done = run("api", "GET", "/v1/projects/prj_nobody", code=1)
    assert told(done)["code"] == "not_found"
    assert "404" in done.stderr
    run("api", "FETCH", "/v1/projects", code=2)
    run("api", "GET", "v1/projects", code=2)
    assert told(run("api", "POST", "/v1/projects", "{", code=1))["code"] == "malformed_json"


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
    test_usage_becomes_an_invoice_by_commands_alone(run, tmp_path)
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


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"TALLYGATE_SECRET": ""}, "TALLYGATE_SECRET"),
        ({"TALLYGATE_DATABASE_URL": "mysql://x"}, "TALLYGATE_DATABASE_URL"),
        ({"TALLYGATE_PORT": "http"}, "TALLYGATE_PORT"),
    ],
)
def test_a_wrong_setting_refuses_to_start(env: dict[str, str], said: str, run: Run) -> None:
    done = run("serve", env=env, code=1)
    assert said in done.stderr


def test_a_database_that_forgets_refuses_to_start(run: Run, tmp_path: Path) -> None:
    env = {"TALLYGATE_DATABASE_URL": f"sqlite:///{tmp_path}/x.db?synchronous=NORMAL"}
    assert "NORMAL" in run("serve", env=env, code=1).stderr


def test_the_server_listens_takes_events_and_stops(
    environment: dict[str, str], tmp_path: Path, run: Run
) -> None:
    server = subprocess.Popen(
        (*COMMAND, "serve", "--port", "0"),
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        lines = iter(server.stdout.readline, "")
        url = next(line.split()[3] for line in lines if "listens on" in line)
        assert url.startswith("http://127.0.0.1:")
        assert httpx2.get(f"{url}/readyz").json() == {"status": "ok"}
        assert told(run("api", "GET", "/v1/catalog"))["version"] == 1
        key = told(run("keys", "create", "--scope", "read", "--scope", "ingest", "--json"))["key"]
        seen = run("api", "GET", "/v1/organizations", "--url", url, env={"TALLYGATE_KEY": key})
        assert told(seen)["data"] == []
        sent = run("api", "POST", "/v1/events", "[]", "--url", url, "--key", key)
        assert told(sent)["accepted"] == 0
        run("api", "GET", "/v1/catalog", "--url", url, code=1)
        run("api", "POST", "/v1/projects", "{}", "--url", url, "--key", key, code=1)
        taken = run("serve", "--port", url.rpartition(":")[2], code=1)
        assert "Choose another --port" in taken.stderr
    finally:
        server.send_signal(signal.SIGINT)
        _, errors = server.communicate(timeout=20)
    assert "Traceback" not in errors


def test_help_is_there_at_once(environment: dict[str, str], tmp_path: Path) -> None:
    """At most 150 ms of processor time (the wall's, on a machine that does nothing else)."""
    best = min(_seconds((*COMMAND, "--help"), environment, tmp_path) for _ in range(5))
    assert best < 0.15


def _seconds(command: tuple[str, ...], environment: dict[str, str], folder: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _ago(days: int) -> str:
    return time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() - days * 86_400))  # noqa: TID251  # the command reads the real clock
