"""What do the tests of the interfaces talk to?

One application, two tenants, all scopes; and commands, each in a folder with a catalog.
"""

import io
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from tests.interfaces.commands import Done, Drawn, Run
from tests.interfaces.direct import direct_client
from tests.interfaces.exporter import CATALOG as DEVICES
from tests.interfaces.exporter import GUIDE
from tests.interfaces.shop import CATALOG as SHOP_CATALOG
from tests.interfaces.shop import PLATFORM_KEY, SETTINGS, Shop
from tests.interfaces.world import CATALOG, OPERATOR, START, World, make_world
from tests.workflows.trade import Trade

from tallygate.interfaces.api import create_app
from tallygate.interfaces.cli import main
from tallygate.testing import FrozenClock, memory_installation
from tallygate.workflows import publish
from tallygate.workflows.installation import Installation
from tallygate_sandbox.testing import running_sandbox


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-value", action="store_true", help="all odd values at each place")


@pytest.fixture
def drawn(request: pytest.FixtureRequest) -> Drawn:
    """What the so-manieth place is asked with: a third of all; all with `--every-value`."""
    everything = bool(request.config.getoption("--every-value", default=False))
    return lambda all_, number: all_ if everything else all_[number % 3 :: 3]


@pytest.fixture
def client(installation: Installation, clock: FrozenClock) -> Iterator[httpx2.Client]:
    clock.set(START)
    app = create_app(installation, operator=OPERATOR)
    with direct_client(app) as opened:
        yield opened


@pytest.fixture(scope="module")
def shared_world() -> Iterator[World]:
    """A world for requests that are all refused or only look."""
    clock = FrozenClock(START)
    with memory_installation(clock) as installation:
        app = create_app(installation, operator=OPERATOR)
        with direct_client(app) as opened:
            yield make_world(installation, clock, opened)


@pytest.fixture
def world(installation: Installation, clock: FrozenClock, client: httpx2.Client) -> World:
    return make_world(installation, clock, client)


@pytest.fixture
def guided(world: World) -> World:
    """The IoT platform's price list, and the guide's customer, on Starter."""
    publish.apply(world.installation, DEVICES.read_text("utf-8"))
    body = {"name": "Greenhouses", "external_id": GUIDE["customer_id"]}
    made = world.platform.ok("POST", "/v1/organizations", body)
    begun = {"billing_account": made["billing_account"], "plan": "starter", "trial": False}
    world.platform.ok("POST", "/v1/subscriptions", begun)
    return world


@pytest.fixture
def environment(tmp_path: Path, sqlite_file: Path) -> dict[str, str]:
    """The settings of commands, with a price list and a migrated, empty database."""
    shutil.copy(sqlite_file, tmp_path / "billing.db")
    # A process is to run the code that is tested, and as much compiled as it is.
    names = ("PATH", "HOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    (tmp_path / "catalog.yaml").write_text(CATALOG, "utf-8")
    return kept | {
        "TALLYGATE_DATABASE_URL": f"sqlite:///{tmp_path}/billing.db",
        "TALLYGATE_CATALOG": str(tmp_path / "catalog.yaml"),
    }


@pytest.fixture
def no_database(environment: dict[str, str], tmp_path: Path) -> None:
    """As it is before the first command of all."""
    (tmp_path / "billing.db").unlink()


@pytest.fixture
def run(
    tmp_path: Path,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Runs a command in this process, which spares it loading everything each time."""
    monkeypatch.chdir(tmp_path)
    ours = ("TALLYGATE_", "STRIPE_")
    for name in [name for name in os.environ if name.startswith(ours)]:
        monkeypatch.delenv(name)

    def command(
        *words: str, code: int = 0, env: dict[str, str] | None = None, stdin: str = ""
    ) -> Done:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (environment | (env or {})).items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["tallygate", *words])
            patch.setattr(sys, "stdin", io.StringIO(stdin))
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
        printed = capsys.readouterr()
        done = Done(ended.value.code or 0, printed.out, printed.err)  # type: ignore[arg-type]  # our codes are numbers
        assert done.code == code, f"{words}: {done}"
        return done

    return command


@contextmanager
def open_shop() -> Iterator[Shop]:
    clock = FrozenClock()
    with (
        running_sandbox(frozen=int(clock.now().timestamp())) as sandbox,
        memory_installation(clock, SETTINGS) as installation,
    ):
        trade = Trade(installation, sandbox, SHOP_CATALOG)
        app = create_app(installation, operator=PLATFORM_KEY, books=trade.books)
        with direct_client(app) as opened:
            yield Shop(installation, sandbox, opened, trade)


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A shop whose customers pay at a local Stripe."""
    with open_shop() as opened:
        yield opened


@pytest.fixture(scope="module")
def idle_shop() -> Iterator[Shop]:
    """A shop for requests that are all refused."""
    with open_shop() as opened:
        yield opened
