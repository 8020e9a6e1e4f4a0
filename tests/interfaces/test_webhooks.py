"""`POST /v1/webhooks/stripe`: what Stripe signed is stored, then answered; the rest is a 400."""

import asyncio
import json
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import stripe
from starlette.testclient import TestClient
from tests.interfaces.world import START, check_problem

from tallygate.adapters.store import inbox
from tallygate.adapters.stripe.webhooks import StripeWebhooks
from tallygate.core import failpoints
from tallygate.core.errors import Invalid, Unreachable
from tallygate.interfaces.api import create_app
from tallygate.interfaces.api.webhooks import (
    MAX_BODY_BYTES,
    MOST_WAITING,
    OTHER_PATHS,
    PATH,
    Receiver,
)
from tallygate.testing import FrozenClock
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.receive import verify

SECRET = "whsec_3kq8Zx1vT5bYp0LmWc7dRf2u"  # noqa: S105  # a made-up one
T = int(START.timestamp())


def event(name: str = "evt_1", **more: Any) -> bytes:
    plain = {
        "id": name,
        "object": "event",
        "type": "invoice.paid",
        "created": T,
        "livemode": False,
        "api_version": "2026-10-28.endive",
        "data": {"object": {"id": "in_1"}},
    }
    return json.dumps(plain | more, indent=2).encode()


def signed(body: bytes, secret: str = SECRET, t: int = T) -> str:
    header: str = stripe.WebhookSignature.generate_signature_header(body.decode(), secret, t)
    return header


@dataclass
class Endpoint:
    """The application behind a client, and what it has stored."""

    client: TestClient
    installation: Installation

    def post(
        self, body: bytes, header: str | None = "", path: str = PATH, **more: str
    ) -> httpx2.Response:
        """Send a body, with its own signature unless another or none is given."""
        headers = {"content-type": "application/json; charset=utf-8", **more}
        if header is not None:
            headers["stripe-signature"] = header or signed(body)
        answer = self.client.post(path, content=body, headers=headers)
        if answer.status_code >= 400:
            check_problem(answer)
            assert SECRET not in answer.text
        return answer

    def stored(self) -> dict[str, int]:
        with self.installation.store.read() as tx:
            return dict(inbox.counts(tx))

    def find(self, name: str = "evt_1") -> inbox.Hint:
        with self.installation.store.read() as tx:
            hint = inbox.find(tx, name)
        assert hint is not None
        return hint


def opened(installation: Installation, **kind: Any) -> Iterator[Endpoint]:
    assert isinstance(installation.clock, FrozenClock)
    installation.clock.set(START)
    app = create_app(installation, verifier=StripeWebhooks([SECRET], **kind))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Endpoint(client, installation)


@pytest.fixture
def endpoint(installation: Installation) -> Iterator[Endpoint]:
    yield from opened(installation, live=False)


@pytest.fixture
def each_endpoint(each_installation: Installation) -> Iterator[Endpoint]:
    yield from opened(each_installation, live=False)


def test_what_is_signed_is_stored_and_answered(each_endpoint: Endpoint) -> None:
    body = event()
    for _ in range(2):
        answer = each_endpoint.post(body)
        assert (answer.status_code, answer.json()) == (200, {"received": True})
    hint = each_endpoint.find()
    assert (hint.body, hint.deliveries, hint.variants) == (body, 2, 0)
    assert (hint.type, hint.state, hint.received_at) == ("invoice.paid", "waiting", START)


@pytest.mark.parametrize("path", OTHER_PATHS)
def test_the_paths_that_platforms_have_told_stripe(path: str, endpoint: Endpoint) -> None:
    assert endpoint.post(event(), path=path).status_code == 200
    assert endpoint.post(event(), header="forged", path=path).status_code == 400
    assert endpoint.client.get(path).headers["allow"] == "POST"
    assert endpoint.stored() == {"waiting": 1}


def test_the_same_id_with_other_bytes_is_noted_and_answered(each_endpoint: Endpoint) -> None:
    assert each_endpoint.post(event()).status_code == 200
    assert each_endpoint.post(event(pending_webhooks=1)).status_code == 200
    hint = each_endpoint.find()
    assert (hint.body, hint.deliveries, hint.variants) == (event(), 2, 1)


def test_what_is_not_ours_is_answered_so_that_stripe_does_not_give_up(endpoint: Endpoint) -> None:
    """Who answers 400 to what is foreign gets the whole endpoint disabled."""
    assert endpoint.post(event("evt_1", livemode=True)).status_code == 200
    assert endpoint.post(event("evt_2", account="acct_1")).status_code == 200
    assert endpoint.post(event("evt_3", api_version="2024-06-20")).status_code == 200
    assert endpoint.stored() == {"foreign": 2, "other_version": 1}


def test_thin_events_are_stored_likewise(each_endpoint: Endpoint) -> None:
    thin = {"object": "v2.core.event", "created": "2026-03-01T00:00:00.000Z"}
    body = event("evt_test_1", type="v1.billing.meter.no_meter_found", **thin)
    assert each_endpoint.post(body).status_code == 200
    hint = each_endpoint.find("evt_test_1")
    assert (hint.thin, hint.created, hint.state) == (True, START, "waiting")


@pytest.mark.parametrize(
    "header",
    [
        None,
        " ",
        "t=1,v1=",
        "nothing",
        signed(event("evt_2")),
        signed(event(), "whsec_another"),
        signed(event(), t=T - 301),
        signed(event(), t=T + 301),
        signed(event())[:-1],
        signed(event()).replace("v1", "v0"),
    ],
)
def test_what_is_not_signed_is_a_400_and_leaves_nothing(
    header: str | None, endpoint: Endpoint
) -> None:
    answer = endpoint.post(event(), header=header)
    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_signature"
    assert endpoint.stored() == {}


def test_two_headers_are_one_that_is_refused(endpoint: Endpoint) -> None:
    headers = [("stripe-signature", signed(event())), ("stripe-signature", "t=1,v1=0")]
    for sent in (headers, headers[::-1]):
        answer = endpoint.client.post(PATH, content=event(), headers=sent)
        assert answer.status_code == 400


def test_signatures_age_by_the_clock_of_the_installation(endpoint: Endpoint) -> None:
    clock = endpoint.installation.clock
    assert isinstance(clock, FrozenClock)
    clock.advance(timedelta(seconds=301))
    assert endpoint.post(event()).status_code == 400
    assert endpoint.post(event(), header=signed(event(), t=T + 301)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b'{"id": "evt_1"}', b"[" * 100_000, event("evt_\x00"), event("")],
)
def test_what_is_signed_and_no_event_is_a_400(body: bytes, each_endpoint: Endpoint) -> None:
    answer = each_endpoint.post(body)
    assert (answer.status_code, answer.json()["code"]) == (400, "not_an_event")
    assert each_endpoint.stored() == {}


def test_what_no_column_of_text_or_number_takes_is_stored_as_it_came(
    each_endpoint: Endpoint,
) -> None:
    """Nothing but the envelope is read, and nothing is printed again."""
    body = event(note="\x00 é", number=1).replace(b'"number": 1', b'"number":   1e999')
    assert each_endpoint.post(body).status_code == 200
    assert each_endpoint.find().body == body


def test_a_body_is_bounded_with_and_without_a_length(endpoint: Endpoint) -> None:
    whole = event(note="x" * (MAX_BODY_BYTES - len(event(note=""))))
    assert len(whole) == MAX_BODY_BYTES
    assert endpoint.post(whole).status_code == 200
    assert endpoint.post(whole + b" ").status_code == 413
    pieces = (b" " * 65_536 for _ in range(20))
    headers = {"stripe-signature": signed(event())}
    assert endpoint.client.post(PATH, content=pieces, headers=headers).status_code == 413


def test_ten_thousand_forgeries_write_no_row(endpoint: Endpoint) -> None:
    """Through the door itself; the interface is shown by one request of each kind above."""
    dice, body, accepted = random.Random("door"), event(), 0  # noqa: S311  # a test's dice
    header = signed(body)
    door = StripeWebhooks([SECRET])
    for _ in range(10_000):
        place = dice.randrange(len(body))
        forged = body[:place] + bytes([body[place] ^ (1 << dice.randrange(8))]) + body[place + 1 :]
        try:
            verify(endpoint.installation, door, header, forged)
        except Invalid:
            continue
        accepted += 1
    assert accepted == 0
    assert endpoint.stored() == {}


def test_without_a_secret_it_says_so(client: httpx2.Client, installation: Installation) -> None:
    for path in (PATH, *OTHER_PATHS):
        body = event()
        answer = client.post(path, content=body, headers={"stripe-signature": signed(body)})
        assert (answer.status_code, answer.json()["code"]) == (409, "no_webhook_secret")
        assert "STRIPE_WEBHOOK_SECRET" in answer.json()["detail"]
    with installation.store.read() as tx:
        assert inbox.counts(tx) == {}


# ---- answered only once it is on disk ---------------------------------------------------------


class Hasty(Receiver):
    """Answers what it has only begun to store."""

    async def receive(self, signature: str, body: bytes) -> None:
        self._begun = asyncio.create_task(super().receive(signature, body))
        await asyncio.sleep(0)


def is_answered_before_the_commit(endpoint: Endpoint, patience: float) -> bool:
    """Hold the commit, send a webhook, and see whether an answer comes all the same."""
    reached, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        assert go_on.wait(30)

    with failpoints.armed("store.commit.before", hold), ThreadPoolExecutor(1) as pool:
        sent = pool.submit(endpoint.post, event())
        try:
            assert reached.wait(30)
            early = _ends(sent.result, patience)
        finally:
            go_on.set()
        assert sent.result(30).status_code == 200
    return early


def _ends(result: Callable[[float], Any], seconds: float) -> bool:
    try:
        result(seconds)
    except TimeoutError:
        return False
    return True


def test_no_answer_before_the_commit(endpoint: Endpoint) -> None:
    assert not is_answered_before_the_commit(endpoint, 0.3)
    assert endpoint.stored() == {"waiting": 1}


def test_an_answer_before_the_commit_is_found(endpoint: Endpoint) -> None:
    app: Any = endpoint.client.app
    app.state.webhooks.receiver = Hasty(endpoint.installation, StripeWebhooks([SECRET]))
    assert is_answered_before_the_commit(endpoint, 30)


def test_a_database_that_is_away_is_a_503(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> bool:
        raise Unreachable("The database did not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(inbox, "keep", away)
        assert endpoint.post(event()).status_code == 503
    assert endpoint.post(event()).status_code == 200


def test_one_that_spoils_a_transaction_spoils_it_for_itself_alone(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = inbox.keep

    def broken(tx: Any, hints: Sequence[inbox.NewHint]) -> list[bool]:
        if "evt_3" in [hint.id for hint in hints]:
            raise RuntimeError("a mistake of ours")
        return kept(tx, hints)

    monkeypatch.setattr(inbox, "keep", broken)
    receiver = Receiver(endpoint.installation, StripeWebhooks([SECRET]))

    async def all_at_once() -> list[BaseException | None]:
        bodies = [event(f"evt_{number}") for number in range(6)]
        sent = (receiver.receive(signed(body), body) for body in bodies)
        return await asyncio.gather(*sent, return_exceptions=True)

    answers = asyncio.run(all_at_once())
    assert [type(one) for one in answers] == [type(None)] * 3 + [RuntimeError] + [type(None)] * 2
    assert endpoint.stored() == {"waiting": 5}


def test_what_waits_is_bounded(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallygate.interfaces.api.webhooks.MOST_WAITING", 3)
    assert MOST_WAITING > 3
    receiver = Receiver(endpoint.installation, StripeWebhooks([SECRET]))

    async def all_at_once() -> list[BaseException | None]:
        bodies = [event(f"evt_{number}") for number in range(5)]
        sent = (receiver.receive(signed(body), body) for body in bodies)
        return await asyncio.gather(*sent, return_exceptions=True)

    answers = asyncio.run(all_at_once())
    assert [type(one) for one in answers] == [type(None)] * 3 + [Unreachable] * 2
    assert endpoint.stored() == {"waiting": 3}
