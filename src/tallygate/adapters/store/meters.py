"""Which ways of reading events are in use, and since which version of the catalog?

Two meters that read events alike share a number, and so their sums, also across versions of the
catalog. A version that brings a new way of reading has its sums made from the whole log.
"""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from tallygate.adapters.store import catalogs
from tallygate.adapters.store.bulk import Insert, rows_at_once
from tallygate.adapters.store.engine import Transaction
from tallygate.catalog.model import Catalog, Meter
from tallygate.metering.read import Reader, compile_reader, definition


@dataclass(frozen=True, slots=True)
class ActiveMeter:
    """A way of reading events. `current`: the latest version of the catalog has it."""

    number: int
    meter: Meter
    read: Reader
    current: bool


@dataclass(frozen=True, slots=True)
class ActiveMeters:
    """All of them: by the type of event that they read, and by number."""

    by_type: dict[str, tuple[ActiveMeter, ...]]
    by_number: dict[int, ActiveMeter]


_REGISTER = Insert(
    "meters", (("number", int), ("definition", str), ("version", int), ("key", str)), ""
)
_STATE = (
    "SELECT c.version, c.text, m.number, m.definition FROM (SELECT 1) AS always"
    " LEFT JOIN (SELECT version, text FROM catalogs ORDER BY version DESC LIMIT 1) AS c ON 1 = 1"
    " LEFT JOIN (SELECT number, definition FROM meters ORDER BY number DESC LIMIT 1) AS m ON 1 = 1"
)
_active: WeakKeyDictionary[Engine, tuple[object, ActiveMeters]] = WeakKeyDictionary()


def register(tx: Transaction, version: int, catalog: Catalog) -> list[ActiveMeter]:
    """Number the ways of reading that this version brings; gives the new ones."""
    known = {str(row[0]) for row in rows_at_once(tx, ("definition",), "FROM meters", ())}
    new: dict[str, Meter] = {}
    for meter in catalog.meters.values():
        if not meter.reads_resources and definition(meter) not in known:
            new.setdefault(definition(meter), meter)
    start = int(tx.exec_driver_sql("SELECT coalesce(max(number), 0) FROM meters").scalar_one())
    numbered = list(enumerate(new.items(), start + 1))
    rows = [(number, text, version, meter.key) for number, (text, meter) in numbered]
    _REGISTER.run(tx, rows)
    return [
        ActiveMeter(number, meter, compile_reader(meter), current=True)
        for number, (_, meter) in numbered
    ]


def active_meters(tx: Transaction) -> ActiveMeters:
    """All ways of reading that were registered, made ready once for each state of the catalog."""
    state = tuple(tx.exec_driver_sql(_STATE).one())
    kept = _active.get(tx.engine)
    if kept is not None and kept[0] == state:
        return kept[1]
    found = _load(tx, int(state[0] or 0))
    _active[tx.engine] = (state, found)
    return found


def number_of(tx: Transaction, meter: Meter) -> int | None:
    """The number under which a meter's sums are kept; None: no applied catalog has it."""
    rows = rows_at_once(tx, ("number",), "FROM meters WHERE definition = ?", (definition(meter),))
    return int(rows[0][0]) if rows else None


def _load(tx: Transaction, latest: int) -> ActiveMeters:
    current: set[str] = set()
    if latest:
        meters = catalogs.load_catalog(tx, latest).meters.values()
        current = {definition(meter) for meter in meters}
    wanted = ("number", "definition", "version", "key")
    by_number: dict[int, ActiveMeter] = {}
    by_type: dict[str, tuple[ActiveMeter, ...]] = {}
    for number, text, version, key in sorted(rows_at_once(tx, wanted, "FROM meters", ())):
        meter = catalogs.load_catalog(tx, int(version)).meters[str(key)]
        active = ActiveMeter(int(number), meter, compile_reader(meter), text in current)
        by_number[active.number] = active
        by_type[meter.event] = (*by_type.get(meter.event, ()), active)
    return ActiveMeters(by_type, by_number)
