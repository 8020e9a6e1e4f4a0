"""Which groups of resources are there, whose is each, and who pays for it?"""

from typing import Literal

from tallygate.accounts.model import Home, PayerChange, Project
from tallygate.adapters.store import accounts
from tallygate.adapters.store.former import seen_project
from tallygate.adapters.store.homes import homes_of
from tallygate.interfaces.api.callers import By, Here
from tallygate.interfaces.api.pages import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    by_external_id,
    check_cursor,
    page,
)
from tallygate.interfaces.api.persons import require_billing
from tallygate.interfaces.api.routes import (
    CHANGES_BILLING,
    CREATES,
    PLATFORM_CREATES,
    READS,
    about,
    guarded_router,
)
from tallygate.interfaces.api.wire import ExternalId, Id, Instant, Name, Page, Reference, Shape
from tallygate.workflows import accounts as workflow
from tallygate.workflows import project_moves

router = guarded_router("/v1/projects", "projects")


class NewProject(Shape):
    """What a new project is made of. An organization's key may leave `organization` out."""

    organization: Reference | None = None
    name: Name
    external_id: ExternalId | None = None
    billing_account: Reference | None = None


class ProjectShape(Shape):
    """A group of resources within an organization.

    An organization that had it sees it as it was, with `left_at`.
    """

    id: str
    object: Literal["project"] = "project"
    organization: str
    name: str
    external_id: str | None
    created_at: Instant
    left_at: Instant | None


class NewHome(Shape):
    """Where a project goes, from `at` (default: now) on, and who of there pays for it.

    Without `billing_account` the organization's own pays.
    """

    organization: Reference
    billing_account: Reference | None = None
    at: Instant | None = None


class HomeShape(Shape):
    """The project is this organization's from `since` (null: ever) until `until` (null: still)."""

    object: Literal["project_home"] = "project_home"
    project: str
    organization: str
    since: Instant | None
    until: Instant | None


class NewPayer(Shape):
    """Who pays from `since` (default: now) on; null: the organization's own account."""

    billing_account: Reference | None
    since: Instant | None = None


class PayerShape(Shape):
    """From `since` on, this account pays; null: the organization's own."""

    object: Literal["payer"] = "payer"
    project: str
    billing_account: str | None
    since: Instant


def shape(project: Project) -> ProjectShape:
    """A project on the wire."""
    return ProjectShape(
        id=project.id,
        organization=project.organization,
        name=project.name,
        external_id=project.external_id,
        created_at=project.created_at,
        left_at=project.left_at,
    )


def payer_shape(change: PayerChange) -> PayerShape:
    """A change of payer on the wire."""
    return PayerShape(
        project=change.project, billing_account=change.billing_account, since=change.since
    )


@router.post("", status_code=201, summary="Create a project", openapi_extra=CREATES)
def create_project(body: NewProject, here: Here, caller: By) -> ProjectShape:
    """`billing_account` pays for it; left out, the organization's own does."""
    if body.billing_account is not None:
        require_billing(here, caller)
    made = workflow.create_project(
        here,
        caller.one_tenant(body.organization),
        body.name,
        tenant=caller.organization,
        external_id=body.external_id,
        billing_account=body.billing_account,
    )
    return shape(made)


@router.get("", summary="List projects", openapi_extra=READS)
def list_projects(
    here: Here,
    caller: By,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    organization: Reference | None = None,
    external_id: ExternalId | None = None,
) -> Page[ProjectShape]:
    """In the order of their making; `organization` narrows the platform's view to one."""
    tenant = caller.tenant(organization)
    with here.store.read() as tx:
        if external_id is None:
            found = accounts.list_projects(tx, tenant, check_cursor(cursor, "prj"), limit + 1)
        else:
            found = by_external_id(tx, external_id, "project", tenant, accounts.get_project)
    return page(found, limit, shape)


@router.get("/{project}", summary="Read a project", openapi_extra=about(READS, "project"))
def get_project(project: Id, here: Here, caller: By) -> ProjectShape:
    """One project, by its id."""
    with here.store.read() as tx:
        return shape(seen_project(tx, project, caller.tenant()))


@router.put("/{project}/payer", summary="Switch who pays", openapi_extra=CHANGES_BILLING)
def switch_payer(project: Id, body: NewPayer, here: Here, caller: By) -> PayerShape:
    """Each payer pays for its own stretch; a switch may be announced, but not dated back."""
    change = workflow.switch_payer(
        here,
        project,
        body.billing_account,
        tenant=caller.tenant(),
        at=body.since,
        actor=caller.key,
    )
    return payer_shape(change)


@router.get(
    "/{project}/payers", summary="Read who paid when", openapi_extra=about(READS, "project")
)
def list_payers(project: Id, here: Here, caller: By) -> Page[PayerShape]:
    """The changes of payer in the order of time; before the first, the organization's own pays."""
    with here.store.read() as tx:
        found = seen_project(tx, project, caller.tenant())
        changes = accounts.payer_changes(tx, found.organization, found.id)
    return Page[PayerShape](data=[payer_shape(change) for change in changes], has_more=False)


@router.post("/{project}/move", summary="Move a project", openapi_extra=PLATFORM_CREATES)
def move_project(project: Id, body: NewHome, here: Here, caller: By) -> ProjectShape:
    """To another organization, with all that is in it. Each of the two pays for its own time.

    `at` may lie in the past as far as neither payer has been billed for the time since.
    """
    moved = project_moves.move_project(
        here,
        project,
        body.organization,
        at=body.at,
        billing_account=body.billing_account,
        actor=caller.key,
    )
    return shape(moved)


@router.get(
    "/{project}/homes", summary="Read whose it was when", openapi_extra=about(READS, "project")
)
def list_homes(project: Id, here: Here, caller: By) -> Page[HomeShape]:
    """The organizations that had the project, in the order of time; each is told of itself."""
    tenant = caller.tenant()
    with here.store.read() as tx:
        found = seen_project(tx, project, tenant)
        homes = homes_of(tx, found.id) or (Home(found.id, found.organization, None, None),)
    told = [
        HomeShape(
            project=home.project,
            organization=home.organization,
            since=home.since,
            until=home.until,
        )
        for home in homes
        if tenant in {None, home.organization}
    ]
    return Page[HomeShape](data=told, has_more=False)
