"""A price list becomes a version as a whole, with the sums of its meters, or not at all."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tallygate.adapters.store.catalogs import applied_at, latest_catalog, load_catalog
from tallygate.adapters.store.meters import number_of
from tallygate.core.errors import CatalogInvalid, NotFound
from tallygate.core.failpoints import armed
from tallygate.testing import FrozenClock
from tallygate.workflows.installation import Installation
from tallygate.workflows.publish import apply, check, current, propose

EXAMPLES = Path(__file__).parents[2] / "examples"
TEXT = """\
name: shop
currency: usd
meters:
  calls: {event: api.call, aggregation: count}
plans:
  starter:
    prices:
      - {key: base, flat: "29.00", every: month}
"""
DEARER = TEXT.replace("29.00", "31.00")
ANOTHER_METER = TEXT.replace("aggregation: count", "value: tokens, aggregation: sum")


def test_a_text_is_a_version_once(each_installation: Installation, clock: FrozenClock) -> None:
    assert current(each_installation) is None
    assert apply(each_installation, TEXT) == 1
    clock.set(datetime(2026, 2, 1, tzinfo=UTC))
    assert apply(each_installation, TEXT) == 1
    assert apply(each_installation, DEARER) == 2
    assert apply(each_installation, TEXT) == 3
    with each_installation.store.read() as tx:
        first, second = load_catalog(tx, 1), load_catalog(tx, 2)
        assert latest_catalog(tx) == (3, first)
        assert applied_at(tx, 1) == datetime(2026, 1, 1, tzinfo=UTC)
        assert applied_at(tx, 2) == datetime(2026, 2, 1, tzinfo=UTC)
        assert applied_at(tx, 4) is None
        with pytest.raises(NotFound, match="no version 4"):
            load_catalog(tx, 4)
    assert first.plans["starter"].prices != second.plans["starter"].prices


def test_the_meters_of_a_version_are_known_with_it(each_installation: Installation) -> None:
    calls = check(TEXT)[0].meters["calls"]
    tokens = check(ANOTHER_METER)[0].meters["calls"]
    apply(each_installation, TEXT)
    with each_installation.store.read() as tx:
        assert number_of(tx, calls) is not None
        assert number_of(tx, tokens) is None
    apply(each_installation, ANOTHER_METER)
    with each_installation.store.read() as tx:
        assert number_of(tx, tokens) not in {None, number_of(tx, calls)}


def test_what_is_wrong_is_not_stored(installation: Installation) -> None:
    apply(installation, TEXT)
    with pytest.raises(CatalogInvalid, match=r"prices\.yaml:8"):
        apply(installation, TEXT.replace('"29.00"', "29.00"), "prices.yaml")
    found = current(installation)
    assert found is not None
    assert found[0] == 1


def test_a_stop_before_the_commit_leaves_nothing_behind(installation: Installation) -> None:
    with armed("publish.commit.before", stop), pytest.raises(RuntimeError):
        apply(installation, TEXT)
    assert current(installation) is None
    assert apply(installation, DEARER) == 1
    found = current(installation)
    assert found is not None
    assert found[1] == check(DEARER)[0]  # and not the text that was version 1 for a moment


def test_a_stop_after_the_commit_loses_nothing(installation: Installation) -> None:
    with armed("publish.commit.after", stop), pytest.raises(RuntimeError):
        apply(installation, TEXT)
    assert apply(installation, TEXT) == 1


def stop() -> None:
    raise RuntimeError


def test_a_proposal_says_what_would_change_and_changes_nothing(
    installation: Installation,
) -> None:
    first = propose(installation, TEXT)
    assert (first.version, first.is_new) == (1, True)
    assert "+ plans.starter" in first.changes
    apply(installation, TEXT)
    again = propose(installation, TEXT)
    assert (again.version, again.is_new, again.changes) == (1, False, ())
    dearer = propose(installation, DEARER)
    assert (dearer.version, dearer.is_new) == (2, True)
    assert dearer.changes == ("~ plans.starter.prices.base: curve",)
    found = current(installation)
    assert found is not None
    assert found[0] == 1


@pytest.mark.parametrize(
    "path", sorted(EXAMPLES.glob("*/catalog.yaml")), ids=lambda p: p.parent.name
)
def test_the_examples_can_be_applied(
    installation: Installation, path: Path, clock: FrozenClock
) -> None:
    text = path.read_text("utf-8")
    clock.set(datetime(2025, 6, 1, tzinfo=UTC))
    assert propose(installation, text).warnings == ()
    assert apply(installation, text) == 1
    clock.set(datetime(2026, 6, 1, tzinfo=UTC))
    assert len(propose(installation, text).warnings) == (
        1 if path.parent.name == "magic_box" else 0
    )
