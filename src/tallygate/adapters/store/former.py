"""What does an organization still see of what it had, once the project has moved to another one?

The project and its resources as they were when they left: nothing of what came after.
"""

from dataclasses import replace

from sqlalchemy import func, select

from tallygate.accounts.model import Home, Project, Resource
from tallygate.adapters.store import accounts, resources
from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.homes import homes_of
from tallygate.adapters.store.tables.accounts import resource_states
from tallygate.core.errors import NotFound
from tallygate.core.period import Period, from_micros


def seen_project(tx: Transaction, project_id: str, tenant: str | None) -> Project:
    """The project with this id, as a tenant sees it, also one that had it.

    Raises:
        NotFound: there is none, or it never was the tenant's.
    """
    try:
        return accounts.get_project(tx, project_id, tenant)
    except NotFound:
        left = _left(tx, project_id, tenant)
        if left is None:
            raise
    known = accounts.get_project(tx, project_id)
    return replace(known, organization=left.organization, left_at=left.until)


def seen_resource(tx: Transaction, resource_id: str, tenant: str | None) -> Resource:
    """The resource with this id, as a tenant sees it, also one that had it.

    Raises:
        NotFound: there is none, or it never was the tenant's.
    """
    try:
        return resources.get_resource(tx, resource_id, tenant)
    except NotFound as unknown:
        if tenant is None or not resources.resource_exists(tx, resource_id):
            raise
        known = resources.get_resource(tx, resource_id)
        left, lived = _left(tx, known.project, tenant), _lived(tx, resource_id, tenant)
        if left is None or left.until is None or lived is None:
            raise unknown from None
    last = resources.states_of(tx, [resource_id], lived, tenant)[-1]
    gone = lived.end < left.until
    return replace(
        known,
        organization=tenant,
        type=last.type,
        created_at=lived.start,
        deleted_at=lived.end if gone else None,
        left_at=left.until,
    )


def _left(tx: Transaction, project: str, tenant: str | None) -> Home | None:
    """The last home that a project had in an organization; None: it never was there."""
    theirs = [home for home in homes_of(tx, project) if home.organization == tenant]
    return theirs[-1] if theirs else None


def _lived(tx: Transaction, resource_id: str, tenant: str) -> Period | None:
    """From when to when a resource was there for an organization, all in all."""
    table = resource_states
    first, last = tx.execute(
        select(func.min(table.c.since), func.max(table.c.until)).where(
            table.c.resource == resource_id, table.c.organization == tenant
        )
    ).one()
    return None if first is None else Period(from_micros(first), from_micros(last))
