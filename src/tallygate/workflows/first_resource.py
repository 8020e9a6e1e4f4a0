"""What begins with a payer's first priced resource, where its plan costs nothing?

A period of its own: the free subscription ends at that instant, and another on the same plan
begins, with the resource billed in advance from then on. So nobody is billed in arrears, on the
anchor of the day on which they signed up. Source: design, "Keys": a payer's first priced resource
starts a new subscription and anchor.

Where the payment provider collects, this is a purchase (`mirror.purchase`): somebody has to pay.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from itertools import islice

from tallygate.adapters.store import Transaction, accounts, customers, subscriptions
from tallygate.adapters.store.catalogs import latest_catalog
from tallygate.catalog.model import Catalog
from tallygate.core.period import Period, from_micros
from tallygate.invoicing.contract import Contract, offers, plan_of
from tallygate.invoicing.counted import counts_of
from tallygate.subscriptions.life import begin
from tallygate.subscriptions.model import Subscription
from tallygate.workflows.begin import enter, make_room
from tallygate.workflows.contracts import contract_of
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirrored import note_counts

INSTANT = timedelta(microseconds=1)


def resources_changed(
    tx: Transaction, installation: Installation, organizations: Collection[str]
) -> None:
    """Do what follows where an organization's resources came or went, or another pays for them."""
    note_counts(tx, installation, organizations)
    begin_with_resources(tx, installation, organizations)


def begin_with_resources(
    tx: Transaction, installation: Installation, organizations: Collection[str]
) -> None:
    """Begin anew what is free and has a priced resource, of organizations whose resources changed.

    What is not collected here, because there is a payment provider, stays as it is.
    """
    if installation.settings.collects:
        return
    found = latest_catalog(tx)
    if found is None or not any(plan.is_free for plan in found[1].plans.values()):
        return
    free = [plan.key for plan in found[1].plans.values() if plan.is_free]
    for subscription in subscriptions.never_billed(tx, organizations, free):
        if customers.customer_of(tx, subscription.billing_account) is not None:
            continue
        since = first_priced(tx, installation, subscription)
        if since is not None and since >= subscription.billed_until:
            _begin_anew(tx, installation, subscription, since, found)


def first_priced(
    tx: Transaction, installation: Installation, subscription: Subscription
) -> datetime | None:
    """Since when a free subscription's account has a resource with a counted price, if it has."""
    end = installation.now + installation.settings.accept_future + INSTANT
    contract = contract_of(tx, installation, subscription, end)
    phase = subscription.phases[-1]
    if not plan_of(contract, phase).is_free:
        return None
    part = Period(subscription.started_at, max(end, subscription.started_at + INSTANT))
    return min(_beginnings(contract, part), default=None)


def _beginnings(contract: Contract, part: Period) -> list[datetime]:
    """When there was first something to count, for each counted price of the resources."""
    phase = contract.subscription.phases[-1]
    instants: list[datetime] = []
    for offer in offers(contract, phase, contract.usage.types(part), part.start):
        if offer.price.kind == "counted":
            there = (start for count, start, _ in counts_of(contract, offer, part) if count)
            instants += map(from_micros, islice(there, 1))
    return instants


def _begin_anew(
    tx: Transaction,
    installation: Installation,
    subscription: Subscription,
    since: datetime,
    latest: tuple[int, Catalog],
) -> None:
    version, catalog = latest
    account = accounts.get_billing_account(tx, subscription.billing_account)
    make_room(tx, account.id, since)
    anew = begin(
        id=installation.ids.new("sub"),
        organization=subscription.organization,
        billing_account=account.id,
        currency=account.currency or subscription.currency,
        plan=catalog.plans[subscription.phases[-1].plan],
        interval="month",
        catalog_version=version,
        at=since,
    )
    enter(tx, installation, anew)
