"""Is everything in order underneath?"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from tallygate.interfaces.cli import screen

if TYPE_CHECKING:
    from datetime import datetime

    from tallygate.adapters.store import Store
    from tallygate.config import Config

HELP = "Look after the database."
CLOCK_MINUTES = 5


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
    if config.catalog is not None:
        from tallygate.interfaces.cli.catalog import read_text

        try:
            read_text(config.catalog)
        except TallygateError as error:
            yield Check("catalog file", "failed", f"TALLYGATE_CATALOG: {error}")
            config = config.model_copy(update={"catalog": None})
    yield from _database(config)


def _database(config: "Config") -> Iterator[Check]:
    from tallygate.adapters.store import check_schema, open_store
    from tallygate.core.errors import TallygateError, Unsafe

    url = config.database_url.get_secret_value()
    file = Path(url.removeprefix("sqlite:///").partition("?")[0])
    if url.startswith("sqlite:///") and file.parent.is_dir() and not file.exists():
        missing = f"There is none at {file.absolute()}: `tallygate db upgrade` makes it."
        yield Check("database", "warning", missing)
        return
    try:
        store = open_store(url, create=False)
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
    from tallygate.adapters.store import catalogs, inbox
    from tallygate.adapters.store.newest import newest_moment
    from tallygate.app import SystemClock
    from tallygate.interfaces.cli.catalog import read_text, sentence

    with store.read() as tx:
        stored = catalogs.latest_text(tx)
        found = None if stored is None else catalogs.load_catalog(tx, stored[0])
        newest = newest_moment(tx)
        hints = inbox.counts(tx)
    if stored is None or found is None:
        yield Check(
            "catalog", "warning", "None is in force: `tallygate catalog apply FILE --commit`."
        )
    else:
        yield Check("catalog", "ok", f"Version {stored[0]} is in force: {sentence(found)}.")
    if config.catalog is not None and (stored is None or read_text(config.catalog) != stored[1]):
        yield Check("catalog file", "warning", f"{config.catalog} is not in force.")
    if config.stripe_key is not None or config.signing_secrets:
        yield judge_webhooks(hints, taken=bool(config.signing_secrets))
    yield judge_clock(SystemClock().now(), newest)


def judge_webhooks(hints: Mapping[str, int], *, taken: bool) -> Check:
    """Whether the payment provider's webhooks can come in, and are ours to settle."""
    wrong: list[str] = []
    if not taken:
        wrong.append("They are refused: set STRIPE_WEBHOOK_SECRET to the endpoint's secret.")
    if foreign := hints.get("foreign"):
        wrong.append(
            f"{foreign} came from another account, or of the other mode (live or test), and are "
            "left alone: the endpoint belongs to another Stripe account than the key."
        )
    if other := hints.get("other_version"):
        wrong.append(
            f"{other} came in another API version and are left alone: set the endpoint's version "
            "to that of the Stripe library that is installed here."
        )
    if wrong:
        return Check("webhooks", "warning", " ".join(wrong))
    return Check("webhooks", "ok", f"{sum(hints.values())} are stored.")


def judge_clock(now: "datetime", newest: "datetime | None") -> Check:
    """Whether the clock has reached what is stored already, but for a few minutes."""
    from tallygate.core.period import instant_text

    if newest is not None and now < newest - timedelta(minutes=CLOCK_MINUTES):
        sentence = (
            f"It is {instant_text(now)} here, and something was stored at "
            f"{instant_text(newest)}: the clock is behind what is stored. Set it right."
        )
        return Check("clock", "failed", sentence)
    return Check("clock", "ok", f"It is {instant_text(now)}.")


COMMANDS = {"upgrade": upgrade}
