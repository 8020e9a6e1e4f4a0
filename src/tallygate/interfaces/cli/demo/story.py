"""What is a story, and how is one lived through?

A story is a dated list of what happens and what must come of it: a YAML file beside a catalog.
It runs on an installation in memory whose clock stands where the story puts it, through the same
workflows as everything else; events go through the decoder of the API. A step whose outcome is
not the stated one breaks the story, with what was expected and what came.

The verbs: organization, project, member, subscribe, change, cancel, events, reports (one event,
repeated at an interval), import (a file in a source's own format), preview, close. Amounts are
written in the main unit, as text; `lines` gives the sum of the lines of each price.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from tallygate.core.errors import Refused, TallygateError
from tallygate.core.money import main_units
from tallygate.core.period import instant_text, parse_instant
from tallygate.interfaces.api.event_wire import decode
from tallygate.interfaces.cli.demo.sources import READERS
from tallygate.invoicing.model import Invoice
from tallygate.subscriptions import status
from tallygate.testing import FrozenClock, memory_installation
from tallygate.workflows import accounts, publish
from tallygate.workflows.change import cancel, change_plan
from tallygate.workflows.close import close_due
from tallygate.workflows.ingest import Verdicts, write_group
from tallygate.workflows.installation import Installation
from tallygate.workflows.preview import preview
from tallygate.workflows.subscribe import subscribe

Outcome = Mapping[str, Any] | list[Mapping[str, Any]]

BATCH = 5000


class StoryBroken(TallygateError):
    """A step came out otherwise than the story says."""

    code = "story_broken"


@dataclass(frozen=True, slots=True)
class Story:
    """A title, the seed rows that it shows, and its steps. `folder` is the example's."""

    title: str
    shows: tuple[str, ...]
    steps: tuple[Mapping[str, Any], ...]
    folder: Path
    name: str


@dataclass(slots=True)
class Telling:
    """What came of a story so far."""

    story: Story
    installation: Installation
    clock: FrozenClock
    subscriptions: dict[str, str] = field(default_factory=dict)
    invoices: list[Invoice] = field(default_factory=list)
    events: int = 0
    organizations: dict[str, str] = field(default_factory=dict)


def read_story(path: Path) -> Story:
    """Read a story; its example's folder is the one above `stories`."""
    told = yaml.safe_load(path.read_text("utf-8"))
    return Story(
        title=told["title"],
        shows=tuple(told.get("shows", ())),
        steps=tuple(told["steps"]),
        folder=path.parent.parent,
        name=path.stem,
    )


def live_through(
    story: Story, tell: Callable[[Mapping[str, Any], Outcome], None] = lambda _step, _outcome: None
) -> Telling:
    """Live through a story in memory; gives what came of it.

    Raises:
        StoryBroken: a step came out otherwise than stated.
    """
    clock = FrozenClock(_instant(story.steps[0]["at"]))
    with memory_installation(clock) as installation:
        catalog = story.folder / "catalog.yaml"
        publish.apply(installation, catalog.read_text("utf-8"), catalog.name)
        telling = Telling(story, installation, clock)
        for number, step in enumerate(story.steps, 1):
            if "at" in step:
                clock.set(_instant(step["at"]))
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


def _organization(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    made = accounts.create_organization(
        telling.installation, asked["name"], external_id=asked["id"]
    )
    telling.organizations[asked["id"]] = made.id
    return {"id": made.id}


def _project(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    owner = telling.organizations[asked["organization"]]
    made = accounts.create_project(
        telling.installation, owner, asked["name"], tenant=owner, external_id=asked["id"]
    )
    return {"id": made.id}


def _member(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    owner = telling.organizations[asked["organization"]]
    made = accounts.add_member(
        telling.installation, owner, asked["person"], asked["role"], tenant=owner
    )
    return {"id": made.id}


def _subscribe(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    installation, name = telling.installation, asked["organization"]
    with installation.store.read() as tx:
        account = accounts.locate_account(tx, name, None)
    made, invoice = subscribe(
        installation,
        account.id,
        asked["plan"],
        interval=asked.get("interval"),
        currency=asked.get("currency"),
        coupons=asked.get("coupons", ()),
    )
    telling.subscriptions[name] = made.id
    return {"status": status(made, telling.clock.now())} | _billed(telling, invoice)


def _change(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    changed = change_plan(
        telling.installation,
        telling.subscriptions[asked["organization"]],
        asked["plan"],
        asked.get("interval"),
        when=asked.get("when", "default"),
    )
    effective = {"effective": instant_text(changed.effective)}
    return effective | _billed(telling, changed.invoice)


def _cancel(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    ended = cancel(
        telling.installation,
        telling.subscriptions[asked["organization"]],
        now=asked.get("now", False),
        refund=asked.get("refund", False),
    )
    return {"status": status(ended, telling.clock.now())}


def _events(telling: Telling, asked: Sequence[Mapping[str, Any]]) -> Outcome:
    return _send(telling, [_envelope(event) for event in asked])


def _reports(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    """The same event again and again, each with the identity of its instant."""
    kind, subject = asked["type"], asked["subject"]
    return _send(
        telling,
        [
            _envelope(
                {
                    "id": f"{kind}-{subject}-{instant_text(at)}",
                    "type": kind,
                    "subject": subject,
                    "time": at,
                    "data": asked["data"],
                }
            )
            for at in _instants(asked)
        ],
    )


def _import(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    return _send(telling, list(READERS[asked["reader"]](telling.story.folder / asked["file"])))


def _preview(telling: Telling, asked: Mapping[str, Any]) -> Outcome:
    found = preview(telling.installation, telling.subscriptions[asked["organization"]])
    return summary(found, asked["organization"])


def _close(telling: Telling, _asked: Mapping[str, Any]) -> Outcome:
    made = close_due(telling.installation)
    telling.invoices += made
    names = {id_: name for name, id_ in telling.organizations.items()}
    return [summary(invoice, names[invoice.organization]) for invoice in made]


VERBS: dict[str, Callable[[Telling, Any], Outcome]] = {
    "organization": _organization,
    "project": _project,
    "member": _member,
    "subscribe": _subscribe,
    "change": _change,
    "cancel": _cancel,
    "events": _events,
    "reports": _reports,
    "import": _import,
    "preview": _preview,
    "close": _close,
}


def summary(invoice: Invoice, organization: str) -> dict[str, Any]:
    """An invoice in the terms of a story."""
    lines: dict[str, int] = {}
    for line in invoice.lines:
        lines[line.price] = lines.get(line.price, 0) + line.amount
    return {
        "organization": organization,
        "lines": {price: _main(amount, invoice) for price, amount in lines.items()},
        "discount": _main(invoice.discount, invoice),
        "total": _main(invoice.total, invoice),
    }


def _billed(telling: Telling, invoice: Invoice | None) -> dict[str, Any]:
    if invoice is None:
        return {}
    telling.invoices.append(invoice)
    return summary(invoice, "")


def _main(amount: int, invoice: Invoice) -> str:
    return str(main_units(amount, invoice.currency))


def _send(telling: Telling, events: Sequence[Mapping[str, Any]]) -> Outcome:
    total = Verdicts()
    limit = telling.installation.settings.max_batch
    for start in range(0, len(events), BATCH):
        body = json.dumps(events[start : start + BATCH]).encode()
        batch = decode(body, "application/cloudevents-batch+json", None, limit)
        [verdicts] = write_group(telling.installation, [batch])
        total.accepted += verdicts.accepted
        total.duplicates += verdicts.duplicates
        total.conflicts += verdicts.conflicts
        total.rejected += verdicts.rejected
    if total.rejected:
        raise StoryBroken(f"{telling.story.name}: an event was rejected: {total.rejected[0]}")
    telling.events += total.accepted
    return {
        "accepted": total.accepted,
        "duplicates": total.duplicates,
        "conflicts": len(total.conflicts),
    }


def _envelope(event: Mapping[str, Any]) -> dict[str, Any]:
    told = dict(event)
    told["time"] = instant_text(_instant(told["time"]))
    return {"specversion": "1.0", "source": "story", **told}


def _instants(asked: Mapping[str, Any]) -> Iterator[datetime]:
    at, until = _instant(asked["from"]), _instant(asked["until"])
    every = timedelta(hours=int(asked["every"].removesuffix("h")))
    while at < until:
        yield at
        at += every


def _instant(written: datetime | str) -> datetime:
    if isinstance(written, str):
        return parse_instant(written)
    return written.replace(tzinfo=UTC) if written.tzinfo is None else written.astimezone(UTC)


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
    for name, wanted in stated.items():
        found = came.get(name)
        agrees = wanted in str(found) if name == "refused" else wanted == found
        if not agrees:
            raise StoryBroken(f"{place}: {name} should be {wanted}, and is {found}")
