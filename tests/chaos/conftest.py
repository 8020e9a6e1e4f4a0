"""How often is the server killed? Five times on each database, or as often as `--kills` says."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.chaos.servers import own_port


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=5, help="kills per database in tests/chaos")


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--kills", default=5))


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
