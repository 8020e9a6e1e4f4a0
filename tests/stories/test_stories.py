"""Every story of every example is lived through, and comes out as it says."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from stripe import StripeClient

from tallygate.interfaces.cli.demo.story import Story, StoryBroken, live_through, read_story
from tallygate.interfaces.cli.demo.telling import instant
from tallygate.interfaces.cli.demo.year import STORY, live_a_year, show_years
from tallygate_sandbox.testing import running_sandbox

ROOT = Path(__file__).parents[2]
STORIES = sorted((ROOT / "examples").glob("*/stories/*.yaml"))
YEARS = [path for path in STORIES if path.stem == STORY]
IN_MEMORY = [path for path in STORIES if path.stem != STORY]
SHOWN = {
    *("A1", "A2", "A3", "A5", "A7", "A10"),
    *("B1", "B2", "B4", "B5", "B8", "B9", "B10"),
    *("C3", "C5", "C13"),
    *("D1", "D3", "D4", "D7", "D8", "D9", "D10"),
    *("E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8", "E9", "E11", "E12"),
}
"""The rows of the platforms' own documents that a story shows; other tests name the others."""


def named(path: Path) -> str:
    return f"{path.parts[-3]}/{path.stem}"


def begins(story: Story) -> int:
    return int(instant(story.steps[0]["at"]).timestamp())


@pytest.mark.parametrize("path", IN_MEMORY, ids=named)
def test_a_story_comes_out_as_it_says(path: Path) -> None:
    telling = live_through(read_story(path))
    assert telling.invoices
    for invoice in telling.invoices:
        assert invoice.total == sum(line.net for line in invoice.lines)


@pytest.mark.parametrize("path", YEARS, ids=named)
def test_a_year_at_stripe_comes_out_as_it_says_and_both_sides_agree(path: Path) -> None:
    with running_sandbox(frozen=begins(read_story(path))) as sandbox:
        year = live_a_year(path.parent.parent, sandbox.url)
    assert (year["differ"], year["accounts"] > 0) == (0, True)
    invoices = [row for row in year["rows"] if "ours" in row]
    assert len(invoices) > 12
    for row in invoices:
        assert (row["there"], row["state"]) == (row["total"], "paid"), row


def test_each_platform_lives_through_a_year() -> None:
    assert len(YEARS) == len({path.parts[-3] for path in STORIES}) == 5


def test_the_rows_that_the_stories_show_are_these() -> None:
    assert {row for path in STORIES for row in read_story(path).shows} == SHOWN


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
    with pytest.raises(StoryBroken, match=said):
        live_through(replace(story, steps=tuple(steps)))


Steps = tuple[Mapping[str, Any], ...]

A_MONTH: Steps = (
    {"at": "2026-01-01T00:00:00Z", "organization": {"id": "nova", "name": "Nova"}},
    {"buy": {"organization": "nova", "plan": "starter"}, "then": {"status": "active"}},
    {"at": "2026-02-01T00:00:00Z", "status": {"organization": "nova"}},
)
AND_THEN: Steps = (
    {
        "at": "2026-02-01T02:30:00Z",
        "invoices": {"organization": "nova", "since": "2026-02-01T00:00:00Z"},
        "then": [{"total": "99.00", "state": "paid"}],
    },
    {"at": "2026-02-01T02:30:00Z", "reconcile": None, "then": {"accounts": 1, "differ": 0}},
)


def live_a_month(and_then: Steps, behind_our_back: Callable[[Any], object]) -> None:
    """Live through a month; what is behind our back happens once its renewal is drafted."""
    folder = ROOT / "examples/magic_box"
    story = Story("A month", (), (*A_MONTH, *and_then), folder, "a_month", "stripe")
    with running_sandbox(frozen=begins(story)) as sandbox:
        client = StripeClient("sk_test_story", base_addresses=sandbox.addresses)

        def tell(step: Mapping[str, Any], _outcome: object) -> None:
            if "status" in step:
                behind_our_back(client.v1)

        live_through(story, tell, sandbox.url)


def put_a_cent_on_the_draft(v1: Any) -> None:
    [draft] = v1.invoices.list({"status": "draft"}).data
    item = {"customer": draft.customer, "invoice": draft.id, "amount": 1, "currency": "eur"}
    v1.invoice_items.create(item)


def test_a_month_at_stripe_that_nobody_disturbs_comes_out() -> None:
    live_a_month(AND_THEN, lambda _v1: None)


@pytest.mark.parametrize(
    ("look", "said"),
    [
        (AND_THEN[0], "state should be paid, and is held"),
        (AND_THEN[1], "differ should be 0, and is 1"),
    ],
    ids=["invoices", "reconcile"],
)
def test_a_cent_that_is_added_at_stripe_behind_our_back_breaks_the_story(
    look: Mapping[str, Any], said: str
) -> None:
    with pytest.raises(StoryBroken, match=said):
        live_a_month((look,), put_a_cent_on_the_draft)


def test_a_year_is_shown_with_both_sums_and_in_what_they_differ(
    capsys: pytest.CaptureFixture[str],
) -> None:
    paid = {"date": "2026-02-01", "customer": "nova", "what": "renewal: starter", "state": "paid"}
    sums = {"total": "99.00", "there": "98.99", "ours": "99.00 EUR", "stripes": "98.99 EUR"}
    nothing = {"total": "0.00", "there": "0.00", "ours": "0.00 EUR", "stripes": "0.00 EUR"}
    lived: Future[dict[str, Any]] = Future()
    rows = [paid | sums, paid | nothing]
    year = {"title": "A year", "rows": rows, "accounts": 1, "differ": 1}
    lived.set_result(year)
    assert show_years({"magic_box": lived}, quiet=True) == {"magic_box": year}
    assert capsys.readouterr().out == ""
    show_years({"magic_box": lived}, quiet=False)
    shown = capsys.readouterr().out
    [row] = [line for line in shown.splitlines() if "renewal" in line]
    assert row.split() == [
        "2026-02-01",
        "nova",
        "renewal:",
        "starter",
        "99.00",
        "EUR",
        "98.99",
        "EUR",
        "paid",
    ]
    assert shown.splitlines()[-1] == (
        "Stripe and Tallygate differ by 1: 2 invoices (1 of them over 0.00, not shown) "
        "of 1 customers."
    )
