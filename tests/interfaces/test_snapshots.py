"""What the outside sees changes on purpose only.

The help of every command and the OpenAPI document are kept in `snapshots/`. After a change that is
meant, write them anew and look at the difference: `UPDATE_SNAPSHOTS=1 pytest
tests/interfaces/test_snapshots.py -n0`.
"""

import json
import os
import re
from pathlib import Path

import httpx2
import pytest
from typer.testing import CliRunner

from tallygate.interfaces.cli.root import build

SNAPSHOTS = Path(__file__).parent / "snapshots"
COMMANDS = (
    (),
    ("serve",),
    ("worker",),
    ("purchases",),
    ("notices",),
    ("quote",),
    ("sandbox",),
    ("api",),
    ("doctor",),
    ("catalog",),
    ("catalog", "check"),
    ("catalog", "plan"),
    ("catalog", "apply"),
    ("catalog", "links"),
    ("catalog", "move"),
    ("usage",),
    ("usage", "import"),
    ("usage", "sync"),
    ("usage", "report"),
    ("invoice",),
    ("invoice", "preview"),
    ("invoice", "close"),
    ("invoice", "explain"),
    ("invoice", "breakdown"),
    ("invoice", "approve"),
    ("invoice", "retry"),
    ("estimate",),
    ("estimate", "create"),
    ("estimate", "resize"),
    ("estimate", "delete"),
    ("estimate", "plan"),
    ("keys",),
    ("keys", "create"),
    ("keys", "revoke"),
    ("db",),
    ("db", "upgrade"),
)


def compare(name: str, text: str) -> None:
    path = SNAPSHOTS / name
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(text, "utf-8")
    assert path.read_text("utf-8") == text, f"{name} differs: see this file's docstring"


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words) or "tallygate")
def test_the_help_of_a_command(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    shown = CliRunner().invoke(build(), [*words, "--help"], prog_name="tallygate")
    assert shown.exit_code == 0
    compare(f"help-{'-'.join(words) or 'tallygate'}.txt", shown.stdout)


def test_the_openapi_document(client: httpx2.Client) -> None:
    document = client.get("/openapi.json").json()
    document["info"]["version"] = "*"
    compare("openapi.json", json.dumps(document, indent=1, sort_keys=True) + "\n")


def test_every_reference_leads_somewhere(client: httpx2.Client) -> None:
    text = client.get("/openapi.json").text
    known = json.loads(text)["components"]["schemas"]
    for name in re.findall(r'"#/components/schemas/([^"]+)"', text):
        assert name in known


def test_every_operation_can_be_read_about(client: httpx2.Client) -> None:
    document = client.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            assert operation["description"], where
            if operation["tags"] == ["webhooks"]:  # whose signature is the key
                assert operation["x-scope"] == "signature", where
                assert "4XX" in operation["responses"], where
            elif path.startswith(("/v1/", "/api/")):
                assert operation["security"], where
                assert operation["x-scope"] in {"ingest", "read", "write"}, where
                assert "4XX" in operation["responses"], where
