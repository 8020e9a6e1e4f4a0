"""The world: objects, time and events, changed one transaction at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tallygate_sandbox.wire.refusals import no_such
from tallygate_sandbox.world.clock import SandboxClock
from tallygate_sandbox.world.events import changed_fields, event, outdated
from tallygate_sandbox.world.ids import Ids
from tallygate_sandbox.world.journal import Journal
from tallygate_sandbox.world.objects import Obj, Objects, Seen
from tallygate_sandbox.world.registry import REACTIONS, TIMERS, VIEWS
from tallygate_sandbox.world.timers import Timers

SANDBOX = ""  # the timeline of what belongs to no test clock
RUNNING = -1  # in the file: the clock does not stand still


class World:
    """All that the sandbox knows.

    It belongs to one thread. Every change stands in a `transaction`.
    """

    def __init__(
        self, clock: SandboxClock | None = None, seed: int | None = None, file: Path | None = None
    ) -> None:
        self.clock = clock or SandboxClock()
        self.ids = Ids(seed)
        self.objects = Objects()
        self.timers = Timers()
        self.base_url = ""  # where its pages are: where it listens, or as the last request said
        self._playing: dict[str, int] = {}
        self._inside: Obj | None = None
        self._journal = Journal(file) if file else None
        if self._journal:
            settings = self._journal.read(self.objects, self.timers)
            if seed is not None and self._journal.position:
                self.ids = Ids(f"{seed}:{self._journal.position}")  # not those of the last run
            self.clock.ahead = settings.get("ahead", self.clock.ahead)
            frozen = settings.get("frozen", RUNNING)
            self.clock.frozen = self.clock.frozen if frozen == RUNNING else frozen

    @contextmanager
    def transaction(self, request: Obj | None = None) -> Iterator[None]:
        """All changes inside happen together, or none. `request` is {"id", "idempotency_key"}."""
        assert self._inside is None, "a transaction has no inner one"
        self._inside = {"request": request}
        try:
            yield
            self._write()
        except BaseException:
            self.objects.roll_back()
            self.timers.roll_back()
            self._inside = None
            raise
        self._inside = None
        self.objects.commit()
        self.timers.commit()

    def close(self) -> None:
        if self._journal:
            self._journal.close()

    # Objects

    def find(self, kind: str, ident: str | None) -> Seen | None:
        """The object, to be read and not changed."""
        return self.objects.find(kind, ident) if ident else None

    def get(self, kind: str, ident: str, param: str | None = None) -> Seen:
        """The object, to be read and not changed.

        Raises:
            Refusal: resource_missing; 404, or 400 when `param` says where the id was given.
        """
        found = self.objects.find(kind, ident)
        if found is None or (param and "_deleted" in found):
            raise no_such(kind, ident, param or "id", status=400 if param else 404)
        return found

    def edit(self, kind: str, ident: str, param: str | None = None) -> Obj:
        """The object, to be changed in place until the transaction ends."""
        self.get(kind, ident, param)
        found = self.objects.edit(kind, ident)
        assert found is not None
        return found

    def add(self, obj: Obj) -> Obj:
        return self.objects.add(obj)

    def remove(self, kind: str, ident: str) -> None:
        self.objects.remove(kind, ident)

    def where(self, kind: str, field: str, value: Any) -> list[Seen]:
        """The objects whose indexed field has this value, oldest first."""
        return self.objects.where(kind, field, value)

    def view(self, obj: Seen) -> Obj:
        """The object as it is shown, unexpanded."""
        show = VIEWS.get(obj.get("object", ""))
        return show(self, obj) if show else public(obj)

    # Time

    def timeline_of(self, obj: Seen | None) -> str:
        """The timeline of an object: its customer's test clock, or the sandbox's own clock."""
        if obj is None:
            return SANDBOX
        if "test_clock" in obj:
            return obj["test_clock"] or SANDBOX
        owner = obj.get("customer")
        return self.timeline_of(self.objects.find("customer", owner)) if owner else SANDBOX

    def now(self, of: Seen | None = None) -> int:
        """The time (seconds) for an object, or of the sandbox."""
        return self.time_on(self.timeline_of(of))

    def time_on(self, timeline: str) -> int:
        if timeline in self._playing:
            return self._playing[timeline]
        clock = self.objects.find("test_helpers.test_clock", timeline) if timeline else None
        return clock["frozen_time"] if clock else self.clock.now()

    def on_timeline(self, timeline: str) -> list[tuple[str, str]]:
        """The kind and id of everything that lives on a test clock's timeline."""
        places = self.objects.places()
        return [place for place in places if self.timeline_of(self.find(*place)) == timeline]

    def set_timer(self, name: str, obj: Seen, at: int) -> None:
        """Have `@due(name)` called for this object at an instant; again moves it."""
        assert name in TIMERS, name
        self.timers.set(name, obj["id"], at, self.timeline_of(obj))

    def stop_timer(self, name: str, obj: Seen) -> None:
        self.timers.stop(name, obj["id"])

    def move_clock(self, instant: int) -> None:
        """Move the sandbox's clock forward; what was due until then has been played."""
        self.clock.move_to(instant)
        if self._journal:
            self._journal.write({}, {}, self._settings())

    def catch_up(self, at_most: int) -> int:
        """Play what is due by now on each timeline on which something was set; how many steps."""
        played = 0
        for timeline in sorted(self.timers.touched):
            now = self.time_on(timeline)
            while played < at_most and self.play_next(timeline, now):
                played += 1
            following = self.timers.next_due(timeline)
            if timeline and (following is None or following.at > now):
                self.timers.touched.discard(timeline)
        return played

    def play_next(self, timeline: str, until: int) -> bool:
        """Play the earliest due timer of a timeline, in a transaction; False when none is due."""
        timer = self.timers.next_due(timeline)
        if timer is None or timer.at > until:
            return False
        self._playing[timeline] = timer.at
        try:
            with self.transaction():
                self.timers.stop(timer.name, timer.ident)
                TIMERS[timer.name](self, timer.ident)
        finally:
            del self._playing[timeline]
        return True

    # Events

    def emit(self, type: str, obj: Seen, previous: Obj | None = None) -> str:  # noqa: A002  # Stripe's
        """Log an event with the object as it is now, then play what reacts to it; gives its id."""
        assert self._inside is not None, "an event belongs to a transaction"
        made = event(type, self.view(obj), previous, self._inside["request"])
        # A test clock's year is no reason to forget the others' events: they go by `_at`.
        made |= {"id": self.ids.new("evt"), "created": self.now(obj), "_at": self.now()}
        for old in outdated(self.objects, self.now()):
            self.remove("event", old)
        self.objects.add(made)
        self.signal("event.made", made)
        self.signal(type, obj)
        return str(made["id"])

    def signal(self, name: str, obj: Seen) -> None:
        """Play what reacts to a moment that is no event of Stripe's, such as before finalizing."""
        for react in REACTIONS[name]:
            react(self, obj)

    def updated(self, obj: Seen, type: str | None = None) -> None:  # noqa: A002  # Stripe's word
        """Log `<kind>.updated` with what has changed in this transaction, if anything has."""
        before = self.objects.before(obj["object"], obj["id"])
        previous = changed_fields(public(before), public(obj)) if before else {}
        if previous:
            self.emit(type or f"{obj['object']}.updated", obj, previous)

    def _write(self) -> None:
        """Write what this transaction has changed; what cannot be written has not happened."""
        if self._journal is None:
            return
        objects, timers = self.objects.changes(), self.timers.changes()
        if objects or timers:
            self._journal.write(objects, timers, self._settings())

    def _settings(self) -> dict[str, int]:
        frozen = self.clock.frozen
        return {"ahead": self.clock.ahead, "frozen": RUNNING if frozen is None else frozen}


def public(obj: Seen) -> Obj:
    """An object without what is the sandbox's own."""
    return {key: value for key, value in obj.items() if key[0] != "_"}
