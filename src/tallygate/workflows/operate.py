"""How does a platform's call create, resize, start, stop or delete a resource?

Each call becomes an event of the resource's life and goes the way of all events, so that what the
API did and what a sensor told are one history. The instant may lie in the past, as an event's may.
"""

from collections.abc import Mapping
from datetime import datetime

from tallygate.accounts.model import Resource
from tallygate.adapters.store import Transaction, accounts, resources, subjects
from tallygate.adapters.store.subjects import Subject, SubjectKind
from tallygate.core.errors import Invalid, NotFound
from tallygate.workflows.ingest import Incoming, ingest
from tallygate.workflows.installation import Installation
from tallygate.workflows.resources import LIFE, RESOURCE_PREFIX

SOURCE = "tallygate/api"
RESERVED = ("project", "type", "external_id", "running")


def create_resource(
    installation: Installation,
    project: str,
    type: str,  # noqa: A002  # the catalog's word
    *,
    tenant: str | None,
    external_id: str | None = None,
    fields: Mapping[str, object] | None = None,
    running: bool = True,
    at: datetime | None = None,
) -> Resource:
    """Make a resource of a catalog's type in a project (our id, or the platform's own).

    `fields` overlay the type's spec.

    Raises:
        Invalid: the type is unknown, or a field or the instant is out of bounds.
        NotFound: the tenant has no such project.
        Conflict: the organization has something else with this external id.
    """
    with installation.store.read() as tx:
        home = _named(tx, project, tenant, "project")
        changes = accounts.payer_changes(tx, home.organization, home.id)
        since = accounts.get_project(tx, home.id, home.organization).created_at
        if external_id is not None:
            subjects.refuse_taken_name(tx, external_id, home.organization)
    said = {**_own(fields), "project": home.id, "type": type, "running": running}
    if external_id is not None:
        said["external_id"] = external_id
    if at is None:
        at = installation.this_second(since, *(change.since for change in changes))
    name = installation.ids.new(RESOURCE_PREFIX.rstrip("_"))
    return _tell(installation, "created", Subject(name, home.organization, "resource"), said, at)


def resize_resource(
    installation: Installation,
    resource: str,
    *,
    tenant: str | None,
    type: str | None = None,  # noqa: A002  # the catalog's word
    fields: Mapping[str, object] | None = None,
    at: datetime | None = None,
) -> Resource:
    """Give a resource another type, or other fields, or both.

    Raises:
        Invalid: nothing is changed, or the type, a field or the instant is not possible.
        NotFound: the tenant has no such resource.
    """
    said = _own(fields)
    if type is not None:
        said["type"] = type
    if not said:
        raise Invalid("Say what changes: a type, or fields.", param="fields")
    return _tell(installation, "resized", _known(installation, resource, tenant), said, at)


def start_resource(
    installation: Installation, resource: str, *, tenant: str | None, at: datetime | None = None
) -> Resource:
    """Let a resource run. One that runs goes on.

    Raises:
        Invalid: the instant is not possible.
        NotFound: the tenant has no such resource.
    """
    return _tell(installation, "started", _known(installation, resource, tenant), {}, at)


def stop_resource(
    installation: Installation, resource: str, *, tenant: str | None, at: datetime | None = None
) -> Resource:
    """Let a resource stand still. It exists on, with what that costs.

    Raises:
        Invalid: the instant is not possible.
        NotFound: the tenant has no such resource.
    """
    return _tell(installation, "stopped", _known(installation, resource, tenant), {}, at)


def delete_resource(
    installation: Installation, resource: str, *, tenant: str | None, at: datetime | None = None
) -> Resource:
    """End a resource, and with it all that accrues. One that is deleted stays so.

    Raises:
        Invalid: the instant is not possible.
        NotFound: the tenant has no such resource.
    """
    return _tell(installation, "deleted", _known(installation, resource, tenant), {}, at)


def _known(installation: Installation, name: str, tenant: str | None) -> Subject:
    with installation.store.read() as tx:
        return _named(tx, name, tenant, "resource")


def _named(tx: Transaction, name: str, tenant: str | None, kind: SubjectKind) -> Subject:
    try:
        return subjects.resolve_subject(tx, name, tenant, kind)
    except NotFound:
        raise NotFound(f"There is no {kind} {name[:128]!r}.", param=kind) from None


def _tell(
    installation: Installation,
    kind: str,
    subject: Subject,
    said: dict[str, object],
    at: datetime | None,
) -> Resource:
    if at is None:
        with installation.store.read() as tx:
            before = resources.last_life_event(tx, subject.id)
        at = installation.this_second(*([] if before is None else [before]))
    event = Incoming(
        id=installation.ids.new("evt"),
        source=SOURCE,
        type=LIFE + kind,
        subject=subject.id,
        time=at,
        data=said,
    )
    verdicts = ingest(installation, [event], subject.organization)
    if verdicts.rejected:
        raise Invalid(verdicts.rejected[0].error)
    assert verdicts.accepted == 1, "an event of ours is new"
    with installation.store.read() as tx:
        return resources.get_resource(tx, subject.id, subject.organization)


def _own(fields: Mapping[str, object] | None) -> dict[str, object]:
    """The caller's fields, none of which may be one of those that have a meaning of their own."""
    for name in RESERVED:
        if fields and name in fields:
            raise Invalid(f"{name} is not one of the fields: give it beside them.", param="fields")
    return dict(fields or {})
