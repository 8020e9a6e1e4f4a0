"""How do tenants, projects and payers come to be, and change?

Each function is one thing that a platform asks for. `tenant` is the organization whose key asks,
or None for the platform itself; what is not the tenant's is not found.
"""

from collections.abc import Iterable
from datetime import datetime

from tallygate.accounts.model import (
    BillingAccount,
    Member,
    Organization,
    PayerChange,
    Project,
)
from tallygate.accounts.payers import payer_at
from tallygate.adapters.store import Transaction, accounts, members
from tallygate.core.errors import Conflict, Invalid, NotFound
from tallygate.core.failpoints import failpoint
from tallygate.core.ids import check_external_id, is_ours
from tallygate.core.money import is_currency
from tallygate.core.period import instant_text
from tallygate.workflows.able_payers import billed_until, refuse_unable
from tallygate.workflows.begin import start_free
from tallygate.workflows.first_resource import resources_changed
from tallygate.workflows.installation import Installation
from tallygate.workflows.record import CLI, record

MAX_NAME = 200


def create_organization(
    installation: Installation,
    name: str,
    *,
    external_id: str | None = None,
    owner: str | None = None,
) -> Organization:
    """Make an organization, with the billing account that pays for all that names no other.

    A person who is named owns it. Where the settings say so, the account begins on the first plan
    that costs nothing.

    Raises:
        Invalid: the name or the external id has another form.
        Conflict: there is an organization with this external id already.
    """
    with installation.store.write() as tx:
        organization, _ = add_organization(
            tx, installation, name, external_id=external_id, owner=owner
        )
        failpoint("organization.commit.before")
    return organization


def add_organization(
    tx: Transaction,
    installation: Installation,
    name: str,
    *,
    external_id: str | None = None,
    owner: str | None = None,
) -> tuple[Organization, BillingAccount]:
    """The same, within a transaction; gives its billing account, too."""
    now, ids = installation.now, installation.ids
    organization = Organization(
        ids.new("org"), checked_name(name), ids.new("bil"), now, _external_id(external_id)
    )
    account = BillingAccount(organization.billing_account, organization.id, organization.name, now)
    accounts.save_organization(tx, organization)
    accounts.save_billing_account(tx, account)
    start_free(tx, installation, account)
    if owner is not None:
        since = installation.this_second()
        person = checked_name(owner, "owner")
        member = Member(ids.new("mem"), organization.id, person, "owner", since)
        members.save_member(tx, member)
    return organization, account


def create_billing_account(
    installation: Installation,
    organization_id: str,
    name: str,
    *,
    tenant: str | None,
    external_id: str | None = None,
    currency: str | None = None,
) -> BillingAccount:
    """Make another billing account in an organization; its currency may be fixed at once.

    Raises:
        Invalid: the name, the external id or the currency has another form.
        NotFound: the tenant has no such organization.
        Conflict: the organization has something else with this external id.
    """
    if currency is not None and not is_currency(currency):
        raise Invalid(
            f"{currency[:20]!r} is no currency: write three lower-case letters, like usd.",
            param="currency",
        )
    with installation.store.write() as tx:
        organization = accounts.get_organization(tx, organization_id, tenant)
        account = add_account(
            tx, installation, organization, name, external_id=external_id, currency=currency
        )
        failpoint("billing_account.commit.before")
    return account


def add_account(
    tx: Transaction,
    installation: Installation,
    organization: Organization,
    name: str,
    *,
    external_id: str | None = None,
    currency: str | None = None,
) -> BillingAccount:
    """The same, within a transaction."""
    account = BillingAccount(
        installation.ids.new("bil"),
        organization.id,
        checked_name(name),
        installation.now,
        currency,
        _external_id(external_id),
    )
    accounts.save_billing_account(tx, account)
    return account


def create_project(
    installation: Installation,
    organization_id: str,
    name: str,
    *,
    tenant: str | None,
    external_id: str | None = None,
    billing_account: str | None = None,
) -> Project:
    """Make a project in an organization; a billing account that is named pays for it.

    Raises:
        Invalid: the name or the external id has another form.
        NotFound: the tenant has no such organization, or the organization no such account.
        Conflict: the organization has something else with this external id.
    """
    with installation.store.write() as tx:
        organization = accounts.get_organization(tx, organization_id, tenant)
        project = add_project(tx, installation, organization, name, external_id=external_id)
        if billing_account is not None:
            payer = accounts.get_billing_account(tx, billing_account, organization.id)
            change = PayerChange(project.id, project.created_at, payer.id)
            accounts.save_payer_change(tx, change, organization.id)
        failpoint("project.commit.before")
    return project


def add_project(
    tx: Transaction,
    installation: Installation,
    organization: Organization,
    name: str,
    *,
    external_id: str | None = None,
) -> Project:
    """The same, within a transaction; the organization's own account pays for it."""
    project = Project(
        installation.ids.new("prj"),
        organization.id,
        checked_name(name),
        installation.now,
        _external_id(external_id),
    )
    accounts.save_project(tx, project)
    return project


def switch_payer(
    installation: Installation,
    project_id: str,
    billing_account: str | None,
    *,
    tenant: str | None,
    at: datetime | None = None,
    actor: str = CLI,
) -> PayerChange:
    """Let another billing account pay for a project from an instant on (default: now).

    None gives it back to the organization's own. What was used before stays with whoever paid
    then: each pays for its own stretch. A change may be announced, and not be dated back: what
    lies behind may be billed already.

    Raises:
        Invalid: the instant lies in the past.
        NotFound: the tenant has no such project, or its organization no such account.
        Conflict: the payer changed, or is to change, at that instant or after it; the account
            pays already; or it cannot pay for what is in the project.
    """
    now = installation.now
    if at is not None and at < now:
        raise Invalid(
            f"A payer cannot be switched in the past: what lies before {instant_text(now)} may be "
            "billed already.",
            param="at",
        )
    with installation.store.write() as tx:
        project = accounts.get_project(tx, project_id, tenant)
        organization = accounts.get_organization(tx, project.organization)
        payer = billing_account or organization.billing_account
        accounts.get_billing_account(tx, payer, organization.id)
        changes = accounts.payer_changes(tx, organization.id, project.id)
        billed = billed_until(tx, payer_at(changes, organization, at or now), payer)
        earlier = (project.created_at, *(one.since for one in changes), *billed.values())
        since = installation.this_second(*earlier) if at is None else at
        _refuse_later(project, changes, since)
        change = PayerChange(project.id, since, billing_account)
        accounts.save_payer_change(tx, change, organization.id, announced=since > now)
        former = payer_at(changes, organization, since)
        if former == payer:
            raise Conflict(f"{payer} pays for {project.id} already.", param="billing_account")
        refuse_unable(tx, payer, project.id, since, former=former)
        resources_changed(tx, installation, [organization.id])
        record(
            tx,
            installation,
            actor,
            "payer.switched",
            project.id,
            organization=organization.id,
            billing_account=payer,
            since=instant_text(since),
        )
        failpoint("payer.commit.before")
    return change


def _refuse_later(project: Project, changes: Iterable[PayerChange], since: datetime) -> None:
    later = [change.since for change in changes if change.since > since]
    if later:
        raise Conflict(
            f"The payer of {project.id} is to change on {instant_text(min(later))} already.",
            param="at",
        )


def locate_account(tx: Transaction, name: str, tenant: str | None) -> BillingAccount:
    """The billing account that our id, or the platform's own, names.

    The name of an organization names its own account.

    Raises:
        NotFound: the tenant has no such account.
    """
    subject = accounts.resolve_subject(tx, name, tenant)
    if subject.kind == "organization":
        own = accounts.get_organization(tx, subject.id, tenant).billing_account
        return accounts.get_billing_account(tx, own, tenant)
    if subject.kind != "billing_account":
        raise NotFound(f"There is no billing account {name[:128]!r}.", param="billing_account")
    return accounts.get_billing_account(tx, subject.id, tenant)


def checked_name(name: str, param: str = "name") -> str:
    """A name that people can read, as it was given.

    Raises:
        Invalid: it is empty, too long, or has characters that cannot be seen.
    """
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise Invalid(
            f"{param} must have 1 to {MAX_NAME} printable characters, and one that is visible.",
            param=param,
        )
    return name


def _external_id(external_id: str | None) -> str | None:
    if external_id is None:
        return None
    if is_ours(external_id):
        raise Invalid(
            f"{external_id!r} has the form of our ids: choose another external id.",
            param="external_id",
        )
    return check_external_id(external_id, "external_id")
