"""How is it kept which organization a project was part of, and how does it leave one for another?

A project, its resources and their names pass to the new organization. What happened before stays
as it is and whose it was: the names that the former one knew, what the resources were, the events.
What is dated after the instant of the move, and came before the move was told, goes along.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    delete,
    insert,
    literal,
    or_,
    select,
    update,
)

from tallygate.accounts.homes import home_at, homes_from
from tallygate.accounts.model import Home
from tallygate.adapters.store import events
from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.rows import AnyRow, instant_of, micros_of
from tallygate.adapters.store.subjects import Subject
from tallygate.adapters.store.tables import accounts as t
from tallygate.adapters.store.tables import usage as u
from tallygate.core.errors import Conflict, NotFound
from tallygate.core.period import from_micros, instant_text, to_micros

IDS_AT_ONCE = 5000

# Asked so often that making the question anew would take longer than answering it.
_OF_PROJECT = (
    select(t.project_homes)
    .where(t.project_homes.c.project == bindparam("project"))
    .order_by(t.project_homes.c.number)
)
_OF_PROJECTS = (
    select(t.project_homes)
    .where(t.project_homes.c.project.in_(bindparam("projects", expanding=True)))
    .order_by(t.project_homes.c.project, t.project_homes.c.number)
)
_OF_ALL_IN = (
    select(t.project_homes)
    .where(
        t.project_homes.c.project.in_(
            select(t.project_homes.c.project).where(
                t.project_homes.c.organization.in_(bindparam("organizations", expanding=True))
            )
        )
    )
    .order_by(t.project_homes.c.number)
)


def homes_of(tx: Transaction, project: str) -> tuple[Home, ...]:
    """All homes of a project, in order; none where it never moved."""
    return tuple(map(_home, tx.execute(_OF_PROJECT, {"project": project})))


def homes_of_each(tx: Transaction, projects: Collection[str]) -> dict[str, tuple[Home, ...]]:
    """All homes of those of some projects that have moved, in order."""
    found: dict[str, list[Home]] = {}
    for some in _some(set(projects)):
        for row in tx.execute(_OF_PROJECTS, {"projects": some}):
            found.setdefault(row.project, []).append(_home(row))
    return {project: tuple(homes) for project, homes in found.items()}


def any_moved(tx: Transaction) -> bool:
    """Whether any project has ever moved."""
    return tx.execute(select(t.project_homes.c.project).limit(1)).first() is not None


def homes_of_subject(tx: Transaction, subject: Subject) -> tuple[Home, ...]:
    """All homes of a project, or of a resource; none where it never moved."""
    if subject.kind not in {"project", "resource"}:
        return ()
    found = homes_by_subject(tx, [(subject.organization, subject.id)])
    return found.get(subject.id, ())


def subject_at(tx: Transaction, subject: Subject, at: datetime, tenant: str | None) -> Subject:
    """The subject, of the organization whose it was at an instant.

    Raises:
        NotFound: it was not the tenant's then.
    """
    return at_home(subject, homes_of_subject(tx, subject), at, tenant)


def at_home(subject: Subject, its: Sequence[Home], at: datetime, tenant: str | None) -> Subject:
    """The same, given all homes of the subject.

    Raises:
        NotFound: it was not the tenant's then.
    """
    if not its:
        return subject
    owner = home_at(its, at)
    if tenant not in {None, owner}:
        raise NotFound(not_then(subject.id, at))
    return subject._replace(organization=owner)


def not_then(name: str, at: datetime) -> str:
    """The sentence for a tenant that names what was another one's at an instant."""
    return (
        f"{name[:128]!r} was another organization's at {instant_text(at)}: its project has moved, "
        "and what is dated so is for the other one to say."
    )


def homes_by_subject(
    tx: Transaction, found: Iterable[tuple[str, str]]
) -> Mapping[str, tuple[Home, ...]]:
    """The homes of those of some (organization, subject) that have moved."""
    pairs = set(found)
    by_project: dict[str, list[Home]] = {}
    for some in _some({organization for organization, _ in pairs}):
        for row in tx.execute(_OF_ALL_IN, {"organizations": some}):
            its = by_project.setdefault(row.project, [])
            if len(its) == row.number:
                its.append(_home(row))
    if not by_project:
        return {}
    subjects = {subject for _, subject in pairs}
    moved = {project: tuple(by_project[project]) for project in subjects & by_project.keys()}
    table = t.resources
    for some in _some(subjects):
        for row in tx.execute(
            select(table.c.id, table.c.project, table.c.created_at).where(table.c.id.in_(some))
        ):
            if row.project in by_project:
                born = from_micros(row.created_at)
                moved[row.id] = homes_from(by_project[row.project], born)
    return moved


def relocate(tx: Transaction, homes: Sequence[Home]) -> None:
    """Let a project go where the last of its homes is, with all that is in it.

    A change of payer that its former organization has announced for later falls away.

    Raises:
        Conflict: the new organization calls something else by a name that comes along.
    """
    left, here = homes[-2:]
    assert here.since is not None, "a move has its instant"
    project, at = here.project, to_micros(here.since)
    _take_names_along(tx, left, here)
    table = t.project_homes
    tx.execute(delete(table).where(table.c.project == project))
    tx.execute(insert(table), [_row(home, number) for number, home in enumerate(homes)])
    its_resources = select(t.resources.c.id).where(t.resources.c.project == project)
    _cut_states(tx, its_resources, here.organization, at)
    lives = t.life_events
    tx.execute(
        update(lives)
        .where(lives.c.resource.in_(its_resources), lives.c.at >= at)
        .values(organization=here.organization)
    )
    _take_events_along(tx, left, here, at)
    for table, column in ((t.projects, t.projects.c.id), (t.resources, t.resources.c.project)):
        tx.execute(update(table).where(column == project).values(organization=here.organization))
    # Whoever had a role in the project had it in its former organization.
    members = t.members
    theirs = and_(members.c.project == project, members.c.until.is_(None))
    leaves = case((members.c.since > at, members.c.since), else_=at)
    tx.execute(update(members).where(theirs).values(until=leaves))
    changes = t.payer_changes
    tx.execute(delete(changes).where(changes.c.project == project, changes.c.since > at))


def _is_in(subject: Column[str], project: str) -> ColumnElement[bool]:
    """The condition that a subject is a project, or is in it."""
    residents = select(t.resources.c.id).where(t.resources.c.project == project)
    return or_(subject == project, subject.in_(residents))


def _take_names_along(tx: Transaction, left: Home, here: Home) -> None:
    table, theirs = t.subjects, t.subjects.alias("theirs")
    moving = and_(
        table.c.organization == left.organization,
        _is_in(table.c.subject, here.project),
    )
    taken = tx.execute(
        select(table.c.alias)
        .join(
            theirs,
            and_(theirs.c.organization == here.organization, theirs.c.alias == table.c.alias),
        )
        .where(moving, theirs.c.subject != table.c.subject)
        .order_by(table.c.alias)
        .limit(1)
    ).scalar()
    if taken is not None:
        raise Conflict(
            f"The external id {taken!r}, of the project or of what is in it, names something else "
            f"in {here.organization}: one organization calls one thing by it.",
            param="external_id",
        )
    known = select(theirs.c.alias).where(
        theirs.c.organization == here.organization, theirs.c.alias == table.c.alias
    )
    named = select(literal(here.organization), table.c.alias, table.c.subject, table.c.kind).where(
        moving, ~known.exists()
    )
    columns = ["organization", "alias", "subject", "kind"]
    tx.execute(insert(table).from_select(columns, named))


def _cut_states(
    tx: Transaction, resources: Select[tuple[str]], organization: str, at: int
) -> None:
    """Let what the resources are from an instant on be a row of the new organization's."""
    table = t.resource_states
    across = and_(
        table.c.resource.in_(resources),
        table.c.since < at,
        or_(table.c.until.is_(None), table.c.until > at),
    )
    rest = select(
        table.c.resource,
        literal(at),
        table.c.until,
        literal(organization),
        table.c.type,
        table.c.running,
        table.c.fields,
    ).where(across)
    columns = ["resource", "since", "until", "organization", "type", "running", "fields"]
    tx.execute(insert(table).from_select(columns, rest))
    tx.execute(update(table).where(across).values(until=at))
    later = and_(table.c.resource.in_(resources), table.c.since >= at)
    tx.execute(update(table).where(later).values(organization=organization))


def _take_events_along(tx: Transaction, left: Home, here: Home, at: int) -> None:
    """Let events that are dated after the move stand in streams of the new organization's."""
    e, s = u.events, u.streams
    ahead = tx.execute(
        select(s.c.number, s.c.subject, s.c.type)
        .where(s.c.organization == left.organization, _is_in(s.c.subject, here.project))
        .where(select(e.c.seq).where(e.c.stream == s.c.number, e.c.at >= at).exists())
    ).all()
    wanted = {(here.organization, row.subject, row.type) for row in ahead}
    numbers = events.number_streams(tx, wanted)
    for row in ahead:
        tx.execute(
            update(e)
            .where(e.c.stream == row.number, e.c.at >= at)
            .values(stream=numbers[here.organization, row.subject, row.type])
        )


def _some(ids: Collection[str]) -> Iterable[list[str]]:
    ordered = sorted(ids)
    return (ordered[start : start + IDS_AT_ONCE] for start in range(0, len(ordered), IDS_AT_ONCE))


def _row(home: Home, number: int) -> dict[str, object]:
    return {
        "project": home.project,
        "number": number,
        "organization": home.organization,
        "since": micros_of(home.since),
        "until": micros_of(home.until),
    }


def _home(row: AnyRow) -> Home:
    return Home(row.project, row.organization, instant_of(row.since), instant_of(row.until))
