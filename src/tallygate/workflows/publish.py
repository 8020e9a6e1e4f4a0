"""How does a price list come into force?

It is checked as a whole; then it is stored as the next version, together with the sums of every
meter that the version brings, so that there is no instant at which events count for a meter that
the store does not know. Subscriptions keep the version that they began with.
"""

from dataclasses import dataclass
from datetime import datetime

from tallygate.adapters.store.catalogs import (
    latest_catalog,
    latest_text,
    load_catalog,
    save_catalog,
)
from tallygate.adapters.store.rollups import register_meters
from tallygate.catalog import Catalog, read_with_warnings
from tallygate.catalog.difference import differences
from tallygate.core.errors import Problem
from tallygate.core.failpoints import failpoint
from tallygate.workflows.installation import Installation


@dataclass(frozen=True, slots=True)
class Proposal:
    """What applying a text would do: the version it would be, and what differs from the latest.

    `is_new` is false where the text is the latest version already.
    """

    version: int
    is_new: bool
    changes: tuple[str, ...]
    warnings: tuple[Problem, ...]


def check(
    text: str, name: str = "catalog.yaml", *, at: datetime | None = None
) -> tuple[Catalog, tuple[Problem, ...]]:
    """Read a price list, with what in it may not be meant; needs no database.

    Raises:
        CatalogInvalid: with every problem in the file.
    """
    return read_with_warnings(text, name, at=at)


def propose(installation: Installation, text: str, name: str = "catalog.yaml") -> Proposal:
    """What `apply` would do with this text, without doing it.

    Raises:
        CatalogInvalid: with every problem in the file.
    """
    catalog, warnings = check(text, name, at=installation.now)
    with installation.store.read() as tx:
        written = latest_text(tx)
        if written is None:
            return Proposal(1, True, differences(None, catalog), warnings)
        version, before = written
        if before == text:
            return Proposal(version, False, (), warnings)
        changes = differences(load_catalog(tx, version), catalog)
        return Proposal(version + 1, True, changes, warnings)


def apply(installation: Installation, text: str, name: str = "catalog.yaml") -> int:
    """Store a price list as the next version, and give its number.

    The text that is the latest version already stays that version. Meters that measure something
    new get their sums from the events that are there.

    Raises:
        CatalogInvalid: with every problem in the file; nothing was stored.
    """
    catalog, _ = check(text, name, at=installation.now)
    with installation.store.write() as tx:
        written = latest_text(tx)
        if written is not None and written[1] == text:
            return written[0]
        version = save_catalog(tx, text, catalog, installation.now)
        register_meters(tx, version, catalog)
        failpoint("publish.commit.before")
    failpoint("publish.commit.after")
    return version


def current(installation: Installation) -> tuple[int, Catalog] | None:
    """The version that holds for new subscriptions, or nothing where none was applied yet."""
    with installation.store.read() as tx:
        return latest_catalog(tx)
