"""An operator decides about a held invoice, and looks at notices and purchases, by commands."""

import json
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.interfaces.commands import COMMAND, Run, ago, bill_by_commands, told

from tallygate.adapters.store import Store, collections, notices, open_store, purchases
from tallygate.collection.notices import Notice
from tallygate.collection.records import Collected, Purchase

AT = datetime(2026, 3, 1, tzinfo=UTC)
SENTENCE = "calls: 5.00 USD here, 7.00 USD there"


@pytest.fixture
def store(environment: dict[str, str], run: Run, tmp_path: Path) -> Iterator[Store]:
    bill_by_commands(run, tmp_path)
    opened = open_store(environment["TALLYGATE_DATABASE_URL"], create=False)
    yield opened
    opened.close()


@pytest.fixture
def held(store: Store, run: Run) -> str:
    """An invoice that is held, as the mirror leaves it."""
    invoice = told(run("api", "GET", "/v1/invoices"))["data"][0]
    owner = {
        "organization": invoice["organization"],
        "billing_account": invoice["billing_account"],
    }
    one = Collected(
        invoice=invoice["id"],
        subscription=invoice["subscription"],
        currency="usd",
        dated=AT,
        total=invoice["total"],
        state="held",
        since=AT,
        provider_invoices=("in_1",),
        differences=(SENTENCE,),
        **owner,
    )
    notice = Notice(
        id="ntc_1",
        kind="invoice_held",
        key="held:1",
        created_at=AT,
        invoice=one.invoice,
        facts={"differences": SENTENCE},
        **owner,
    )
    with store.write() as tx:
        collections.add(tx, one)
        notices.queue(tx, notice)
    return one.invoice


def state(store: Store, invoice: str) -> tuple[str, bool]:
    with store.read() as tx:
        found = collections.get(tx, invoice)
    assert found is not None
    return found.state, found.approved


def test_a_held_invoice_is_approved_when_it_is_said_twice(
    held: str, store: Store, run: Run
) -> None:
    shown = run("invoice", "approve", held, code=2)
    assert SENTENCE in shown.stdout
    assert "add --commit" in shown.stderr
    assert state(store, held) == ("held", False)
    assert "finalized as it is there" in run("invoice", "approve", held, "--commit").stdout
    assert state(store, held) == ("held", True)
    [entry] = told(run("api", "GET", "/v1/audit_log"))["data"][-1:]
    assert (entry["actor"], entry["operation"], entry["subject"]) == (
        "cli",
        "invoice.approve",
        held,
    )


def test_a_held_invoice_is_tried_again(held: str, store: Store, run: Run) -> None:
    run("invoice", "retry", held, code=2)
    assert state(store, held) == ("held", False)
    run("invoice", "retry", held, "--commit")
    assert state(store, held) == ("waiting", False)
    assert "waiting" in run("invoice", "retry", held, "--commit", code=1).stderr
    assert "no invoice" in run("invoice", "approve", "inv_nobody", code=1).stderr


def test_notices_and_purchases_are_listed(held: str, store: Store, run: Run) -> None:
    listed = run("notices")
    assert "invoice_held" in listed.stdout
    assert SENTENCE in " ".join(listed.stdout.split())
    [notice] = told(run("notices", "--account", "acme", "--json"))
    assert (notice["invoice"], notice["facts"]) == (held, {"differences": SENTENCE})
    assert told(run("notices", "--after", notice["id"], "--json")) == []
    account = told(run("api", "GET", "/v1/billing_accounts"))["data"][0]
    with store.write() as tx:
        purchases.add(
            tx,
            Purchase(
                id="pur_1",
                organization=account["organization"],
                billing_account=account["id"],
                plan="small",
                interval="month",
                currency="usd",
                catalog_version=1,
                way="direct",
                created_at=AT,
            ),
        )
    assert "small by the month" in run("purchases").stdout
    [purchase] = told(run("purchases", "--organization", "acme", "--json"))
    assert (purchase["id"], purchase["state"], purchase["client_secret"]) == (
        "pur_1",
        "open",
        None,
    )
    assert told(run("purchases", "--after", "pur_1", "--json")) == []


def test_the_worker_works_alone_until_it_is_told_to_stop(
    environment: dict[str, str], tmp_path: Path, run: Run
) -> None:
    idle = run("worker", env={"TALLYGATE_CLOSE_EVERY_MINUTES": "0"}, code=1)
    assert "nothing to do" in idle.stderr
    run("catalog", "apply", "--commit")
    made = told(run("api", "POST", "/v1/organizations", json.dumps({"name": "Acme"})))
    wish = {"billing_account": made["id"], "plan": "small", "starts_at": ago(days=40)}
    run("api", "POST", "/v1/subscriptions", json.dumps(wish))
    working = subprocess.Popen(
        (*COMMAND, "worker"),
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert working.stdout is not None
        assert working.stderr is not None
        assert "at work (nothing is mirrored)" in working.stdout.readline()
        assert "Closed" in working.stderr.readline()
    finally:
        working.send_signal(signal.SIGTERM)
        _, errors = working.communicate(timeout=30)
    assert working.returncode == 0
    assert "Traceback" not in errors
    assert len(told(run("api", "GET", "/v1/invoices"))["data"]) > 1
