"""What is known of a billing account, for those who keep a row of it under names of their own?"""

from tallygate.accounts.model import BillingAccount
from tallygate.adapters.store import (
    Transaction,
    catalogs,
    collections,
    customers,
    mirrors,
    purchases,
    stretches,
    subscriptions,
    totals,
)
from tallygate.catalog.model import Plan
from tallygate.collection.platform_rows import Known
from tallygate.collection.records import Purchase
from tallygate.subscriptions import phase_at
from tallygate.subscriptions.life import is_live
from tallygate.subscriptions.model import Subscription
from tallygate.workflows.installation import Installation


def account_known(
    installation: Installation, account: BillingAccount, user: str | None = None
) -> Known:
    """What is known of an account now; `user` is the person whose it is, if it is a person's."""
    now = installation.now
    with installation.store.read() as tx:
        theirs = subscriptions.of_account(tx, account.id)
        mine = next((one for one in theirs if is_live(one, now)), theirs[-1] if theirs else None)
        purchase = purchases.open_of(tx, account.id)
        machine = stretches.oldest_paid_by(tx, account.id, now)
        return Known(
            account=account,
            at=now,
            customer=customers.customer_of(tx, account.id),
            subscription=mine,
            mirror=None if mine is None else mirrors.of_subscription(tx, mine.id),
            purchase=purchase,
            plan=_plan(tx, installation, mine, purchase),
            collected=collections.unsettled_of(tx, account.id),
            synced_at=totals.last_sent(tx, account.id),
            resources=() if machine is None else (machine,),
            user=user,
        )


def _plan(
    tx: Transaction,
    installation: Installation,
    mine: Subscription | None,
    purchase: Purchase | None,
) -> Plan | None:
    """The plan that an account is on, else the one that it is buying, as it was agreed on."""
    if mine is not None:
        phase = phase_at(mine, installation.now)
        return catalogs.load_catalog(tx, phase.catalog_version).plans[phase.plan]
    if purchase is not None:
        return catalogs.load_catalog(tx, purchase.catalog_version).plans[purchase.plan]
    return None
