"""What do the tests of the interfaces talk to? One application, two tenants, all scopes."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient
from tests.interfaces.world import OPERATOR, START, World, make_world

from tallygate.interfaces.api import create_app
from tallygate.testing import FrozenClock, memory_installation
from tallygate.workflows.installation import Installation


@pytest.fixture
def client(installation: Installation, clock: FrozenClock) -> Iterator[TestClient]:
    clock.set(START)
    app = create_app(installation, operator=OPERATOR)
    with TestClient(app, raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def shared_world() -> Iterator[World]:
    """A world for requests that are all refused or only look."""
    clock = FrozenClock(START)
    with memory_installation(clock) as installation:
        app = create_app(installation, operator=OPERATOR)
        with TestClient(app, raise_server_exceptions=False) as opened:
            yield make_world(installation, clock, opened)


@pytest.fixture
def world(installation: Installation, clock: FrozenClock, client: TestClient) -> World:
    return make_world(installation, clock, client)
