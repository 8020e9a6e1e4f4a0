"""How is it recorded who did what to whose billing?

In a log to which entries are only added. What the mirror does at the payment provider it records
itself. The actor is the id of an API key, or `cli`, or one of those that work by themselves:
`mirror` (what was taken over from the provider) and `close`.
"""

from collections.abc import Iterable
from typing import Any

from tallygate.adapters.store import Transaction, audit_log
from tallygate.adapters.store.audit_log import Entry
from tallygate.invoicing.model import Invoice
from tallygate.workflows.installation import Installation

CLI, MIRROR, CLOSE = "cli", "mirror", "close"


def record(
    tx: Transaction,
    installation: Installation,
    actor: str,
    operation: str,
    subject: str,
    *,
    organization: str | None = None,
    billing_account: str | None = None,
    **detail: Any,
) -> None:
    """Record an operation in the transaction that it happens in; `detail` holds no secrets."""
    entry = Entry(
        installation.now, actor, operation, subject, organization, billing_account, detail
    )
    audit_log.append(tx, entry)


def record_made(
    tx: Transaction, installation: Installation, actor: str, made: Iterable[Invoice]
) -> None:
    """Record that invoices were made."""
    entries = [
        Entry(
            at=installation.now,
            actor=actor,
            operation="invoice.made",
            subject=invoice.id,
            organization=invoice.organization,
            billing_account=invoice.billing_account,
            detail={"total": invoice.total},
        )
        for invoice in made
    ]
    audit_log.append_all(tx, entries)
