"""What does the store know about a subscription, when it is to be billed?

All of it in few questions: the price lists, the invoices so far, who pays for what. And the one
step that the preview and the close share: the next boundary's invoice, before it is saved.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from tallygate.adapters.store import Transaction, events, invoices, subscriptions
from tallygate.adapters.store.catalogs import latest_catalog, load_catalog, versions
from tallygate.catalog.model import Catalog
from tallygate.core.errors import Conflict, NotFound
from tallygate.core.period import Period
from tallygate.invoicing.adjustment import late_lines
from tallygate.invoicing.assemble import after_close, close_invoice
from tallygate.invoicing.contract import Contract
from tallygate.invoicing.model import Invoice
from tallygate.subscriptions.calendar import closed_windows, due, next_boundary
from tallygate.subscriptions.model import Subscription
from tallygate.workflows.installation import Installation
from tallygate.workflows.usage_known import StoredUsage

LONGEST_ADVANCE = timedelta(days=400)
"""A base billed in advance reaches so far at most: a year and what clamping adds."""


class Closing(NamedTuple):
    """A contract after its next boundary, and the invoice of it; None where nothing is billed.

    `before` is the subscription as it was.
    """

    contract: Contract
    invoice: Invoice | None
    before: Subscription


def contract_of(
    tx: Transaction, installation: Installation, subscription: Subscription, at: datetime
) -> Contract:
    """Everything known about a subscription at an instant.

    With those that the account had before and that late usage can still reach, while the
    subscription has a next invoice for what they still owe.
    """
    theirs = sorted(subscriptions.of_account(tx, subscription.billing_account), key=_began)

    def known(one: Subscription) -> Contract:
        others = [
            other
            for other in theirs
            if _began(other) > _began(one) and other.id != subscription.id
        ]
        return _contract(tx, installation, one, others, at)

    since = at - installation.settings.accept_past
    before = [
        ended
        for ended in theirs
        if ended.closed and ended.billed_until > since and _began(ended) < _began(subscription)
    ]
    if subscription.closed:
        return known(subscription)
    return replace(known(subscription), before=tuple(map(known, before)))


def terms_at(
    tx: Transaction,
    subscription: Subscription,
    at: datetime,
    applied: Mapping[int, datetime],
    catalogs: Mapping[int, Catalog],
) -> Contract:
    """What a subscription is on at an instant: its prices and counts, and nothing that was billed.

    `applied` says since when each version of the price list was in force.
    """
    span = Period(at, at + timedelta(days=1))
    usage = StoredUsage(tx, subscription, span, at)
    return Contract(subscription=subscription, catalogs=catalogs, usage=usage, applied=applied)


def _contract(
    tx: Transaction,
    installation: Installation,
    subscription: Subscription,
    others: Sequence[Subscription],
    at: datetime,
) -> Contract:
    accepted = at - installation.settings.accept_past
    reach = closed_windows(subscription, accepted)
    start = next((window.start for window in reach), subscription.billed_until)
    end = max(next_boundary(subscription, max(at, subscription.billed_until)), at)
    span = Period(start, end + timedelta(days=1))
    since = accepted - LONGEST_ADVANCE
    applied = versions(tx)
    return Contract(
        subscription=subscription,
        catalogs=StoredCatalogs(tx, applied),
        usage=StoredUsage(tx, subscription, span, at),
        billed=invoices.of_subscription(tx, subscription.id, since),
        applied=applied,
        later=tuple(
            invoice
            for other in others
            for invoice in invoices.of_subscription(tx, other.id, since)
        ),
    )


def _began(subscription: Subscription) -> tuple[datetime, str]:
    return subscription.started_at, subscription.id


class StoredCatalogs(Mapping[int, Catalog]):
    """Every version of the price list, read when it is asked for."""

    def __init__(self, tx: Transaction, numbers: Iterable[int]) -> None:
        self._tx = tx
        self._numbers = tuple(numbers)
        self._read: dict[int, Catalog] = {}

    def __getitem__(self, version: int) -> Catalog:
        if version not in self._numbers:
            raise KeyError(version)
        if version not in self._read:
            self._read[version] = load_catalog(self._tx, version)
        return self._read[version]

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)


def latest(tx: Transaction) -> tuple[int, Catalog]:
    """The price list for new subscriptions.

    Raises:
        Conflict: none was applied yet.
    """
    found = latest_catalog(tx)
    if found is None:
        raise Conflict("There is no price list yet: run `tallygate catalog apply FILE --commit`.")
    return found


def next_closing(
    installation: Installation, contract: Contract, at: datetime, position: int
) -> Closing:
    """The next boundary's invoice, without an id, and the contract as it stands then.

    The preview shows it; the close saves it.
    """
    adjustments = late_lines(contract, at - installation.settings.accept_past)
    invoice = close_invoice(contract, adjustments, position)
    subscription = after_close(contract.subscription, invoice)
    billed = contract.billed if invoice is None else (*contract.billed, invoice)
    closed = replace(contract, subscription=subscription, billed=billed)
    return Closing(closed, invoice, contract.subscription)


def closed_before(
    tx: Transaction, installation: Installation, contract: Contract, at: datetime
) -> Contract:
    """The contract as if every boundary before an instant had been closed; nothing is saved."""
    position = events.last_position(tx)
    while True:
        boundary = due(contract.subscription)
        if boundary is None or boundary >= at:
            return contract
        contract = next_closing(installation, contract, at, position).contract


def find_subscription(tx: Transaction, id_: str, tenant: str | None = None) -> Subscription:
    """The subscription with this id.

    Raises:
        NotFound: there is none, or it is another organization's.
    """
    found = subscriptions.get(tx, id_, tenant)
    if found is None:
        raise NotFound(f"There is no subscription {id_[:128]!r}.", param="subscription")
    return found
