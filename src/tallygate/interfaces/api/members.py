"""Who belongs to an organization, since when? Seats are counted from this."""

from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from tallygate.accounts.model import Member
from tallygate.adapters.store import accounts, members
from tallygate.interfaces.api.callers import By, Here
from tallygate.interfaces.api.pages import DEFAULT_LIMIT, Cursor, Limit, check_cursor, page
from tallygate.interfaces.api.routes import MANAGES, MANAGES_ANEW, READS, about, guarded_router
from tallygate.interfaces.api.wire import Id, Instant, Name, Page, Reference, Shape
from tallygate.workflows import members as workflow

RoleName = Literal["owner", "billing", "developer", "viewer"]

router = guarded_router("/v1/members", "members")


class NewMember(Shape):
    """A person who joins an organization."""

    organization: Reference | None = None
    project: Reference | None = Field(
        default=None, description="A member of this project only, who takes no seat."
    )
    person: Name
    role: RoleName = "developer"
    since: Instant | None = None


class NewRole(Shape):
    """What a member is from now on."""

    role: RoleName


class MemberShape(Shape):
    """A person in an organization, from `since` until `until` (null: still)."""

    id: str
    object: Literal["member"] = "member"
    organization: str
    project: str | None
    person: str
    role: RoleName
    since: Instant
    until: Instant | None


def shape(member: Member) -> MemberShape:
    """A member on the wire."""
    return MemberShape(
        id=member.id,
        organization=member.organization,
        project=member.project,
        person=member.person,
        role=member.role,
        since=member.since,
        until=member.until,
    )


@router.post(
    "", status_code=201, summary="Add a member", openapi_extra=about(MANAGES_ANEW, "project")
)
def add_member(body: NewMember, here: Here, caller: By) -> MemberShape:
    """A seat is counted from `since` on; a member of one project has none."""
    made = workflow.add_member(
        here,
        caller.one_tenant(body.organization),
        body.person,
        body.role,
        tenant=caller.organization,
        project=body.project,
        at=body.since,
        actor=caller.actor,
    )
    return shape(made)


@router.get("", summary="List members", openapi_extra=about(READS, "project"))
def list_members(
    here: Here,
    caller: By,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    organization: Reference | None = None,
    project: Reference | None = None,
) -> Page[MemberShape]:
    """Of an organization and its projects, or of one `project`, in the order of their making."""
    tenant = caller.tenant(organization)
    with here.store.read() as tx:
        if project is not None:
            accounts.get_project(tx, project, tenant)
        after = check_cursor(cursor, "mem")
        found = members.list_members(tx, tenant, after, limit + 1, project=project)
    return page(found, limit, shape)


@router.get("/{member}", summary="Read a member", openapi_extra=READS)
def get_member(member: Id, here: Here, caller: By) -> MemberShape:
    """One member, by its id."""
    with here.store.read() as tx:
        return shape(members.get_member(tx, member, caller.tenant()))


@router.patch("/{member}", summary="Change a role", openapi_extra=MANAGES)
def change_role(member: Id, body: NewRole, here: Here, caller: By) -> MemberShape:
    """From now on. An organization that has an owner keeps one."""
    changed = workflow.change_role(
        here, member, body.role, tenant=caller.tenant(), actor=caller.actor
    )
    return shape(changed)


@router.delete("/{member}", summary="Let a member leave", openapi_extra=MANAGES)
def remove_member(
    member: Id,
    here: Here,
    caller: By,
    at: Annotated[Instant | None, Query(description="Default: now.")] = None,
) -> MemberShape:
    """The seat counts until then. One who has left has left."""
    return shape(
        workflow.remove_member(here, member, tenant=caller.tenant(), at=at, actor=caller.actor)
    )
