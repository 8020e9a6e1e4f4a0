"""Objects by kind and id, with indexes, and the changes of one transaction that can be undone.

An object is the dict that Stripe would answer, unexpanded: `object` names its kind, references are
ids. Keys that begin with an underscore are the sandbox's own and never leave it.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any

import msgspec

from tallygate_sandbox.world.registry import INDEXES

Obj = dict[str, Any]
Seen = Mapping[str, Any]
Place = tuple[str, str]

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder().decode


class Objects:
    """The tables. Everything that changes between `begin` and `commit` can be undone."""

    def __init__(self) -> None:
        self._tables: defaultdict[str, dict[str, Obj]] = defaultdict(dict)
        self._indexes: defaultdict[tuple[str, str], defaultdict[Any, dict[str, None]]]
        self._indexes = defaultdict(lambda: defaultdict(dict))
        self._before: dict[Place, bytes | None] = {}

    def find(self, kind: str, ident: str) -> Seen | None:
        """The object, to be read and not changed."""
        return self._tables[kind].get(ident)

    def newest_first(self, kind: str) -> Iterator[Seen]:
        return reversed(self._tables[kind].values())

    def older(self, kind: str, than: int, field: str = "created") -> list[str]:
        """The ids of the oldest objects, up to the first that was created after an instant."""
        table = self._tables[kind].values()
        return [obj["id"] for obj in takewhile(lambda obj: obj[field] <= than, table)]

    def count(self, kind: str) -> int:
        return len(self._tables[kind])

    def where(self, kind: str, field: str, value: Any) -> list[Seen]:
        """The objects whose indexed field has this value, oldest first."""
        if field not in INDEXES[kind]:
            raise LookupError(f"{kind} has no index on {field}: declare it with index()")
        table = self._tables[kind]
        idents = dict.fromkeys(self._indexes[kind, field].get(value, ()))
        idents.update({i: None for k, i in self._before if k == kind})
        found = [table[ident] for ident in idents if ident in table]
        return [obj for obj in found if reach(obj, field) == value]

    def add(self, obj: Obj) -> Obj:
        place = (obj["object"], obj["id"])
        assert place[1] not in self._tables[place[0]], f"{place} is there already"
        self._before.setdefault(place, None)
        self._tables[place[0]][place[1]] = obj
        return obj

    def edit(self, kind: str, ident: str) -> Obj | None:
        """The object, to be changed in place until the transaction ends."""
        obj = self._tables[kind].get(ident)
        if obj is not None and (kind, ident) not in self._before:
            self._before[kind, ident] = encode(obj)
        return obj

    def remove(self, kind: str, ident: str) -> None:
        obj = self._tables[kind].pop(ident)
        self._before.setdefault((kind, ident), encode(obj))

    def before(self, kind: str, ident: str) -> Obj | None:
        """The object as it was before this transaction; None when it is new."""
        kept = self._before.get((kind, ident))
        return None if kept is None else decode(kept)

    def kinds(self) -> list[str]:
        return list(self._tables)

    def places(self) -> list[Place]:
        """Where everything is."""
        return [(kind, ident) for kind, table in self._tables.items() for ident in table]

    def changed(self) -> list[Place]:
        """What this transaction has changed so far."""
        return list(self._before)

    def changes(self) -> dict[Place, Obj | None]:
        """Each changed object as it is now, None for a removed one."""
        return {(kind, ident): self._tables[kind].get(ident) for kind, ident in self._before}

    def commit(self) -> None:
        """Keep the changes."""
        for (kind, ident), kept in self._before.items():
            now = self._tables[kind].get(ident)
            self._reindex(kind, ident, None if kept is None else decode(kept), now)
        self._before.clear()

    def roll_back(self) -> None:
        """Undo the changes. An object that was removed returns as the newest of its kind."""
        for (kind, ident), kept in self._before.items():
            if kept is None:
                self._tables[kind].pop(ident, None)
                continue
            obj = self._tables[kind].setdefault(ident, {})
            obj.clear()
            obj.update(decode(kept))
        self._before.clear()

    def restore(self, obj: Obj) -> None:
        """Put an object back that was read from the file."""
        self._tables[obj["object"]][obj["id"]] = obj
        self._reindex(obj["object"], obj["id"], None, obj)

    def _reindex(self, kind: str, ident: str, before: Seen | None, now: Seen | None) -> None:
        for field in INDEXES[kind]:
            old = None if before is None else reach(before, field)
            new = None if now is None else reach(now, field)
            if old == new and (before is None) == (now is None):
                continue
            index = self._indexes[kind, field]
            if before is not None:
                index[old].pop(ident, None)
                if not index[old]:
                    del index[old]
            if now is not None:
                index[new][ident] = None


def reach(obj: Seen, path: str) -> Any:
    """A field at a dotted path; None where there is nothing."""
    here: Any = obj
    for key in path.split("."):
        here = here.get(key) if isinstance(here, Mapping) else None
    return here
