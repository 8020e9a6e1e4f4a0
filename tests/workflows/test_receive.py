"""A webhook is stored before it is understood, once, and nothing is stored that is not signed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Thread
from typing import Any, Literal

import pytest

from tallygate.adapters.store import inbox
from tallygate.core import failpoints
from tallygate.core.errors import Invalid, Unreachable
from tallygate.testing import START
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror import receive


@dataclass(frozen=True)
class Told:
    """An envelope in the hands of no provider in particular."""

    id: str
    state: Literal["waiting", "foreign", "other_version"] = "waiting"
    type: str = "invoice.paid"
    thin: bool = False
    created: datetime = START
    api_version: str | None = "v1"


class Sealed:
    """A provider whose signature is the word `sealed`, and whose bodies are `id state`."""

    def open(self, signature: str, body: bytes, at: datetime) -> Told:
        if signature != "sealed" or at != START:
            raise Invalid("It is not sealed.")
        name, _, state = body.decode().partition(" ")
        return Told(name, state or "waiting")  # type: ignore[arg-type]  # states of a test


def take(installation: Installation, body: bytes, signature: str = "sealed") -> bool:
    return receive.receive(installation, Sealed(), signature, body)


def found(installation: Installation, name: str) -> inbox.Hint | None:
    with installation.store.read() as tx:
        return inbox.find(tx, name)


def test_it_is_stored_with_its_bytes_and_its_arrival(each_installation: Installation) -> None:
    assert take(each_installation, b"evt_1")
    hint = found(each_installation, "evt_1")
    assert hint is not None
    assert (hint.body, hint.received_at, hint.state) == (b"evt_1", START, "waiting")


def test_what_is_foreign_or_of_another_version_is_stored_and_marked(
    each_installation: Installation,
) -> None:
    assert take(each_installation, b"evt_1 foreign")
    assert take(each_installation, b"evt_2 other_version")
    with each_installation.store.read() as tx:
        assert inbox.waiting(tx, 10) == ()
        assert inbox.counts(tx) == {"foreign": 1, "other_version": 1}


def test_what_is_not_signed_leaves_nothing(each_installation: Installation) -> None:
    with pytest.raises(Invalid):
        take(each_installation, b"evt_1", "forged")
    with each_installation.store.read() as tx:
        assert inbox.counts(tx) == {}


def test_five_times_each_from_eight_senders_is_stored_once(
    each_installation: Installation,
) -> None:
    new: list[bool] = []

    def send() -> None:
        new.extend(take(each_installation, b"evt_%d" % number) for number in range(5))

    senders = [Thread(target=send) for _ in range(8)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert (len(new), sum(new)) == (40, 5)
    for number in range(5):
        hint = found(each_installation, f"evt_{number}")
        assert hint is not None
        assert (hint.deliveries, hint.variants) == (8, 0)


def test_a_group_is_one_transaction(each_installation: Installation) -> None:
    verifier = Sealed()
    hints = [
        receive.verify(each_installation, verifier, "sealed", body)
        for body in (b"evt_1", b"evt_2", b"evt_1", b"evt_1 foreign")
    ]
    assert receive.keep(each_installation, hints) == [True, True, False, False]
    hint = found(each_installation, "evt_1")
    assert hint is not None
    assert (hint.deliveries, hint.variants, hint.state) == (3, 1, "waiting")


class PowerCut(BaseException):
    pass


def cut() -> None:
    raise PowerCut


@pytest.mark.parametrize(
    ("place", "kept"),
    [
        ("receive.commit.before", False),
        ("store.commit.before", False),
        ("store.commit.after", True),
        ("receive.commit.after", True),
    ],
)
def test_a_cut_leaves_it_whole_or_not_at_all_and_the_next_delivery_settles_it(
    each_installation: Installation, place: str, *, kept: bool
) -> None:
    with failpoints.armed(place, cut), pytest.raises(PowerCut):
        take(each_installation, b"evt_1")
    assert (found(each_installation, "evt_1") is not None) == kept
    assert take(each_installation, b"evt_1") == (not kept)
    assert found(each_installation, "evt_1") is not None


def test_a_database_that_does_not_answer_is_told(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> Sequence[bool]:
        raise Unreachable("The database did not answer.")

    monkeypatch.setattr(inbox, "keep", away)
    with pytest.raises(Unreachable):
        take(installation, b"evt_1")
