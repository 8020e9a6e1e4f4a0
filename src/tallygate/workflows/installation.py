"""What does every workflow work with?

The store, the clock, the source of ids and the settings of one installation, handed in together.
`app.py` makes the live one, `testing.py` one whose time and ids can be replayed.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from tallygate.adapters.store import Store
from tallygate.core.clock import Clock
from tallygate.core.ids import IdSource

Cadence = Literal["hourly", "daily", "monthly"]
"""How often something is done that may be done any number of times."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may choose, as far as workflows ask for it.

    `accept_past` and `accept_future` bound an event's time around its arrival. `one_off_threshold`
    is the sum, in minor units, from which an adjustment without a next invoice becomes a one-off
    invoice. `secret` keys the hashes of API keys; empty: the one that the database keeps.

    What concerns the payment provider: `price_ids` are its ids of prices, by a plan's or price's
    key in small letters, where the operator made them there and the catalog was not published.
    `success_url`, `cancel_url` and `portal_return_url` are where its pages lead back to; None:
    whoever asks for a page says it. `sync_every` is how often usage is reported there, and
    `automatic_tax` whether it computes taxes. `hold` is how long a draft whose usage it has not
    confirmed waits before an operator is asked. `collects` says that there is a provider: then a
    plan that costs something is bought through it, unless its account is billed elsewhere.

    `start_free` lets a new organization begin on the price list's first plan that costs nothing.
    `unpaid_for` is how long resources run whose payer has bought nothing, before no further ones
    are created.
    """

    close_delay: timedelta = timedelta(minutes=30)
    accept_past: timedelta = timedelta(days=400)
    accept_future: timedelta = timedelta(minutes=5)
    one_off_threshold: int = 5000
    max_batch: int = 10_000
    max_body_bytes: int = 4 * 1024 * 1024
    secret: str = field(default="", repr=False)
    price_ids: Mapping[str, str] = field(default_factory=dict)
    success_url: str | None = None
    cancel_url: str | None = None
    portal_return_url: str | None = None
    sync_every: Cadence = "hourly"
    automatic_tax: bool = False
    hold: timedelta = timedelta(hours=6)
    collects: bool = False
    start_free: bool = False
    unpaid_for: timedelta = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Installation:
    """One Tallygate, with the world that it was handed. `random_bits(n)` gives n random bits."""

    store: Store
    clock: Clock
    ids: IdSource
    settings: Settings = field(default_factory=Settings)
    random_bits: Callable[[int], int] = field(default=secrets.randbits, repr=False)

    @property
    def now(self) -> datetime:
        """The present instant."""
        return self.clock.now()

    def this_second(self, *after: datetime) -> datetime:
        """The start of the present second: when something happens that is given no time.

        So shares of a period are of seconds, which are easy to follow. It is now itself, where
        something that it comes after was within this second.
        """
        now = self.now
        second = now.replace(microsecond=0)
        return now if any(second <= one <= now for one in after) else second
