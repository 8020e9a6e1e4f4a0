"""What is rented out, and what happens to it?

A resource's life is a series of events (`resource.created`, `resized`, `started`, `stopped`,
`deleted`); the operations here make those events, so both ways in come to the same.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field

from tallygate.accounts.model import Resource, ResourceState
from tallygate.adapters.store import accounts, resources
from tallygate.core.errors import Conflict, Invalid
from tallygate.core.period import Period
from tallygate.interfaces.api.callers import By, Here
from tallygate.interfaces.api.pages import DEFAULT_LIMIT, Cursor, Limit, called, check_cursor, page
from tallygate.interfaces.api.routes import CREATES, READS, WRITES, guarded_router
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
from tallygate.workflows.ingest import Incoming, ingest

SOURCE = "tallygate/api"
"""The CloudEvents source of the events that are made here."""

NAMED = frozenset(("project", "type", "external_id", "running"))

router = guarded_router("/v1/resources", "resources")


class NewResource(Shape):
    """A resource that begins. `data` overlays the type's spec."""

    project: Reference
    type: Key
    external_id: ExternalId | None = None
    running: bool = True
    data: Fields = Field(default_factory=dict)
    at: Instant | None = None


class Resize(Shape):
    """Another type, other fields, or both, from `at` (default: now) on."""

    type: Key | None = None
    data: Fields = Field(default_factory=dict)
    at: Instant | None = None


class Moment(Shape):
    """When it happened; default: now."""

    at: Instant | None = None


class ResourceShape(Shape):
    """A thing that is rented out."""

    id: str
    object: Literal["resource"] = "resource"
    organization: str
    project: str
    type: str
    external_id: str | None
    created_at: Instant
    deleted_at: Instant | None


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


@router.post("", status_code=201, summary="Create a resource", openapi_extra=CREATES)
def create_resource(body: NewResource, here: Here, caller: By) -> ResourceShape:
    """The resource's hours accrue from `at` on. Its `data` overlays the type's spec."""
    with here.store.read() as tx:
        project = accounts.get_project(tx, body.project, caller.tenant())
    said: dict[str, Any] = {"project": project.id, "type": body.type, "running": body.running}
    if body.external_id is not None:
        said["external_id"] = body.external_id
    name = here.ids.new("res")
    return _tell(here, project.organization, "created", name, body.at, said | _own(body.data))


@router.get("", summary="List resources", openapi_extra=READS)
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
        if external_id is not None:
            one = called(tx, external_id, "resource", tenant, resources.get_resource)
            return page(one, limit, shape, lambda one: one.id)
        if project is not None:
            accounts.get_project(tx, project, tenant)
        found = resources.list_resources(
            tx, tenant, check_cursor(cursor), limit + 1, project=project
        )
    return page(found, limit, shape, lambda one: one.id)


@router.get("/{resource}", summary="Read a resource", openapi_extra=READS)
def get_resource(resource: Id, here: Here, caller: By) -> ResourceShape:
    """One resource, by its id."""
    with here.store.read() as tx:
        return shape(resources.get_resource(tx, resource, caller.tenant()))


@router.get("/{resource}/states", summary="Read what a resource was when", openapi_extra=READS)
def list_states(
    resource: Id,
    here: Here,
    caller: By,
    since: Annotated[Instant | None, Query(description="Default: its beginning.")] = None,
    until: Annotated[Instant | None, Query(description="Default: now.")] = None,
) -> Page[StateShape]:
    """The states between two instants, in the order of time."""
    with here.store.read() as tx:
        found = resources.get_resource(tx, resource, caller.tenant())
        start, end = since or found.created_at, until or max(here.now, found.created_at)
        if start > end:
            raise Invalid("since must not come after until.", param="since")
        states = resources.states_of(tx, [found.id], Period(start, end))
    return Page[StateShape](data=[state_shape(state) for state in states], has_more=False)


@router.post("/{resource}/resize", summary="Change a resource", openapi_extra=CREATES)
def resize_resource(resource: Id, body: Resize, here: Here, caller: By) -> ResourceShape:
    """Another type, other fields, or both."""
    if body.type is None and not body.data:
        raise Invalid("Say another type, or other data.", param="type")
    said = _own(body.data) | ({} if body.type is None else {"type": body.type})
    return _tell_of(here, caller, "resized", resource, body.at, said)


@router.post("/{resource}/start", summary="Start a resource", openapi_extra=CREATES)
def start_resource(
    resource: Id, here: Here, caller: By, body: Moment | None = None
) -> ResourceShape:
    """It runs from `at` on."""
    return _tell_of(here, caller, "started", resource, _when(body), {})


@router.post("/{resource}/stop", summary="Stop a resource", openapi_extra=CREATES)
def stop_resource(
    resource: Id, here: Here, caller: By, body: Moment | None = None
) -> ResourceShape:
    """It stands still from `at` on; what it keeps, such as its disk, goes on to count."""
    return _tell_of(here, caller, "stopped", resource, _when(body), {})


@router.delete("/{resource}", summary="Delete a resource", openapi_extra=WRITES)
def delete_resource(
    resource: Id,
    here: Here,
    caller: By,
    at: Annotated[Instant | None, Query(description="Default: now.")] = None,
) -> ResourceShape:
    """Nothing of it counts from `at` on. Deleting again changes nothing."""
    with here.store.read() as tx:
        found = resources.get_resource(tx, resource, caller.tenant())
    if found.deleted_at is not None and at is None:
        return shape(found)
    return _tell(here, found.organization, "deleted", found.id, at, {})


def _when(moment: Moment | None) -> datetime | None:
    return None if moment is None else moment.at


def _own(data: dict[str, Any]) -> dict[str, Any]:
    """The fields of an event that say what the resource is, and nothing that names it.

    Raises:
        Invalid: a field has a name that says something else.
    """
    if taken := sorted(NAMED & data.keys()):
        raise Invalid(f"data.{taken[0]} is not a field of data: say it beside it.", param="data")
    return data


def _tell_of(
    here: Here,
    caller: By,
    kind: str,
    resource: str,
    at: datetime | None,
    said: dict[str, Any],
) -> ResourceShape:
    with here.store.read() as tx:
        found = resources.get_resource(tx, resource, caller.tenant())
    if found.deleted_at is not None and (at is None or at >= found.deleted_at):
        raise Conflict(f"{found.id} was deleted: nothing more happens to it.")
    return _tell(here, found.organization, kind, found.id, at, said)


def _tell(
    here: Here,
    organization: str,
    kind: str,
    resource: str,
    at: datetime | None,
    said: dict[str, Any],
) -> ResourceShape:
    """Make the event and take it in; gives the resource as it is then."""
    event = Incoming(
        id=here.ids.new("evt"),
        source=SOURCE,
        type=f"resource.{kind}",
        subject=resource,
        time=at or here.now,
        data=said,
        specversion="1.0",
    )
    verdicts = ingest(here, [event], organization)
    for refusal in (*verdicts.rejected, *verdicts.conflicts):
        raise Invalid(refusal.error)
    with here.store.read() as tx:
        return shape(resources.get_resource(tx, resource, organization))
