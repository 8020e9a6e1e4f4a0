"""Is everything in order underneath?"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from tallygate.interfaces.cli import screen

if TYPE_CHECKING:
    from tallygate.adapters.store import Store
    from tallygate.config import Config

HELP = "Look after the database."


class Check(NamedTuple):
    """One thing that was looked at."""

    name: str
    state: Literal["ok", "warning", "failed"]
    sentence: str


def upgrade() -> None:
    """Bring the database's tables up to date."""
    from tallygate.adapters.store import migrate, open_store
    from tallygate.config import load_config

    store = open_store(load_config().database_url.get_secret_value())
    try:
        done = migrate(store)
    finally:
        store.close()
    if done:
        screen.out(f"Ran {len(done)} migration{'s' if len(done) > 1 else ''}: {', '.join(done)}.")
    else:
        screen.out("The tables are up to date.")


def doctor(as_json: Annotated[bool, screen.AsJson] = False) -> None:
    """Check the settings, the database, the catalog and the clock; one line each."""
    checks = list(examine())
    if as_json:
        screen.print_json([check._asdict() for check in checks])
    else:
        for check in checks:
            screen.out(f"{check.state:8}{check.name:14}{check.sentence}")
    if any(check.state == "failed" for check in checks):
        raise typer.Exit(screen.FAILED)


def examine() -> Iterator[Check]:
    """Every check that can still be made, in order."""
    from tallygate.config import load_config
    from tallygate.core.errors import TallygateError

    try:
        config = load_config()
    except TallygateError as error:
        yield Check("settings", "failed", str(error))
        return
    yield Check("settings", "ok", "All settings can be read.")
    yield from _database(config)


def _database(config: "Config") -> Iterator[Check]:
    from tallygate.adapters.store import check_schema, open_store
    from tallygate.core.errors import TallygateError, Unsafe

    url = config.database_url.get_secret_value()
    file = Path(url.removeprefix("sqlite:///").partition("?")[0])
    if url.startswith("sqlite:///") and not file.exists():
        missing = f"There is none at {file.absolute()}: `tallygate db upgrade` makes it."
        yield Check("database", "warning", missing)
        return
    try:
        store = open_store(url)
    except Unsafe as error:
        yield Check("durability", "failed", str(error))
        return
    except TallygateError as error:
        yield Check("database", "failed", str(error))
        return
    try:
        yield Check("database", "ok", f"{store.dialect} at {store.place} answers.")
        yield Check("durability", "ok", "A commit is on disk before it is acknowledged.")
        try:
            check_schema(store)
        except TallygateError as error:
            yield Check("schema", "failed", str(error))
            return
        yield Check("schema", "ok", "The tables are those of this version.")
        yield from _contents(store, config)
    finally:
        store.close()


def _contents(store: "Store", config: "Config") -> Iterator[Check]:
    from tallygate.adapters.store import catalogs
    from tallygate.app import SystemClock
    from tallygate.core.errors import CatalogInvalid, TallygateError
    from tallygate.core.period import instant_text
    from tallygate.interfaces.cli.catalog import read_text, sentence

    with store.read() as tx:
        stored = catalogs.latest_text(tx)
        found = None if stored is None else catalogs.load_catalog(tx, stored[0])
    if stored is None or found is None:
        yield Check(
            "catalog", "warning", "None is in force: `tallygate catalog apply FILE --commit`."
        )
    else:
        yield Check("catalog", "ok", f"Version {stored[0]} is in force: {sentence(found)}.")
    if config.catalog is not None:
        try:
            if stored is None or read_text(config.catalog) != stored[1]:
                yield Check("catalog file", "warning", f"{config.catalog} is not in force.")
        except (TallygateError, CatalogInvalid) as error:
            yield Check("catalog file", "failed", str(error))
    yield Check("clock", "ok", f"It is {instant_text(SystemClock().now())}.")


COMMANDS = {"upgrade": upgrade}
