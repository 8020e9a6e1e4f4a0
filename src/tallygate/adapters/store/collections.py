"""How far has each invoice come at the payment provider?

A row beside the invoice, which itself never changes. Any of the provider's invoices that it is
collected on finds it.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from sqlalchemy import bindparam, delete, insert, or_, select

from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.records import Records, in_parts
from tallygate.adapters.store.rows import within
from tallygate.adapters.store.tables.collection import collections as table
from tallygate.adapters.store.tables.collection import provider_invoices as documents
from tallygate.adapters.store.tables.contracts import invoices
from tallygate.collection.records import SETTLED, Collected, CollectedState

CARRYING = ("boundary", "end", "adjustment")
"""The invoices whose provider invoice can make up for an earlier one."""

_collections = Records(table, Collected)
_ITS = table.c.billing_account.in_(bindparam("accounts", expanding=True))
_IS_UNSETTLED = table.c.state.not_in(sorted(SETTLED))
_LACKS = (table.c.shortfall != 0) & table.c.carried_by.is_(None) & (table.c.state != "void")
_BY_DATE = (table.c.dated, table.c.invoice)
_UNSETTLED = _collections.where(_ITS, _IS_UNSETTLED).order_by(*_BY_DATE)
_LACKING = _collections.where(_ITS, _LACKS)
_OPEN = select(table.c.billing_account).where(_ITS, or_(_IS_UNSETTLED, _LACKS)).distinct()


def add(tx: Transaction, collected: Collected) -> None:
    """Keep how far an invoice has come, for the first time."""
    add_all(tx, [collected])


def add_all(tx: Transaction, new: Sequence[Collected]) -> None:
    """Keep how far some invoices have come, for the first time."""
    _collections.add_all(tx, new)
    for collected in new:
        _add_documents(tx, collected)


def save(tx: Transaction, collected: Collected) -> None:
    """Keep how far an invoice has come now."""
    _collections.save(tx, collected)
    tx.execute(delete(documents).where(documents.c.invoice == collected.invoice))
    _add_documents(tx, collected)


def get(tx: Transaction, invoice: str, organization: str | None = None) -> Collected | None:
    """How far an invoice has come; None where it is not collected, or not the organization's."""
    its = within(table.c.organization, organization)
    return _collections.first(tx, table.c.invoice == invoice, its)


def of_account(
    tx: Transaction, billing_account: str, states: Collection[CollectedState] | None = None
) -> tuple[Collected, ...]:
    """How far the invoices of an account have come, those in some states (None: all), by date."""
    asked = _collections.where(table.c.billing_account == billing_account)
    if states is not None:
        asked = asked.where(table.c.state.in_(sorted(states)))
    return _collections.all(tx, asked.order_by(table.c.dated, table.c.invoice))


def of_invoices(tx: Transaction, ids: Collection[str]) -> dict[str, Collected]:
    """How far some invoices have come, by id, those that are collected."""
    return {
        one.invoice: one
        for part in in_parts(sorted(set(ids)))
        for one in _collections.all(tx, _collections.where(table.c.invoice.in_(part)))
    }


def unsettled_of(tx: Transaction, billing_account: str) -> tuple[Collected, ...]:
    """The invoices of an account that are still to be collected, by date."""
    return _collections.all(tx, _UNSETTLED, {"accounts": [billing_account]})


def having_open(tx: Transaction, accounts: Collection[str]) -> set[str]:
    """Those of some accounts that have invoices to collect, or a shortfall to make up for."""
    return {
        account
        for part in in_parts(sorted(set(accounts)))
        for account in tx.execute(_OPEN, {"accounts": part}).scalars()
    }


def with_state(
    tx: Transaction,
    organization: str | None,
    state: CollectedState,
    after: str | None = None,
    limit: int = 100,
) -> tuple[Collected, ...]:
    """An organization's invoices (None: everybody's) in a state, by id, those after one."""
    its = within(table.c.organization, organization)
    asked = _collections.where(its, table.c.state == state)
    if after is not None:
        asked = asked.where(table.c.invoice > after)
    return _collections.all(tx, asked.order_by(table.c.invoice).limit(limit))


def by_provider_invoice(tx: Transaction, provider_id: str) -> Collected | None:
    """What is collected on an invoice of the provider's; the oldest, where a credit is too."""
    asked = (
        _collections.where(documents.c.provider_id == provider_id)
        .join(documents, documents.c.invoice == table.c.invoice)
        .order_by(table.c.dated, table.c.invoice)
        .limit(1)
    )
    return next(iter(_collections.all(tx, asked)), None)


def carried_by(tx: Transaction, invoice: str) -> tuple[Collected, ...]:
    """The invoices whose shortfall a later one makes up for, by date."""
    asked = _collections.where(table.c.carried_by == invoice)
    return _collections.all(tx, asked.order_by(table.c.dated, table.c.invoice))


def claim_shortfalls(tx: Transaction, billing_account: str) -> None:
    """Let the next invoice that is not final there make up for what earlier ones lack."""
    lacking = _collections.all(tx, _LACKING, {"accounts": [billing_account]})
    if not lacking:
        return
    asked = (
        select(table.c.invoice, table.c.currency)
        .join(invoices, invoices.c.id == table.c.invoice)
        .where(
            table.c.billing_account == billing_account,
            table.c.state == "waiting",
            invoices.c.reason.in_(CARRYING),
        )
    )
    following = tx.execute(asked.order_by(table.c.dated, table.c.invoice)).first()
    if following is None:
        return
    for one in lacking:
        if one.currency == following.currency:
            _collections.save(tx, replace(one, carried_by=following.invoice))


def _add_documents(tx: Transaction, collected: Collected) -> None:
    rows = [
        {"provider_id": id_, "invoice": collected.invoice, "organization": collected.organization}
        for id_ in dict.fromkeys(collected.provider_invoices)
    ]
    if rows:
        tx.execute(insert(documents), rows)
