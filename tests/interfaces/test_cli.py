"""The commands do what they say, print JSON on request, and end with the right exit code."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.interfaces.commands import COMMAND, Run, bill_by_commands, told


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


@pytest.mark.usefixtures("no_database")
def test_usage_becomes_an_invoice_by_commands_alone(run: Run, tmp_path: Path) -> None:
    closed = bill_by_commands(run, tmp_path)
    assert [one["total"] for one in closed] == [2900 + 500]
    assert "Nothing is due." in run("invoice", "close").stdout
    explained = run("invoice", "explain", closed[0]["id"]).stdout
    assert "150 calls measured, 100 included" in explained
    assert "tallygate api GET '/v1/events?" in explained


def test_a_key_is_shown_once_and_revoked(run: Run) -> None:
    made = told(run("keys", "create", "--scope", "read", "--json"))
    assert made["key"].startswith("tg_live_")
    assert made["organization"] is None
    assert run("keys", "create").stdout.startswith("tg_live_")
    listed = told(run("api", "GET", "/v1/keys"))["data"]
    assert [key["scopes"] for key in listed] == [["read"], ["ingest"]]
    gone = run("keys", "revoke", made["id"]).stdout
    assert gone == f"Within a second {made['id']} opens nothing any more.\n"
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


def test_help_loads_nothing_heavy(environment: dict[str, str], tmp_path: Path) -> None:
    """What makes it quick, without a clock: `python -m benchmarks help` measures the time."""
    told = (sys.executable, "-X", "importtime", *COMMAND[1:], "--help")
    shown = subprocess.run(
        told, cwd=tmp_path, env=environment, capture_output=True, check=True, text=True
    )
    loaded = {
        line.rpartition("|")[2].strip().partition(".")[0] for line in shown.stderr.splitlines()
    }
    assert "typer" in loaded
    assert not loaded & {
        "sqlalchemy",
        "fastapi",
        "starlette",
        "stripe",
        "pydantic",
        "httpx2",
        "alembic",
    }
