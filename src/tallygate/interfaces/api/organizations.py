"""Who are the tenants? Organizations; a person alone is an organization of one."""

from typing import Literal

from pydantic import Field

from tallygate.accounts.model import Organization
from tallygate.adapters.store import accounts
from tallygate.interfaces.api.callers import By, Here
from tallygate.interfaces.api.pages import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    by_external_id,
    check_cursor,
    page,
)
from tallygate.interfaces.api.routes import PLATFORM_CREATES, READS, guarded_router
from tallygate.interfaces.api.wire import ExternalId, Id, Instant, Name, Page, Shape
from tallygate.workflows import accounts as workflow

router = guarded_router("/v1/organizations", "organizations")


class NewOrganization(Shape):
    """What a new organization is made of."""

    name: Name
    external_id: ExternalId | None = None
    owner: Name | None = Field(default=None, description="The person who owns it.")


class OrganizationShape(Shape):
    """A tenant. `billing_account` pays for all that names no other payer."""

    id: str
    object: Literal["organization"] = "organization"
    name: str
    external_id: str | None
    billing_account: str
    created_at: Instant


def shape(organization: Organization) -> OrganizationShape:
    """An organization on the wire."""
    return OrganizationShape(
        id=organization.id,
        name=organization.name,
        external_id=organization.external_id,
        billing_account=organization.billing_account,
        created_at=organization.created_at,
    )


@router.post("", status_code=201, summary="Create an organization", openapi_extra=PLATFORM_CREATES)
def create_organization(body: NewOrganization, here: Here) -> OrganizationShape:
    """With it comes the billing account that pays for all that names no other."""
    made = workflow.create_organization(
        here, body.name, external_id=body.external_id, owner=body.owner
    )
    return shape(made)


@router.get("", summary="List organizations", openapi_extra=READS)
def list_organizations(
    here: Here,
    caller: By,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    external_id: ExternalId | None = None,
) -> Page[OrganizationShape]:
    """An organization's key sees itself only."""
    tenant = caller.tenant()
    with here.store.read() as tx:
        if external_id is None:
            found = accounts.list_organizations(tx, tenant, check_cursor(cursor, "org"), limit + 1)
        else:
            found = by_external_id(
                tx, external_id, "organization", tenant, accounts.get_organization
            )
    return page(found, limit, shape)


@router.get("/{organization}", summary="Read an organization", openapi_extra=READS)
def get_organization(organization: Id, here: Here, caller: By) -> OrganizationShape:
    """One organization, by its id."""
    with here.store.read() as tx:
        return shape(accounts.get_organization(tx, organization, caller.tenant()))
