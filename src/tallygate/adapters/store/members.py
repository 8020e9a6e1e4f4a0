"""How is it kept who belongs to an organization, or to one of its projects, and as what?"""

from datetime import datetime

from sqlalchemy import insert, or_, select, update

from tallygate.accounts.model import Member, Role
from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.rows import (
    AnyRow,
    found,
    get,
    instant_of,
    listed,
    micros_of,
    refuse_taken,
)
from tallygate.adapters.store.tables import accounts as t
from tallygate.core.period import Period, from_micros, to_micros


def save_member(tx: Transaction, member: Member) -> None:
    """Add a member.

    Raises:
        Conflict: the person is a member of the organization, or of the project, already.
    """
    table = t.members
    where = "organization" if member.project is None else "project"
    refuse_taken(
        tx,
        table,
        table.c.organization == member.organization,
        table.c.person == member.person,
        table.c.project.is_not_distinct_from(member.project),
        table.c.until.is_(None),
        sentence=f"{member.person} is a member of this {where} already.",
        param="person",
    )
    row = {
        "id": member.id,
        "organization": member.organization,
        "person": member.person,
        "role": member.role,
        "since": to_micros(member.since),
        "until": micros_of(member.until),
        "project": member.project,
    }
    tx.execute(insert(table), row)


def end_member(tx: Transaction, member_id: str, until: datetime) -> None:
    """Note when a member left."""
    tx.execute(update(t.members).where(t.members.c.id == member_id).values(until=to_micros(until)))


def change_role(tx: Transaction, member_id: str, role: Role) -> None:
    """Let a member be something else from now on; the seat goes on."""
    tx.execute(update(t.members).where(t.members.c.id == member_id).values(role=role))


def get_member(tx: Transaction, member_id: str, tenant: str | None = None) -> Member:
    """The member with this id.

    Raises:
        NotFound: there is none, or it is another organization's.
    """
    return _member(found(get(tx, t.members, member_id, tenant), "member", member_id))


def list_members(
    tx: Transaction,
    tenant: str | None,
    after: str | None = None,
    limit: int = 100,
    *,
    project: str | None = None,
) -> tuple[Member, ...]:
    """Members of an organization and of its projects, past ones too, in the order of their ids.

    With a `project`, those of that project only.
    """
    only = [] if project is None else [t.members.c.project == project]
    return tuple(map(_member, listed(tx, t.members, tenant, after, limit, *only)))


def members_at(tx: Transaction, organization: str, at: datetime) -> tuple[Member, ...]:
    """Whoever is a member of an organization, or of one of its projects, at an instant."""
    table, instant = t.members, to_micros(at)
    rows = tx.execute(
        select(table)
        .where(table.c.organization == organization)
        .where(table.c.since <= instant)
        .where(or_(table.c.until.is_(None), table.c.until > instant))
        .order_by(table.c.id)
    )
    return tuple(map(_member, rows))


def members_during(tx: Transaction, organization: str, period: Period) -> tuple[Member, ...]:
    """Whoever had a seat in an organization at some instant of the period.

    A member of a project only has none.
    """
    table = t.members
    rows = tx.execute(
        select(table)
        .where(table.c.organization == organization)
        .where(table.c.project.is_(None))
        .where(table.c.since < to_micros(period.end))
        .where(or_(table.c.until.is_(None), table.c.until > to_micros(period.start)))
        .order_by(table.c.id)
    )
    return tuple(map(_member, rows))


def _member(row: AnyRow) -> Member:
    return Member(
        row.id,
        row.organization,
        row.person,
        row.role,
        from_micros(row.since),
        instant_of(row.until),
        row.project,
    )
