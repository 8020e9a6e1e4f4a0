"""What does an event look like on its way in, from the wire to its verdict?"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tallygate.accounts.model import Home
from tallygate.adapters.store.meters import ActiveMeter
from tallygate.metering.reading import Reading


class Incoming(msgspec.Struct, gc=False):
    """An event as it came: a CloudEvent. Without `time`, its time is the arrival."""

    id: str
    source: str
    type: str
    subject: str
    time: Annotated[datetime, Meta(tz=True)] | UnsetType | None = UNSET
    data: dict[str, Any] | UnsetType | None = UNSET
    specversion: str | UnsetType = UNSET
    datacontenttype: str | UnsetType | None = UNSET


@dataclass(frozen=True, slots=True)
class Refusal:
    """An event that was not taken: its place in the batch, and why."""

    index: int
    id: str | None
    error: str


@dataclass(slots=True)
class Verdicts:
    """What became of a batch: one verdict for each event."""

    accepted: int = 0
    duplicates: int = 0
    conflicts: list[Refusal] = field(default_factory=list)
    rejected: list[Refusal] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that came together, with the sender's tenant (None: may write for all).

    `places` gives each event's index in what was sent, where some of that was refused before it
    came here: those refusals are in `refused`.
    """

    events: Sequence[Incoming]
    tenant: str | None = None
    places: Sequence[int] | None = None
    refused: tuple[Refusal, ...] = ()


class Route(msgspec.Struct, gc=False, eq=False):
    """Where events of one source, type and subject go; numbered when the first is written.

    `homes` are the subject's, where it has moved: then it depends on the time whose it was.
    """

    organization: str
    source: str
    type: str
    subject: str
    meters: Sequence[ActiveMeter]
    homes: tuple[Home, ...] = ()
    origin: int = 0
    stream: int = 0


class Candidate(msgspec.Struct, gc=False):
    """An event that may be accepted; `at` is its time in microseconds since 1970.

    `counted_on` says that it is known to be new: what came after it was judged by that.
    """

    verdicts: Verdicts
    place: int
    event: Incoming
    route: Route
    at: int
    content: str
    readings: list[tuple[int, Reading]]
    counted_on: bool = False
