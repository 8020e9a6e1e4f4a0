"""How does usage get in?

A batch of events is read against the catalog's meters, put into the log, and added to the sums, in
one transaction; each event gets a verdict. An event counts once however often it is sent: its
identity is (tenant, source, id). The same identity with other content is a conflict and changes
nothing. What cannot be accepted is rejected with a sentence, and the sender keeps it. Events of
resources' lives change what those after them may say: each is judged in its turn (`lives`), and
all is written at the end.

`write_group` takes several waiting batches into one transaction; `intake.Writer` calls it.
"""

import gc
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from tallygate.accounts.homes import home_at
from tallygate.accounts.model import Home
from tallygate.adapters.store import Transaction, events, homes, meters, rollups
from tallygate.core.errors import Refused
from tallygate.core.failpoints import failpoint
from tallygate.core.period import EPOCH, MICROSECOND, from_micros, instant_text, to_micros
from tallygate.metering.reading import Reading
from tallygate.workflows.arrivals import Batch, Candidate, Incoming, Refusal, Route, Verdicts
from tallygate.workflows.first_resource import resources_changed
from tallygate.workflows.installation import Installation
from tallygate.workflows.lives import Lives
from tallygate.workflows.once import Identities, compare, not_elsewhere
from tallygate.workflows.resources import LIFE, LifeChange

__all__ = ["Batch", "Incoming", "Refusal", "Verdicts", "ingest", "take_in", "write_group"]

MAX_CONTENT = 64 * 1024
"""Characters that an event's data may have, written as JSON."""


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
    intake.learn(batches)
    answers = [intake.take(batch) for batch in batches]
    intake.settle()
    if intake.lives.changed:
        resources_changed(tx, here, intake.lives.changed)
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
    """The events of one transaction, on their way from the wire to the log."""

    def __init__(self, tx: Transaction, installation: Installation) -> None:
        self._tx = tx
        self._installation = installation
        now, settings = installation.now, installation.settings
        self._now = to_micros(now)
        self._earliest = self._now - settings.accept_past // MICROSECOND
        self._latest = self._now + settings.accept_future // MICROSECOND
        self._meters = meters.active_meters(tx)
        self._known: dict[str, list[tuple[str, str]]] = {}
        self._routes: dict[tuple[str | None, str, str, str], Route] = {}
        self._moves = homes.any_moved(tx)
        self._homes: dict[str, tuple[Home, ...]] = {}
        self._at_home: dict[tuple[str, str, str, str], Route] = {}
        self._waiting: list[Candidate] = []
        self._noted = 0
        self._identities = Identities(tx)
        self.lives = Lives(tx, installation.ids)

    def learn(self, batches: Sequence[Batch]) -> None:
        """Look up what these batches name: all of it at once."""
        names = {event.subject for batch in batches for event in batch.events}
        found = events.resolve(self._tx, names)
        self._known = {name: found.get(name, []) for name in names}
        self._identities.look_up(self.lives.learn(batches))
        if self._moves and found:
            pairs = [pair for same in found.values() for pair in same]
            self._homes.update(homes.homes_by_subject(self._tx, pairs))

    def take(self, batch: Batch) -> Verdicts:
        """Judge a batch; what may be accepted waits for `settle`."""
        verdicts = Verdicts(rejected=list(batch.refused))
        places = batch.places if batch.places is not None else range(len(batch.events))
        contents = events.write_contents([event.data or {} for event in batch.events])
        for index, event, content in zip(places, batch.events, contents, strict=True):
            try:
                if event.type.startswith(LIFE):
                    self._live(event, index, content, batch.tenant, verdicts)
                    continue
                route = self._route(event, batch.tenant)
                if route.homes:
                    route = self._route_then(event, route, batch.tenant)
                candidate = self._judge(event, index, content, route, verdicts)
                self._waiting.append(candidate)
            except Refused as refusal:
                verdicts.rejected.append(Refusal(index, event.id, str(refusal)))
        return verdicts

    def settle(self) -> None:
        """Write what waits: the log, the sums of what is new in it, and what lives have become."""
        waiting, self._waiting, self._noted = self._waiting, [], 0
        if not waiting:
            return
        if self._moves and any(candidate.route.homes for candidate in waiting):
            waiting = not_elsewhere(self._tx, waiting)
        rows = self._rows(waiting)
        failpoint("ingest.insert.before")
        there = events.append(self._tx, rows)
        failpoint("ingest.insert.after")
        sums = rollups.Sums()
        add, repeated = sums.add, []
        for row, candidate in zip(rows, waiting, strict=True):
            seq = row[0]
            if seq in there:
                assert not candidate.counted_on, "what was judged to be new is new"
                repeated.append((row, candidate))
                continue
            candidate.verdicts.accepted += 1
            for number, reading in candidate.readings:
                add(number, reading, seq)
        compare(self._tx, repeated)
        rollups.save(self._tx, self._meters, sums)
        self.lives.write()

    def _route(self, event: Incoming, tenant: str | None) -> Route:
        key = (tenant, event.source, event.type, event.subject)
        route = self._routes.get(key)
        if route is None:
            organization, subject = self._resolve(event.subject, tenant)
            route = self._routes[key] = self._lead(event, organization, subject)
        return route

    def _lead(self, event: Incoming, organization: str, subject: str) -> Route:
        asking = self._meters.by_type.get(event.type, ())
        its = self._homes.get(subject, ())
        return Route(organization, event.source, event.type, subject, asking, its)

    def _route_then(self, event: Incoming, route: Route, tenant: str | None) -> Route:
        """The route to whose the subject was at the event's time, if the sender may go there."""
        at = from_micros(self._time(event))
        owner = home_at(route.homes, at)
        if tenant not in {None, owner}:
            raise Refused(homes.not_then(event.subject, at))
        key = (owner, route.source, route.type, route.subject)
        return self._at_home.setdefault(key, Route(*key, route.meters, route.homes))

    def _judge(
        self, event: Incoming, index: int, content: str, route: Route, verdicts: Verdicts
    ) -> Candidate:
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
        return Candidate(verdicts, index, event, route, at, content, readings)

    def _resolve(self, alias: str, tenant: str | None) -> tuple[str, str]:
        found = self._known[alias]
        if tenant is not None:
            found = [pair for pair in found if pair[0] == tenant]
        elif len(found) > 1:  # an organization's name is the platform's, and no tenant takes it
            found = [pair for pair in found if pair[0] == pair[1]] or found
        if len({subject for _, subject in found}) == 1:
            return found[0]  # of several, the event's time will tell: they are a subject's homes
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

    def _rows(self, waiting: Sequence[Candidate]) -> list[events.NewEvent]:
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

    def _number(self, routes: Collection[Route]) -> None:
        origins = events.number_origins(self._tx, [(r.organization, r.source) for r in routes])
        wanted = {(r.organization, r.subject, r.type) for r in routes}
        streams = events.number_streams(self._tx, wanted)
        for route in routes:
            route.origin = origins[route.organization, route.source]
            route.stream = streams[route.organization, route.subject, route.type]

    def _live(
        self, event: Incoming, index: int, content: str, tenant: str | None, verdicts: Verdicts
    ) -> None:
        """Judge an event of a resource's life, at its place among the others.

        Those after it are judged by what it changes: so whether it is new has to be known now.
        """
        change = self.lives.judge(event, from_micros(self._time(event)), tenant)
        asking = self._meters.by_type.get(event.type, ())
        key = (change.organization, event.source, event.type, change.subject)
        route = Route(*key, asking, change.homes)
        candidate = self._judge(event, index, content, route, verdicts)
        self._identities.note(self._waiting[self._noted :])
        self._noted = len(self._waiting)
        is_new = self._identities.is_new(candidate)
        if is_new is None:
            self.settle()
            if not not_elsewhere(self._tx, [candidate]):
                return  # it has its verdict
            is_new = self._identities.is_unknown(candidate)
        if is_new:
            self.lives.add(change, tenant)
            candidate.counted_on = True
            self._follow(change)
        self._waiting.append(candidate)

    def _follow(self, change: LifeChange) -> None:
        """Lead what comes after a life event where it leads by now."""
        if change.homes:
            self._homes[change.subject] = self.lives.homes_now(change.subject)
        for organization, alias in change.names:
            if alias in self._known:
                self._known[alias].append((organization, change.subject))
        if change.homes or change.born:
            self._routes.clear()
            self._at_home.clear()


def _instant(time: datetime) -> str:
    try:
        return instant_text(time.astimezone(UTC))
    except OverflowError:
        return "given"
