"""Which subscription of the provider's is which of ours, and how was it seen last?"""

from collections.abc import Collection

from sqlalchemy import bindparam

from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.records import Records, in_parts
from tallygate.adapters.store.rows import refuse_taken
from tallygate.adapters.store.tables.collection import mirrors as table
from tallygate.collection.records import Mirror

_mirrors = Records(table, Mirror)
_OF_ACCOUNTS = _mirrors.where(
    table.c.billing_account.in_(bindparam("accounts", expanding=True))
).order_by(table.c.subscription.desc())


def add(tx: Transaction, mirror: Mirror) -> None:
    """Keep a new link.

    Raises:
        Conflict: our subscription, or the provider's, is linked already.
    """
    for linked in (
        table.c.subscription == mirror.subscription,
        table.c.provider_id == mirror.provider_id,
    ):
        refuse_taken(
            tx,
            table,
            linked,
            sentence=f"The subscription {mirror.subscription} cannot be linked to "
            f"{mirror.provider_id}: one of the two is linked to another already.",
            param="provider_id",
        )
    _mirrors.add(tx, mirror)


def save(tx: Transaction, mirror: Mirror) -> None:
    """Keep a link as it was seen now."""
    _mirrors.save(tx, mirror)


def of_subscription(tx: Transaction, subscription: str) -> Mirror | None:
    """The link of a subscription of ours, if it has one."""
    return _mirrors.first(tx, table.c.subscription == subscription)


def of_subscriptions(tx: Transaction, ids: Collection[str]) -> dict[str, Mirror]:
    """The links of some subscriptions of ours, by id, where they have one."""
    return {
        one.subscription: one
        for part in in_parts(sorted(set(ids)))
        for one in _mirrors.all(tx, _mirrors.where(table.c.subscription.in_(part)))
    }


def of_accounts(tx: Transaction, accounts: Collection[str]) -> dict[str, list[Mirror]]:
    """All links of each of some accounts that have any, in the order of `of_account`."""
    found: dict[str, list[Mirror]] = {}
    for part in in_parts(sorted(set(accounts))):
        for one in _mirrors.all(tx, _OF_ACCOUNTS, {"accounts": part}):
            found.setdefault(one.billing_account, []).append(one)
    return found


def by_provider_id(tx: Transaction, provider_id: str) -> Mirror | None:
    """The link of a subscription of the provider's, if it has one."""
    return _mirrors.first(tx, table.c.provider_id == provider_id)


def of_account(tx: Transaction, billing_account: str) -> tuple[Mirror, ...]:
    """All links of an account, that of its newest subscription first."""
    return _mirrors.all(tx, _OF_ACCOUNTS, {"accounts": [billing_account]})
