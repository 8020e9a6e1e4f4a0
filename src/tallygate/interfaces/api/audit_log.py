"""Who did what to whose billing?"""

from typing import Any, Literal

from pydantic import Field

from tallygate.adapters.store import audit_log
from tallygate.adapters.store.audit_log import Kept
from tallygate.core.errors import Invalid
from tallygate.interfaces.api.callers import By, Here
from tallygate.interfaces.api.pages import DEFAULT_LIMIT, Cursor, Limit, page
from tallygate.interfaces.api.routes import SEES_BILLING, guarded_router
from tallygate.interfaces.api.wire import Instant, Page, Reference, Shape

router = guarded_router("/v1/audit_log", "audit log")

MOST_DIGITS = 18


class EntryShape(Shape):
    """An entry, under its number; it is never changed.

    `actor` is an API key, `mirror` (what follows at the payment provider), or `cli`. Each hash
    covers the one before it. `detail` is told to the platform alone.
    """

    number: int
    object: Literal["audit_entry"] = "audit_entry"
    at: Instant
    actor: str
    operation: str
    subject: str
    organization: str | None
    billing_account: str | None
    hash: str
    detail: dict[str, Any] | None = Field(description="What the operation said.")


def entry_shape(kept: Kept, *, operator: bool) -> EntryShape:
    """An entry on the wire."""
    entry = kept.entry
    return EntryShape(
        number=kept.number,
        at=entry.at,
        actor=entry.actor,
        operation=entry.operation,
        subject=entry.subject,
        organization=entry.organization,
        billing_account=entry.billing_account,
        hash=kept.hash,
        detail=dict(entry.detail) if operator else None,
    )


@router.get("", summary="Read the audit log", openapi_extra=SEES_BILLING)
def list_entries(
    here: Here,
    caller: By,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    organization: Reference | None = None,
) -> Page[EntryShape]:
    """Every operation of billing, the oldest first; an organization sees its own."""
    operator, tenant = caller.organization is None, caller.tenant(organization)
    with here.store.read() as tx:
        found = audit_log.page(tx, tenant, _number(cursor), limit + 1)
    return page(
        found,
        limit,
        lambda one: entry_shape(one, operator=operator),
        cursor=lambda one: str(one.number),
    )


def _number(cursor: str | None) -> int:
    """The number that a page ended with.

    Raises:
        Invalid: the cursor is none.
    """
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= MOST_DIGITS):
        raise Invalid("The cursor is not one that a page ended with.", param="cursor")
    return int(cursor)
