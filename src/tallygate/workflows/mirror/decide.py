"""What does an operator decide about an invoice that is held?

Two keys open every invoice: nothing is collected on which the provider and we do not agree. Where
they differ, the draft stays, with every difference in a sentence. An operator who has found the
reason either mends it and has the two compared again, or approves the draft as it is there. What
an approved one lacks of ours, or has too much, is made up for by the account's next invoice.
"""

from dataclasses import replace

from tallygate.adapters.store import attention, collections, invoices
from tallygate.collection.records import Collected
from tallygate.core.errors import Conflict, NotFound
from tallygate.core.failpoints import failpoint
from tallygate.workflows.installation import Installation
from tallygate.workflows.record import record


def approve(
    installation: Installation, invoice: str, *, actor: str, commit: bool = True
) -> Collected:
    """Let a held draft be finalized as it is there; without `commit`, show what would be.

    Raises:
        NotFound: there is no such invoice.
        Conflict: it is not held, or has no draft there.
    """
    held = _held(installation, invoice)
    if not held.provider_invoices:
        raise Conflict(
            f"The invoice {invoice} has no draft at the payment provider that could be finalized: "
            "have it tried again instead."
        )
    return _decide(
        installation, replace(held, approved=True), "invoice.approve", actor, commit=commit
    )


def retry(
    installation: Installation, invoice: str, *, actor: str, commit: bool = True
) -> Collected:
    """Let a held invoice be compared once more; without `commit`, show what would be.

    Raises:
        NotFound: there is no such invoice.
        Conflict: it is not held.
    """
    held = _held(installation, invoice)
    again = replace(held, state="waiting", since=installation.now, differences=(), approved=False)
    return _decide(installation, again, "invoice.retry", actor, commit=commit)


def _held(installation: Installation, invoice: str) -> Collected:
    with installation.store.read() as tx:
        if invoices.get(tx, invoice) is None:
            raise NotFound(f"There is no invoice {invoice[:128]!r}.", param="invoice")
        found = collections.get(tx, invoice)
    if found is None or found.state != "held":
        state = "not collected through the payment provider" if found is None else found.state
        raise Conflict(f"The invoice {invoice} is {state}: only one that is held waits for you.")
    return found


def _decide(
    installation: Installation, decided: Collected, operation: str, actor: str, *, commit: bool
) -> Collected:
    if not commit:
        return decided
    with installation.store.write() as tx:
        now_there = collections.get(tx, decided.invoice)
        if now_there is None or now_there.state != "held":
            raise Conflict(f"The invoice {decided.invoice} has moved on meanwhile: look again.")
        collections.save(tx, decided)
        owner = decided.organization
        attention.mark(tx, decided.billing_account, owner, installation.now, "decided")
        record(
            tx,
            installation,
            actor,
            operation,
            decided.invoice,
            organization=owner,
            billing_account=decided.billing_account,
            differences=list(now_there.differences),
        )
        failpoint("decide.commit.before")
    return decided
