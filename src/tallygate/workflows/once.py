"""Is it an event that the log has already, or will have?

The same identity (tenant, source, id) with the same content is a duplicate, with other content a
conflict. The tenant is whose the subject was at the event's time. Where the subject has moved from
one tenant to another, an event about it is looked for under each of them: one that came before the
move and comes again after it counts once, though it had no time of its own, or one that lay ahead.
"""

from collections.abc import Collection, Iterable, Sequence

from tallygate.adapters.store import Transaction, events
from tallygate.workflows.arrivals import Candidate, Refusal

Identity = tuple[str, str, str]
"""Tenant, source, id."""


class Identities:
    """Which identities are there, in the log or among what waits to be written to it.

    For events that have an effect on those after them: whether they are new has to be known before
    they are written. What the log has is asked ahead, for all of them.
    """

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._asked: set[Identity] = set()
        self._there: set[Identity] = set()
        self._moved: set[Identity] = set()

    def look_up(self, identities: Collection[Identity]) -> None:
        """Ask the log for identities, of those that were not asked for yet."""
        new = [one for one in identities if one not in self._asked]
        if new:
            self._asked.update(new)
            self._there |= events.present(self._tx, new)

    def note(self, waiting: Iterable[Candidate]) -> None:
        """Know of candidates that will be written before those that are asked about."""
        for one in waiting:
            route, event = one.route, one.event
            self._there.add((route.organization, event.source, event.id))
            if route.homes:
                self._moved.add((route.organization, event.source, event.id))
                self._moved.update(_others(one))

    def is_new(self, candidate: Candidate) -> bool | None:
        """Whether an event is new; None: what was noted must be written first to tell.

        That is so of what has moved from one tenant to another: see `not_elsewhere`.
        """
        route, event = candidate.route, candidate.event
        own = (route.organization, event.source, event.id)
        others = _others(candidate) if route.homes else []
        self.look_up([own, *others])
        if not self._moved.isdisjoint((own, *others)) or not self._there.isdisjoint(others):
            return None
        return own not in self._there

    def is_unknown(self, candidate: Candidate) -> bool:
        """Whether the log has nothing under an event's own identity, now that all is written."""
        own = (candidate.route.organization, candidate.event.source, candidate.event.id)
        return not events.present(self._tx, [own])


def compare(tx: Transaction, repeated: Sequence[tuple[events.NewEvent, Candidate]]) -> None:
    """Tell duplicates from conflicts: the log has their identity already."""
    kept = events.stored(tx, {(row[1], row[2]) for row, _ in repeated})
    # What has moved may stand in a stream of another tenant's by now.
    moved = {kept[row[1], row[2]].stream for row, one in repeated if one.route.homes}
    about = events.about_streams(tx, moved)
    for row, candidate in repeated:
        there, route = kept[row[1], row[2]], candidate.route
        known = about.get(there.stream) == (route.subject, route.type)
        if (known or there.stream == row[3]) and _as_kept(candidate, there):
            candidate.verdicts.duplicates += 1
        else:
            candidate.verdicts.conflicts.append(conflict(candidate.place, row[1]))


def conflict(index: int, name: str) -> Refusal:
    """The verdict on an event whose identity the log has with other content."""
    return Refusal(
        index,
        name,
        "An event with this source and id was accepted before with other content; that one "
        "counts. Send a correction under a new id.",
    )


def not_elsewhere(tx: Transaction, waiting: Sequence[Candidate]) -> list[Candidate]:
    """The candidates that the log does not have under another tenant that their subject had.

    The others get their verdicts: duplicate, or conflict. Another subject's event of the same
    source and id is another tenant's own, and another event.
    """
    others = [_others(candidate) for candidate in waiting]
    kept = events.stored_elsewhere(tx, {identity for some in others for identity in some})
    owners: dict[Identity, str] = {}
    new: list[Candidate] = []
    for candidate, some in zip(waiting, others, strict=True):
        route, event = candidate.route, candidate.event
        theirs = [kept[one] for one in some if one in kept and kept[one][1] == route.subject]
        owner = route.organization
        if some:  # two in one batch, of which the log has neither yet
            owner = owners.setdefault((route.subject, event.source, event.id), owner)
        if not theirs and owner == route.organization:
            new.append(candidate)
        elif any(kind == route.type and _as_kept(candidate, one) for one, _, kind in theirs):
            candidate.verdicts.duplicates += 1
        else:
            candidate.verdicts.conflicts.append(conflict(candidate.place, event.id))
    return new


def _others(candidate: Candidate) -> list[Identity]:
    """The identities that an event would have with the other tenants that its subject had."""
    route, event = candidate.route, candidate.event
    others = {home.organization for home in route.homes} - {route.organization}
    return [(other, event.source, event.id) for other in sorted(others)]


def _as_kept(candidate: Candidate, kept: events.StoredEvent) -> bool:
    """Whether an event says what the log has; an arrival is no part of it."""
    timed = 1 if candidate.event.time else 0
    if timed != kept.timed or (timed and candidate.at != kept.at):
        return False
    if candidate.content == kept.content:
        return True
    return _alike(events.read_content(candidate.content), events.read_content(kept.content))


def _alike(one: object, other: object) -> bool:
    """Whether two decoded contents are the same: 1 is 1.00, but true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other
