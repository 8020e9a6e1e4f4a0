"""How is it recorded who did what to whose billing?

In a log to which entries are only added. What the mirror does at the payment provider it records
itself; what somebody asks for is recorded here, under the id of the API key, or `cli`.
"""

from typing import Any

from tallygate.adapters.store import Transaction, audit_log
from tallygate.adapters.store.audit_log import Entry
from tallygate.workflows.installation import Installation


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
    audit_log.append(
        tx,
        Entry(
            at=installation.now,
            actor=actor,
            operation=operation,
            subject=subject,
            organization=organization,
            billing_account=billing_account,
            detail=detail,
        ),
    )
