"""How many lives are lived? A few, or as many as `--lives` says, from the seed `--first` on."""

import pytest

FEW = 3
BREAKDOWNS = 8


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--lives", type=int, default=FEW, help="lives in tests/simulation")
    parser.addoption("--first", type=int, default=0, help="the seed of the first of them")
    parser.addoption(
        "--breakdowns", type=int, default=BREAKDOWNS, help="lives whose invoices are broken down"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        first = int(metafunc.config.getoption("--first", default=0))
        count = int(metafunc.config.getoption("--lives", default=FEW))
        metafunc.parametrize("seed", range(first, first + count))
    if "breakdown_seed" in metafunc.fixturenames:
        first = int(metafunc.config.getoption("--first", default=0))
        count = int(metafunc.config.getoption("--breakdowns", default=BREAKDOWNS))
        metafunc.parametrize("breakdown_seed", range(first, first + count))
