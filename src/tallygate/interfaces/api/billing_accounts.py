"""Who pays? Billing accounts; each has one currency, fixed by its first subscription."""

from typing import Literal

from tallygate.accounts.model import BillingAccount
from tallygate.adapters.store import accounts
from tallygate.interfaces.api.callers import By, Caller, Here
from tallygate.interfaces.api.pages import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    by_external_id,
    check_cursor,
    page,
)
from tallygate.interfaces.api.payments import OpenBooks, Provided, recorded
from tallygate.interfaces.api.purchases import located
from tallygate.interfaces.api.routes import (
    CHANGES_BILLING,
    CREATES_BILLING,
    SEES_BILLING,
    guarded_router,
)
from tallygate.interfaces.api.wire import (
    Currency,
    ExternalId,
    Id,
    Instant,
    Name,
    Page,
    Reference,
    Shape,
    Text,
)
from tallygate.workflows import accounts as workflow
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror import portal

router = guarded_router("/v1/billing_accounts", "billing accounts")


class NewBillingAccount(Shape):
    """A further payer. Every organization begins with one."""

    organization: Reference | None = None
    name: Name
    external_id: ExternalId | None = None
    currency: Currency | None = None


class BillingAccountShape(Shape):
    """Who pays. `currency` is null until the first subscription."""

    id: str
    object: Literal["billing_account"] = "billing_account"
    organization: str
    name: str
    currency: str | None
    external_id: str | None
    created_at: Instant


def shape(account: BillingAccount) -> BillingAccountShape:
    """A billing account on the wire."""
    return BillingAccountShape(
        id=account.id,
        organization=account.organization,
        name=account.name,
        currency=account.currency,
        external_id=account.external_id,
        created_at=account.created_at,
    )


@router.post(
    "", status_code=201, summary="Create a billing account", openapi_extra=CREATES_BILLING
)
def create_billing_account(body: NewBillingAccount, here: Here, caller: By) -> BillingAccountShape:
    """Another payer, for projects that the organization's own account does not pay for."""
    made = workflow.create_billing_account(
        here,
        caller.one_tenant(body.organization),
        body.name,
        tenant=caller.organization,
        external_id=body.external_id,
        currency=body.currency,
    )
    return shape(made)


class NewPortal(Shape):
    """A page of the platform's own that the portal leads back to; left out: the settings'."""

    return_url: Text | None = None


class PortalShape(Shape):
    """A portal session. The address opens the account to whoever has it: redirect, do not keep."""

    object: Literal["portal"] = "portal"
    url: str


@router.post("/{billing_account}/portal", summary="Open the portal", openapi_extra=CHANGES_BILLING)
def open_portal(
    billing_account: Id,
    here: Here,
    caller: By,
    books: Provided,
    body: NewPortal | None = None,
) -> PortalShape:
    """The provider's page where the customer changes the card, or ends the subscription."""
    account = located(here, caller, billing_account)
    back = None if body is None else body.return_url
    return PortalShape(url=portal_of(here, caller, account, back, books))


def portal_of(
    here: Installation,
    caller: Caller,
    account: BillingAccount,
    back: str | None,
    books: OpenBooks,
) -> str:
    """The address of a portal session that begins now; recorded without the address."""
    url = portal.open_portal(here, books(), account.id, back, tenant=caller.tenant())
    owner = account.organization
    recorded(
        here, caller, "portal.open", account.id, organization=owner, billing_account=account.id
    )
    return url


@router.get("", summary="List billing accounts", openapi_extra=SEES_BILLING)
def list_billing_accounts(
    here: Here,
    caller: By,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    organization: Reference | None = None,
    external_id: ExternalId | None = None,
) -> Page[BillingAccountShape]:
    """In the order of their making; `organization` narrows the platform's view to one."""
    tenant = caller.tenant(organization)
    with here.store.read() as tx:
        if external_id is None:
            found = accounts.list_billing_accounts(
                tx, tenant, check_cursor(cursor, "bil"), limit + 1
            )
        else:
            found = by_external_id(
                tx, external_id, "billing_account", tenant, accounts.get_billing_account
            )
    return page(found, limit, shape)


@router.get("/{billing_account}", summary="Read a billing account", openapi_extra=SEES_BILLING)
def get_billing_account(billing_account: Id, here: Here, caller: By) -> BillingAccountShape:
    """One billing account, by its id."""
    with here.store.read() as tx:
        return shape(accounts.get_billing_account(tx, billing_account, caller.tenant()))
