"""What do the tests of the command line share?"""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "tallygate.interfaces.cli")


@dataclass
class Done:
    """How a command ended, and what it printed."""

    code: int
    stdout: str
    stderr: str


Run = Callable[..., Done]
"""The fixture `run`: the words of a command, the exit code that it must end with, and `Done`."""

Drawn = Callable[[list[Any], int], list[Any]]
"""The fixture `drawn`: of all that may be asked, what the so-manieth place is asked with."""


def told(done: Done) -> Any:
    return json.loads(done.stdout)


def bill_by_commands(run: Run, tmp_path: Path) -> Any:
    """From a catalog to an invoice, by nothing but commands; gives what was closed."""
    run("catalog", "apply", "--commit")
    body = json.dumps({"name": "Acme", "external_id": "acme"})
    made = told(run("api", "POST", "/v1/organizations", body))
    wish = {
        "billing_account": made["billing_account"],
        "plan": "small",
        "starts_at": ago(days=40),
    }
    run("api", "post", "/v1/subscriptions", "-", stdin=json.dumps(wish))
    when = ago(days=20)
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
    rows = told(run("usage", "report", "--from", ago(days=40), "--json"))
    assert [(row["meter"], row["quantity"]) for row in rows] == [("calls", "150")]
    assert "150 call" in run("usage", "report", "--from", ago(days=40)).stdout
    shown = told(run("invoice", "preview", "acme", "--json"))
    assert [line["amount"] for line in shown["lines"] if line["price"] == "calls"] == [500]
    assert "Nothing was stored" in run("invoice", "close", code=2).stderr
    return told(run("invoice", "close", "--commit", "--json"))


def ago(days: int) -> str:
    """A midnight of the past, as commands read it."""
    return time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() - days * 86_400))  # noqa: TID251  # the command reads the real clock


@contextmanager
def saying(status: int, body: bytes) -> Iterator[str]:
    """A server that says one thing; gives its address."""

    class Saying(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing of it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Saying) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@contextmanager
def running(*words: str, sign: str, environment: dict[str, str], folder: Path) -> Iterator[str]:
    """A command that runs for the length of the block; gives the line by which it says `sign`."""
    started = subprocess.Popen(
        (*COMMAND, *words),
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert started.stdout is not None
        said = next((line for line in started.stdout if sign in line), None)
        assert said is not None, f"{words} ended: {started.communicate()[1]}"
        yield said
    finally:
        started.send_signal(signal.SIGINT)
        _, errors = started.communicate(timeout=30)
    assert "Traceback" not in errors, errors
    assert "whsec_" not in errors
