"""How are tenants kept, with their projects, and who pays for what?

Every question carries the organization; `None`, where it is allowed, is the platform's own view of
all of them. What belongs to another organization is not found. Lists are in the order of ids and
give what comes after one.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import and_, bindparam, insert, or_, select, update

from tallygate.accounts.model import (
    BillingAccount,
    Organization,
    PayerChange,
    Project,
)
from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.resources import states_of
from tallygate.adapters.store.rows import (
    AnyRow,
    found,
    get,
    listed,
    page,
    refuse_taken,
    within,
)
from tallygate.adapters.store.subjects import Subject, name_subject, resolve_subject
from tallygate.adapters.store.tables import accounts as t
from tallygate.core.errors import Conflict
from tallygate.core.period import from_micros, to_micros

__all__ = ["Subject", "resolve_subject", "states_of"]

_CHANGES = (
    select(t.payer_changes)
    .where(t.payer_changes.c.organization == bindparam("organization"))
    .order_by(t.payer_changes.c.since, t.payer_changes.c.project)
)
_CHANGES_OF_PROJECT = (
    select(t.payer_changes)
    .where(
        t.payer_changes.c.organization == bindparam("organization"),
        t.payer_changes.c.project == bindparam("project"),
    )
    .order_by(t.payer_changes.c.since)
)


# Organizations


def save_organization(tx: Transaction, organization: Organization) -> None:
    """Add an organization; its billing account is saved beside it.

    Raises:
        Conflict: another one has this external id.
    """
    table, external_id = t.organizations, organization.external_id
    if external_id is not None:
        refuse_taken(
            tx,
            table,
            table.c.external_id == external_id,
            sentence=f"There is an organization with the external id {external_id!r} already.",
            param="external_id",
        )
    row = {
        "id": organization.id,
        "name": organization.name,
        "billing_account": organization.billing_account,
        "external_id": external_id,
        "created_at": to_micros(organization.created_at),
    }
    tx.execute(insert(table), row)
    name_subject(tx, Subject(organization.id, organization.id, "organization"), external_id)


def get_organization(
    tx: Transaction, organization_id: str, tenant: str | None = None
) -> Organization:
    """The organization with this id. A tenant finds itself only.

    Raises:
        NotFound: there is none, or it is not the tenant.
    """
    row = None
    if tenant in {None, organization_id}:
        row = get(tx, t.organizations, organization_id, None)
    return _organization(found(row, "organization", organization_id))


def list_organizations(
    tx: Transaction, tenant: str | None = None, after: str | None = None, limit: int = 100
) -> tuple[Organization, ...]:
    """Organizations in the order of their ids; a tenant sees itself only."""
    rows = tx.execute(
        page(select(t.organizations), t.organizations, after, limit).where(
            within(t.organizations.c.id, tenant)
        )
    )
    return tuple(map(_organization, rows))


# Billing accounts


def save_billing_account(tx: Transaction, account: BillingAccount) -> None:
    """Add a billing account.

    Raises:
        Conflict: the organization has something else with this external id.
    """
    row = {
        "id": account.id,
        "organization": account.organization,
        "name": account.name,
        "currency": account.currency,
        "external_id": account.external_id,
        "created_at": to_micros(account.created_at),
    }
    tx.execute(insert(t.billing_accounts), row)
    subject = Subject(account.id, account.organization, "billing_account")
    name_subject(tx, subject, account.external_id)


def fix_currency(tx: Transaction, account_id: str, currency: str) -> None:
    """Fix an account's currency, as its first subscription does.

    Raises:
        Conflict: it has another one already.
    """
    table = t.billing_accounts
    done = tx.execute(
        update(table)
        .where(table.c.id == account_id)
        .where(or_(table.c.currency.is_(None), table.c.currency == currency))
        .values(currency=currency)
    )
    if done.rowcount != 1:
        raise Conflict(
            f"The billing account {account_id} has another currency than {currency}: "
            "use another billing account for it.",
            param="currency",
        )


def get_billing_account(
    tx: Transaction, account_id: str, tenant: str | None = None
) -> BillingAccount:
    """The billing account with this id.

    Raises:
        NotFound: there is none, or it is another organization's.
    """
    row = get(tx, t.billing_accounts, account_id, tenant)
    return _billing_account(found(row, "billing account", account_id))


def owner_of(tx: Transaction, account_id: str) -> tuple[str, str] | None:
    """The organization of an account, and the account, if it is there."""
    b = t.billing_accounts
    asked = select(b.c.organization, b.c.id).where(b.c.id == account_id)
    row = tx.execute(asked).first()
    return None if row is None else (row.organization, row.id)


def list_billing_accounts(
    tx: Transaction, tenant: str | None, after: str | None = None, limit: int = 100
) -> tuple[BillingAccount, ...]:
    """An organization's billing accounts, in the order of their ids."""
    return tuple(map(_billing_account, listed(tx, t.billing_accounts, tenant, after, limit)))


# Projects


def save_project(tx: Transaction, project: Project) -> None:
    """Add a project.

    Raises:
        Conflict: the organization has something else with this external id.
    """
    row = {
        "id": project.id,
        "organization": project.organization,
        "name": project.name,
        "external_id": project.external_id,
        "created_at": to_micros(project.created_at),
    }
    tx.execute(insert(t.projects), row)
    name_subject(tx, Subject(project.id, project.organization, "project"), project.external_id)


def get_project(tx: Transaction, project_id: str, tenant: str | None = None) -> Project:
    """The project with this id.

    Raises:
        NotFound: there is none, or it is another organization's.
    """
    return _project(found(get(tx, t.projects, project_id, tenant), "project", project_id))


def projects_named(tx: Transaction, ids: Iterable[str]) -> tuple[Project, ...]:
    """The projects with these ids, in the order of ids, whosever they are by now."""
    some = t.projects.c.id.in_(list(ids))
    return tuple(map(_project, tx.execute(select(t.projects).where(some).order_by("id"))))


def list_projects(
    tx: Transaction, tenant: str | None, after: str | None = None, limit: int = 100
) -> tuple[Project, ...]:
    """An organization's projects, in the order of their ids."""
    return tuple(map(_project, listed(tx, t.projects, tenant, after, limit)))


# Who pays


def save_payer_change(
    tx: Transaction, change: PayerChange, organization: str, *, announced: bool = False
) -> None:
    """Add a change of a project's payer; `announced`: its instant is yet to come.

    Raises:
        Conflict: the payer changed at that very instant already.
    """
    table = t.payer_changes
    row = {
        "project": change.project,
        "since": to_micros(change.since),
        "organization": organization,
        "billing_account": change.billing_account,
        "announced": to_micros(change.since) if announced else None,
    }
    refuse_taken(
        tx,
        table,
        table.c.project == row["project"],
        table.c.since == row["since"],
        sentence=f"The payer of {change.project} changed at that very instant already.",
        param="since",
    )
    tx.execute(insert(table), row)


def payer_changes(
    tx: Transaction, organization: str, project: str | None = None
) -> tuple[PayerChange, ...]:
    """The changes of payer of an organization's projects (or of one), in the order of time."""
    if project is None:
        rows = tx.execute(_CHANGES, {"organization": organization})
    else:
        asked = {"organization": organization, "project": project}
        rows = tx.execute(_CHANGES_OF_PROJECT, asked)
    return tuple(map(_payer_change, rows))


def announced_by(tx: Transaction, at: datetime) -> tuple[str, ...]:
    """The organizations with announced changes of payer whose instant has come by then."""
    table = t.payer_changes
    asked = select(table.c.organization).where(table.c.announced <= to_micros(at)).distinct()
    return tuple(tx.execute(asked.order_by(table.c.organization)).scalars())


def took_effect(tx: Transaction, organization: str, at: datetime) -> None:
    """Note that what follows from an organization's announced changes is done, up to then."""
    table = t.payer_changes
    its = and_(table.c.organization == organization, table.c.announced <= to_micros(at))
    tx.execute(update(table).where(its).values(announced=None))


# From rows to values


def _organization(row: AnyRow) -> Organization:
    return Organization(
        row.id, row.name, row.billing_account, from_micros(row.created_at), row.external_id
    )


def _billing_account(row: AnyRow) -> BillingAccount:
    created_at = from_micros(row.created_at)
    return BillingAccount(
        row.id, row.organization, row.name, created_at, row.currency, row.external_id
    )


def _project(row: AnyRow) -> Project:
    return Project(
        row.id, row.organization, row.name, from_micros(row.created_at), row.external_id
    )


def _payer_change(row: AnyRow) -> PayerChange:
    return PayerChange(row.project, from_micros(row.since), row.billing_account)
