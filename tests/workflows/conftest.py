"""A platform in a few words: tenants, usage, and the passing of time."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.workflows.metered_world import MeteredWorld
from tests.workflows.stripe_account import START, Account
from tests.workflows.two_tenants import Two

from tallygate.invoicing.model import Invoice
from tallygate.testing import FrozenClock
from tallygate.workflows.accounts import create_organization
from tallygate.workflows.close import close_due
from tallygate.workflows.ingest import Incoming, ingest
from tallygate.workflows.installation import Installation
from tallygate.workflows.publish import apply
from tallygate.workflows.subscribe import subscribe
from tallygate_sandbox.testing import running_sandbox


class Platform:
    """What a platform's operator does, with a clock that moves when told."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        assert isinstance(installation.clock, FrozenClock)
        self.clock = installation.clock
        self._sent = 0

    def publish(self, text: str) -> int:
        return apply(self.installation, text)

    def tenant(self, name: str = "acme") -> Any:
        return create_organization(self.installation, name, external_id=name)

    def subscribed(self, plan: str, name: str = "acme", **terms: Any) -> Any:
        """A tenant with a subscription."""
        account = self.tenant(name).billing_account
        return subscribe(self.installation, account, plan, **terms)[0]

    def send(
        self, kind: str, at: datetime, fields: Mapping[str, Any], subject: str = "acme"
    ) -> None:
        """An event, arriving now."""
        self._sent += 1
        event = Incoming(
            id=f"event-{self._sent}",
            source="test",
            type=kind,
            subject=subject,
            time=at,
            data={k: Decimal(v) if isinstance(v, int) else v for k, v in fields.items()},
        )
        verdicts = ingest(self.installation, [event])
        assert verdicts.accepted == 1, verdicts

    def close(self, at: datetime | None = None, **more: Any) -> list[Invoice]:
        """Move the clock to half an hour after an instant, and close what is due."""
        if at is not None:
            self.clock.set(at + timedelta(minutes=30))
        return close_due(self.installation, **more)


@pytest.fixture
def account(installation: Installation) -> Iterator[Account]:
    """An account at a local Stripe, which the installation publishes to."""
    with running_sandbox(frozen=START) as sandbox:
        yield Account(installation, sandbox)


@pytest.fixture
def platform(installation: Installation) -> Platform:
    """A platform on a store in memory."""
    return Platform(installation)


@pytest.fixture
def each_platform(each_installation: Installation) -> Platform:
    """A platform on each engine."""
    return Platform(each_installation)


@pytest.fixture
def metered(installation: Installation) -> Iterator[MeteredWorld]:
    """A platform whose usage a local Stripe bills."""
    with running_sandbox(frozen=START) as sandbox:
        yield MeteredWorld(installation, sandbox)


@pytest.fixture
def two(platform: Platform) -> Two:
    """Two organizations that may hand each other a project."""
    return Two(platform)
