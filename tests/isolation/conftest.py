"""The scene, on each engine: it is read and refused only, so it is made once for a file."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.conftest import empty, raw_connection
from tests.isolation.contract import Operation, read_contract
from tests.isolation.matrix import Among, Undone
from tests.isolation.parties import SETTINGS, Scene, open_scene

from tallygate.adapters.store import Store
from tallygate.core.ids import IdSource
from tallygate.testing import FrozenClock, memory_installation, repeatable_bits
from tallygate.workflows.installation import Installation

EACH_WAY = {
    "A's key (write)",
    "the platform's key",
    "nobody",
    "A's viewer",
    "A's developer in a project",
    "B's owner, by the platform",
}
"""Whoever asks in each run: one of each way to ask. `--everybody` has all scopes and roles ask."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--everybody", action="store_true", help="all who may ask in tests/isolation")


@pytest.fixture(scope="session")
def asking(request: pytest.FixtureRequest) -> Among:
    """Who asks in the matrix."""
    everybody = bool(request.config.getoption("--everybody", default=False))
    return lambda asker: everybody or asker.name in EACH_WAY


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """The scene in memory."""
    with (
        memory_installation(FrozenClock(), SETTINGS) as installation,
        open_scene(installation) as opened,
    ):
        yield opened


@pytest.fixture(scope="module")
def postgres_scene(postgres_store: Store) -> Iterator[Scene]:
    """The scene on Postgres."""
    empty(postgres_store)
    clock = FrozenClock()
    ids = IdSource(clock, repeatable_bits())
    bits = repeatable_bits("keys")
    with open_scene(Installation(postgres_store, clock, ids, SETTINGS, bits)) as opened:
        yield opened


@pytest.fixture(scope="module")
def operations(scene: Scene) -> tuple[Operation, ...]:
    """Every operation that the application describes."""
    found, problems = read_contract(scene.document)
    assert not problems, "\n".join(problems)
    return found


@pytest.fixture
def undone(scene: Scene) -> Iterator[Undone]:
    """Makes `with` blocks after which the database in memory is what it was."""
    live, kept = raw_connection(scene.installation.store), sqlite3.connect(":memory:")
    live.backup(kept)

    @contextmanager
    def block() -> Iterator[None]:
        yield
        kept.backup(live)

    yield block
    kept.close()
