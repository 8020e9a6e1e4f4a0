"""How much chaos? A short draw in each run of the tests, or as much as the options say.

`--kills`: how often the server is killed, per database; `--deaths`: how often workers are.
`--rounds`: how often each plan against the payment provider is played.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.chaos.places import counted
from tests.chaos.servers import own_port
from tests.chaos.stage import SCENES, Past, Quiet, play_a_month

from tallygate.adapters.store import store_in_memory


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=6, help="kills per database in tests/chaos")
    parser.addoption("--deaths", type=int, default=2, help="of workers, per database")
    parser.addoption("--rounds", type=int, default=1, help="rounds of each plan in tests/chaos")


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--kills", default=6))


@pytest.fixture(scope="session")
def deaths(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--deaths", default=2))


@pytest.fixture(scope="session")
def rounds(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--rounds", default=1))


@pytest.fixture
def port() -> Iterator[int]:
    with own_port() as port:
        yield port


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        make: Callable[[str], str] = request.getfixturevalue("make_database")
        return make("chaos")
    return f"sqlite:///{tmp_path / 'chaos.db'}"


@pytest.fixture(scope="session")
def past() -> Iterator[Past]:
    """A platform at Stripe with a month behind it, to be put back to."""
    store = store_in_memory()
    yield play_a_month(store)
    store.close()


@pytest.fixture(scope="session")
def quiet(past: Past) -> dict[str, Quiet]:
    """What comes of each scene where nothing goes wrong."""
    found: dict[str, Quiet] = {}
    for name, scene in SCENES.items():
        past.prepare(name)
        hits = Counter[str]()
        with counted(hits):
            scene(past)
            past.stage.agree()
        assert past.stage.differ() == []
        found[name] = Quiet(past.stage.every_bill(), hits)
    return found
