"""A local Stripe delivers what happened in it to a running server: twice, shuffled, and again.

The secret of the endpoint and that of the destination for thin events are both set, as while one
is exchanged for another.
"""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from stripe import StripeClient
from tests.interfaces.commands import COMMAND

from tallygate.adapters.store import inbox, open_store
from tallygate_sandbox.testing import RunningSandbox, running_sandbox

NOWHERE = "http://127.0.0.1:9/none-yet"
KEY = "sk_test_sandbox"
DAY = 86_400


@dataclass
class Pair:
    """A local Stripe, and a server that it tells of everything."""

    sandbox: RunningSandbox
    client: StripeClient
    url: str
    environment: dict[str, str]

    def hints(self) -> dict[str, inbox.Hint]:
        store = open_store(self.environment["TALLYGATE_DATABASE_URL"], create=False)
        try:
            with store.read() as tx:
                return {one.id: one for one in inbox.waiting(tx, 10_000)}
        finally:
            store.close()

    def happened(self) -> dict[str, str]:
        """The type of every event of the local Stripe, by its id."""
        found = self.client.v1.events.list({"limit": 100}).auto_paging_iter()
        return {one.id: one.type for one in found}

    def states(self) -> set[str]:
        return {one["state"] for one in self.sandbox.control("objects?kind=_delivery")["data"]}


@contextmanager
def serving(environment: dict[str, str], folder: Path, port: str = "0") -> Iterator[str]:
    """A server for the length of the block; gives its address."""
    server = subprocess.Popen(
        (*COMMAND, "serve", "--port", port),
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        lines = iter(server.stdout.readline, "")
        yield next(line.split()[3] for line in lines if "listens on" in line)
    finally:
        server.send_signal(signal.SIGINT)
        _, errors = server.communicate(timeout=20)
    assert "Traceback" not in errors
    assert "whsec_" not in errors


@pytest.fixture
def silent_pair(environment: dict[str, str]) -> Iterator[Pair]:
    """A local Stripe that tells nobody yet, and the settings of a server that knows it."""
    with running_sandbox() as sandbox:
        client = StripeClient(KEY, base_addresses=sandbox.addresses)
        hooks = {"url": NOWHERE, "enabled_events": ["*"]}
        endpoint = client.v1.webhook_endpoints.create(hooks)  # type: ignore[arg-type]  # as sent
        destination = client.v2.core.event_destinations.create(
            {
                "name": "thin",
                "type": "webhook_endpoint",
                "event_payload": "thin",
                "enabled_events": ["v1.customer.created"],
                "webhook_endpoint": {"url": NOWHERE},
                "include": ["webhook_endpoint.signing_secret"],
            }
        )
        assert destination.webhook_endpoint is not None
        secrets = (endpoint.secret, destination.webhook_endpoint.signing_secret)
        more = {
            "STRIPE_SECRET_KEY": KEY,
            "STRIPE_API_BASE": sandbox.url,
            "STRIPE_WEBHOOK_SECRET": ",".join(str(secret) for secret in secrets),
        }
        yield Pair(sandbox, client, "", environment | more)


def introduce(pair: Pair, url: str) -> None:
    """Tell the local Stripe where the server is."""
    pair.url = url
    [endpoint] = pair.client.v1.webhook_endpoints.list()
    pair.client.v1.webhook_endpoints.update(endpoint.id, {"url": f"{url}/api/v1/webhooks/stripe"})
    [destination] = pair.client.v2.core.event_destinations.list().data
    pair.client.v2.core.event_destinations.update(
        destination.id, {"webhook_endpoint": {"url": f"{url}/v1/webhooks/stripe"}}
    )


@pytest.fixture
def pair(silent_pair: Pair, tmp_path: Path) -> Iterator[Pair]:
    with serving(silent_pair.environment, tmp_path) as url:
        introduce(silent_pair, url)
        yield silent_pair


def a_life(client: StripeClient, name: str) -> None:
    """A customer subscribes."""
    customer = client.v1.customers.create(
        {
            "name": name,
            "payment_method": "pm_card_visa",
            "invoice_settings": {"default_payment_method": "pm_card_visa"},
        }
    )
    price = client.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 2900,
            "recurring": {"interval": "month"},
            "product_data": {"name": f"Käse für {name}"},
        }
    )
    client.v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})


def test_everything_that_happens_there_is_stored_here_once(pair: Pair) -> None:
    fault = {"duplicate": 0.5, "reorder": True, "delay": 9 * DAY, "parallel": 4, "seed": 7}
    pair.sandbox.control("faults/webhooks", fault)
    for name in ("Ada", "Bea"):
        a_life(pair.client, name)
    begun = pair.happened()  # it forgets after 30 days
    # The local Stripe's clock runs ahead of this machine's from here on.
    for _ in range(2):
        pair.sandbox.control("clock", {"advance": 32 * DAY, "deliver": True})
    pair.sandbox.control("faults/webhooks", method="DELETE")
    pair.sandbox.control("clock", {"advance": 10 * DAY, "deliver": True})
    assert pair.states() == {"delivered"}
    hints, late = pair.hints(), pair.happened()
    told = {one.id: one.type for one in hints.values() if not one.thin}
    assert {name: told.get(name) for name in begun | late} == begun | late
    assert {"customer.created", "invoice.created", "invoice.paid"} <= set(begun.values())
    thin = [one for one in hints.values() if one.thin]
    assert [one.type for one in thin] == ["v1.customer.created"] * 2
    assert all(json.loads(one.body)["id"] == one.id for one in hints.values())
    assert any(one.deliveries == 2 for one in hints.values())
    assert {one.deliveries for one in hints.values()} == {1, 2}
    assert [name for name in told if name in begun] != list(begun)[::-1], "they came shuffled"


def test_while_the_server_is_away_nothing_is_lost(silent_pair: Pair, tmp_path: Path) -> None:
    pair = silent_pair
    with serving(pair.environment, tmp_path) as url:
        introduce(pair, url)
        pair.client.v1.customers.create({"name": "Ada"})
        pair.sandbox.settle()
    before = pair.hints()
    pair.client.v1.customers.create({"name": "Bea"})
    pair.sandbox.settle()
    assert pair.states() == {"delivered", "waiting"}
    with serving(pair.environment, tmp_path, url.rpartition(":")[2]):
        pair.sandbox.control("clock", {"advance": DAY, "deliver": True})
    assert pair.states() == {"delivered"}
    after = pair.hints()
    assert {name: after[name] for name in before} == before
    assert sorted(one.type for one in after.values()) == [
        "customer.created",
        "customer.created",
        "v1.customer.created",
        "v1.customer.created",
    ]


def test_another_ones_secret_opens_nothing(pair: Pair) -> None:
    """A second endpoint, whose secret the server does not have, at the same address."""
    url = f"{pair.url}/webhooks/stripe"
    wants = {"url": url, "enabled_events": ["product.created"]}
    stranger = pair.client.v1.webhook_endpoints.create(wants)  # type: ignore[arg-type]  # as sent
    pair.client.v1.products.create({"name": "Plan"})
    pair.sandbox.settle()
    [refused] = [
        one
        for one in pair.sandbox.control("objects?kind=_delivery")["data"]
        if one["endpoint"] == stranger.id
    ]
    assert [one["status"] for one in refused["attempts"]] == [400]
    assert [one.deliveries for one in pair.hints().values()] == [1]
    assert httpx2.post(url, content=b"{}").json()["code"] == "bad_signature"
