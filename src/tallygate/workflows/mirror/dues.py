"""What does the store know of an invoice that is still to be collected?

The invoice, the provider's subscription that it belongs to, what there stands for it, and how its
lines are to stand there. All of it is read in one transaction, beside what was just seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tallygate.adapters.store import Transaction, collections, invoices, mirrors
from tallygate.adapters.store.catalogs import versions
from tallygate.catalog.model import Catalog, Coupon
from tallygate.collection.agreement import flats_to_change
from tallygate.collection.billed_ahead import with_counts_made_up
from tallygate.collection.contracted import HeldPrices, WantedSubscription
from tallygate.collection.intents import ChangeFlats
from tallygate.collection.progress import draft_may_come, occasion_of, standing_for
from tallygate.collection.records import Collected, Mirror
from tallygate.collection.representation import (
    Representation,
    represent,
    represent_alone,
)
from tallygate.collection.seen import Seen, SeenInvoice, SeenSubscription
from tallygate.collection.totals import divide
from tallygate.collection.wanted import products_of
from tallygate.invoicing.model import Invoice
from tallygate.subscriptions.model import Subscription
from tallygate.workflows.contracts import StoredCatalogs, find_subscription


@dataclass(frozen=True, slots=True)
class Due:
    """An invoice that is to be collected.

    `found` are the provider's invoices that stand for it, `there` the subscription that it bills.
    `alone`: no invoice of the provider's own stands for it, and none will, so that we make one.
    `exchange`: the exchange of flats that a plan change is charged for, until it is there.
    """

    collected: Collected
    invoice: Invoice
    subscription: Subscription
    mirror: Mirror | None
    there: SeenSubscription | None
    found: tuple[SeenInvoice, ...]
    representation: Representation
    alone: bool
    exchange: ChangeFlats | None = None


@dataclass(slots=True)
class PriceLists:
    """What follows for a provider from each version of the price list, worked out once."""

    applied: Mapping[int, datetime]
    catalogs: Mapping[int, Catalog]
    held: HeldPrices
    _products: dict[int, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def stored(cls, tx: Transaction) -> "PriceLists":
        """Those of all versions; valid as long as the transaction."""
        applied = versions(tx)
        catalogs = StoredCatalogs(tx, applied)
        return cls(applied, catalogs, HeldPrices(catalogs))

    def product_of(self, version: int, key: str) -> str | None:
        """The product that a price belongs to, as a version has it."""
        if version not in self._products:
            self._products[version] = products_of(self.catalogs[version])
        return self._products[version].get(key)


def dues_of(
    tx: Transaction,
    billing_account: str,
    seen: Seen,
    lists: PriceLists,
    wanted: Mapping[str, WantedSubscription],
) -> tuple[Due, ...]:
    """The invoices of an account that are still to be collected, oldest first.

    `wanted` says what the provider's subscriptions are to have, by the ids of ours.
    """
    unsettled = collections.unsettled_of(tx, billing_account)
    return tuple(
        _due(tx, collected, seen, lists, wanted.get(collected.subscription))
        for collected in unsettled
    )


def _due(
    tx: Transaction,
    collected: Collected,
    seen: Seen,
    lists: PriceLists,
    wanted: WantedSubscription | None,
) -> Due:
    invoice = invoices.get(tx, collected.invoice)
    assert invoice is not None, "an invoice is never deleted"
    subscription = find_subscription(tx, invoice.subscription)
    mirror = mirrors.of_subscription(tx, subscription.id)
    there = None if mirror is None else seen.subscription(mirror.provider_id)
    found = standing_for(
        invoice, seen, None if mirror is None else mirror.provider_id, collected.provider_invoices
    )
    alone = _stands_alone(invoice, there, found, wanted)
    carried = collections.carried_by(tx, invoice.id)
    if alone:
        representation = represent_alone(invoice, lists.product_of, carried)
    else:
        window = invoice.period
        representation = represent(
            invoice,
            lists.held,
            divide(subscription, window, invoice.lines, lists.held),
            _billed_there(there, found),
            lists.product_of,
            shortfalls=carried,
            prorated=invoice.reason == "change",
        )
        if found:
            representation = with_counts_made_up(
                representation,
                invoice,
                found,
                lists.held.counted_keys,
                lists.held.flat_keys,
                coupons=_coupons_on(invoice, subscription, lists),
            )
    exchange = None
    if invoice.reason == "change" and not found and not alone and there and wanted:
        add, remove = flats_to_change(wanted, there)
        exchange = ChangeFlats(
            there.id, add, remove, invoice.dated, occasion_of(invoice), charged=True
        )
    return Due(
        collected, invoice, subscription, mirror, there, found, representation, alone, exchange
    )


def _coupons_on(
    invoice: Invoice, subscription: Subscription, lists: PriceLists
) -> tuple[Coupon, ...]:
    """The coupons that an invoice has, in their order, whether they found something or not."""
    return tuple(
        lists.catalogs[one.catalog_version].coupons[one.coupon]
        for one in subscription.redemptions
        if one.coupon in invoice.coupons
    )


def _billed_there(
    there: SeenSubscription | None, found: tuple[SeenInvoice, ...]
) -> frozenset[str]:
    """The price keys that the provider bills by itself.

    Those of the subscription's items now, and of what it has billed in advance already, by an item
    that a plan change has exchanged since.
    """
    items = () if there is None else there.items
    lines = (line for one in found for line in one.lines if line.item is None)
    billed = {line.key for line in lines if line.key and line.kind == "flat"}
    return frozenset(billed.union(item.key for item in items if item.key))


def _stands_alone(
    invoice: Invoice,
    there: SeenSubscription | None,
    found: tuple[SeenInvoice, ...],
    wanted: WantedSubscription | None,
) -> bool:
    """Whether we make an invoice of our own there: the provider has none, and will have none."""
    if found:
        return any(one.invoice == occasion_of(invoice) for one in found)
    match invoice.reason:
        case "adjustment":
            return True
        case "boundary" | "end":
            return not draft_may_come(invoice, there)
        case "subscribe":
            return there is None or there.lives
        case "change":
            if there is None or not there.lives or wanted is None:
                return True
            return flats_to_change(wanted, there) == ((), ())
