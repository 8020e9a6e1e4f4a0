"""How are API keys kept and found?

By a keyed hash; the key itself is never written. A key is found by one look into the index of
hashes, whose time does not depend on how much of a guess is right.
"""

from datetime import datetime

from sqlalchemy import bindparam, insert, select, update

from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.rows import AnyRow, found, get, listed
from tallygate.adapters.store.tables.keys import api_keys as table
from tallygate.core.keys import ApiKey, same_digest
from tallygate.core.period import from_micros, to_micros

_BY_DIGEST = select(table).where(table.c.digest == bindparam("wanted"))


def save_key(tx: Transaction, key: ApiKey, digest: str) -> None:
    """Add a key, as its hash."""
    row = {
        "id": key.id,
        "organization": key.organization,
        "name": key.name,
        "digest": digest,
        "tail": key.tail,
        "scopes": " ".join(sorted(key.scopes)),
        "created_at": to_micros(key.created_at),
        "expires_at": None if key.expires_at is None else to_micros(key.expires_at),
        "revoked_at": None,
    }
    tx.execute(insert(table), row)


def find_key(tx: Transaction, digest: str) -> ApiKey | None:
    """The key with this hash, whether or not it still opens anything."""
    row = tx.execute(_BY_DIGEST, {"wanted": digest}).first()
    if row is None or not same_digest(row.digest, digest):
        return None
    return _key(row)


def get_key(tx: Transaction, key_id: str, tenant: str | None = None) -> ApiKey:
    """The key with this id.

    Raises:
        NotFound: there is none, or it is another organization's.
    """
    return _key(found(get(tx, table, key_id, tenant), "API key", key_id))


def list_keys(
    tx: Transaction, tenant: str | None, after: str | None = None, limit: int = 100
) -> tuple[ApiKey, ...]:
    """A tenant's keys, revoked ones too, in the order of their ids."""
    return tuple(map(_key, listed(tx, table, tenant, after, limit)))


def end_key(tx: Transaction, key_id: str, at: datetime) -> None:
    """Note that a key is revoked; the first time counts."""
    tx.execute(
        update(table)
        .where(table.c.id == key_id, table.c.revoked_at.is_(None))
        .values(revoked_at=to_micros(at))
    )


def _key(row: AnyRow) -> ApiKey:
    return ApiKey(
        row.id,
        row.organization,
        row.name,
        frozenset(row.scopes.split()),
        row.tail,
        from_micros(row.created_at),
        None if row.expires_at is None else from_micros(row.expires_at),
        None if row.revoked_at is None else from_micros(row.revoked_at),
    )
