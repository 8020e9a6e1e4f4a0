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
from tallygate.rating.line import Line
from tallygate.subscriptions.calendar import closed_windows, due, next_boundary
from tallygate.subscriptions.model import Subscription
from tallygate.workflows.installation import Installation
from tallygate.workflows.usage_known import Shared, StoredUsage, read_shared

LONGEST_ADVANCE = timedelta(days=400)
"""A base billed in advance reaches so far at most: a year and what clamping adds."""


class Closing(NamedTuple):
    """A contract after its next boundary, and the invoice of it; None where nothing is billed.

    `before` is the subscription as it was.
    """

    contract: Contract
    invoice: Invoice | None
    before: Subscription


NO_PRICE_LIST = "There is no price list yet: run `tallygate catalog apply FILE --commit`."


def contract_of(
    tx: Transaction, installation: Installation, subscription: Subscription, at: datetime
) -> Contract:
    """Everything known about a subscription at an instant.

    With those that the account had before and that late usage can still reach, while the
    subscription has a next invoice for what they still owe.
    """
    return contracts_of(tx, installation, [subscription], at)[0]


def contracts_of(
    tx: Transaction, installation: Installation, wanted: Sequence[Subscription], at: datetime
) -> list[Contract]:
    """The same for several subscriptions, in their order: every question is asked once for all."""
    if not wanted:
        return []
    since = at - installation.settings.accept_past
    accounts = {one.billing_account for one in wanted}
    had = subscriptions.of_accounts(tx, accounts)
    theirs = {account: sorted(had.get(account, ()), key=_began) for account in accounts}
    before = {one.id: _reached(one, theirs[one.billing_account], since) for one in wanted}
    billing = [one for each in wanted for one in (each, *before[each.id])]
    spans = {one.id: _span(one, since, at) for one in billing}
    asked = [one.id for account in accounts for one in theirs[account]]
    billed = invoices.of_subscriptions(tx, asked, since - LONGEST_ADVANCE)
    shared = read_shared(tx, [(one, spans[one.id]) for one in billing])
    applied = versions(tx)
    catalogs = StoredCatalogs(tx, applied)

    def known(one: Subscription, current: Subscription) -> Contract:
        return Contract(
            subscription=one,
            catalogs=catalogs,
            usage=StoredUsage(tx, one, spans[one.id], at, shared),
            billed=billed.get(one.id, ()),
            applied=applied,
            later=tuple(
                invoice
                for other in theirs[one.billing_account]
                if _began(other) > _began(one) and other.id != current.id
                for invoice in billed.get(other.id, ())
            ),
        )

    return [
        replace(known(one, one), before=tuple(known(ended, one) for ended in before[one.id]))
        for one in wanted
    ]


def terms_at(
    tx: Transaction,
    subscription: Subscription,
    at: datetime,
    applied: Mapping[int, datetime],
    catalogs: Mapping[int, Catalog],
    *,
    shared: Shared | None = None,
) -> Contract:
    """What a subscription is on at an instant: its prices and counts, and nothing that was billed.

    `applied` says since when each version of the price list was in force. `shared` is what was
    read of the account's `day_of` the instant already, if it was.
    """
    usage = StoredUsage(tx, subscription, day_of(at), at, shared)
    return Contract(subscription=subscription, catalogs=catalogs, usage=usage, applied=applied)


def day_of(at: datetime) -> Period:
    """The span of time that terms at an instant look at."""
    return Period(at, at + timedelta(days=1))


def _reached(
    subscription: Subscription, theirs: Iterable[Subscription], since: datetime
) -> list[Subscription]:
    """Those that the account had before and that late usage can still reach."""
    if subscription.closed:
        return []
    return [
        ended
        for ended in theirs
        if ended.closed and ended.billed_until > since and _began(ended) < _began(subscription)
    ]


def _span(subscription: Subscription, since: datetime, at: datetime) -> Period:
    """All instants that billing the subscription looks at."""
    reach = closed_windows(subscription, since)
    start = next((window.start for window in reach), subscription.billed_until)
    end = max(next_boundary(subscription, max(at, subscription.billed_until)), at)
    return Period(start, end + timedelta(days=1))


def _began(subscription: Subscription) -> tuple[datetime, str]:
    return subscription.started_at, subscription.id


class StoredCatalogs(Mapping[int, Catalog]):
    """Every version of the price list, read when it is asked for."""

    def __init__(
        self, tx: Transaction, numbers: Iterable[int], known: Mapping[int, Catalog] | None = None
    ) -> None:
        """`known` are those that were read already."""
        self._tx = tx
        self._numbers = tuple(numbers)
        self._read: dict[int, Catalog] = dict(known or {})

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
        raise Conflict(NO_PRICE_LIST)
    return found


def next_closing(
    installation: Installation, contract: Contract, at: datetime, position: int
) -> Closing:
    """The next boundary's invoice, without an id, and the contract as it stands then.

    The preview shows it; the close saves it.
    """
    late = late_lines(contract, at - installation.settings.accept_past)
    return closing_with(contract, late, position)


def closing_with(contract: Contract, adjustments: Iterable[Line], position: int) -> Closing:
    """The same with adjustments that are known, or none."""
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


def find_subscriptions(tx: Transaction, ids: Sequence[str]) -> list[Subscription]:
    """The subscriptions with these ids, in their order.

    Raises:
        NotFound: one of them is not there.
    """
    found = subscriptions.by_ids(tx, ids)
    return [_found(found.get(id_), id_) for id_ in ids]


def find_subscription(tx: Transaction, id_: str, tenant: str | None = None) -> Subscription:
    """The subscription with this id.

    Raises:
        NotFound: there is none, or it is another organization's.
    """
    return _found(subscriptions.get(tx, id_, tenant), id_)


def _found(found: Subscription | None, id_: str) -> Subscription:
    if found is None:
        raise NotFound(f"There is no subscription {id_[:128]!r}.", param="subscription")
    return found
