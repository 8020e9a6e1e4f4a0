"""Is everything in order underneath?

Each check is a sentence with what to do. Little is asked of the payment provider: one question.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from tallygate.interfaces.cli import screen

if TYPE_CHECKING:
    from datetime import datetime

    from tallygate.adapters.store import Store
    from tallygate.catalog.model import Catalog
    from tallygate.config import Config
    from tallygate.workflows.health import Probe, Waiting
    from tallygate.workflows.installation import Installation

CLOCK_MINUTES = 5
GRACE_HOURS = 72
PATIENCE_MINUTES = 60
"""How long something may wait before somebody should look."""


class Check(NamedTuple):
    """One thing that was looked at."""

    name: str
    state: Literal["ok", "warning", "failed"]
    sentence: str


def doctor(
    audit: Annotated[
        bool,
        typer.Option("--audit", help="Count everything again from the log, which takes a while."),
    ] = False,
    as_json: Annotated[bool, screen.AsJson] = False,
) -> None:
    """Check the settings, the database, the clock, Stripe, and what waits; one line each."""
    checks = list(examine(audit=audit))
    if as_json:
        screen.print_json([check._asdict() for check in checks])
    else:
        for check in checks:
            screen.out(f"{check.state:8}{check.name:14}{check.sentence}")
    if any(check.state == "failed" for check in checks):
        raise typer.Exit(screen.FAILED)


def examine(*, audit: bool = False) -> Iterator[Check]:
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
    yield from _database(config, audit=audit)


def _database(config: "Config", *, audit: bool) -> Iterator[Check]:
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
        if store.dialect == "postgresql":
            yield judge_second_wall(store)
        yield from _catalog(store, config)
        if audit:
            yield _sums(store)
    finally:
        store.close()
    yield from _living(config)


def judge_second_wall(store: "Store") -> Check:
    """Whether Postgres itself keeps tenants apart, where a query forgets to."""
    from tallygate.adapters.store import walls

    with store.read() as tx:
        missing, role, user = walls.unprotected(tx), walls.role_of(tx), walls.user_of(tx)
    if missing:
        return Check(
            "tenants",
            "failed",
            f"Row-level security is off for {', '.join(missing)}: a policy was dropped. Make it "
            "again as the migration row_level_security does, or restore the database.",
        )
    with store.of(walls.ANY_TENANT).read() as tx:
        loose = walls.unbound(tx)
    if loose:
        return Check(
            "tenants",
            "warning",
            "Postgres does not keep tenants apart, Tallygate's queries alone do: the database's "
            f"user owns the tables, and may not make or take the role for tenants. Let an "
            f'administrator run `CREATE ROLE "{role}" NOLOGIN; GRANT "{role}" TO "{user}"`, then '
            "run `tallygate db upgrade` and restart.",
        )
    return Check("tenants", "ok", "Postgres keeps tenants apart, should a query forget to.")


def _catalog(store: "Store", config: "Config") -> Iterator[Check]:
    from tallygate.adapters.store import catalogs
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
        yield from _price_ids(found, config)
    if config.catalog is not None and (stored is None or read_text(config.catalog) != stored[1]):
        yield Check("catalog file", "warning", f"{config.catalog} is not in force.")


def _price_ids(catalog: "Catalog", config: "Config") -> Iterator[Check]:
    """Whether each id of a price in the environment is of something in the catalog."""
    sold = {price.key for plan in catalog.plans.values() for price in plan.prices}
    known = {key.lower() for key in (*catalog.plans, *sold, *catalog.prices)}
    if unknown := sorted(set(config.stripe_price_ids) - known):
        named = ", ".join(f"STRIPE_PRICE_ID_{key.upper()}" for key in unknown)
        sentence = f"The catalog has no plan and no price of this name: {named}. Leave it out."
        yield Check("price ids", "warning", sentence)


def _sums(store: "Store") -> Check:
    from tallygate.adapters.store.audit import count_differences

    with store.read() as tx:
        different = count_differences(tx)
    if different:
        return Check(
            "sums",
            "failed",
            f"{different} sums differ from the log of events, which is right: keep a copy of the "
            "database, bill nothing, and report it.",
        )
    return Check("sums", "ok", "Every sum equals the log of events.")


def _living(config: "Config") -> Iterator[Check]:
    """The checks that need the time, and whatever else lives outside the database."""
    from tallygate.adapters.store import inbox
    from tallygate.adapters.store.newest import newest_moment
    from tallygate.app import open_installation, open_probe
    from tallygate.core.errors import TallygateError
    from tallygate.workflows.health import what_waits

    try:
        with open_installation(config) as installation:
            now = installation.now
            with installation.store.read() as tx:
                newest = newest_moment(tx)
                hints = inbox.counts(tx)
                waiting = what_waits(tx, now)
            yield judge_clock(now, newest, config.clock)
            probe = open_probe(config)
            if probe is not None:
                yield from _provider(installation, probe)
            if probe is not None or config.signing_secrets:
                yield judge_webhooks(hints, taken=bool(config.signing_secrets))
                yield judge_waiting(waiting, now)
    except TallygateError as error:
        yield Check("clock", "failed", str(error))


def _provider(installation: "Installation", probe: "Probe") -> Iterator[Check]:
    from tallygate.core.errors import TallygateError
    from tallygate.workflows.health import provider_health

    found = provider_health(installation, probe, at_once=True)
    if found.state != "healthy":
        yield Check("provider", "failed", f"{found.name}: {found.said}")
        return
    yield Check("provider", "ok", f"{found.name}: {found.said}")
    try:
        grace = probe.grace()
    except TallygateError as error:
        yield Check("drafts", "warning", f"Stripe does not show its drafts: {error}")
        return
    if grace is not None and grace < timedelta(hours=GRACE_HOURS):
        hours = int(grace / timedelta(hours=1))
        yield Check(
            "drafts",
            "warning",
            f"Stripe finalizes a draft {hours} h after making it, and it should wait for our "
            f"usage: set {GRACE_HOURS} h in its dashboard, under the settings of invoices.",
        )


def judge_waiting(waiting: "Waiting", now: "datetime") -> Check:
    """Whether what waits to be settled, sent or decided moves on by itself."""
    from tallygate.core.period import instant_text

    since = now - timedelta(minutes=PATIENCE_MINUTES)
    wrong: list[str] = []
    if waiting.shut:
        wrong.append(
            "Nothing is sent to the payment provider, since this database was restored or cloned: "
            "look with `tallygate reconcile`, and go on with its `--adopt --commit`."
        )
    if waiting.oldest_hint is not None and waiting.oldest_hint < since:
        wrong.append(
            f"{waiting.hints} webhooks are not settled, the first since "
            f"{instant_text(waiting.oldest_hint)}: is `tallygate serve` running, with its worker?"
        )
    if waiting.oldest_account is not None and waiting.oldest_account < since:
        wrong.append(
            f"{waiting.accounts} billing accounts are due, the first since "
            f"{instant_text(waiting.oldest_account)}: is `tallygate serve` running?"
        )
    if waiting.late:
        wrong.append(
            f"Of {waiting.late} changes at the payment provider nobody knows for an hour whether "
            "they were made; they are looked for when it answers."
        )
    if waiting.held:
        wrong.append(f"{waiting.held} invoices are held and wait for an operator's decision.")
    if wrong:
        state: Literal["warning", "failed"] = "failed" if waiting.shut else "warning"
        return Check("waiting", state, " ".join(wrong))
    counted = (
        f"{waiting.hints} webhooks, {waiting.accounts} accounts and {waiting.totals} totals wait"
    )
    return Check("waiting", "ok", f"{counted}, none for long.")


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


def judge_clock(now: "datetime", newest: "datetime | None", sandbox: str | None = None) -> Check:
    """Whether the clock has reached what is stored already, but for a few minutes."""
    from tallygate.core.period import instant_text

    if newest is not None and now < newest - timedelta(minutes=CLOCK_MINUTES):
        sentence = (
            f"It is {instant_text(now)} here, and something was stored at "
            f"{instant_text(newest)}: the clock is behind what is stored. Set it right."
        )
        return Check("clock", "failed", sentence)
    by = "" if sandbox is None else f" by the clock of the sandbox at {sandbox}"
    return Check("clock", "ok", f"It is {instant_text(now)}{by}.")
