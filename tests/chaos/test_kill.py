"""Does anything that was acknowledged get lost, or counted twice, when the server is killed?

The real server, over a real database, is killed with -9 again and again while clients send and
retry: when some more events were acknowledged, or exactly at one of the places where a
transaction begins, commits or is acknowledged. After each kill the log must hold every
acknowledged event once, and the sums must equal the log. A server that answers before it commits
has to be found by the same check.
"""

import random
import signal
from functools import partial
from pathlib import Path

from tests.chaos.crowd import PATIENCE, Crowd
from tests.chaos.servers import furnish, server, wait_until

from tallygate.adapters.store import open_store
from tallygate.adapters.store.audit import count_differences
from tallygate.adapters.store.bulk import rows_at_once
from tallygate.adapters.store.events import read_content

PLACES = (
    "",
    "ingest.insert.before",
    "ingest.insert.after",
    "ingest.commit.before",
    "ingest.commit.after",
    "ingest.acknowledge.before",
)


def look(url: str, acknowledged: dict[str, int]) -> tuple[list[str], list[str], int]:
    """What was lost, what is there more than once, and how many sums differ from the log."""
    store = open_store(url)
    try:
        with store.read() as tx:
            rows = rows_at_once(tx, ("id", "content"), "FROM events", ())
            differences = count_differences(tx)
    finally:
        store.close()
    kept = {str(name): int(read_content(str(content))["tokens"]) for name, content in rows}
    lost = [name for name, tokens in acknowledged.items() if kept.get(name) != tokens]
    doubled = [] if len(kept) == len(rows) else [str(row[0]) for row in rows]
    return lost, doubled, differences


def test_a_killed_server_loses_nothing_and_counts_nothing_twice(
    url: str, port: int, tmp_path: Path, kills: int
) -> None:
    chance = random.Random(kills)  # noqa: S311 replayed by its seed
    key = furnish(url)
    with Crowd(port, key) as crowd:
        for number in range(kills):
            place = PLACES[number % len(PLACES)]
            kill = f"{place} {chance.randrange(1, 40)}" if place else ""
            with server(url, port, tmp_path / "groups", kill=kill) as process:
                if not place:
                    aim = len(crowd.known()) + chance.randrange(20, 400)
                    wait_until(partial(crowd.reached, aim), process)
                    process.kill()
                process.wait(PATIENCE)
            assert process.returncode == -signal.SIGKILL
            lost, doubled, differences = look(url, crowd.known())
            assert (lost, doubled, differences) == ([], [], 0), (
                f"kill {number} at {place or 'any'}"
            )
    assert not crowd.problems, crowd.problems[:3]
    assert len(crowd.acknowledged) >= kills


def test_an_acknowledgement_before_the_commit_is_found(
    url: str, port: int, tmp_path: Path
) -> None:
    key = furnish(url)
    for attempt in range(10):
        crowd = Crowd(port, key, seed=attempt + 2)
        with server(url, port, tmp_path / "groups", kind="hasty") as process, crowd:
            wait_until(partial(crowd.reached, 50), process)
            process.kill()
            process.wait()
        lost, _, _ = look(url, crowd.known())
        if lost:
            return
    raise AssertionError("a server that answers too early was not found out")
