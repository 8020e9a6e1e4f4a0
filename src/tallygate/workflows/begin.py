"""How does a subscription begin here, and what becomes of the one before it?

Where the provider holds the subscription, its start and its anchor are ours. What is billed in
advance is invoiced in the same transaction.
"""

from dataclasses import replace
from datetime import datetime

from tallygate.accounts.model import BillingAccount
from tallygate.adapters.store import Transaction, accounts, events, invoices, subscriptions
from tallygate.adapters.store.catalogs import latest_catalog
from tallygate.collection.records import Purchase
from tallygate.collection.seen import SeenInvoice, SeenSubscription
from tallygate.invoicing.assemble import first_invoice, spend
from tallygate.invoicing.model import Invoice
from tallygate.subscriptions.calendar import end_of
from tallygate.subscriptions.life import begin, is_live
from tallygate.subscriptions.model import Redemption, Subscription
from tallygate.workflows.contracts import StoredCatalogs, contract_of
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirrored import note_invoice


def enter(
    tx: Transaction, installation: Installation, subscription: Subscription
) -> tuple[Subscription, Invoice | None]:
    """Keep a new subscription, with the invoice of what is billed in advance."""
    accounts.fix_currency(tx, subscription.billing_account, subscription.currency)
    subscriptions.add(tx, subscription)
    contract = contract_of(tx, installation, subscription, subscription.started_at)
    invoice = first_invoice(contract, events.last_position(tx))
    if invoice is None:
        return subscription, None
    invoice = invoices.add(tx, replace(invoice, id=installation.ids.new("inv")), installation.now)
    note_invoice(tx, installation, invoice)
    return subscriptions.save(tx, spend(subscription, invoice)), invoice


def start_free(tx: Transaction, installation: Installation, account: BillingAccount) -> None:
    """Let a new account begin on the first plan that costs nothing, where the settings say so.

    Where the price list has several currencies, the account's stays open until it pays.
    """
    found = latest_catalog(tx) if installation.settings.start_free else None
    if found is None:
        return
    version, catalog = found
    free = next((plan for plan in catalog.plans.values() if plan.is_free), None)
    if free is None:
        return
    subscription = begin(
        id=installation.ids.new("sub"),
        organization=account.organization,
        billing_account=account.id,
        currency=catalog.currencies[0],
        plan=free,
        interval="month",
        catalog_version=version,
        at=installation.this_second(),
    )
    if len(catalog.currencies) == 1:
        accounts.fix_currency(tx, account.id, subscription.currency)
    subscriptions.add(tx, subscription)


def begin_purchased(
    tx: Transaction,
    installation: Installation,
    purchase: Purchase,
    theirs: SeenSubscription,
    first: SeenInvoice | None,
) -> Subscription:
    """Begin what was purchased, when the provider's subscription began.

    The subscription that the account has, on a plan that costs nothing, ends with it. Coupons are
    those that were purchased, and those that hold there: a code that the customer typed. One that
    holds once has held already, and is seen on the first invoice there alone.
    """
    catalog = StoredCatalogs(tx, [purchase.catalog_version])[purchase.catalog_version]
    make_room(tx, purchase.billing_account, theirs.started_at)
    taken = () if first is None else (key for line in first.lines for key in line.discounts)
    redeemed = dict.fromkeys((*purchase.coupons, *taken, *theirs.coupons))
    coupons = [key for key in redeemed if key in catalog.coupons]
    subscription = begin(
        id=installation.ids.new("sub"),
        organization=purchase.organization,
        billing_account=purchase.billing_account,
        currency=purchase.currency,
        plan=catalog.plans[purchase.plan],
        interval=purchase.interval,
        catalog_version=purchase.catalog_version,
        at=theirs.started_at,
        redemptions=tuple(
            Redemption(key, theirs.started_at, None, purchase.catalog_version) for key in coupons
        ),
    )
    anchor = theirs.trial_end or theirs.anchor
    subscription = replace(subscription, trial_end=theirs.trial_end, anchor=anchor)
    return enter(tx, installation, subscription)[0]


def make_room(tx: Transaction, billing_account: str, at: datetime) -> None:
    """End what lives of an account's subscriptions, and note what has ended by itself."""
    for one in subscriptions.of_account(tx, billing_account):
        if one.ended_at is not None:
            continue
        if is_live(one, at):
            end = max(at, one.billed_until)
            phases = [phase for phase in one.phases if phase.since <= end]
            phases[-1] = replace(phases[-1], until=end)
            ended = replace(one, phases=tuple(phases), cancel_at=None, ended_at=end)
        else:
            ended = replace(one, ended_at=end_of(one))
        subscriptions.save(tx, ended)
