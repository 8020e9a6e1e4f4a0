"""What is rented out, and what happens to it?

A resource's life is a series of events (`resource.created`, `resized`, `started`, `stopped`,
`deleted`); the operations here make those events, so both ways in come to the same.
"""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from tallygate.accounts.model import Resource, ResourceState
from tallygate.adapters.store import accounts, resources
from tallygate.adapters.store.former import seen_resource
from tallygate.core.errors import Invalid
from tallygate.core.period import Period
from tallygate.interfaces.api.callers import By, Here
from tallygate.interfaces.api.pages import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    by_external_id,
    check_cursor,
    page,
)
from tallygate.interfaces.api.routes import CREATES, READS, WRITES, about, guarded_router
from tallygate.interfaces.api.wire import (
    ExternalId,
    Fields,
    Id,
    Instant,
    Key,
    Page,
    Reference,
    Shape,
)
from tallygate.workflows import operate

router = guarded_router("/v1/resources", "resources")


class NewResource(Shape):
    """A resource that begins. `fields` overlay the type's spec."""

    project: Reference
    type: Key
    external_id: ExternalId | None = None
    running: bool = True
    fields: Fields = Field(default_factory=dict)
    at: Instant | None = None


class Resize(Shape):
    """Another type, other fields, or both, from `at` (default: now) on."""

    type: Key | None = None
    fields: Fields = Field(default_factory=dict)
    at: Instant | None = None


class Moment(Shape):
    """When it happened; default: now."""

    at: Instant | None = None


class ResourceShape(Shape):
    """A thing that is rented out.

    An organization that had it sees it as it was when its project moved, with `left_at`.
    """

    id: str
    object: Literal["resource"] = "resource"
    organization: str
    project: str
    type: str
    external_id: str | None
    created_at: Instant
    deleted_at: Instant | None
    left_at: Instant | None


class StateShape(Shape):
    """What a resource is from `since` until `until` (null: still)."""

    object: Literal["resource_state"] = "resource_state"
    resource: str
    since: Instant
    until: Instant | None
    type: str
    running: bool
    fields: Fields


def shape(resource: Resource) -> ResourceShape:
    """A resource on the wire."""
    return ResourceShape(
        id=resource.id,
        organization=resource.organization,
        project=resource.project,
        type=resource.type,
        external_id=resource.external_id,
        created_at=resource.created_at,
        deleted_at=resource.deleted_at,
        left_at=resource.left_at,
    )


def state_shape(state: ResourceState) -> StateShape:
    """A resource's state on the wire."""
    return StateShape(
        resource=state.resource,
        since=state.since,
        until=state.until,
        type=state.type,
        running=state.running,
        fields=dict(state.fields),
    )


@router.post(
    "", status_code=201, summary="Create a resource", openapi_extra=about(CREATES, "project")
)
def create_resource(body: NewResource, here: Here, caller: By) -> ResourceShape:
    """The resource's hours accrue from `at` on. Its `fields` overlay the type's spec."""
    made = operate.create_resource(
        here,
        body.project,
        body.type,
        tenant=caller.tenant(),
        external_id=body.external_id,
        fields=body.fields,
        running=body.running,
        at=body.at,
    )
    return shape(made)


@router.get("", summary="List resources", openapi_extra=about(READS, "project"))
def list_resources(
    here: Here,
    caller: By,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    organization: Reference | None = None,
    project: Reference | None = None,
    external_id: ExternalId | None = None,
) -> Page[ResourceShape]:
    """In the order of their making, deleted ones too."""
    tenant = caller.tenant(organization)
    with here.store.read() as tx:
        if project is not None:
            accounts.get_project(tx, project, tenant)
        if external_id is None:
            found = resources.list_resources(
                tx, tenant, check_cursor(cursor, "res"), limit + 1, project=project
            )
        else:
            named = by_external_id(tx, external_id, "resource", tenant, resources.get_resource)
            found = tuple(one for one in named if project in {None, one.project})
    return page(found, limit, shape)


@router.get("/{resource}", summary="Read a resource", openapi_extra=about(READS, "resource"))
def get_resource(resource: Id, here: Here, caller: By) -> ResourceShape:
    """One resource, by its id."""
    with here.store.read() as tx:
        return shape(seen_resource(tx, resource, caller.tenant()))


@router.get(
    "/{resource}/states",
    summary="Read what a resource was when",
    openapi_extra=about(READS, "resource"),
)
def list_states(
    resource: Id,
    here: Here,
    caller: By,
    since: Annotated[Instant | None, Query(description="Default: its beginning.")] = None,
    until: Annotated[Instant | None, Query(description="Default: now.")] = None,
) -> Page[StateShape]:
    """The states between two instants, in the order of time."""
    with here.store.read() as tx:
        found = seen_resource(tx, resource, caller.tenant())
        start, end = since or found.created_at, until or max(here.now, found.created_at)
        if start > end:
            raise Invalid("since must not come after until.", param="since")
        period = Period(start, end)
        states = resources.states_of(tx, [found.id], period, caller.tenant())
    return Page[StateShape](data=[state_shape(state) for state in states], has_more=False)


@router.post(
    "/{resource}/resize", summary="Change a resource", openapi_extra=about(CREATES, "resource")
)
def resize_resource(resource: Id, body: Resize, here: Here, caller: By) -> ResourceShape:
    """Another type, other fields, or both."""
    changed = operate.resize_resource(
        here, resource, tenant=caller.tenant(), type=body.type, fields=body.fields, at=body.at
    )
    return shape(changed)


@router.post(
    "/{resource}/start", summary="Start a resource", openapi_extra=about(CREATES, "resource")
)
def start_resource(
    resource: Id, here: Here, caller: By, body: Moment | None = None
) -> ResourceShape:
    """It runs from `at` on."""
    return shape(operate.start_resource(here, resource, tenant=caller.tenant(), at=_when(body)))


@router.post(
    "/{resource}/stop", summary="Stop a resource", openapi_extra=about(CREATES, "resource")
)
def stop_resource(
    resource: Id, here: Here, caller: By, body: Moment | None = None
) -> ResourceShape:
    """It stands still from `at` on; what it keeps, such as its disk, goes on to count."""
    return shape(operate.stop_resource(here, resource, tenant=caller.tenant(), at=_when(body)))


@router.delete("/{resource}", summary="Delete a resource", openapi_extra=about(WRITES, "resource"))
def delete_resource(
    resource: Id,
    here: Here,
    caller: By,
    at: Annotated[Instant | None, Query(description="Default: now.")] = None,
) -> ResourceShape:
    """Nothing of it counts from `at` on. Deleting again changes nothing."""
    return shape(operate.delete_resource(here, resource, tenant=caller.tenant(), at=at))


def _when(moment: Moment | None) -> datetime | None:
    return None if moment is None else moment.at
