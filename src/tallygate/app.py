"""Which clock, which randomness, which database, which provider does a live installation get?

The one place where that is chosen: the system's clock or a sandbox's, the operating system's
randomness, the store and the account at Stripe that the settings name. Whatever is chosen is
handed in from here; nothing below looks around for itself.
"""

import gc
import random
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from tallygate.adapters.store import check_schema, is_bare, migrate, open_store
from tallygate.collection import Provider
from tallygate.collection.provider import Books
from tallygate.config import Config
from tallygate.core.clock import Clock
from tallygate.core.errors import Invalid
from tallygate.core.ids import IdSource
from tallygate.workflows.health import Probe
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.receive import Verifier


def settle_in() -> None:
    """Fit the interpreter for a process that serves for long, once all is loaded and set up.

    What is there by now stays as long as the process: the garbage collector need not look through
    it again and again.
    """
    gc.collect()
    gc.freeze()


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant, in UTC."""
        return datetime.now(UTC)  # noqa: TID251  # the one place that reads the clock


@contextmanager
def open_clock(config: Config) -> Iterator[Clock]:
    """The clock that the settings name, for the length of a `with` block.

    Raises:
        Unreachable: it is a sandbox's, and the sandbox does not tell the time.
    """
    if config.clock is None:
        yield SystemClock()
        return
    from tallygate.adapters.http import GuardedClient  # noqa: PLC0415  # few installations need it
    from tallygate.adapters.sandbox_clock import SandboxClock  # noqa: PLC0415  # as above

    client = GuardedClient(allowed=[config.clock])
    try:
        clock = SandboxClock(client, config.clock)
        clock.now()
        yield clock
    finally:
        client.close()


@contextmanager
def open_installation(config: Config, *, create: bool = False) -> Iterator[Installation]:
    """The installation that the settings describe, open for the length of a `with` block.

    A SQLite file is brought to the present schema; where there is none, it is made only when
    `create` says so. A Postgres database is upgraded by `tallygate db upgrade` alone.

    Raises:
        Unsafe: the database would forget what it has acknowledged.
        Conflict: the schema is not the one that this version needs.
        Unreachable: the database does not answer, or there is none; or a sandbox is to tell the
            time, and does not.
    """
    store = open_store(config.database_url.get_secret_value(), create=create)
    try:
        if store.dialect == "sqlite" and (create or not is_bare(store)):
            migrate(store)
        check_schema(store)
        with open_clock(config) as clock:
            yield Installation(
                store=store,
                clock=clock,
                # Ids need no moved time: they rise in the order of their making, as they should.
                ids=IdSource(SystemClock(), secrets.randbits),
                settings=config.settings(),
            )
    finally:
        store.close()


def open_provider(config: Config) -> Provider:
    """The payment provider that the settings name.

    Raises:
        Invalid: they name none.
    """
    from tallygate.adapters.stripe import (  # noqa: PLC0415  # half a second that few commands need
        StripeCatalog,
        open_client,
    )

    key, name = _stripe(config)
    return StripeCatalog(open_client(key, config.stripe_api_base), name)


def open_books(config: Config) -> Books:
    """The books of the payment provider that the settings name.

    One is for a whole process: what it asks is counted, and kept below what the provider allows.

    Raises:
        Invalid: the settings name none.
    """
    from tallygate.adapters.stripe import StripeBooks, open_paced_client  # noqa: PLC0415  # as above
    from tallygate.adapters.stripe.pace import LIVE_RATE, TEST_RATE, Pace  # noqa: PLC0415  # too

    key, name = _stripe(config)
    live = bool(config.stripe_is_live)
    rate = None if config.stripe_api_base else LIVE_RATE if live else TEST_RATE
    pace = Pace(rate, clock=time.monotonic, sleep=time.sleep, chance=random.random)
    client, calls = open_paced_client(key, config.stripe_api_base, pace)
    return StripeBooks(client, name, live=live, calls=calls, prices=config.settings().price_ids)


def open_probe(config: Config) -> Probe | None:
    """How the payment provider is asked whether it knows us; None where none is set."""
    if config.stripe_key is None:
        return None
    key, name = _stripe(config)

    def ask() -> None:
        from tallygate.adapters.stripe.health import ask_for_balance  # noqa: PLC0415  # as above

        ask_for_balance(key, config.stripe_api_base)

    def grace() -> timedelta | None:
        from tallygate.adapters.stripe.health import shortest_grace  # noqa: PLC0415  # as above

        return shortest_grace(key, config.stripe_api_base)

    return Probe(name, ask, grace)


def _stripe(config: Config) -> tuple[str, str]:
    """The key of the Stripe account, and what to call it.

    Raises:
        Invalid: no key is set.
    """
    key = config.stripe_key
    if key is None:
        raise Invalid(
            "No payment provider is set: set STRIPE_SECRET_KEY to the secret key of a Stripe "
            "account, and STRIPE_API_BASE too for a local one."
        )
    mode = "live mode" if config.stripe_is_live else "test mode"
    where = f", {config.stripe_api_base}" if config.stripe_api_base else ""
    return key.get_secret_value(), f"Stripe ({mode}{where})"


def open_verifier(config: Config) -> Verifier | None:
    """What knows the payment provider's signatures; None where no secret is set."""
    if not config.signing_secrets:
        return None
    from tallygate.adapters.stripe.webhooks import (  # noqa: PLC0415  # as above
        TOLERANCE,
        StripeWebhooks,
    )

    # A local Stripe has a clock of its own, and it may have been moved ahead.
    ahead = None if config.stripe_api_base else TOLERANCE
    # Signatures carry real time, wherever the installation's clock stands.
    judge = SystemClock() if config.clock else None
    return StripeWebhooks(config.signing_secrets, config.stripe_is_live, ahead, judge)
