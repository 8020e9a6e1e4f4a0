"""What a platform's own tests are given behaves the same in every run."""

from datetime import UTC, datetime, timedelta

from tallygate.testing import START, FrozenClock, memory_installation, repeatable_bits
from tallygate.workflows.accounts import create_organization


def test_time_moves_when_told() -> None:
    clock = FrozenClock()
    assert clock.now() == clock.now() == START
    clock.advance(timedelta(hours=1))
    assert clock.now() == START + timedelta(hours=1)
    clock.set(datetime(2025, 1, 1, tzinfo=UTC))
    assert clock.now().year == 2025


def test_two_runs_make_the_same_ids_in_rising_order() -> None:
    runs = []
    for _ in range(2):
        with memory_installation() as installation:
            names = [create_organization(installation, f"O{n}").id for n in range(20)]
        assert names == sorted(names)
        assert len(set(names)) == 20
        runs.append(names)
    assert runs[0] == runs[1]
    with memory_installation(seed="another") as installation:
        assert create_organization(installation, "O0").id != runs[0][0]


def test_bits_have_the_length_that_was_asked_for() -> None:
    bits = repeatable_bits()
    for count in (1, 8, 40, 74, 256):
        assert all(0 <= bits(count) < 1 << count for _ in range(50))
