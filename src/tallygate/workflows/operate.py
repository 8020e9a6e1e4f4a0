"""How does a platform's call create, resize, start, stop or delete a resource?

Each call becomes an event of the resource's life and goes the way of all events, so that what the
API did and what a sensor told are one history; it is taken in where the resource is looked up, in
one transaction. The instant may lie in the past, as an event's may.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from tallygate.accounts.life import LifeKind
from tallygate.accounts.model import Resource
from tallygate.adapters.store import Transaction, accounts, homes, resources, subjects
from tallygate.adapters.store.former import seen_resource
from tallygate.adapters.store.subjects import Subject, SubjectKind
from tallygate.core.errors import Invalid, NotFound
from tallygate.core.failpoints import failpoint
from tallygate.workflows.ingest import Batch, Incoming, take_in
from tallygate.workflows.installation import Installation
from tallygate.workflows.resources import LIFE, RESOURCE_PREFIX
from tallygate.workflows.unpaid import refuse_unpaid

SOURCE = "tallygate/api"
RESERVED = ("project", "type", "external_id", "running")


class Happening(NamedTuple):
    """What happens to a resource: the kind of the event, what it says, and when (None: now)."""

    kind: LifeKind
    said: Mapping[str, object]
    at: datetime | None


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
        Conflict: the organization has something else with this external id, or its payer has
            bought nothing within the term for it.
    """
    with installation.store.write() as tx:
        named = _named(tx, project, tenant, "project")
        made = add_resource(
            tx,
            installation,
            homes.subject_at(tx, named, at or installation.now, tenant),
            type,
            external_id=external_id,
            fields=fields,
            running=running,
            at=at,
        )
        failpoint("resource.commit.before")
    return made


def add_resource(
    tx: Transaction,
    installation: Installation,
    home: Subject,
    type: str,  # noqa: A002  # the catalog's word
    *,
    external_id: str | None = None,
    fields: Mapping[str, object] | None = None,
    running: bool = True,
    at: datetime | None = None,
) -> Resource:
    """The same, within a transaction; `home` is the project, and whose it is then."""
    refuse_unpaid(tx, installation, home, type)
    changes = accounts.payer_changes(tx, home.organization, home.id)
    since = accounts.get_project(tx, home.id).created_at
    if external_id is not None:
        subjects.refuse_taken_name(tx, external_id, home.organization)
    said = {**_own(fields), "project": home.id, "type": type, "running": running}
    if external_id is not None:
        said["external_id"] = external_id
    if at is None:
        at = installation.this_second(since, *(change.since for change in changes))
    name = installation.ids.new(RESOURCE_PREFIX.rstrip("_"))
    subject = Subject(name, home.organization, "resource")
    return _tell(tx, installation, subject, Happening("created", said, at))


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
    return _happen(installation, resource, Happening("resized", said, at), tenant)


def start_resource(
    installation: Installation, resource: str, *, tenant: str | None, at: datetime | None = None
) -> Resource:
    """Let a resource run. One that runs goes on.

    Raises:
        Invalid: the instant is not possible.
        NotFound: the tenant has no such resource.
    """
    return _happen(installation, resource, Happening("started", {}, at), tenant)


def stop_resource(
    installation: Installation, resource: str, *, tenant: str | None, at: datetime | None = None
) -> Resource:
    """Let a resource stand still. It exists on, with what that costs.

    Raises:
        Invalid: the instant is not possible.
        NotFound: the tenant has no such resource.
    """
    return _happen(installation, resource, Happening("stopped", {}, at), tenant)


def delete_resource(
    installation: Installation, resource: str, *, tenant: str | None, at: datetime | None = None
) -> Resource:
    """End a resource, and with it all that accrues. One that is deleted stays so.

    Raises:
        Invalid: the instant is not possible.
        NotFound: the tenant has no such resource.
    """
    return _happen(installation, resource, Happening("deleted", {}, at), tenant)


def _named(tx: Transaction, name: str, tenant: str | None, kind: SubjectKind) -> Subject:
    try:
        return subjects.resolve_subject(tx, name, tenant, kind)
    except NotFound:
        raise NotFound(f"There is no {kind} {name[:128]!r}.", param=kind) from None


def _happen(
    installation: Installation, resource: str, what: Happening, tenant: str | None
) -> Resource:
    """Let something happen to a resource that is there."""
    with installation.store.write() as tx:
        subject = _named(tx, resource, tenant, "resource")
        if what.at is None:
            before = resources.last_life_event(tx, subject.id)
            came = (home.since for home in homes.homes_of_subject(tx, subject))
            earlier = (moment for moment in (before, *came) if moment is not None)
            what = what._replace(at=installation.this_second(*earlier))
        owner = homes.subject_at(tx, subject, what.at or installation.now, tenant)
        changed = _tell(tx, installation, owner, what)
        failpoint("resource.commit.before")
    return changed


def _tell(
    tx: Transaction, installation: Installation, subject: Subject, what: Happening
) -> Resource:
    event = Incoming(
        id=installation.ids.new("evt"),
        source=SOURCE,
        type=LIFE + what.kind,
        subject=subject.id,
        time=what.at,
        data=dict(what.said),
    )
    [verdicts] = take_in(tx, installation, [Batch([event], subject.organization)])
    if verdicts.rejected:
        raise Invalid(verdicts.rejected[0].error)
    assert verdicts.accepted == 1, "an event of ours is new"
    return seen_resource(tx, subject.id, subject.organization)


def _own(fields: Mapping[str, object] | None) -> dict[str, object]:
    """The caller's fields, none of which may be one of those that have a meaning of their own."""
    for name in RESERVED:
        if fields and name in fields:
            raise Invalid(f"{name} is not one of the fields: give it beside them.", param="fields")
    return dict(fields or {})
