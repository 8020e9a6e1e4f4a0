"""Stripe's books, as `collection.Books` asks for them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from stripe import StripeClient

from tallygate.adapters.stripe import seeing
from tallygate.adapters.stripe.asking import seconds
from tallygate.adapters.stripe.errors import told_apart
from tallygate.adapters.stripe.foreseeing import Foreseeing
from tallygate.adapters.stripe.listing import PAGE
from tallygate.adapters.stripe.looking import Looking
from tallygate.adapters.stripe.pace import Calls
from tallygate.adapters.stripe.performing import Performing
from tallygate.adapters.stripe.plainly import Plainly
from tallygate.adapters.stripe.prices import Prices
from tallygate.adapters.stripe.sessions import Sessions
from tallygate.adapters.stripe.usage import Usage
from tallygate.adapters.stripe.witness import Witness
from tallygate.collection.intents import ChangeFlats, Intent, StartSubscription, Total
from tallygate.collection.provider import Failure, Happened
from tallygate.collection.seen import Seen, SeenCustomer, SeenInvoice, SeenSession
from tallygate.core.errors import Invalid
from tallygate.core.period import Period, from_micros

SECOND = 1_000_000


class _Event(msgspec.Struct):
    """What the list's events say of themselves."""

    id: str
    type: str
    created: int
    api_version: str | None = None


class _Page(msgspec.Struct):
    """A page of the list, each event as it was written."""

    data: list[msgspec.Raw]
    has_more: bool


class StripeBooks:
    """Stripe, as far as billing accounts are concerned; follows `collection.Books`.

    `prices` names prices that somebody else made, by the key that each is to stand for. All of it
    raises `Refused`, `Unanswered`, `FailedThere` or `Unreachable`, as `Books` says.
    """

    def __init__(
        self,
        client: StripeClient,
        name: str,
        *,
        live: bool,
        calls: Calls | None = None,
        prices: Mapping[str, str] | None = None,
    ) -> None:
        self._v1: Any = client.v1
        self._read = Plainly(client)
        self._name, self._live = name, live
        self.calls = Calls() if calls is None else calls
        known = Prices(client, prices or {})
        self._looking = Looking(client, known)
        self._performing = Performing(client, known)
        self._foreseeing = Foreseeing(client, known, self._looking)
        self._usage = Usage(client, known)
        self._sessions = Sessions(client)
        self._witness = Witness(client)

    @property
    def name(self) -> str:
        """`Stripe`, and which of its modes."""
        return self._name

    @property
    def live(self) -> bool:
        """Whether this is real money."""
        return self._live

    def look(self, customer: str, at: datetime, invoices: Collection[str] = ()) -> Seen:
        """What is there of a customer now: all subscriptions, and the latest 20 invoices."""
        with told_apart():
            return self._looking.look(customer, at, invoices)

    def customers_of(self, account: str) -> tuple[str, ...]:
        """The ids of the customers that are marked with a billing account, oldest first."""
        if not account.replace("_", "").isalnum():
            raise Invalid(f"{account[:40]!r} is no id of a billing account.")
        query = f"metadata['{seeing.ACCOUNT}']:'{account}'"
        with told_apart():
            found = self._v1.customers.search({"query": query, "limit": PAGE})
            made = [(one.created, one.id) for one in found.auto_paging_iter()]
        return tuple(ident for _, ident in sorted(made))

    def carry_out(self, intent: Intent, key: str) -> str:
        """Do what is intended, under this idempotency key; gives the id of what was made."""
        with told_apart():
            return self._performing.carry_out(intent, key)

    def customers(self) -> Iterator[SeenCustomer]:
        """Every customer that carries a mark of ours."""
        with told_apart():
            for one in self._v1.customers.list({"limit": PAGE}).auto_paging_iter():
                if seeing.ACCOUNT in (one.metadata or {}):
                    yield seeing.customer(one.to_dict())

    def take_calls(self) -> tuple[int, int]:
        """How many reads and writes were sent since this was asked last."""
        return self.calls.take()

    def witness(self) -> str | None:
        """The text that was left in an archived product of its own."""
        with told_apart():
            return self._witness.read()

    def leave_witness(self, text: str) -> None:
        """Leave a text in an archived product of its own."""
        with told_apart():
            self._witness.leave(text)

    def foresee_start(self, intent: StartSubscription) -> SeenInvoice | None:
        """The first invoice that beginning would make; None: none."""
        with told_apart():
            return self._foreseeing.start(intent)

    def foresee_change(self, intent: ChangeFlats) -> SeenInvoice:
        """The invoice that a charged exchange of flats would make."""
        with told_apart():
            return self._foreseeing.change(intent)

    def upcoming(self, subscription: str) -> SeenInvoice | None:
        """Stripe's own preview of the next invoice; None: there is none."""
        with told_apart():
            return self._foreseeing.upcoming(subscription)

    def report(self, total: Total) -> None:
        """Report a total, once."""
        with told_apart():
            self._usage.report(total)

    def counted(self, customer: str, event: str, window: Period) -> int | None:
        """The total that Stripe has counted in the whole minutes of a window; None: none."""
        with told_apart():
            return self._usage.counted(customer, event, window)

    def session(self, id_: str) -> SeenSession:
        """A checkout session as it is now."""
        with told_apart():
            return self._sessions.session(id_)

    def expire_session(self, id_: str) -> None:
        """Let nobody buy through an open session any more."""
        with told_apart():
            self._sessions.expire(id_)

    def portal(self, customer: str, return_url: str | None) -> str:
        """The address of a portal session made now."""
        with told_apart():
            return self._sessions.portal(customer, return_url)

    def client_secret(self, subscription: str) -> str | None:
        """What a browser needs to pay the first invoice, or to set a card up."""
        with told_apart():
            return self._sessions.client_secret(subscription)

    def happened(self, since: datetime) -> Sequence[Happened]:
        """The events of Stripe's list from an instant on, oldest first."""
        with told_apart():
            return list(self._events(since))[::-1]

    def failures(self, event_id: str) -> tuple[Failure, ...]:
        """What the report of an error event of meters says of totals that did not count."""
        with told_apart():
            return self._usage.failures(event_id)

    def _events(self, since: datetime) -> Iterator[Happened]:
        asked: dict[str, Any] = {"created": {"gte": seconds(since)}, "limit": PAGE}
        while True:
            page = msgspec.json.decode(self._read.raw("events", **asked), type=_Page)
            for body in page.data:
                one = msgspec.json.decode(body, type=_Event)
                created = from_micros(one.created * SECOND)
                yield Happened(one.id, one.type, created, one.api_version, bytes(body))
            if not page.has_more or not page.data:
                return
            asked["starting_after"] = one.id
