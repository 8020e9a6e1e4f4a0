"""What does the subject of an event name, and whose is it?

Everything that usage can be about has our id, and may have the platform's own. Both are names that
events may use, each once within an organization. To the platform, a name that an organization has
means the organization, whatever other tenants call by it: no tenant takes another one's name. A
tenant keeps the names of what has moved to another one: what comes late may still use them.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Select, bindparam, case, insert, or_, select, true

from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.rows import refuse_taken
from tallygate.adapters.store.tables.accounts import projects, resources
from tallygate.adapters.store.tables.accounts import subjects as table
from tallygate.core.errors import Conflict, Invalid, NotFound

SubjectKind = Literal["organization", "billing_account", "project", "resource"]


class Subject(NamedTuple):
    """What an event is about: our id, the tenant, and what kind of thing it is."""

    id: str
    organization: str
    kind: SubjectKind


def name_subject(tx: Transaction, subject: Subject, external_id: str | None) -> None:
    """Let events name something by our id, and by the platform's own where there is one.

    Raises:
        Conflict: the organization has something else with this external id.
    """
    for alias in dict.fromkeys(filter(None, (subject.id, external_id))):
        refuse_taken_name(tx, alias, subject.organization)
        row = {
            "organization": subject.organization,
            "alias": alias,
            "subject": subject.id,
            "kind": subject.kind,
        }
        tx.execute(insert(table), row)


def refuse_taken_name(tx: Transaction, alias: str, organization: str) -> None:
    """Make sure that a name is free in an organization.

    Raises:
        Conflict: it names something else.
    """
    refuse_taken(
        tx,
        table,
        table.c.organization == organization,
        table.c.alias == alias,
        sentence=_taken(alias),
        param="external_id",
    )


def taken(alias: str) -> Conflict:
    """The refusal of a name that means something else in its organization."""
    return Conflict(_taken(alias), param="external_id")


def _taken(alias: str) -> str:
    return f"The external id {alias!r} names something else in this organization."


def resolve_subject(
    tx: Transaction, alias: str, tenant: str | None, kind: SubjectKind | None = None
) -> Subject:
    """What an event's subject names, for a tenant, or (None) anywhere.

    Anywhere, an organization comes before all else that has the name, and what has moved is where
    it is now. With `kind`, only what is of that kind is looked at.

    Raises:
        NotFound: nothing that the tenant has.
        Invalid: several organizations use the name; only our own id can tell them apart.
    """
    found = find_subject(tx, alias, tenant, kind)
    if found is None:
        raise unknown(alias)
    return found


def unknown(alias: str) -> NotFound:
    """The refusal of a name that nothing has."""
    return NotFound(
        f"There is no organization, billing account, project or resource {alias[:128]!r}.",
        param="subject",
    )


def find_subject(
    tx: Transaction, alias: str, tenant: str | None, kind: SubjectKind | None = None
) -> Subject | None:
    """The same; None, where nothing has the name.

    Raises:
        Invalid: several organizations use the name; only our own id can tell them apart.
    """
    asked = {"alias": alias, "tenant": tenant, "kind": kind}
    rows = tx.execute(_named(anywhere=tenant is None, of_any_kind=kind is None), asked)
    return meant(alias, [Subject(*row) for row in rows])


def meant(alias: str, found: Sequence[Subject]) -> Subject | None:
    """Which of those that have a name is meant by it; organizations come first among them.

    Raises:
        Invalid: several organizations use the name; only our own id can tell them apart.
    """
    if len(found) > 1 and found[0].kind != "organization":
        raise Invalid(
            f"{alias!r} is a name in several organizations: use our own id of it, or a key of "
            "the organization.",
            param="subject",
        )
    return found[0] if found else None


@lru_cache(maxsize=4)
def _named(*, anywhere: bool, of_any_kind: bool) -> Select[Any]:
    """The question what a name means; making it anew would take longer than asking it."""
    return (
        select(table.c.subject, table.c.organization, table.c.kind)
        .where(table.c.alias == bindparam("alias"))
        .where(_is_here() if anywhere else table.c.organization == bindparam("tenant"))
        .where(true() if of_any_kind else table.c.kind == bindparam("kind"))
        .order_by(case((table.c.kind == "organization", 0), else_=1))
        .limit(2)
    )


def _is_here() -> ColumnElement[bool]:
    """The condition that a name is not one that a former organization has kept."""
    there = [
        select(thing.c.id)
        .where(thing.c.id == table.c.subject, thing.c.organization == table.c.organization)
        .exists()
        for thing in (projects, resources)
    ]
    return or_(table.c.kind.in_(("organization", "billing_account")), *there)


def subjects_of(tx: Transaction, organization: str) -> tuple[str, ...]:
    """The ids of everything that an organization has, or had, itself too, in order."""
    asked = select(table.c.subject).where(table.c.organization == organization).distinct()
    return tuple(tx.execute(asked.order_by(table.c.subject)).scalars())


def external_ids(tx: Transaction, organization: str) -> dict[str, str]:
    """The platform's own ids of what an organization has, by our ids; of what has one."""
    asked = select(table.c.subject, table.c.alias).where(table.c.organization == organization)
    found = tx.execute(asked.where(table.c.alias != table.c.subject))
    return {row.subject: row.alias for row in found}
