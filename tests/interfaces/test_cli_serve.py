"""`serve` starts only on what it can rely on, and runs until it is told to stop."""

import logging
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from tests.interfaces.commands import COMMAND, Run, told

from tallygate.interfaces.cli.serve import listen


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"TALLYGATE_SECRET": ""}, "TALLYGATE_SECRET"),
        ({"TALLYGATE_DATABASE_URL": "mysql://x"}, "TALLYGATE_DATABASE_URL"),
        ({"TALLYGATE_PORT": "http"}, "TALLYGATE_PORT"),
        ({"STRIPE_WEBHOOK_SECRET": ""}, "STRIPE_WEBHOOK_SECRET"),
        ({"STRIPE_WEBHOOK_SECRET": "whsec_..."}, "STRIPE_WEBHOOK_SECRET"),
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


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    """Our log, put back as it was."""
    log = logging.getLogger("tallygate")
    handlers, level = log.handlers, log.level
    yield log
    log.handlers = handlers
    log.setLevel(level)


@pytest.mark.parametrize(("minutes", "level"), [("0", "warning"), ("7", "error")])
def test_serve_closes_as_often_as_it_is_told_and_tells_what(
    minutes: str, level: str, run: Run, log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[int] = []

    @contextmanager
    def worker(_installation: object, turn_seconds: int, books: object) -> Iterator[None]:
        assert books is None, "no key of a payment provider is set"
        pauses.append(turn_seconds)
        log.getChild("worker").info("Closed 2 invoices.")
        yield

    def stop_at_once(_server: object, sockets: list[socket.socket]) -> None:
        sockets[0].close()

    monkeypatch.setattr("tallygate.workflows.worker.worker", worker)
    monkeypatch.setattr("uvicorn.Server.run", stop_at_once)
    env = {"TALLYGATE_CLOSE_EVERY_MINUTES": minutes}
    done = run("serve", "--port", "0", "--log-level", level, env=env)
    assert pauses == [60 * int(minutes)]
    closings = [line for line in done.stderr.splitlines() if "Closed" in line]
    assert len(closings) == (level == "warning")
    for line in closings:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]+Z INFO Closed 2 invoices\.", line)


@pytest.mark.parametrize("secret", [None, "whsec_3kq8Zx1vT5bYp0LmWc7dRf2u"])
def test_serve_says_where_webhooks_are_refused(
    secret: str | None, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("uvicorn.Server.run", lambda _server, sockets: sockets[0].close())
    env = {} if secret is None else {"STRIPE_WEBHOOK_SECRET": secret}
    done = run("serve", "--port", "0", env=env | {"TALLYGATE_CLOSE_EVERY_MINUTES": "0"})
    assert ("webhooks of Stripe's are refused" in done.stderr) == (secret is None)
    assert "whsec" not in done.stdout + done.stderr


def test_a_small_answer_does_not_wait_for_the_other_side() -> None:
    """asyncio turns the delay off for sockets that say that they are TCP, and only for those."""
    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert (listening.proto, accepted.proto) == (socket.IPPROTO_TCP, socket.IPPROTO_TCP)
