"""Who belongs to an organization, since when? Seats are counted from this."""

from typing import Annotated, Literal

from fastapi import Query

from tallygate.accounts.model import Member
from tallygate.adapters.store import accounts
from tallygate.interfaces.api.callers import By, Here
from tallygate.interfaces.api.pages import DEFAULT_LIMIT, Cursor, Limit, check_cursor, page
from tallygate.interfaces.api.routes import CREATES, READS, WRITES, guarded_router
from tallygate.interfaces.api.wire import Id, Instant, Name, Page, Reference, Shape
from tallygate.workflows import accounts as workflow

router = guarded_router("/v1/members", "members")


class NewMember(Shape):
    """A person who joins an organization."""

    organization: Reference | None = None
    person: Name
    role: Literal["owner", "billing", "developer", "viewer"] = "developer"
    since: Instant | None = None


class MemberShape(Shape):
    """A person in an organization, from `since` until `until` (null: still)."""

    id: str
    object: Literal["member"] = "member"
    organization: str
    person: str
    role: Literal["owner", "billing", "developer", "viewer"]
    since: Instant
    until: Instant | None


def shape(member: Member) -> MemberShape:
    """A member on the wire."""
    return MemberShape(
        id=member.id,
        organization=member.organization,
        person=member.person,
        role=member.role,
        since=member.since,
        until=member.until,
    )


@router.post("", status_code=201, summary="Add a member", openapi_extra=CREATES)
def add_member(body: NewMember, here: Here, caller: By) -> MemberShape:
    """A seat is counted from `since` on."""
    made = workflow.add_member(
        here,
        caller.one_tenant(body.organization),
        body.person,
        body.role,
        tenant=caller.organization,
        at=body.since,
    )
    return shape(made)


@router.get("", summary="List members", openapi_extra=READS)
def list_members(
    here: Here,
    caller: By,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    organization: Reference | None = None,
) -> Page[MemberShape]:
    """In the order of their making; `organization` narrows the platform's view to one."""
    tenant = caller.tenant(organization)
    with here.store.read() as tx:
        found = accounts.list_members(tx, tenant, check_cursor(cursor, "mem"), limit + 1)
    return page(found, limit, shape)


@router.get("/{member}", summary="Read a member", openapi_extra=READS)
def get_member(member: Id, here: Here, caller: By) -> MemberShape:
    """One member, by its id."""
    with here.store.read() as tx:
        return shape(accounts.get_member(tx, member, caller.tenant()))


@router.delete("/{member}", summary="Let a member leave", openapi_extra=WRITES)
def remove_member(
    member: Id,
    here: Here,
    caller: By,
    at: Annotated[Instant | None, Query(description="Default: now.")] = None,
) -> MemberShape:
    """The seat counts until then. One who has left has left."""
    return shape(workflow.remove_member(here, member, tenant=caller.tenant(), at=at))
