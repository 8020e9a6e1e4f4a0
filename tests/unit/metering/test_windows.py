"""When did a payer have a subject, and when was there a resource at all?"""

from datetime import UTC, datetime, timedelta

from tallygate.accounts.payers import Stretch
from tallygate.core.period import Period, to_micros
from tallygate.metering.windows import (
    FOREVER,
    absences_of,
    alike,
    ended_between,
    present,
    share_of,
    windows_of,
    within,
)

START = datetime(2026, 6, 1, tzinfo=UTC)
BASE = to_micros(START)


def hours(start: int, end: int) -> Period:
    return Period(START + timedelta(hours=start), START + timedelta(hours=end))


def span(start: int, end: int) -> tuple[int, int]:
    return BASE + start * 3_600_000_000, BASE + end * 3_600_000_000


def test_stretches_are_cut_to_the_period_and_joined_where_they_touch() -> None:
    stretches = [
        Stretch("a", hours(-5, 2)),
        Stretch("a", hours(8, 30)),
        Stretch("a", hours(2, 4)),
        Stretch("b", hours(24, 30)),
    ]
    windows = windows_of(stretches, hours(0, 24))
    assert windows == {"a": (span(0, 4), span(8, 24))}
    assert share_of(windows["a"], hours(0, 24)) * 24 == 20
    assert share_of(windows["a"], hours(3, 3)) == 0
    assert within(windows, span(3, 9)) == {"a": (span(3, 4), span(8, 9))}
    assert within(windows, span(5, 8)) == {}


def test_subjects_with_the_same_windows_are_asked_for_together() -> None:
    stretches = [Stretch(who, hours(0, 24)) for who in "abc"] + [Stretch("d", hours(1, 24))]
    groups = alike(windows_of(stretches, hours(0, 24)))
    assert groups == {(span(0, 24),): ["a", "b", "c"], (span(1, 24),): ["d"]}


def test_the_absences_of_a_resource_are_the_gaps_between_its_states() -> None:
    lives = [
        ("twice", *span(0, 2)),
        ("twice", *span(2, 5)),
        ("twice", span(8, 8)[0], None),
        ("gone", *span(4, 6)),
        ("gone", *span(1, 4)),
        ("there", span(1, 1)[0], FOREVER),
    ]
    assert absences_of(lives) == {"twice": (span(5, 8),), "gone": ((span(6, 6)[0], None),)}


def test_time_without_the_resource_is_taken_out_of_its_windows() -> None:
    windows = {"a": (span(0, 10), span(20, 30)), "b": (span(0, 10),)}
    absences = {"a": (span(3, 5), (span(9, 9)[0], None)), "b": ((span(-1, 0)[0], None),)}
    assert present(windows, absences) == {"a": (span(0, 3), span(5, 9))}


def test_a_deletion_ends_what_was_read_before_it() -> None:
    [(deleted, created)] = [span(3, 5)]
    absences = ((deleted, created),)
    assert ended_between(absences, deleted - 1, created)
    assert not ended_between(absences, deleted, created), "it is a word of after the deletion"
    assert not ended_between(absences, deleted - 1, deleted - 1)
    assert not ended_between(((deleted, deleted),), deleted - 1, created), "it was never away"
