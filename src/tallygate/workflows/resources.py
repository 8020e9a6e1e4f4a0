"""How does what happens to a resource become its states?

`read_life_event` checks an event against what is there and against the catalog, and writes
nothing; `apply_life_event` adds it to the resource's life. Between the two, whoever calls keeps
the event in the log and knows whether it is new. There is no other way to a resource: the API's
calls become events too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from tallygate.accounts.homes import home_at, homes_from
from tallygate.accounts.life import LIFE_KINDS, Fields, LifeEvent, LifeKind
from tallygate.accounts.model import Home, Resource
from tallygate.adapters.store import Transaction, catalogs, resources, subjects
from tallygate.adapters.store.homes import homes_of, not_then, subject_at
from tallygate.adapters.store.resources import LifeRecord
from tallygate.adapters.store.subjects import Subject
from tallygate.catalog.model import ResourceType
from tallygate.core.errors import Conflict, Invalid, NotFound
from tallygate.core.ids import IdSource, check_external_id, is_ours
from tallygate.core.quantity import DIGITS, bounded

LIFE = "resource."
RESOURCE_PREFIX = "res_"
MAX_FIELDS = 64
MAX_TEXT = 1000
_NAMED = ("project", "type", "external_id", "running")


@dataclass(frozen=True, slots=True)
class LifeChange:
    """A life event that may be applied: whose, to which resource, and what it says.

    `born` says that the resource is not there yet and will be made. `homes` are the resource's,
    where its project has moved.
    """

    resource: Resource
    record: LifeRecord
    born: bool
    homes: tuple[Home, ...] = ()

    @property
    def organization(self) -> str:
        """The tenant, whose the resource was then."""
        if self.homes:
            return home_at(self.homes, self.record.event.at)
        return self.resource.organization

    @property
    def subject(self) -> str:
        """The resource's id, which the log keeps as the event's subject."""
        return self.resource.id


def read_life_event(
    tx: Transaction,
    ids: IdSource,
    *,
    source: str,
    id: str,  # noqa: A002  # CloudEvents' own word
    type: str,  # noqa: A002  # CloudEvents' own word
    subject: str,
    at: datetime,
    fields: Mapping[str, object],
    tenant: str | None,
) -> LifeChange:
    """Check a `resource.*` event. `subject` is our id of the resource, or the platform's own.

    `resource.created` names a `project` (our id, or the platform's own) and a `type` of the
    catalog; `running: false` makes it begin stopped. `resource.resized` may name another `type`.
    Every other field is a number, a text or a truth, and overlays the type's spec.

    Raises:
        Invalid: the event says something that it cannot mean.
        NotFound: its subject, or its project, is not there for this tenant.
        Conflict: the resource belongs to another project than the event says.
    """
    kind = _kind(type)
    own = _fields(fields)
    spec_of = _type(tx, fields, needed=kind == "created")
    if kind == "created":
        project = subject_at(tx, _project(tx, fields, tenant), at, tenant)
        there = _there(tx, subject, project)
    else:
        project, there = None, _existing(tx, subject, tenant)
    resource = there
    if resource is None:
        assert project is not None, "a creation names its project"
        assert spec_of is not None, "a creation names its type"
        name, external_id = _names(tx, ids, subject, fields, project)
        resource = Resource(name, project.organization, project.id, spec_of.key, at, external_id)
    born = min(at, resource.created_at) if kind == "created" else resource.created_at
    homes = homes_from(homes_of(tx, resource.project), born)
    if homes:
        resource = replace(resource, organization=homes[-1].organization)
        if tenant not in {None, home_at(homes, at)}:
            raise NotFound(not_then(subject, at), param="subject")
    event = LifeEvent(
        at,
        f"{source} {id}",
        kind,
        None if spec_of is None else spec_of.key,
        {} if spec_of is None else _spec(spec_of),
        own,
        _running(fields),
    )
    return LifeChange(resource, LifeRecord(source, id, event), there is None, homes)


def apply_life_event(tx: Transaction, change: LifeChange) -> Resource:
    """Add a checked event to its resource's life; gives the resource as it is then.

    The event must be new (the log tells). It may be late: the states are made from all that
    happened, by time.

    Raises:
        Conflict: the organization has something else with the resource's external id.
    """
    if change.born:
        homes = [home.organization for home in change.homes]
        resources.save_resource(tx, change.resource, homes)
    return resources.save_life_event(tx, change.resource, change.record, change.homes)


def _kind(event_type: str) -> LifeKind:
    for kind in LIFE_KINDS:
        if event_type == LIFE + kind:
            return kind
    known = ", ".join(LIFE + name for name in LIFE_KINDS)
    raise Invalid(
        f"{event_type[:80]!r} is not part of a resource's life: use {known}.", param="type"
    )


def _existing(tx: Transaction, alias: str, tenant: str | None) -> Resource:
    subject = subjects.resolve_subject(tx, alias, tenant)
    if subject.kind != "resource":
        raise Invalid(
            f"{alias!r} is a {subject.kind.replace('_', ' ')} and no resource.", param="subject"
        )
    return resources.get_resource(tx, subject.id)  # also one that has left the tenant since


def _there(tx: Transaction, alias: str, project: Subject) -> Resource | None:
    """The resource that a creation is about, where it was created before."""
    try:
        there = _existing(tx, alias, project.organization)
    except NotFound:
        return None
    if there.project != project.id:
        raise Conflict(
            f"The resource {alias!r} belongs to the project {there.project} and not to "
            f"{project.id}: a resource stays in its project.",
            param="project",
        )
    return there


def _names(
    tx: Transaction, ids: IdSource, alias: str, fields: Mapping[str, object], project: Subject
) -> tuple[str, str | None]:
    """Our id of a new resource, and the platform's own."""
    given = fields.get("external_id")
    if given is not None and not isinstance(given, str):
        raise Invalid("external_id must be a text.", param="external_id")
    if not is_ours(alias):
        if given not in {None, alias}:
            raise Invalid(
                f"The subject {alias[:128]!r} and external_id {given[:128]!r} are two names for "
                "one resource: give one of them.",
                param="external_id",
            )
        return ids.new(RESOURCE_PREFIX[:-1]), check_external_id(alias, "subject")
    # The API gives out the id before the event; nobody else's may be taken.
    if not alias.startswith(RESOURCE_PREFIX) or resources.resource_exists(tx, alias):
        raise Invalid(
            f"{alias!r} has the form of our ids: name a new resource by your own id.",
            param="subject",
        )
    if given is not None:
        if is_ours(given):
            raise Invalid(
                f"{given!r} has the form of our ids: choose another external id.",
                param="external_id",
            )
        check_external_id(given, "external_id")
        subjects.refuse_taken_name(tx, given, project.organization)
    return alias, given


def _project(tx: Transaction, fields: Mapping[str, object], tenant: str | None) -> Subject:
    name = fields.get("project")
    if not isinstance(name, str) or not name:
        raise Invalid(
            "resource.created must say in data.project which project the resource belongs to.",
            param="project",
        )
    try:
        return subjects.resolve_subject(tx, name, tenant, "project")
    except NotFound:
        raise NotFound(
            f"There is no project {name[:128]!r}: create it, then send the event again.",
            param="project",
        ) from None


def _type(tx: Transaction, fields: Mapping[str, object], *, needed: bool) -> ResourceType | None:
    """The type that the event names, as the newest catalog has it."""
    name = fields.get("type")
    if name is None and not needed:
        return None
    if not isinstance(name, str) or not name:
        raise Invalid(
            "resource.created must say in data.type which of the catalog's resource types it is.",
            param="type",
        )
    latest = catalogs.latest_catalog(tx)
    if latest is None:
        raise Invalid("There is no catalog yet: run `tallygate catalog apply` first.")
    known = latest[1].resources
    if name not in known:
        listed = ", ".join(sorted(known)[:20]) or "none"
        raise Invalid(
            f"The catalog has no resource type {name[:128]!r}; it has: {listed}.", param="type"
        )
    return known[name]


def _spec(spec_of: ResourceType) -> Fields:
    return dict(spec_of.spec)


def _running(fields: Mapping[str, object]) -> bool | None:
    said = fields.get("running")
    if said is None or isinstance(said, bool):
        return said
    raise Invalid("running must be true or false.", param="running")


def _fields(fields: Mapping[str, object]) -> dict[str, Decimal | str | bool]:
    """What the event says beside its named fields."""
    if len(fields) > MAX_FIELDS:
        raise Invalid(f"data has more than {MAX_FIELDS} fields.", param="data")
    return {
        name: _value(name, value)
        for name, value in fields.items()
        if name not in _NAMED and value is not None
    }


def _value(name: str, value: object) -> Decimal | str | bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | Decimal):
        # A whole number of a thousand digits is looked at before it is converted.
        if isinstance(value, int) and value.bit_length() > 64:
            raise Invalid(f"data.{name[:40]} must have {DIGITS}.", param="data")
        number = Decimal(value)
        if not bounded(number):
            raise Invalid(f"data.{name[:40]} must have {DIGITS}.", param="data")
        return number
    if isinstance(value, str) and len(value) <= MAX_TEXT and value.isprintable():
        return value
    raise Invalid(
        f"data.{name[:40]} must be a number, true, false, or a text of at most {MAX_TEXT} "
        "printable characters.",
        param="data",
    )
