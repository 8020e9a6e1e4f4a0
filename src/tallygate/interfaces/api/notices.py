"""What was a customer told, or the operator, or is to be?"""

from typing import Literal

from pydantic import Field

from tallygate.adapters.store import notices
from tallygate.collection.notices import Notice, NoticeKind
from tallygate.interfaces.api.callers import By, Caller, Here
from tallygate.interfaces.api.pages import DEFAULT_LIMIT, Cursor, Limit, check_cursor, page
from tallygate.interfaces.api.purchases import located
from tallygate.interfaces.api.routes import SEES_BILLING, guarded_router
from tallygate.interfaces.api.wire import Id, Instant, Page, Reference, Shape

router = guarded_router("/v1", "notices")

OPERATORS: tuple[NoticeKind, ...] = ("invoice_held",)
"""What only the operator is told."""


class NoticeShape(Shape):
    """Something that is told once. `facts` are told to the platform alone."""

    id: str
    object: Literal["notice"] = "notice"
    organization: str
    billing_account: str
    kind: str
    state: Literal["queued", "sent"]
    created_at: Instant
    invoice: str | None
    sentence: str | None = Field(description="What the customer is told.")
    facts: dict[str, str] | None


def notice_shape(notice: Notice, *, operator: bool) -> NoticeShape:
    """A notice on the wire."""
    facts = dict(notice.facts)
    return NoticeShape(
        id=notice.id,
        organization=notice.organization,
        billing_account=notice.billing_account,
        kind=notice.kind,
        state=notice.state,
        created_at=notice.created_at,
        invoice=notice.invoice,
        sentence=facts.pop("sentence", None),
        facts=facts if operator else None,
    )


def _listed(
    here: Here,
    caller: Caller,
    limit: int,
    cursor: str | None,
    *,
    tenant: str | None,
    account: str | None = None,
) -> Page[NoticeShape]:
    operator = caller.organization is None
    with here.store.read() as tx:
        found = notices.page(
            tx,
            tenant,
            check_cursor(cursor, "ntc"),
            limit + 1,
            billing_account=account,
            without=() if operator else OPERATORS,
        )
    return page(found, limit, lambda one: notice_shape(one, operator=operator))


@router.get("/notices", summary="List notices", openapi_extra=SEES_BILLING)
def list_notices(
    here: Here,
    caller: By,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    organization: Reference | None = None,
) -> Page[NoticeShape]:
    """Failed payments, invoices that are held, trials that end: in the order of their making."""
    return _listed(here, caller, limit, cursor, tenant=caller.tenant(organization))


@router.get(
    "/billing_accounts/{billing_account}/notices",
    summary="List an account's notices",
    openapi_extra=SEES_BILLING,
)
def list_account_notices(
    billing_account: Id,
    here: Here,
    caller: By,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[NoticeShape]:
    """Of one billing account, in the order of their making."""
    account = located(here, caller, billing_account)
    return _listed(here, caller, limit, cursor, tenant=caller.tenant(), account=account.id)
