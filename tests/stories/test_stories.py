"""Every story of every example is lived through, and comes out as it says."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tallygate.interfaces.cli.demo.story import StoryBroken, live_through, read_story

ROOT = Path(__file__).parents[2]
STORIES = sorted((ROOT / "examples").glob("*/stories/*.yaml"))
NEEDS_NO_STRIPE = {"A3", "B1", "B8", "C5", "D1", "D3", "D7", "D8", "D9"}


@pytest.mark.parametrize("path", STORIES, ids=lambda path: f"{path.parts[-3]}/{path.stem}")
def test_a_story_comes_out_as_it_says(path: Path) -> None:
    telling = live_through(read_story(path))
    assert telling.invoices
    for invoice in telling.invoices:
        assert invoice.total == sum(line.net for line in invoice.lines)


def test_every_row_that_needs_no_payment_provider_is_shown_by_a_story() -> None:
    assert {row for path in STORIES for row in read_story(path).shows} >= NEEDS_NO_STRIPE


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda then: {**then[0], "total": "44.01"}, "total should be 44.01, and is 44.00"),
        (lambda then: {**then[0], "lines": {}}, "lines should be"),
    ],
)
def test_a_wrong_outcome_breaks_the_story(change: Any, said: str) -> None:
    story = read_story(ROOT / "examples/iotistic/stories/eight_devices.yaml")
    steps: list[Mapping[str, Any]] = list(story.steps)
    place = next(i for i, step in enumerate(steps) if "close" in step and len(step["then"]) == 2)
    place += 1 + next(i for i, step in enumerate(steps[place + 1 :]) if "close" in step)
    then = steps[place]["then"]
    steps[place] = {**steps[place], "then": [change(then), *then[1:]]}
    broken = type(story)(story.title, story.shows, tuple(steps), story.folder, story.name)
    with pytest.raises(StoryBroken, match=said):
        live_through(broken)
