"""The program starts on what it can rely on, and what it did survives a kill."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import stripe
from stripe import RequestOptions, StripeClient
from tests.sandbox.conftest import START

COMMANDS = {
    "program": (sys.executable, "-m", "tallygate_sandbox"),
    "command": (sys.executable, "-m", "tallygate.interfaces.cli", "sandbox"),
}


@contextmanager
def started(
    *words: str, command: str = "program"
) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """A sandbox in a process of its own: its address, and the process."""
    process = subprocess.Popen(
        (*COMMANDS[command], "--port=0", *words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        url = next(line.split()[-1] for line in lines if "listens on" in line)
        yield url, process
    finally:
        process.kill()
        process.communicate()


def refused(*words: str) -> str:
    # Port 0, so that a sandbox that somebody has running is not in the way.
    command = (*COMMANDS["program"], "--port=0", *words)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode in {1, 2}, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


def client_of(url: str) -> StripeClient:
    return StripeClient("sk_test_sandbox", base_addresses={"api": url})


def clock(url: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    method = "GET" if body is None else "POST"
    got: dict[str, Any] = httpx2.request(method, f"{url}/_sandbox/clock", json=body).json()
    return got


@pytest.mark.parametrize("command", COMMANDS)
def test_it_listens_and_stops_when_it_is_told(command: str) -> None:
    with started("--frozen-at=2026-01-01T00:00:00Z", "--seed=1", command=command) as (
        url,
        process,
    ):
        assert client_of(url).v1.customers.create({"name": "Ada"}).created == START
        assert clock(url) == {
            "now": START,
            "running": False,
            "next_due": None,
            "deliveries_pending": 0,
        }
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (0, "")


def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    file = tmp_path / "world.db"
    words = (f"--data={file}", f"--frozen-at={START}", "--seed=1")
    with started(*words) as (url, process):
        client = client_of(url)
        clock(url, {"to": START + 100})
        test_clock = client.v1.test_helpers.test_clocks.create({"frozen_time": START})
        key: RequestOptions = {"idempotency_key": "once"}
        customer = client.v1.customers.create({"name": "Ada"}, key)
        process.kill()
    with started(f"--data={file}", "--seed=1") as (url, _):
        client = client_of(url)
        assert clock(url) == {
            "now": START + 100,
            "running": False,
            "next_due": START + 100 + 7 * 86_400,  # the test clock is deleted then
            "deliveries_pending": 0,
        }
        assert client.v1.customers.retrieve(customer.id).name == "Ada"
        again = client.v1.customers.create({"name": "Ada"}, key)
        assert again.id == customer.id
        assert again.last_response is not None
        assert again.last_response.headers["Idempotent-Replayed"] == "true"
        assert client.v1.customers.create({"name": "Bea"}).id != customer.id
        assert [one.type for one in client.v1.events.list().data][-1] == (
            "test_helpers.test_clock.created"
        )
        clock(url, {"to": START + 100 + 7 * 86_400})
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.test_helpers.test_clocks.retrieve(test_clock.id)


def test_a_delivery_survives_a_kill(tmp_path: Path) -> None:
    file = tmp_path / "world.db"
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # it takes the connection, and no more
        hook = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        words = (f"--data={file}", f"--frozen-at={START}", f"--webhook={hook}")
        with started(*words, "--webhook-secret=whsec_mine") as (url, process):
            client_of(url).v1.customers.create({"name": "Ada"})
            assert clock(url)["deliveries_pending"] == 1
            process.kill()
        with started(*words) as (url, _):
            assert clock(url)["deliveries_pending"] == 1
            assert len(client_of(url).v1.webhook_endpoints.list().data) == 1
            deaf.settimeout(20)
            taken = deaf.accept()[0], deaf.accept()[0]
            taken[1].settimeout(20)
            assert b"customer.created" in b"".join(_until(taken[1], b"livemode"))
            for one in taken:
                one.close()


def _until(taken: socket.socket, words: bytes) -> Iterator[bytes]:
    said = b""
    while words not in said:
        part = taken.recv(65_536)
        said += part
        yield part


def test_the_secret_is_not_shown() -> None:
    process = subprocess.Popen(
        (*COMMANDS["program"], "--port=0", "--webhook=http://127.0.0.1:9/"),
        env=os.environ | {"TALLYGATE_SANDBOX_WEBHOOK_SECRET": "whsec_mine"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = []
        for line in iter(process.stdout.readline, ""):
            said.append(line)
            if "Ctrl-C" in line:
                break
    finally:
        process.kill()
        process.communicate()
    assert "whsec_***" in "".join(said)
    assert "mine" not in "".join(said)


def test_a_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE things (name TEXT)")
    other.close()
    before = file.read_bytes()
    assert "another program" in refused(f"--data={file}")
    assert file.read_bytes() == before


def test_a_file_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("no database" * 1000)
    assert "Choose another file" in refused(f"--data={file}")
    assert "Choose another file" in refused(f"--data={tmp_path}/no/such/folder/x.db")
    assert "Choose another file" in refused(f"--data={tmp_path}")


def test_a_damaged_file(tmp_path: Path) -> None:
    file = tmp_path / "world.db"
    with started(f"--data={file}") as (url, process):
        client_of(url).v1.customers.create({"name": "Ada"})
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)
    with sqlite3.connect(file) as broken:
        broken.execute("UPDATE objects SET body = 'no JSON'")
    broken.close()
    assert "cannot be used" in refused(f"--data={file}")


def test_two_sandboxes_in_one_file(tmp_path: Path) -> None:
    file = tmp_path / "world.db"
    with started(f"--data={file}"):
        assert "in use by another sandbox" in refused(f"--data={file}")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host=0.0.0.0"], "--allow-remote"),
        (["--host=nowhere"], "--host"),
        (["--port=99999"], "--port"),
        (["--frozen-at=soon"], "--frozen-at"),
        (["--webhook=soon"], "--webhook"),
        (["--webhook=http://127.0.0.1:9/", "--webhook-secret=mine"], "whsec_"),
        (["--colour"], "unrecognized"),
    ],
)
def test_wrong_usage_is_one_sentence(words: list[str], said: str) -> None:
    assert said in refused(*words)


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "Choose another --port" in refused(f"--port={taken.getsockname()[1]}")


def test_time_does_not_go_back(tmp_path: Path) -> None:
    file = tmp_path / "world.db"
    with started(f"--data={file}", f"--frozen-at={START}") as (url, process):
        clock(url, {"to": START + 1})
        process.kill()
    assert "forward only" in refused(f"--data={file}", f"--frozen-at={START}")
    with started(f"--data={file}", f"--frozen-at={START + 9}") as (url, _):
        assert clock(url)["now"] == START + 9


def test_a_seed_makes_new_ids_in_a_file_that_has_some(tmp_path: Path) -> None:
    words = (f"--data={tmp_path}/world.db", "--seed=1")
    made = []
    for _ in range(2):
        with started(*words) as (url, _):
            made.append(client_of(url).v1.customers.create({}).id)
    assert made[0] != made[1]
