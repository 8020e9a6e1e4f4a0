"""A local Stripe delivers what happened in it to a running server: twice, shuffled, and again.

The server stores each event once, and its worker settles it meanwhile, whatever the order.

The secret of the endpoint and that of the destination for thin events are both set, as while one
is exchanged for another.
"""

import json
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from stripe import StripeClient
from tests.interfaces.commands import running

from tallygate.adapters.store import inbox, open_store
from tallygate.adapters.stripe.witness import PRODUCT
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

    def hints(self, wanted: Iterable[str]) -> dict[str, inbox.Hint]:
        """The hints of these events that have come, in the order of their coming."""
        store = open_store(self.environment["TALLYGATE_DATABASE_URL"], create=False)
        try:
            with store.read() as tx:
                kept = [hint for id_ in wanted if (hint := inbox.find(tx, id_)) is not None]
        finally:
            store.close()
        kept.sort(key=lambda one: (one.received_at, one.id))
        return {one.id: one for one in kept}

    def settled(self, wanted: Collection[str]) -> dict[str, inbox.Hint]:
        """The same, once the worker is done with each of them."""
        until = time.monotonic() + 20
        while any(one.state == "waiting" for one in self.hints(wanted).values()):
            assert time.monotonic() < until, "a hint is not settled"
            time.sleep(0.05)
        return self.hints(wanted)

    def happened(self) -> dict[str, str]:
        """The type of every event of the local Stripe, thin ones too, by its id.

        But for those of the product by which an installation knows that it was not restored.
        """
        found = self.client.v1.events.list({"limit": 100}).auto_paging_iter()
        told = {one.id: one.type for one in found if one.data.object["id"] != PRODUCT}
        thin = self.client.v2.core.events.list({"limit": 100}).auto_paging_iter()
        return told | {one.id: one.type for one in thin}

    def states(self) -> set[str]:
        return {one["state"] for one in self.sandbox.control("objects?kind=_delivery")["data"]}


@contextmanager
def serving(environment: dict[str, str], folder: Path, port: str = "0") -> Iterator[str]:
    """A server for the length of the block; gives its address."""
    words = ("serve", "--port", port)
    with running(*words, sign="listens on", environment=environment, folder=folder) as said:
        yield said.split()[3]


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


def test_everything_that_happens_there_is_stored_here_once_and_settled(pair: Pair) -> None:
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
    happened = begun | pair.happened()
    hints = pair.settled(happened)
    assert {one.id: one.type for one in hints.values()} == happened
    assert {"customer.created", "invoice.created", "invoice.paid"} <= set(begun.values())
    thin = [one for one in hints.values() if one.thin]
    assert [one.type for one in thin] == ["v1.customer.created"] * 2
    assert all(json.loads(one.body)["id"] == one.id for one in hints.values())
    assert {one.deliveries for one in hints.values()} == {1, 2}
    assert [name for name in hints if name in begun] != list(begun)[::-1], "they came shuffled"
    about = {one.type.partition(".")[0]: one.state for one in hints.values() if not one.thin}
    assert about["customer"] == about["invoice"] == "foreign", "no customer of ours"
    assert about["price"] == about["product"] == "settled", "about nobody"


def test_while_the_server_is_away_nothing_is_lost(silent_pair: Pair, tmp_path: Path) -> None:
    pair = silent_pair
    with serving(pair.environment, tmp_path) as url:
        introduce(pair, url)
        pair.client.v1.customers.create({"name": "Ada"})
        pair.sandbox.settle()
        before = pair.settled(pair.happened())
    pair.client.v1.customers.create({"name": "Bea"})
    pair.sandbox.settle()
    assert pair.states() == {"delivered", "waiting"}
    with serving(pair.environment, tmp_path, url.rpartition(":")[2]):
        pair.sandbox.control("clock", {"advance": DAY, "deliver": True})
        after = pair.settled(pair.happened())
    assert pair.states() == {"delivered"}
    for name, one in before.items():  # what was settled stays, though the list tells of it again
        again = after[name]
        assert (again.body, again.settled_at, again.state) == (one.body, one.settled_at, one.state)
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
    refused = [
        attempt["status"]
        for one in pair.sandbox.control("objects?kind=_delivery")["data"]
        if one["endpoint"] == stranger.id
        for attempt in one["attempts"]
    ]
    assert set(refused) == {400}
    assert [one.deliveries for one in pair.settled(pair.happened()).values()] == [1]
    assert httpx2.post(url, content=b"{}").json()["code"] == "bad_signature"
