"""Who wishes to subscribe, and what became of it? An account has one open purchase at most."""

from collections.abc import Collection

from sqlalchemy import bindparam

from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.records import Records, in_parts
from tallygate.adapters.store.tables.collection import purchases as table
from tallygate.collection.records import Purchase
from tallygate.core.errors import Conflict

_purchases = Records(table, Purchase)
_OPEN = _purchases.where(
    table.c.billing_account.in_(bindparam("accounts", expanding=True)), table.c.state == "open"
)


def add(tx: Transaction, purchase: Purchase) -> None:
    """Keep a new purchase.

    Raises:
        Conflict: the billing account has one that is open.
    """
    other = open_of(tx, purchase.billing_account) if purchase.state == "open" else None
    if other is not None:
        raise Conflict(
            f"The billing account {purchase.billing_account} has a purchase that is still open: "
            f"{other.id}, of the plan {other.plan}. Complete it, or let it expire first."
        )
    _purchases.add(tx, purchase)


def save(tx: Transaction, purchase: Purchase) -> None:
    """Keep a changed purchase."""
    _purchases.save(tx, purchase)


def get(tx: Transaction, id_: str, organization: str | None = None) -> Purchase | None:
    """A purchase; None where it is not there, or not the organization's."""
    return _purchases.get(tx, id_, organization)


def open_of(tx: Transaction, billing_account: str) -> Purchase | None:
    """The purchase of an account that is open, if one is."""
    return next(iter(_purchases.all(tx, _OPEN, {"accounts": [billing_account]})), None)


def having_open(tx: Transaction, accounts: Collection[str]) -> set[str]:
    """Those of some accounts that have a purchase that is open."""
    return {
        row.billing_account
        for part in in_parts(sorted(set(accounts)))
        for row in tx.execute(_OPEN, {"accounts": part})
    }


def of_account(tx: Transaction, billing_account: str) -> tuple[Purchase, ...]:
    """All purchases of an account, the oldest first."""
    asked = _purchases.where(table.c.billing_account == billing_account)
    return _purchases.all(tx, asked.order_by(table.c.id))


def page(
    tx: Transaction, organization: str | None, after: str | None = None, limit: int = 100
) -> tuple[Purchase, ...]:
    """An organization's purchases (None: everybody's) by id, those that come after one."""
    return _purchases.page(tx, organization, after, limit)


def by_provider_id(tx: Transaction, provider_id: str) -> Purchase | None:
    """The purchase that a subscription of the provider's came of, if one did."""
    return _purchases.first(tx, table.c.provider_id == provider_id)


def by_session(tx: Transaction, session: str) -> Purchase | None:
    """The purchase that a checkout session is for, if one is."""
    return _purchases.first(tx, table.c.session == session)
