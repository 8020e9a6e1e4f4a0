"""What does an event of a resource's life say, and may it?

`judge_life_event` checks an event against what is known of that which it names, and against the
catalog; it asks nothing and writes nothing. `lives` knows of all events of a transaction together,
and adds those that are new to the lives. There is no other way to a resource: the API's calls
become events too. `read_life_event` is the same for a single event that is only supposed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from tallygate.accounts.homes import home_at, homes_from
from tallygate.accounts.life import LIFE_KINDS, Fields, LifeEvent, LifeKind
from tallygate.accounts.model import Home, Resource
from tallygate.adapters.store import Transaction
from tallygate.adapters.store.homes import at_home, not_then
from tallygate.adapters.store.life_rows import LifeRecord, homes_and_names
from tallygate.adapters.store.subjects import Subject, unknown
from tallygate.catalog.model import ResourceType
from tallygate.core.errors import Conflict, Invalid, NotFound
from tallygate.core.ids import IdSource, check_external_id, is_ours
from tallygate.core.quantity import DIGITS, bounded
from tallygate.workflows.life_known import RESOURCE_PREFIX, LifeKnown

__all__ = ["LIFE", "RESOURCE_PREFIX", "LifeChange", "judge_life_event", "read_life_event"]

LIFE = "resource."
CREATED = "resource.created"
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
    def names(self) -> tuple[tuple[str, str], ...]:
        """What the resource will be called where it is born, as (organization, name)."""
        return tuple(homes_and_names(self.resource, self.homes)) if self.born else ()

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
    known: LifeKnown | None = None,
) -> LifeChange:
    """What a single event would change, asked of the database; `judge_life_event` says the rest.

    `known` is what is known already.

    Raises:
        Invalid: the event says something that it cannot mean.
        NotFound: its subject, or its project, is not there for this tenant.
        Conflict: the resource belongs to another project than the event says.
    """
    known = known or LifeKnown(tx)
    known.learn([subject], [fields] if type == CREATED else [])
    return judge_life_event(
        known,
        ids,
        source=source,
        id=id,
        type=type,
        subject=subject,
        at=at,
        fields=fields,
        tenant=tenant,
    )


def judge_life_event(
    known: LifeKnown,
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
    spec_of = _type(known, fields, needed=kind == "created")
    if kind == "created":
        named = _project(known, fields, tenant)
        project = at_home(named, known.homes_of(named.id), at, tenant)
        there = _there(known, subject, project)
    else:
        project, there = None, _existing(known, subject, tenant)
    resource = there
    if resource is None:
        assert project is not None, "a creation names its project"
        assert spec_of is not None, "a creation names its type"
        name, external_id = _names(known, ids, subject, fields, project)
        resource = Resource(name, project.organization, project.id, spec_of.key, at, external_id)
    born = min(at, resource.created_at) if kind == "created" else resource.created_at
    homes = homes_from(known.homes_of(resource.project), born)
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


def _kind(event_type: str) -> LifeKind:
    for kind in LIFE_KINDS:
        if event_type == LIFE + kind:
            return kind
    known = ", ".join(LIFE + name for name in LIFE_KINDS)
    raise Invalid(
        f"{event_type[:80]!r} is not part of a resource's life: use {known}.", param="type"
    )


def _existing(known: LifeKnown, alias: str, tenant: str | None) -> Resource:
    subject = known.find(alias, tenant)
    if subject is None:
        raise unknown(alias)
    if subject.kind != "resource":
        raise Invalid(
            f"{alias!r} is a {subject.kind.replace('_', ' ')} and no resource.", param="subject"
        )
    return known.resource(subject.id)  # also one that has left the tenant since


def _there(known: LifeKnown, alias: str, project: Subject) -> Resource | None:
    """The resource that a creation is about, where it was created before."""
    try:
        there = _existing(known, alias, project.organization)
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
    known: LifeKnown, ids: IdSource, alias: str, fields: Mapping[str, object], project: Subject
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
    if not alias.startswith(RESOURCE_PREFIX) or known.exists(alias):
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
        known.refuse_taken_name(given, project.organization)
    return alias, given


def _project(known: LifeKnown, fields: Mapping[str, object], tenant: str | None) -> Subject:
    name = fields.get("project")
    if not isinstance(name, str) or not name:
        raise Invalid(
            "resource.created must say in data.project which project the resource belongs to.",
            param="project",
        )
    found = known.find(name, tenant, "project")
    if found is None:
        raise NotFound(
            f"There is no project {name[:128]!r}: create it, then send the event again.",
            param="project",
        )
    return found


def _type(known: LifeKnown, fields: Mapping[str, object], *, needed: bool) -> ResourceType | None:
    """The type that the event names, as the newest catalog has it."""
    name = fields.get("type")
    if name is None and not needed:
        return None
    if not isinstance(name, str) or not name:
        raise Invalid(
            "resource.created must say in data.type which of the catalog's resource types it is.",
            param="type",
        )
    if known.catalog is None:
        raise Invalid("There is no catalog yet: run `tallygate catalog apply` first.")
    types = known.catalog.resources
    if name not in types:
        listed = ", ".join(sorted(types)[:20]) or "none"
        raise Invalid(
            f"The catalog has no resource type {name[:128]!r}; it has: {listed}.", param="type"
        )
    return types[name]


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
