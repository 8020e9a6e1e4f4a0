"""How does one schema become the next?

`versions/` holds the steps, in order; `schema.migrate` runs those that a database lacks. `write`
compares the declared tables with the newest migration and writes the step between them.
"""

import sys
from pathlib import Path

from alembic import command

from tallygate.adapters.store.engine import open_store
from tallygate.adapters.store.schema import VERSIONS, migrate, migration_settings, newest

INITIAL = "initial"


def write(name: str) -> Path:
    """Write the migration that leads from the newest one to the declared tables.

    The name `initial` writes the first migration anew, in place of the old one. That is for the
    time before the first release: databases that have run it must be made again.
    """
    if name != INITIAL:
        return _write(name)
    assert newest() <= "0001", "later migrations build on the first one"
    kept = {path: path.read_text("utf-8") for path in VERSIONS.glob("0001_*.py")}
    for path in kept:
        path.unlink()
    try:
        return _write(name)
    except BaseException:
        for path, content in kept.items():
            path.write_text(content, "utf-8")
        raise


def _write(name: str) -> Path:
    store = open_store("sqlite://")
    migrate(store)
    number = f"{int(newest()) + 1:04}"
    with store.write() as tx:
        config = migration_settings(tx)
        config.stdout = sys.stderr
        command.revision(config, message=name, autogenerate=True, rev_id=number)
    store.close()
    return next(VERSIONS.glob(f"{number}_*.py"))
