"""How does usage get in?

A batch of events is read against the catalog's meters, put into the log, and added to the sums, in
one transaction; each event gets a verdict. An event counts once however often it is sent: its
identity is (tenant, source, id). The same identity with other content is a conflict and changes
nothing. What cannot be accepted is rejected with a sentence, and the sender keeps it.

`write_group` takes several waiting batches into one transaction; `intake.Writer` calls it.
"""

import gc
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tallygate.adapters.store import Transaction, events, meters, rollups, within_tenant
from tallygate.adapters.store.meters import ActiveMeter
from tallygate.core.errors import Refused
from tallygate.core.failpoints import failpoint
from tallygate.core.period import EPOCH, MICROSECOND, from_micros, instant_text, to_micros
from tallygate.metering.reading import Reading
from tallygate.workflows.first_resource import resources_changed
from tallygate.workflows.installation import Installation
from tallygate.workflows.resources import LIFE, apply_life_event, read_life_event

MAX_CONTENT = 64 * 1024
"""Characters that an event's data may have, written as JSON."""


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


class _Route(msgspec.Struct, gc=False, eq=False):
    """Where events of one source, type and subject go; numbered when the first is written."""

    organization: str
    source: str
    type: str
    subject: str
    meters: Sequence[ActiveMeter]
    origin: int = 0
    stream: int = 0


class _Candidate(msgspec.Struct, gc=False):
    verdicts: Verdicts
    place: int
    event: Incoming
    route: _Route
    at: int
    content: str
    readings: list[tuple[int, Reading]]


def ingest(
    installation: Installation, incoming: Sequence[Incoming], tenant: str | None = None
) -> Verdicts:
    """Take in one batch, in one transaction. `tenant`: the only organization it may concern.

    Raises:
        Unreachable: the database did not answer; nothing was taken in, all may be sent again.
    """
    [verdicts] = write_group(installation, [Batch(incoming, tenant)])
    return verdicts


def write_group(installation: Installation, batches: Sequence[Batch]) -> list[Verdicts]:
    """Take in several batches in one transaction; gives the verdicts of each.

    Raises:
        Unreachable: the database did not answer; nothing was taken in.
    """
    with _collector_paused(), installation.store.write() as tx:
        answers = take_in(tx, installation, batches)
        failpoint("ingest.commit.before")
    failpoint("ingest.commit.after")
    return answers


def take_in(tx: Transaction, here: Installation, batches: Sequence[Batch]) -> list[Verdicts]:
    """The same within the caller's transaction, who may still undo all of it by raising."""
    intake = _Intake(tx, here)
    # Asked together: with single events, a question for each would take longer than the rest.
    intake.learn(event for batch in batches for event in batch.events)
    answers = [intake.take(batch) for batch in batches]
    intake.settle()
    if intake.lives:
        resources_changed(tx, here, intake.lives)
    for verdicts in answers:
        verdicts.conflicts.sort(key=_by_place)
        verdicts.rejected.sort(key=_by_place)
    return answers


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep Python from looking for cycles among events, which have none: it doubles the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _by_place(refusal: Refusal) -> int:
    return refusal.index


class _Intake:
    """The events of one transaction, on their way from the wire to the log.

    `lives` are the organizations in which a resource's life has news.
    """

    def __init__(self, tx: Transaction, installation: Installation) -> None:
        self._tx = tx
        self._installation = installation
        now, settings = installation.now, installation.settings
        self._now = to_micros(now)
        self._earliest = self._now - settings.accept_past // MICROSECOND
        self._latest = self._now + settings.accept_future // MICROSECOND
        self._meters = meters.active_meters(tx)
        self._known: dict[str, list[tuple[str, str]]] = {}
        self._routes: dict[tuple[str | None, str, str, str], _Route] = {}
        self._waiting: list[_Candidate] = []
        self.lives: set[str] = set()

    def learn(self, incoming: Iterable[Incoming]) -> None:
        """Look up the subjects of these events that are not known yet."""
        names = {event.subject for event in incoming} - self._known.keys()
        found = events.resolve(self._tx, names)
        self._known.update({name: found.get(name, []) for name in names})

    def take(self, batch: Batch) -> Verdicts:
        """Judge a batch; what may be accepted waits for `settle`, unless it is a life event."""
        verdicts = Verdicts(rejected=list(batch.refused))
        self.learn(batch.events)
        places = batch.places if batch.places is not None else range(len(batch.events))
        contents = events.write_contents([event.data or {} for event in batch.events])
        for index, event, content in zip(places, batch.events, contents, strict=True):
            try:
                if event.type.startswith(LIFE):
                    self.settle()  # what came before it, from whomever
                    with within_tenant(self._tx, batch.tenant):
                        self._live(event, index, content, batch.tenant, verdicts)
                    continue
                route = self._route(event, batch.tenant)
                candidate = self._judge(event, index, content, route, verdicts)
                self._waiting.append(candidate)
            except Refused as refusal:
                verdicts.rejected.append(Refusal(index, event.id, str(refusal)))
        return verdicts

    def settle(self) -> None:
        """Write what waits: the log, then the sums of what is new in it."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        rows = self._rows(waiting)
        failpoint("ingest.insert.before")
        there = events.append(self._tx, rows)
        failpoint("ingest.insert.after")
        sums = rollups.Sums()
        add, repeated = sums.add, []
        for row, candidate in zip(rows, waiting, strict=True):
            seq = row[0]
            if seq in there:
                repeated.append((row, candidate))
                continue
            candidate.verdicts.accepted += 1
            for number, reading in candidate.readings:
                add(number, reading, seq)
        self._compare(repeated)
        rollups.save(self._tx, self._meters, sums)

    def _route(self, event: Incoming, tenant: str | None) -> _Route:
        key = (tenant, event.source, event.type, event.subject)
        route = self._routes.get(key)
        if route is None:
            organization, subject = self._resolve(event.subject, tenant)
            route = self._routes[key] = self._lead(event, organization, subject)
        return route

    def _lead(self, event: Incoming, organization: str, subject: str) -> _Route:
        asking = self._meters.by_type.get(event.type, ())
        return _Route(organization, event.source, event.type, subject, asking)

    def _judge(
        self, event: Incoming, index: int, content: str, route: _Route, verdicts: Verdicts
    ) -> _Candidate:
        """What the event says to each meter that asks for its type, and all else about it."""
        at, fields = self._time(event), event.data or {}
        readings: list[tuple[int, Reading]] = []
        key = f"{event.source} {event.id}"
        for meter in route.meters:
            try:
                reading = meter.read(event.type, route.subject, at, key, fields)
            except Refused:
                # A meter that only older price lists have does not hold up what is sent today.
                if meter.current:
                    raise
                continue
            if reading is not None:
                readings.append((meter.number, reading))
        if len(content) > MAX_CONTENT:
            raise Refused(f"data is longer than {MAX_CONTENT // 1024} KiB.")
        return _Candidate(verdicts, index, event, route, at, content, readings)

    def _resolve(self, alias: str, tenant: str | None) -> tuple[str, str]:
        found = self._known.get(alias)
        if found is None:  # the names were forgotten, because a life event brought new ones
            found = self._known[alias] = events.resolve(self._tx, [alias]).get(alias, [])
        if tenant is not None:
            found = [pair for pair in found if pair[0] == tenant]
        elif len(found) > 1:  # an organization's name is the platform's, and no tenant takes it
            found = [pair for pair in found if pair[0] == pair[1]] or found
        if len(found) == 1:
            return found[0]
        if found:
            raise Refused(
                f"The subject {alias!r} is a name in several organizations: use our own id of "
                "it, or a key of the organization."
            )
        raise Refused(
            f"The subject {alias[:128]!r} is unknown: it must be our id, or your own, of an "
            "organization, billing account, project or resource. Create it, then send the event "
            "again."
        )

    def _time(self, event: Incoming) -> int:
        if not event.time:
            return self._now
        try:
            at = (event.time - EPOCH) // MICROSECOND
        except OverflowError:
            raise Refused("The time lies outside the calendar.") from None
        if self._earliest <= at <= self._latest:
            return at
        settings = self._installation.settings
        if at < self._earliest:
            raise Refused(
                f"The time {_instant(event.time)} is more than {settings.accept_past.days} days "
                "ago: too old to be counted."
            )
        raise Refused(
            f"The time {_instant(event.time)} lies in the future, by more than "
            f"{settings.accept_future // timedelta(minutes=1)} minutes: check the sender's clock."
        )

    def _rows(self, waiting: Sequence[_Candidate]) -> list[events.NewEvent]:
        self._number({c.route for c in waiting if not c.route.stream})
        start, now = events.last_position(self._tx) + 1, self._now
        return [
            (
                seq,
                c.event.id,
                c.route.origin,
                c.route.stream,
                c.at,
                1 if c.event.time else 0,
                now,
                c.content,
            )
            for seq, c in enumerate(waiting, start)
        ]

    def _number(self, routes: Collection[_Route]) -> None:
        origins = events.number_origins(self._tx, [(r.organization, r.source) for r in routes])
        owners = {(r.subject, r.type): r.organization for r in routes}
        streams = events.number_streams(self._tx, owners)
        for route in routes:
            route.origin = origins[route.organization, route.source]
            route.stream = streams[route.subject, route.type]

    def _compare(self, repeated: Sequence[tuple[events.NewEvent, _Candidate]]) -> None:
        """Tell duplicates from conflicts: the log has their identity already."""
        kept = events.stored(self._tx, {(row[1], row[2]) for row, _ in repeated})
        for row, candidate in repeated:
            if _same(row, kept[row[1], row[2]]):
                candidate.verdicts.duplicates += 1
            else:
                candidate.verdicts.conflicts.append(_conflict(candidate.place, row[1]))

    def _live(
        self, event: Incoming, index: int, content: str, tenant: str | None, verdicts: Verdicts
    ) -> None:
        """Take in an event of a resource's life, at its place among the others.

        What came before it has been settled; the names that it may bring are learned after.
        """
        change = read_life_event(
            self._tx,
            self._installation.ids,
            source=event.source,
            id=event.id,
            type=event.type,
            subject=event.subject,
            at=from_micros(self._time(event)),
            fields=event.data or {},
            tenant=tenant,
        )
        route = self._lead(event, change.organization, change.subject)
        candidate = self._judge(event, index, content, route, verdicts)
        before = verdicts.accepted
        try:
            with self._tx.begin_nested():
                self._waiting.append(candidate)
                self.settle()
                if verdicts.accepted > before:
                    apply_life_event(self._tx, change)
                    self.lives.add(change.organization)
        except Refused:
            verdicts.accepted = before
            raise
        self._known.clear()
        self._routes.clear()


def _same(row: events.NewEvent, kept: events.StoredEvent) -> bool:
    _, _, _, stream, at, timed, _, content = row
    if stream != kept.stream or timed != kept.timed or (timed and at != kept.at):
        return False
    if content == kept.content:
        return True
    return _alike(events.read_content(content), events.read_content(kept.content))


def _alike(one: object, other: object) -> bool:
    """Whether two decoded contents are the same: 1 is 1.00, but true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _conflict(index: int, name: str) -> Refusal:
    return Refusal(
        index,
        name,
        "An event with this source and id was accepted before with other content; that one "
        "counts. Send a correction under a new id.",
    )


def _instant(time: datetime) -> str:
    try:
        return instant_text(time.astimezone(UTC))
    except OverflowError:
        return "given"
