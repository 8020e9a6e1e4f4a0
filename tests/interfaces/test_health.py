"""Who watches the server sees how the payment provider is, and keeps nobody waiting for it."""

from collections.abc import Iterator
from datetime import timedelta

import httpx2
import pytest
from tests.interfaces.direct import direct_client
from tests.interfaces.world import OPERATOR, START

from tallygate.core.errors import Unreachable
from tallygate.interfaces.api import create_app
from tallygate.testing import FrozenClock
from tallygate.workflows import keys
from tallygate.workflows.accounts import create_organization
from tallygate.workflows.health import Probe
from tallygate.workflows.installation import Installation

NAME = "Stripe (test mode)"


class Provider:
    """Counts how often it is asked, and is away when told."""

    def __init__(self) -> None:
        self.times = 0
        self.away = False

    def ask(self) -> None:
        self.times += 1
        if self.away:
            raise Unreachable("Stripe cannot be reached.")


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def watched(
    installation: Installation, clock: FrozenClock, provider: Provider
) -> Iterator[httpx2.Client]:
    clock.set(START)
    probe = Probe(NAME, provider.ask, lambda: None)
    with direct_client(create_app(installation, operator=OPERATOR, probe=probe)) as client:
        yield client


def test_without_a_provider_nothing_is_said_of_one(client: httpx2.Client) -> None:
    assert client.get("/readyz").json() == client.get("/healthz").json() == {"status": "ok"}
    shown = client.get("/v1/health", headers={"Authorization": f"Bearer {OPERATOR}"}).json()
    assert shown["provider"] is None


def test_readiness_tells_of_the_provider_and_does_not_depend_on_it(
    watched: httpx2.Client, provider: Provider, clock: FrozenClock
) -> None:
    assert watched.get("/readyz").json() == {"status": "ok", "provider": "unknown"}
    assert watched.get("/readyz").json() == {"status": "ok", "provider": "healthy"}
    provider.away = True
    clock.advance(timedelta(minutes=5))
    watched.get("/readyz")
    told = watched.get("/readyz")
    assert told.status_code == 200
    assert told.json() == {"status": "ok", "provider": "unhealthy"}
    for _ in range(100):
        watched.get("/readyz")
        watched.get("/healthz")
    assert provider.times == 2, "it is asked every five minutes, however many watch"


def test_the_platform_sees_the_details(
    watched: httpx2.Client, provider: Provider, clock: FrozenClock
) -> None:
    provider.away = True
    authorized = {"Authorization": f"Bearer {OPERATOR}"}
    shown = watched.get("/v1/health", headers=authorized).json()
    assert shown["now"] == "2026-03-01T00:00:00Z"
    assert shown["database"] == "sqlite"
    assert shown["provider"] == {
        "name": NAME,
        "state": "unhealthy",
        "said": "Stripe cannot be reached.",
        "asked_at": "2026-03-01T00:00:00Z",
    }
    assert shown["waiting"]["webhooks"] == 0
    assert shown["waiting"]["sender"] == "open"
    clock.advance(timedelta(minutes=4))
    provider.away = False
    assert watched.get("/v1/health", headers=authorized).json()["provider"] == shown["provider"]
    assert provider.times == 1


def test_others_do_not(watched: httpx2.Client, installation: Installation) -> None:
    assert watched.get("/v1/health").status_code == 401
    made = create_organization(installation, "Acme")
    key = keys.create_key(installation, organization=made.id, scopes=["read"])
    told = watched.get("/v1/health", headers={"Authorization": f"Bearer {key.text}"})
    assert (told.status_code, told.json()["code"]) == (403, "platform_only")
