"""`doctor` looks at everything, says in a sentence what to do, and fails where it must be done."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from stripe import StripeClient
from tests.interfaces.commands import Run, bill_by_commands, saying, told

from tallygate.adapters.store import open_store
from tallygate.adapters.store.installation import found_installation, shut_sender
from tallygate.interfaces.cli.doctor import judge_waiting, judge_webhooks
from tallygate.workflows.health import Waiting
from tallygate_sandbox.testing import RunningSandbox, running_sandbox

KEY = "sk_test_1a2b3c4d5e"
FROZEN = 1_767_225_600
NOW = datetime(2026, 3, 1, tzinfo=UTC)
NOTHING = Waiting(0, None, 0, None, 0, 0, 0, shut=False)


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(FROZEN) as sandbox:
        yield sandbox


def found(
    run: Run, *words: str, env: dict[str, str] | None = None, code: int = 0
) -> dict[str, str]:
    """Each check that was made, as `state: sentence`, by its name."""
    checks = told(run("doctor", "--json", *words, env=env, code=code))
    assert all(one["sentence"].endswith(".") for one in checks)
    return {one["name"]: f"{one['state']}: {one['sentence']}" for one in checks}


@pytest.mark.usefixtures("no_database")
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


@pytest.mark.usefixtures("no_database")
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


def test_doctor_tells_of_webhooks_where_stripe_is_in_use(
    run: Run, sandbox: RunningSandbox
) -> None:
    run("db", "upgrade")
    assert "webhooks" not in {one["name"] for one in told(run("doctor", "--json"))}
    key = {"STRIPE_SECRET_KEY": "sk_test_1a2b3c4d5e", "STRIPE_API_BASE": sandbox.url}
    assert "set STRIPE_WEBHOOK_SECRET" in run("doctor", env=key).stdout
    secret = {"STRIPE_WEBHOOK_SECRET": "whsec_3kq8Zx1vT5bYp0LmWc7dRf2u"}
    assert "0 are stored" in run("doctor", env=key | secret).stdout


def test_doctor_tells_of_webhooks_that_are_left_alone() -> None:
    assert judge_webhooks({"waiting": 2, "settled": 5}, taken=True).sentence == "7 are stored."
    found = judge_webhooks({"waiting": 2, "foreign": 3, "other_version": 4}, taken=True)
    assert found.state == "warning"
    assert "3 came from another account" in found.sentence
    assert "4 came in another API version" in found.sentence


def test_doctor_asks_stripe_once_whether_it_knows_us(run: Run, sandbox: RunningSandbox) -> None:
    run("db", "upgrade")
    env = {"STRIPE_SECRET_KEY": KEY, "STRIPE_API_BASE": sandbox.url}
    told_before = len(sandbox.control("requests")["data"])
    state = found(run, env=env)["provider"]
    assert state == (f"ok: Stripe (test mode, {sandbox.url}): It answers, and knows the key.")
    asked = sandbox.control("requests")["data"]
    assert len(asked) - told_before <= 2, "one balance, and one page of drafts"


@pytest.mark.parametrize(("status", "kind"), [(401, "failed"), (403, "ok"), (500, "failed")])
def test_doctor_says_that_stripe_does_not_know_the_key(status: int, kind: str, run: Run) -> None:
    """A restricted key that may not read the balance (403) is known."""
    run("db", "upgrade")
    said = {"error": {"type": "invalid_request_error", "message": "Sorry.", "code": "x"}}
    with saying(status, json.dumps(said).encode()) as url:
        env = {"STRIPE_SECRET_KEY": KEY, "STRIPE_API_BASE": url}
        found_there = found(run, env=env, code=1 if kind == "failed" else 0)["provider"]
    assert found_there.startswith(f"{kind}: Stripe (test mode")
    assert ("STRIPE_SECRET_KEY" in found_there) is (status == 401)
    assert KEY not in found_there


def test_doctor_says_that_stripe_is_away(run: Run) -> None:
    run("db", "upgrade")
    with running_sandbox() as gone:
        env = {"STRIPE_SECRET_KEY": KEY, "STRIPE_API_BASE": gone.url}
    checks = found(run, env=env, code=1)
    assert checks["provider"].startswith("failed: ")
    assert "Stripe cannot be reached" in checks["provider"]
    assert checks["waiting"].startswith("ok: "), "the rest is looked at all the same"


def test_doctor_sees_that_stripe_would_not_wait_for_usage(
    run: Run, sandbox: RunningSandbox
) -> None:
    run("db", "upgrade")
    env = {"STRIPE_SECRET_KEY": KEY, "STRIPE_API_BASE": sandbox.url}
    client = StripeClient(KEY, base_addresses=sandbox.addresses)
    customer = client.v1.customers.create(
        {
            "payment_method": "pm_card_visa",
            "invoice_settings": {"default_payment_method": "pm_card_visa"},
        }
    )
    price = client.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 2900,
            "recurring": {"interval": "month"},
            "product_data": {"name": "Small"},
        }
    )
    client.v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})
    assert "drafts" not in found(run, env=env)
    sandbox.advance_to(FROZEN + 31 * 86_400)
    shown = found(run, env=env)["drafts"]
    assert shown.startswith("warning: Stripe finalizes a draft 1 h after making it")
    sandbox.advance_to(FROZEN + 32 * 86_400)
    sandbox.control("settings/invoices", {"grace_seconds": 72 * 3600})
    sandbox.advance_to(FROZEN + 59 * 86_400)
    assert client.v1.invoices.list({"status": "draft"}).data
    assert "drafts" not in found(run, env=env)


def test_doctor_tells_whose_clock_it_lives_by(run: Run, sandbox: RunningSandbox) -> None:
    run("db", "upgrade")
    env = {"TALLYGATE_CLOCK": sandbox.url}
    assert found(run, env=env)["clock"] == (
        f"ok: It is 2026-01-01T00:00:00Z by the clock of the sandbox at {sandbox.url}."
    )
    with running_sandbox() as gone:
        env = {"TALLYGATE_CLOCK": gone.url}
    assert "does not tell the time" in found(run, env=env, code=1)["clock"]


def test_doctor_counts_everything_again_when_asked(run: Run, tmp_path: Path) -> None:
    bill_by_commands(run, tmp_path)
    assert "sums" not in found(run)
    assert found(run, "--audit")["sums"] == "ok: Every sum equals the log of events."
    with closing(sqlite3.connect(tmp_path / "billing.db")) as database:
        assert database.execute("DELETE FROM cells").rowcount
        database.commit()
    spoiled = found(run, "--audit", code=1)["sums"]
    assert spoiled.startswith("failed: 1 sums differ from the log of events")


def test_doctor_knows_a_price_id_of_nothing(run: Run) -> None:
    run("catalog", "apply", "--commit")
    env = {"STRIPE_PRICE_ID_SMALL": "price_1", "STRIPE_PRICE_ID_CALLS": "price_2"}
    assert "price ids" not in found(run, env=env)
    wrong = found(run, env=env | {"STRIPE_PRICE_ID_GOLD": "price_3"})["price ids"]
    assert wrong.startswith("warning: ")
    assert "STRIPE_PRICE_ID_GOLD" in wrong
    assert "SMALL" not in wrong


def test_doctor_stops_at_a_sender_that_is_shut(
    run: Run, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    run("db", "upgrade")
    env = {"STRIPE_SECRET_KEY": KEY, "STRIPE_API_BASE": sandbox.url}
    assert found(run, env=env)["waiting"].startswith("ok: ")
    store = open_store(f"sqlite:///{tmp_path}/billing.db")
    with store.write() as tx:
        found_installation(tx, "ins_1", "secret", NOW)
        shut_sender(tx)
    store.close()
    assert found(run, env=env, code=1)["waiting"].startswith("failed: Nothing is sent to")


@pytest.mark.parametrize(
    ("waiting", "state", "said"),
    [
        (NOTHING, "ok", "0 webhooks, 0 accounts and 0 totals wait"),
        (NOTHING._replace(hints=3, oldest_hint=NOW - timedelta(minutes=59)), "ok", "3 webhooks"),
        (NOTHING._replace(hints=3, oldest_hint=NOW - timedelta(minutes=61)), "warning", "serve"),
        (NOTHING._replace(accounts=2, oldest_account=NOW - timedelta(hours=2)), "warning", "due"),
        (NOTHING._replace(late=1), "warning", "Of 1 changes"),
        (NOTHING._replace(held=4), "warning", "4 invoices are held"),
        (NOTHING._replace(shut=True, held=4), "failed", "restored or cloned"),
    ],
)
def test_what_waits_for_long_is_said(waiting: Waiting, state: str, said: str) -> None:
    check = judge_waiting(waiting, NOW)
    assert check.state == state
    assert said in check.sentence
