"""An installation lives by the clock of a sandbox: every process of it, and webhooks come in."""

import hashlib
import hmac
import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from stripe import StripeClient
from tests.interfaces.commands import Run, saying, told
from tests.interfaces.test_webhooks_end_to_end import serving

from tallygate.adapters.store import inbox, open_store
from tallygate.app import SystemClock, open_installation, open_verifier
from tallygate.config import Config, load_config
from tallygate.core.errors import Invalid, Unreachable
from tallygate.workflows.mirror.receive import receive
from tallygate_sandbox.testing import RunningSandbox, running_sandbox

START = datetime(2026, 1, 1, tzinfo=UTC)
FROZEN = int(START.timestamp())
DAY = 86_400
SECRET = "whsec_local"  # noqa: S105  # a local Stripe's


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("TALLYGATE_", "STRIPE_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(FROZEN) as sandbox:
        yield sandbox


def by_its_clock(sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("TALLYGATE_CLOCK", f"{sandbox.url}/")
    monkeypatch.setenv("STRIPE_API_BASE", sandbox.url)
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", SECRET)
    return load_config()


def test_time_moved_there_is_seen_here_at_once(
    sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = by_its_clock(sandbox, monkeypatch)
    with (
        open_installation(config, create=True) as one,
        open_installation(config) as other,
    ):
        assert one.now == other.now == START
        for day in range(1, 30):
            sandbox.advance_to(FROZEN + day * DAY)
            assert one.now == other.now == START + timedelta(days=day)
        made = [one.ids.new("org") for _ in range(3)]
        time.sleep(0.002)
        assert max(made) < other.ids.new("org"), "ids rise though the clock stands still"


def test_time_never_runs_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with running_sandbox(FROZEN + DAY) as ahead, running_sandbox(FROZEN) as behind:
        config = by_its_clock(ahead, monkeypatch)
        with open_installation(config, create=True) as installation:
            assert installation.now == START + timedelta(days=1)
            clock: Any = installation.clock
            clock._address = behind.url
            clock._client._allowed |= {behind.url}
            assert installation.now == START + timedelta(days=1)


def test_a_sandbox_that_is_gone_is_said_in_a_sentence(run: Run) -> None:
    with running_sandbox(FROZEN) as sandbox:
        env = {"TALLYGATE_CLOCK": sandbox.url}
        config = load_config(clock=sandbox.url, database_url="sqlite:///gone.db")
        opened = open_installation(config, create=True)
        installation = opened.__enter__()
        assert installation.now == START
        run("db", "upgrade")
    with pytest.raises(Unreachable, match="TALLYGATE_CLOCK names does not tell the time"):
        _ = installation.now
    opened.__exit__(None, None, None)
    done = run("invoice", "close", env=env, code=1)
    assert done.stderr.startswith("error: The sandbox whose clock TALLYGATE_CLOCK names ")
    assert sandbox.url in done.stderr
    assert "`tallygate sandbox`" in done.stderr
    assert "TALLYGATE_CLOCK" in run("serve", env=env, code=1).stderr


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (404, b"", "it answered with status 404."),
        (302, b"", "it answered with status 302."),
        (200, b"<html>", "what answers there is no sandbox."),
        (200, b'{"now": "noon"}', "what answers there is no sandbox."),
        (200, b'{"now": 9999999999999999}', "what answers there is no sandbox."),
        (200, b'{"now": -1}', "what answers there is no sandbox."),
    ],
)
def test_what_is_no_sandbox_tells_no_time(status: int, body: bytes, said: str) -> None:
    with saying(status, body) as url:
        config = load_config(clock=url, database_url="sqlite:///x.db")
        with (
            pytest.raises(Unreachable, match=f"does not tell the time: {said}"),
            open_installation(config, create=True),
        ):
            pass


@pytest.mark.parametrize("kind", ["sk", "rk"])
def test_a_clock_that_can_be_moved_and_a_live_key_exclude_each_other(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", f"{kind}_live_" + "51Abc")
    monkeypatch.setenv("TALLYGATE_CLOCK", "http://127.0.0.1:12111")
    with pytest.raises(Invalid, match="TALLYGATE_CLOCK: it names a clock that can be moved, and"):
        load_config()
    monkeypatch.setenv("STRIPE_SECRET_KEY", f"{kind}_test_51Abc")
    assert load_config().clock == "http://127.0.0.1:12111"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1:12111",
        "https://127.0.0.1:12111",
        "http://10.0.0.1:12111",
        "http://sandbox:12111",
        "http://localhost.example.com",
        "http://127.0.0.1@10.0.0.1",
        "http://127.0.0.1:12111/_sandbox/clock",
        "http://127.0.0.1:12111/?x",
    ],
)
def test_the_clock_stands_on_this_machine(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYGATE_CLOCK", address)
    with pytest.raises(Invalid, match="TALLYGATE_CLOCK: write the address of a sandbox"):
        load_config()


def signed(body: bytes, at: datetime) -> str:
    stamp = int(at.timestamp())
    made = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={made}"


@pytest.mark.parametrize("days", [0, 400])
def test_a_signature_is_as_old_as_this_machine_says(
    days: int, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = by_its_clock(sandbox, monkeypatch)
    told = {"id": f"evt_{days}", "object": "event", "type": "invoice.paid", "created": FROZEN}
    body = json.dumps(told | {"livemode": False, "api_version": "2026-10-28.endive"}).encode()
    verifier = open_verifier(config)
    assert verifier is not None
    real = SystemClock().now()
    sandbox.advance_to(FROZEN + days * DAY)
    with open_installation(config, create=True) as installation:
        assert receive(installation, verifier, signed(body, real), body)
        with installation.store.read() as tx:
            [hint] = inbox.waiting(tx, 10)
        assert hint.received_at == START + timedelta(days=days), "it came at the moved time"
        with pytest.raises(Invalid, match="more than 5 minutes old"):
            receive(installation, verifier, signed(body, real - timedelta(minutes=6)), body)


def test_processes_live_by_one_clock_and_hear_of_what_happens(
    sandbox: RunningSandbox, environment: dict[str, str], tmp_path: Path, run: Run
) -> None:
    client = StripeClient("sk_test_any", base_addresses=sandbox.addresses)
    env = {
        "TALLYGATE_CLOCK": sandbox.url,
        "STRIPE_SECRET_KEY": "sk_test_any",
        "STRIPE_API_BASE": sandbox.url,
        "TALLYGATE_CLOSE_EVERY_MINUTES": "0",
    }
    endpoint = client.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/none-yet", "enabled_events": ["*"]}
    )
    env["STRIPE_WEBHOOK_SECRET"] = str(endpoint.secret)
    with serving(environment | env, tmp_path) as url:
        client.v1.webhook_endpoints.update(endpoint.id, {"url": f"{url}/webhooks/stripe"})
        body = json.dumps({"name": "Acme", "external_id": "acme"})
        made = told(run("api", "POST", "/v1/organizations", body, env=env))
        assert made["created_at"] == "2026-01-01T00:00:00Z"
        wish = json.dumps({"billing_account": "acme", "plan": "small", "collect": False})
        told(run("api", "POST", "/v1/subscriptions", wish, env=env))
        client.v1.customers.create({"name": "Ada"})  # while the clock stands in the past
        sandbox.settle()
        happened = {one.id for one in client.v1.events.list({"type": "customer.created"})}
        sandbox.advance_to(FROZEN + 400 * DAY)  # and now ahead of this machine's
        client.v1.customers.create({"name": "Bea"})
        sandbox.settle()
        happened |= {one.id for one in client.v1.events.list({"type": "customer.created"})}
        states = [one["state"] for one in sandbox.control("objects?kind=_delivery")["data"]]
        assert states
        assert set(states) == {"delivered"}
        closed = told(run("invoice", "close", "--commit", "--json", env=env))
        assert len(closed) == 13, "a process that has just begun bills thirteen months"
    store = open_store(environment["TALLYGATE_DATABASE_URL"], create=False)
    with store.read() as tx:
        came = {hint.received_at for one in happened if (hint := inbox.find(tx, one))}
    store.close()
    assert len(happened) == 2
    assert came == {START, START + timedelta(days=400)}
