"""How does a landing page lead to a resource in one call? What is missing is made on the way."""

from typing import Literal

from pydantic import Field

from tallygate.interfaces.api.billing_accounts import BillingAccountShape
from tallygate.interfaces.api.billing_accounts import shape as account_shape
from tallygate.interfaces.api.callers import By, Here
from tallygate.interfaces.api.organizations import OrganizationShape
from tallygate.interfaces.api.organizations import shape as organization_shape
from tallygate.interfaces.api.persons import require_billing
from tallygate.interfaces.api.projects import ProjectShape
from tallygate.interfaces.api.projects import shape as project_shape
from tallygate.interfaces.api.resources import ResourceShape
from tallygate.interfaces.api.resources import shape as resource_shape
from tallygate.interfaces.api.routes import CREATES, guarded_router
from tallygate.interfaces.api.wire import ExternalId, Fields, Key, Name, Reference, Shape
from tallygate.workflows.set_up import WantedOrganization, WantedProject, WantedResource, set_up

router = guarded_router("/v1/setups", "setups")


class SetupOrganization(Shape):
    """Found by `external_id`, else made; an organization's key means its own and leaves it out."""

    external_id: ExternalId | None = None
    name: Name | None = None
    owner: Name | None = Field(default=None, description="The person who owns one that is made.")


class SetupProject(Shape):
    """Found by `external_id`, else made; without any name it is the organization's first."""

    external_id: ExternalId | None = None
    name: Name | None = None
    billing: Literal["inherited", "separate"] = Field(
        default="inherited",
        description="Who pays for one that is made: the organization, or an account of its own.",
    )
    billing_account: Reference | None = Field(
        default=None, description="Another account of the organization, which is there."
    )


class SetupResource(Shape):
    """Found by `external_id`, else made."""

    type: Key
    external_id: ExternalId | None = None
    fields: Fields = Field(default_factory=dict)
    running: bool = True


class NewSetup(Shape):
    """What there should be."""

    organization: SetupOrganization = Field(default_factory=SetupOrganization)
    project: SetupProject = Field(default_factory=SetupProject)
    resource: SetupResource | None = None


class SetupShape(Shape):
    """What there is, and what was made for it. `billing_account` pays for the project now."""

    object: Literal["setup"] = "setup"
    organization: OrganizationShape
    project: ProjectShape
    billing_account: BillingAccountShape
    resource: ResourceShape | None
    created: list[str]


@router.post("", status_code=201, summary="Set up what is missing", openapi_extra=CREATES)
def create_setup(body: NewSetup, here: Here, caller: By) -> SetupShape:
    """An organization with its billing account, a project, a resource: all of it or nothing.

    What has an `external_id` is made once, however often it is asked for.
    """
    project = WantedProject(**dict(body.project))
    if project.billing == "separate" or project.billing_account is not None:
        require_billing(here, caller)
    done = set_up(
        here,
        WantedOrganization(**dict(body.organization)),
        project,
        None if body.resource is None else WantedResource(**dict(body.resource)),
        tenant=caller.tenant(),
    )
    return SetupShape(
        organization=organization_shape(done.organization),
        project=project_shape(done.project),
        billing_account=account_shape(done.payer),
        resource=None if done.resource is None else resource_shape(done.resource),
        created=list(done.created),
    )
