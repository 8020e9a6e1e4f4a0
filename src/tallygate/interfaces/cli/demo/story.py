"""What is a story, and how is one lived through?

A story is a dated list of what happens and what must come of it: a YAML file beside a catalog.
It runs on an installation in memory whose clock stands where the story puts it, through the same
workflows as everything else; events go through the decoder of the API. A step whose outcome is
not the stated one breaks the story, with what was expected and what came.

The verbs: organization, project, member, leave, billing_account, payer (of a project), resource,
setup (what is missing on the way to a resource), quote (what one would cost), breakdown (of an
invoice), subscribe, foresee (the preview of a change), change, cancel, resume, events, reports
(one event, repeated at an interval), import (a file in a source's own format), preview, close. A
step is about an `organization`, or about an `account` of its own. Amounts are written in the main
unit, as text; `lines` gives the sum of the lines of each price.

Where a story says `through: stripe`, its customers pay at a local Stripe, and `at` lets time pass
on both sides. They buy, use a payment link, change their card, pay, authenticate and end
(`portal_end`); status, told, reported, sync, invoices and reconcile are verbs too.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import date, datetime
from typing import Any

from tallygate.core.errors import Refused
from tallygate.core.period import instant_text
from tallygate.interfaces.cli.demo.telling import (
    Outcome,
    Story,
    StoryBroken,
    Telling,
    instant,
    read_story,
)
from tallygate.interfaces.cli.demo.verbs import VERBS, summary
from tallygate.testing import FrozenClock, memory_installation
from tallygate.workflows import publish
from tallygate.workflows.installation import Settings

__all__ = ["Story", "StoryBroken", "Telling", "live_through", "read_story", "summary"]


def live_through(
    story: Story,
    tell: Callable[[Mapping[str, Any], Outcome], None] = lambda _step, _outcome: None,
    sandbox: str | None = None,
) -> Telling:
    """Live through a story in memory; gives what came of it.

    `sandbox` is the address of a local Stripe that nobody else uses; left out, a story that needs
    one starts it.

    Raises:
        StoryBroken: a step came out otherwise than stated.
    """
    clock = FrozenClock(instant(story.steps[0]["at"]))
    with ExitStack() as opened:
        installation = opened.enter_context(
            memory_installation(
                clock, Settings(sync_every=story.sync, collects=story.through is not None)
            )
        )
        catalog = story.folder / "catalog.yaml"
        publish.apply(installation, catalog.read_text("utf-8"), catalog.name)
        telling = Telling(story, installation, clock)
        if story.through == "stripe":
            from tallygate.interfaces.cli.demo import till

            url = sandbox or opened.enter_context(till.own_sandbox(clock.now()))
            telling.till = opened.enter_context(till.open_till(installation, clock, url))
        for number, step in enumerate(story.steps, 1):
            if "at" in step:
                telling.go(instant(step["at"]))
            outcome = _take(telling, step)
            _compare(f"{story.name}, step {number}", step, outcome)
            tell(step, outcome)
        return telling


def _take(telling: Telling, step: Mapping[str, Any]) -> Outcome:
    [verb] = [key for key in step if key not in {"at", "then"}]
    try:
        return VERBS[verb](telling, step[verb] or {})
    except Refused as refusal:
        return {"refused": str(refusal)}


def _compare(place: str, step: Mapping[str, Any], outcome: Outcome) -> None:
    """Hold the outcome to what the step states; what it leaves unsaid may be anything.

    A refusal that is not stated breaks the story, and so do more or fewer invoices.
    """
    stated = step.get("then", {})
    if isinstance(outcome, Mapping) and "refused" in outcome and "refused" not in stated:
        raise StoryBroken(f"{place}: {outcome['refused']}")
    if isinstance(outcome, list) != isinstance(stated, list) and "then" in step:
        raise StoryBroken(f"{place}: expected {stated}, came {outcome}")
    if isinstance(stated, list):
        assert isinstance(outcome, list)
        if len(stated) != len(outcome):
            raise StoryBroken(f"{place}: expected {len(stated)} invoices, came {outcome}")
        for wanted, came in zip(stated, outcome, strict=True):
            _agree(place, wanted, came)
    elif isinstance(outcome, Mapping):
        _agree(place, stated, outcome)


def _agree(place: str, stated: Mapping[str, Any], came: Mapping[str, Any]) -> None:
    for name, said in stated.items():
        wanted, found = _as_text(said), came.get(name)
        agrees = wanted in str(found) if name == "refused" else wanted == found
        if not agrees:
            raise StoryBroken(f"{place}: {name} should be {wanted}, and is {found}")


def _as_text(said: Any) -> Any:
    """What YAML takes for an instant or a day is text in an outcome."""
    if isinstance(said, list):
        return [_as_text(one) for one in said]
    if isinstance(said, datetime):
        return instant_text(instant(said))
    return said.isoformat() if isinstance(said, date) else said
