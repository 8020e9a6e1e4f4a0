"""How is a version of the price list kept, and read again?

As the text that was applied: a version is a number and never changes. Reading the text takes
milliseconds, so that what was read is kept in memory, by the text itself.
"""

from datetime import datetime
from functools import lru_cache

from sqlalchemy import bindparam, case, func, insert, select

from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.tables.catalogs import catalogs
from tallygate.catalog import Catalog, read_catalog
from tallygate.core.errors import NotFound
from tallygate.core.period import from_micros, to_micros

KEPT_IN_MEMORY = 64

_TEXT = select(catalogs.c.version, catalogs.c.text)
_OF_VERSION = _TEXT.where(catalogs.c.version == bindparam("number"))
_VERSIONS = select(catalogs.c.version, catalogs.c.applied_at).order_by(catalogs.c.version)
_LATEST = _TEXT.order_by(catalogs.c.version.desc()).limit(1)
_NEWEST = select(func.max(catalogs.c.version)).scalar_subquery()
_LISTS = select(
    catalogs.c.version,
    catalogs.c.applied_at,
    case((catalogs.c.version == _NEWEST, catalogs.c.text)).label("text"),
).order_by(catalogs.c.version)
_NEXT = select(func.coalesce(func.max(catalogs.c.version), 0) + 1)


def save_catalog(tx: Transaction, text: str, catalog: Catalog, at: datetime) -> int:
    """Keep a text, that was read as this catalog, as the next version; gives its number.

    Versions count from 1. The transaction is a writing one: it is the only one of its kind.
    """
    version = int(tx.execute(_NEXT).scalar_one())
    row = {"version": version, "name": catalog.name, "text": text, "applied_at": to_micros(at)}
    tx.execute(insert(catalogs).values(row))
    return version


def load_catalog(tx: Transaction, version: int) -> Catalog:
    """The catalog of a version.

    Raises:
        NotFound: no such version was applied.
    """
    text = tx.execute(_OF_VERSION, {"number": version}).one_or_none()
    if text is None:
        raise NotFound(f"There is no version {version} of the catalog.")
    return _read(text.text, version)


def latest_catalog(tx: Transaction) -> tuple[int, Catalog] | None:
    """The version that holds for new subscriptions, or nothing where none was applied yet."""
    found = tx.execute(_LATEST).one_or_none()
    return None if found is None else (found.version, _read(found.text, found.version))


def latest_text(tx: Transaction) -> tuple[int, str] | None:
    """The latest version as it was written."""
    found = tx.execute(_LATEST).one_or_none()
    return None if found is None else (found.version, found.text)


def applied_at(tx: Transaction, version: int) -> datetime | None:
    """When a version was applied."""
    micros = tx.execute(
        select(catalogs.c.applied_at).where(catalogs.c.version == version)
    ).scalar_one_or_none()
    return None if micros is None else from_micros(micros)


def versions(tx: Transaction) -> dict[int, datetime]:
    """When each version was applied, the oldest first."""
    return {row.version: from_micros(row.applied_at) for row in tx.execute(_VERSIONS)}


def price_lists(tx: Transaction) -> tuple[dict[int, datetime], Catalog] | None:
    """When each version was applied, the oldest first, and the newest one; None: none was yet."""
    rows = tx.execute(_LISTS).all()
    if not rows:
        return None
    applied = {row.version: from_micros(row.applied_at) for row in rows}
    return applied, _read(rows[-1].text, rows[-1].version)


@lru_cache(maxsize=KEPT_IN_MEMORY)
def _read(text: str, version: int) -> Catalog:
    return read_catalog(text, f"catalog version {version}")
