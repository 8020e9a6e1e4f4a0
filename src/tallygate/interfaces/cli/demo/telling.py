"""What is a story, and what has come of it so far?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tallygate.adapters.store import subscriptions
from tallygate.core.errors import TallygateError
from tallygate.core.period import parse_instant
from tallygate.invoicing.model import Invoice
from tallygate.testing import FrozenClock
from tallygate.workflows import accounts
from tallygate.workflows.installation import Cadence, Installation

if TYPE_CHECKING:
    from tallygate.interfaces.cli.demo.till import Till

Outcome = Mapping[str, Any] | list[dict[str, Any]]


class StoryBroken(TallygateError):
    """A step came out otherwise than the story says."""

    code = "story_broken"


@dataclass(frozen=True, slots=True)
class Story:
    """A title, the seed rows that it shows, and its steps. `folder` is the example's.

    `through` names the payment provider that its customers pay at, if there is one; `sync` says
    how often usage is reported to it.
    """

    title: str
    shows: tuple[str, ...]
    steps: tuple[Mapping[str, Any], ...]
    folder: Path
    name: str
    through: str | None = None
    sync: Cadence = "hourly"


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
    till: "Till | None" = None

    def go(self, to: datetime) -> None:
        """Let time pass, on all sides."""
        if self.till is None:
            self.clock.set(to)
        else:
            self.till.go(to)

    def account(self, name: str) -> str:
        """The billing account of an organization, or one of its own external id."""
        with self.installation.store.read() as tx:
            return accounts.locate_account(tx, name, None).id

    def subscription(self, name: str) -> str:
        """The latest subscription of an organization."""
        with self.installation.store.read() as tx:
            account = accounts.locate_account(tx, name, None).id
            return subscriptions.of_account(tx, account)[-1].id


def read_story(path: Path) -> Story:
    """Read a story; its example's folder is the one above `stories`."""
    told = yaml.safe_load(path.read_text("utf-8"))
    return Story(
        title=told["title"],
        shows=tuple(told.get("shows", ())),
        steps=tuple(told["steps"]),
        folder=path.parent.parent,
        name=path.stem,
        through=told.get("through"),
        sync=told.get("sync", "hourly"),
    )


def instant(written: datetime | str) -> datetime:
    """An instant as YAML or a person writes it; without a zone it is UTC."""
    if isinstance(written, str):
        return parse_instant(written)
    return written.replace(tzinfo=UTC) if written.tzinfo is None else written.astimezone(UTC)
