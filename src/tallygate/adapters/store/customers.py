"""Which customer at the payment provider is which billing account? One for one, or none."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, delete, insert, select

from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.records import in_parts
from tallygate.adapters.store.tables.collection import provider_customers as table
from tallygate.core.errors import Conflict
from tallygate.core.period import to_micros

_LINKED = select(table.c.billing_account, table.c.organization, table.c.customer)
_OF_ACCOUNTS = select(table.c.billing_account, table.c.customer).where(
    table.c.billing_account.in_(bindparam("accounts", expanding=True))
)


class Linked(NamedTuple):
    """A billing account and its customer at the provider."""

    billing_account: str
    organization: str
    customer: str


def link(
    tx: Transaction,
    billing_account: str,
    organization: str,
    customer: str,
    *,
    email: str | None,
    at: datetime,
) -> None:
    """Note which customer a billing account is. To note it again changes nothing.

    Raises:
        Conflict: the account is another customer, or the customer another account.
    """
    known = customer_of(tx, billing_account)
    if known == customer:
        return
    if known is not None:
        raise Conflict(
            f"The billing account {billing_account} is the customer {known} already, and cannot "
            f"be {customer} too: unlink it first."
        )
    owner = account_of(tx, customer)
    if owner is not None:
        raise Conflict(
            f"The customer {customer} belongs to another billing account already: one customer "
            "stands for one billing account."
        )
    row = {
        "billing_account": billing_account,
        "organization": organization,
        "customer": customer,
        "email": email,
        "created_at": to_micros(at),
    }
    tx.execute(insert(table), row)


def unlink(tx: Transaction, billing_account: str) -> None:
    """Forget which customer a billing account is."""
    tx.execute(delete(table).where(table.c.billing_account == billing_account))


def customer_of(tx: Transaction, billing_account: str) -> str | None:
    """The customer that a billing account is, if it is one."""
    return customers_of(tx, [billing_account]).get(billing_account)


def customers_of(tx: Transaction, accounts: Collection[str]) -> dict[str, str]:
    """The customers that some billing accounts are, by account, where they are one."""
    return {
        row.billing_account: row.customer
        for part in in_parts(sorted(set(accounts)))
        for row in tx.execute(_OF_ACCOUNTS, {"accounts": part})
    }


def account_of(tx: Transaction, customer: str) -> tuple[str, str] | None:
    """The organization and the billing account of a customer, if it is known."""
    return accounts_of(tx, [customer]).get(customer)


def accounts_of(tx: Transaction, customers: Collection[str]) -> Mapping[str, tuple[str, str]]:
    """The organization and the billing account of each customer that is known."""
    return {
        row.customer: (row.organization, row.billing_account)
        for part in in_parts(sorted(set(customers)))
        for row in tx.execute(_LINKED.where(table.c.customer.in_(part)))
    }


def of_organizations(tx: Transaction, organizations: Collection[str]) -> tuple[Linked, ...]:
    """The accounts of some organizations that are customers."""
    return tuple(
        Linked(*row)
        for part in in_parts(sorted(set(organizations)))
        for row in tx.execute(_LINKED.where(table.c.organization.in_(part)))
    )


def linked(tx: Transaction, after: str | None = None, limit: int = 100) -> tuple[Linked, ...]:
    """The accounts that are customers, by account, those that come after one."""
    asked = _LINKED if after is None else _LINKED.where(table.c.billing_account > after)
    found = tx.execute(asked.order_by(table.c.billing_account).limit(limit))
    return tuple(Linked(*row) for row in found)
