"""The same events as one group and one by one: are the verdicts and the tables the same?

Two tenants, a project that has moved from the one to the other, resources that are there, and a
random mix of life and usage events from three senders: each tenant's key, and the platform's. Some
are sent again, some say something else under the same id, some name what is not there, or what an
event before them brought; they come out of order. All is drawn from a seed.
"""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from tallygate.adapters.store import Store, Transaction
from tallygate.adapters.store.tables import metadata
from tallygate.core.ids import IdSource
from tallygate.testing import FrozenClock, repeatable_bits
from tallygate.workflows.accounts import create_organization, create_project
from tallygate.workflows.arrivals import Batch, Incoming, Verdicts
from tallygate.workflows.ingest import write_group
from tallygate.workflows.installation import Installation
from tallygate.workflows.project_moves import move_project
from tallygate.workflows.publish import apply

CATALOG = """\
name: shop
currency: usd
meters:
  calls: {event: api.call, aggregation: count}
  largest: {event: resource.resized, value: vcpu, aggregation: max}
  users: {event: api.call, value: user, aggregation: unique}
plans:
  pro:
    name: Pro
    prices: [{key: calls, meter: calls, per_unit: "1.00"}]
prices:
  - {key: vm, per_unit: "31.00", every: month}
resources:
  vm: {price: vm, spec: {vcpu: 4, ram_gb: "0.5"}}
  free: {}
"""
MOVED, NOW = datetime(2026, 1, 11, tzinfo=UTC), datetime(2026, 1, 21, tzinfo=UTC)
KINDS = ("created", "created", "created", "resized", "resized", "started", "stopped", "deleted")
UNKNOWN = "res_0123456789abcdefghjkmnpqrs"
RAW = ("life_events", "resource_states", "resources", "subjects", "project_homes", "origins")
RAW_WITHOUT = {"origins": {"number"}, "cells": {"number", "position"}}
RAW_WITHOUT["marked_values"] = RAW_WITHOUT["cells"]

Draw = Callable[["Sender"], "list[Told]"]
Told = tuple[str | None, Incoming]
"""An event, and the tenant whose key sends it (None: the platform's)."""


def differences(store: Store, seed: int, size: int = 50, draw: Draw | None = None) -> list[str]:
    """What differs between one group and groups of one; nothing should.

    `draw` gives the events; without it `size` of them are drawn at random.
    """
    chosen = draw or (lambda sender: [sender.next() for _ in range(size)])
    there, told = _world(store, seed, chosen)
    grouped, whole = _as_one_group(there, told), tables(store)
    found = _unheard_of(store)
    there, again = _world(store, seed, chosen)
    assert again == told
    single, alone = _one_by_one(there, told), tables(store)
    if grouped != single:
        found.append("verdicts")
    return found + [name for name in whole if whole[name] != alone[name]]


def verdicts_one_by_one(store: Store, seed: int, size: int = 50) -> list[str]:
    """What becomes of a seed's events, each a group of its own."""
    there, told = _world(store, seed, lambda sender: [sender.next() for _ in range(size)])
    return _one_by_one(there, told)


def tables(store: Store) -> dict[str, list[Any]]:
    """All that events leave, without the numbers that a group gives out in another order."""
    with store.read() as tx:
        found = {name: _rows(tx, name) for name in (*RAW, "cells", "marked_values")}
        found["events"] = _log(tx)
    return found


def _unheard_of(store: Store) -> list[str]:
    """Whether a life has what the log has not, or the log has what no life has."""
    lives = metadata.tables["life_events"]
    with store.read() as tx:
        told = {
            (one["subject"], one["at"], one["source"], one["id"], one["type"])
            for one in _log(tx)
            if one["type"].startswith("resource.")
        }
        lived = {
            (row.resource, row.at, row.source, row.event, f"resource.{row.kind}")
            for row in tx.execute(select(lives))
        }
    return [] if told == lived else ["lives and log"]


def _rows(tx: Transaction, name: str) -> list[Any]:
    table = metadata.tables[name]
    left_out = RAW_WITHOUT.get(name, set())
    columns = [column for column in table.columns if column.name not in left_out]
    return sorted(map(repr, tx.execute(select(*columns))))


def _log(tx: Transaction) -> list[Any]:
    events, streams, origins = (metadata.tables[name] for name in ("events", "streams", "origins"))
    asked = (
        select(events, streams, origins)
        .join_from(events, streams, streams.c.number == events.c.stream)
        .join(origins, origins.c.number == events.c.origin)
        .order_by(events.c.seq)
    )
    numbers = {"seq", "stream", "origin", "number", "number_1"}
    return [
        {name: value for name, value in row._asdict().items() if name not in numbers}
        for row in tx.execute(asked)
    ]


def _as_one_group(there: Installation, told: Sequence[Told]) -> list[str]:
    batches: list[Batch] = []
    for place, (tenant, event) in enumerate(told):
        if batches and batches[-1].tenant == tenant:
            last = batches.pop()
            assert last.places is not None
            batches.append(Batch([*last.events, event], tenant, [*last.places, place]))
        else:
            batches.append(Batch([event], tenant, [place]))
    return _shown(write_group(there, batches))


def _one_by_one(there: Installation, told: Sequence[Told]) -> list[str]:
    answers = []
    for place, (tenant, event) in enumerate(told):
        answers += write_group(there, [Batch([event], tenant, [place])])
    return _shown(answers)


def _shown(answers: Sequence[Verdicts]) -> list[str]:
    accepted = sum(one.accepted for one in answers)
    duplicates = sum(one.duplicates for one in answers)
    refused = [("conflict", one) for verdicts in answers for one in verdicts.conflicts]
    refused += [("rejected", one) for verdicts in answers for one in verdicts.rejected]
    told = sorted(f"{one.index:04} {kind}: {one.id} {one.error}" for kind, one in refused)
    return [f"accepted {accepted}, duplicates {duplicates}", *told]


def _world(store: Store, seed: int, draw: Draw) -> tuple[Installation, list[Told]]:
    """The two tenants on the day of the group, and what is sent."""
    with store.write() as tx:
        for table in reversed(metadata.sorted_tables):
            tx.execute(table.delete())
    clock = FrozenClock()
    there = Installation(store, clock, IdSource(clock, repeatable_bits()))
    apply(there, CATALOG)
    acme, zeta = (create_organization(there, name, external_id=name) for name in ("acme", "zeta"))
    homes = (("web", acme), ("app", acme), ("shop", zeta), ("same", acme), ("same", zeta))
    projects = [
        create_project(there, owner.id, name, tenant=None, external_id=name)
        for name, owner in homes
    ]
    chance = random.Random(seed)  # noqa: S311 replayed by its seed
    sender = Sender(chance, (acme.id, zeta.id), [project.id for project in projects])
    clock.set(MOVED)
    for name, home in (("m1", "web"), ("m2", "web"), ("n1", "app"), ("z1", "shop")):
        born = sender.event(name, "resource.created", {"project": home, "type": "vm"}, 3)
        assert write_group(there, [Batch([born])])[0].accepted == 1
    for project in projects[3:]:  # one name in two organizations
        born = sender.event("twin", "resource.created", {"project": project.id, "type": "vm"}, 3)
        assert write_group(there, [Batch([born])])[0].accepted == 1
    if seed % 3:
        move_project(there, projects[0].id, zeta.id, at=MOVED)
    clock.set(NOW)
    with store.read() as tx:
        resources = metadata.tables["resources"]
        sender.names += tx.execute(select(resources.c.id).order_by(resources.c.id)).scalars()
    return there, draw(sender)


class Sender:
    """Draws events."""

    def __init__(
        self, chance: random.Random, tenants: Sequence[str], projects: Sequence[str]
    ) -> None:
        self._chance = chance
        self.tenants = tenants
        self._projects = [projects[0], *("web",) * 5, "app", "shop", "same"]
        self.names = ["m1", "m1", "m2", "n1", "z1", *("v1", "v2", "v3", "v4") * 3]
        self._odd = ["twin", "nobody", "acme", "web", projects[1], UNKNOWN]
        self._sent: list[Incoming] = []

    def event(
        self, subject: str, kind: str, data: dict[str, Any], day: int | None = None
    ) -> Incoming:
        """An event with a name of its own."""
        at = None if day is None else datetime(2026, 1, day, tzinfo=UTC)
        made = Incoming(f"e{len(self._sent)}", "test", kind, subject, at, data)
        self._sent.append(made)
        return made

    def next(self) -> Told:
        """Any event, from anybody."""
        pick = self._chance.choice
        tenant = pick((*(None,) * 5, *self.tenants))
        if self._chance.random() < 0.15:
            return tenant, pick(self._sent)
        subject = pick(self._odd if self._chance.random() < 0.1 else self.names)
        if self._chance.random() < 0.3:
            made = self.event(subject, "api.call", {"user": pick(("a", "b"))})
        else:
            kind = pick(KINDS) if self._chance.random() < 0.97 else "melted"
            made = self.event(subject, f"resource.{kind}", self._said(kind))
        made.time = self._time()
        if self._chance.random() < 0.1:
            made.id = pick(self._sent).id
        if self._chance.random() < 0.1:
            made.source = "other"
        return tenant, made

    def _time(self) -> datetime | None:
        at = MOVED + timedelta(days=self._chance.choice((-9, -8, -5, -1, 0, 1, 4, 4, 4, 9)))
        drawn = self._chance.random()
        return at if drawn < 0.8 else None if drawn < 0.97 else at - timedelta(days=1000)

    def _said(self, kind: str) -> dict[str, Any]:
        pick = self._chance.choice
        said: dict[str, Any] = {}
        if kind == "created":
            said = {"project": pick(self._projects), "type": pick(("vm", "vm", "vm", "free"))}
            if self._chance.random() < 0.2:
                said["external_id"] = pick(("v1", "v2", "v9", "m2", UNKNOWN))
            if self._chance.random() < 0.1:
                said[pick(("project", "type"))] = pick(("none", None, 5))
        elif kind == "resized":
            said = {"vcpu": pick((Decimal(1), Decimal("2.50"), "many"))}
            if self._chance.random() < 0.3:
                said["type"] = pick(("vm", "free", "lost"))
        if self._chance.random() < 0.2:
            said["running"] = pick((True, False, "yes"))
        return said
