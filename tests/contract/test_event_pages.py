"""The log read backwards says what it says forwards, on both engines."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tallygate.adapters.store import event_pages
from tallygate.adapters.store.event_pages import STREAMS_ONE_BY_ONE
from tallygate.workflows import accounts
from tallygate.workflows.ingest import Incoming, ingest
from tallygate.workflows.installation import Installation

NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
KIND = "usage.report"


@pytest.mark.parametrize("streams", [1, 3, STREAMS_ONE_BY_ONE + 3])
def test_the_newest_are_the_last(
    streams: int, each_installation: Installation, clock: Any
) -> None:
    clock.set(NOW)
    here = each_installation
    mine, other = (accounts.create_organization(here, name) for name in ("Mine", "Other"))
    projects = [
        accounts.create_project(here, mine.id, f"P{number}", tenant=None).id
        for number in range(streams)
    ]
    events = [
        Incoming(f"{project}-{hour}", "test", KIND, project, NOW - hour * HOUR, {"n": hour})
        for project in projects
        for hour in range(4)
    ]
    events.append(Incoming("other", "test", KIND, other.id, NOW, {}))
    events.append(Incoming("kind", "test", "another", projects[0], NOW, {}))
    assert ingest(here, events).accepted == len(events)
    asked: dict[str, Any] = {
        "subjects": [*projects, other.id],
        "types": [KIND],
        "since": NOW - 2 * HOUR,
        "until": NOW,
    }
    with here.store.read() as tx:
        forwards = event_pages.page(tx, mine.id, **asked, limit=1000)
        assert len(forwards) == 2 * streams
        assert event_pages.newest(tx, mine.id, **asked, limit=1000) == forwards[::-1]
        assert event_pages.newest(tx, mine.id, **asked, limit=2) == forwards[:-3:-1]
        assert event_pages.count(tx, mine.id, **asked) == 2 * streams
        found = event_pages.find(tx, [mine.id], "test", f"{projects[0]}-1", projects[0])
        assert found in forwards
        assert event_pages.find(tx, [mine.id], "test", "other", projects[0]) is None
        name = f"{projects[0]}-1"
        assert event_pages.find(tx, [mine.id], "elsewhere", name, projects[0]) is None
        assert event_pages.find(tx, [mine.id], "test", name, other.id) is None
