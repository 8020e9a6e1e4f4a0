"""One writer for many senders: what is shared, what is not, and what happens at the end."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tallygate.accounts.model import BillingAccount, Organization
from tallygate.adapters.store import accounts
from tallygate.core.errors import Unreachable
from tallygate.core.failpoints import armed
from tallygate.workflows import intake
from tallygate.workflows.ingest import Batch, Incoming, Verdicts
from tallygate.workflows.installation import Installation
from tallygate.workflows.intake import Outcome, Writer

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Post:
    """Collects outcomes, and how they were grouped."""

    def __init__(self) -> None:
        self.groups: list[list[tuple[Any, Outcome]]] = []

    def deliver(self, outcomes: Any) -> None:
        self.groups.append(list(outcomes))

    def by_ticket(self) -> dict[Any, Outcome]:
        return {ticket: outcome for group in self.groups for ticket, outcome in group}


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def writer(installation: Installation, post: Post) -> Iterator[Writer]:
    with installation.store.write() as tx:
        accounts.save_organization(tx, Organization("org_a", "A tenant", "bil_a", NOW))
        accounts.save_billing_account(tx, BillingAccount("bil_a", "org_a", "Payer", NOW))
    writer = Writer(installation, post.deliver)
    yield writer
    writer.close()


def batch(*names: str) -> Batch:
    return Batch([Incoming(name, "test", "ping", "org_a") for name in names])


def test_what_waits_shares_a_commit(writer: Writer, post: Post) -> None:
    gate = threading.Event()
    commits = []

    def hold() -> None:
        commits.append(1)
        gate.wait(5)

    with armed("ingest.commit.before", hold):
        writer.submit(batch("a"), "first")
        while not commits:
            pass
        for name in "bcd":
            writer.submit(batch(name), name)
        gate.set()
        writer.close()
    assert [len(group) for group in post.groups] == [1, 3]
    assert all(isinstance(told, Verdicts) and told.accepted for told in post.by_ticket().values())


def test_a_batch_that_fails_fails_alone(writer: Writer, post: Post) -> None:
    gate = threading.Event()
    poison = Batch([Incoming("x", "test", "ping", "org_a", data={"a": object()})])
    with armed("ingest.commit.before", lambda: void(gate.wait(5))):
        writer.submit(batch("a"), "first")
        writer.submit(batch("b"), "good")
        writer.submit(poison, "bad")
        writer.submit(batch("c"), "too")
        gate.set()
        writer.close()
    told = post.by_ticket()
    assert isinstance(told["bad"], TypeError)
    for ticket in ("first", "good", "too"):
        assert isinstance(told[ticket], Verdicts), told[ticket]


def test_an_unreachable_database_is_told_to_all(writer: Writer, post: Post) -> None:
    def fail() -> None:
        raise Unreachable("The database did not answer.")

    with armed("ingest.commit.before", fail):
        writer.submit(batch("a"), 1)
        writer.close()
    assert isinstance(post.by_ticket()[1], Unreachable)


def test_too_much_waiting_is_refused(
    writer: Writer, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MOST_BATCHES_WAITING", 2)
    gate, reached = threading.Event(), threading.Event()

    def wait() -> None:
        reached.set()
        gate.wait(5)

    with armed("ingest.commit.before", wait):
        writer.submit(batch("0"), 0)
        assert reached.wait(5)
        refused = 0
        for number in range(1, 8):
            try:
                writer.submit(batch(str(number)), number)
            except Unreachable:
                refused += 1
        gate.set()
        writer.close()
    assert refused == 5
    assert len(post.by_ticket()) == 3


def test_a_closed_writer_takes_nothing_new(writer: Writer) -> None:
    writer.close()
    with pytest.raises(Unreachable, match="stopping"):
        writer.submit(batch("a"), 1)


def test_the_thread_ends_and_begins_again(
    writer: Writer, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "IDLE_SECONDS", 0.01)
    for name in "ab":
        writer.submit(batch(name), name)
        while writer._thread is not None:
            pass
    assert sorted(post.by_ticket()) == ["a", "b"]


def void(_: object) -> None:
    return
