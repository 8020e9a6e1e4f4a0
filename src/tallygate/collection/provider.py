"""What must an adapter of a payment provider be able to do?"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from tallygate.collection.held import Holdings, PriceList
from tallygate.collection.intents import ChangeFlats, Intent, StartSubscription, Total
from tallygate.collection.seen import Seen, SeenCustomer, SeenInvoice, SeenSession
from tallygate.collection.steps import Step
from tallygate.core.errors import Unreachable
from tallygate.core.period import Period


class Unanswered(Unreachable):
    """No answer came: the request may still be under way, and may yet be carried out."""

    code = "unanswered"


class FailedThere(Unreachable):
    """The provider answered that it failed, and says so again to the same key for a day."""

    code = "failed_there"


class Provider(Protocol):
    """A payment provider, as far as the price list is concerned.

    All of it raises `Unreachable` where the provider does not answer, and `Refused` where it
    refuses, with a sentence.
    """

    @property
    def name(self) -> str:
        """What to call it, with the account's mode: `Stripe (test mode)`."""
        ...

    def holdings(self, wanted: PriceList) -> Holdings:
        """What is there of all that a price list names, and what we once made there."""
        ...

    def carry_out(self, step: Step) -> None:
        """Do one step. Doing it again, or after an answer that was lost, does no more."""
        ...


class Happened(NamedTuple):
    """An event in the provider's own list, as its webhook would have told it."""

    id: str
    type: str
    created: datetime
    api_version: str | None
    body: bytes


class Failure(NamedTuple):
    """A total that the provider took and then did not count: which identifier, and why."""

    identifier: str
    code: str
    message: str


class Books(Protocol):
    """A payment provider's books: what they show of billing accounts, and changing that.

    All of it raises `Refused` where the provider refuses, with a sentence; `Unanswered` where no
    answer came, `FailedThere` where the provider failed, and `Unreachable` where it asks to come
    back later (nothing was done then).
    """

    @property
    def name(self) -> str:
        """What to call it, with the account's mode: `Stripe (test mode)`."""
        ...

    @property
    def live(self) -> bool:
        """Whether this is real money."""
        ...

    def look(self, customer: str, at: datetime, invoices: Collection[str] = ()) -> Seen:
        """What is there of a customer now: all subscriptions, and the latest invoices.

        `invoices` are the ids of others that are to be looked at too. `at` is noted in the answer.
        A customer that was deleted, or is not there, is shown as deleted.
        """
        ...

    def customers_of(self, account: str) -> tuple[str, ...]:
        """The ids of the customers that are marked with a billing account, oldest first.

        The provider's search may lag behind by a minute.
        """
        ...

    def carry_out(self, intent: Intent, key: str) -> str:
        """Do what is intended, under this idempotency key; gives the id of what was made.

        A checkout session gives `id url`. What is set (a draft held, an end, a finalization) may
        be asked for again at any time. An answer that the provider marks as an old one raises
        `FailedThere` where it tells of a failure.
        """
        ...

    def foresee_start(self, intent: StartSubscription) -> SeenInvoice | None:
        """The first invoice that beginning would make; None: none. Nothing is changed."""
        ...

    def foresee_change(self, intent: ChangeFlats) -> SeenInvoice:
        """The invoice that a charged exchange of flats would make. Nothing is changed."""
        ...

    def upcoming(self, subscription: str) -> SeenInvoice | None:
        """The provider's own preview of the next invoice; None: there is none."""
        ...

    def report(self, total: Total) -> None:
        """Report a total, once. One that is there under its identifier is a success."""
        ...

    def counted(self, customer: str, event: str, window: Period) -> int | None:
        """The total that the provider has counted in the whole minutes of a window; None: none."""
        ...

    def session(self, id_: str) -> SeenSession:
        """A checkout session as it is now."""
        ...

    def expire_session(self, id_: str) -> None:
        """Let nobody buy through an open session any more; one that is over stays as it is."""
        ...

    def portal(self, customer: str, return_url: str | None) -> str:
        """The address of a portal session made now: it opens the account to whoever has it."""
        ...

    def client_secret(self, subscription: str) -> str | None:
        """What a browser needs to pay the first invoice (or to set a card up); None: nothing."""
        ...

    def customers(self) -> Iterator[SeenCustomer]:
        """Every customer there that carries a mark of ours, in no particular order."""
        ...

    def take_calls(self) -> tuple[int, int]:
        """How many reads and writes were sent since this was asked last."""
        ...

    def witness(self) -> str | None:
        """The text that was left there last, by whatever installation; None: none ever was."""
        ...

    def leave_witness(self, text: str) -> None:
        """Leave a text there, in place of the one that is there."""
        ...

    def happened(self, since: datetime) -> Sequence[Happened]:
        """The events of the provider's list from an instant on, oldest first."""
        ...

    def failures(self, event_id: str) -> tuple[Failure, ...]:
        """What the report of an error event of meters says of totals that did not count."""
        ...
