"""What must the payment provider hear of, once something has changed here?

A change leaves a mark on its billing account in the same transaction, and an invoice a row that
says how far it has come there. Whoever attends the account then finds out what is to be done. An
account that is no customer of the provider's has nothing to tell.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from tallygate.adapters.store import Transaction, attention, collections, customers
from tallygate.collection.records import Collected
from tallygate.invoicing.model import Invoice
from tallygate.workflows.installation import Installation


def note_change(
    tx: Transaction,
    installation: Installation,
    billing_account: str,
    organization: str,
    reason: str,
) -> None:
    """Let an account be attended because of a change here."""
    note_changes(tx, installation, {billing_account: organization}, reason)


def note_changes(
    tx: Transaction, installation: Installation, accounts: Mapping[str, str], reason: str
) -> None:
    """The same for several accounts; `accounts` gives the organization of each."""
    linked = customers.customers_of(tx, accounts)
    attention.mark_many(tx, {one: accounts[one] for one in linked}, installation.now, reason)


def note_counts(
    tx: Transaction, installation: Installation, organizations: Collection[str]
) -> None:
    """Let the accounts of organizations be attended whose resources or members have changed."""
    linked = customers.of_organizations(tx, organizations)
    attention.mark_many(
        tx, {one.billing_account: one.organization for one in linked}, installation.now, "counts"
    )


def note_invoice(tx: Transaction, installation: Installation, invoice: Invoice) -> None:
    """Let an invoice be collected, if its account is a customer of the provider's."""
    note_invoices(tx, installation, [invoice])


def note_invoices(tx: Transaction, installation: Installation, made: Sequence[Invoice]) -> None:
    """The same for several invoices."""
    linked = customers.customers_of(tx, {invoice.billing_account for invoice in made})
    noted = [invoice for invoice in made if invoice.billing_account in linked]
    now = installation.now
    collections.add_all(tx, [_waiting(invoice, now) for invoice in noted])
    marked = {invoice.billing_account: invoice.organization for invoice in noted}
    attention.mark_many(tx, marked, now, "invoice")


def _waiting(invoice: Invoice, now: datetime) -> Collected:
    """An invoice that has still to be collected."""
    return Collected(
        invoice=invoice.id,
        organization=invoice.organization,
        billing_account=invoice.billing_account,
        subscription=invoice.subscription,
        currency=invoice.currency,
        dated=invoice.dated,
        total=invoice.total,
        state="waiting",
        since=now,
    )
