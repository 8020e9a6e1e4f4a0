"""How does somebody come from nothing to a resource that runs, in one call?

What is there already, by the platform's own names, is taken as it is; what is missing is made:
the organization with its billing account, the project, with a billing account of its own where it
is to pay for itself, and the resource. All of it in one transaction, so that half of it is never
there, and the same call again gives the same. Source: flows 1 to 3 of KtrlPlane (rows E2 to E4).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tallygate.accounts.model import (
    BillingAccount,
    Organization,
    PayerChange,
    Project,
    Resource,
)
from tallygate.accounts.payers import payer_at
from tallygate.adapters.store import Transaction, accounts, resources, subjects
from tallygate.adapters.store.subjects import Subject, SubjectKind
from tallygate.core.errors import Conflict, Forbidden, Invalid
from tallygate.core.failpoints import failpoint
from tallygate.workflows.accounts import add_account, add_organization, add_project
from tallygate.workflows.installation import Installation
from tallygate.workflows.operate import add_resource

Billing = Literal["inherited", "separate"]
FIRST_PROJECT = "Default"


@dataclass(frozen=True, slots=True)
class WantedOrganization:
    """An organization by the platform's name; `name` and `owner` are for one that is made."""

    external_id: str | None = None
    name: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class WantedProject:
    """A project by the platform's name; the rest is for one that is made.

    Without any name it is the organization's first. `billing` is `inherited` from the
    organization, or `separate`: a new billing account pays; `billing_account` names one that is
    there.
    """

    external_id: str | None = None
    name: str | None = None
    billing: Billing = "inherited"
    billing_account: str | None = None


@dataclass(frozen=True, slots=True)
class WantedResource:
    """A resource of a type of the price list, by the platform's name where it has one."""

    type: str
    external_id: str | None = None
    fields: Mapping[str, object] = field(default_factory=dict)
    running: bool = True


@dataclass(frozen=True, slots=True)
class SetUp:
    """What is there after it; `created` names what was not there before.

    `payer` pays for the project now.
    """

    organization: Organization
    project: Project
    payer: BillingAccount
    resource: Resource | None
    created: tuple[str, ...]


def set_up(
    installation: Installation,
    organization: WantedOrganization,
    project: WantedProject,
    resource: WantedResource | None = None,
    *,
    tenant: str | None,
) -> SetUp:
    """Make what is missing of an organization, a project and a resource; gives all of it.

    Raises:
        Invalid: a name is missing or malformed, or there is no such type.
        NotFound: the organization has no such billing account.
        Forbidden: a tenant's key asks for an organization that is not there.
        Conflict: a name means something else, or the resource is there in another project.
    """
    created: list[str] = []
    with installation.store.write() as tx:
        owner = _organization(tx, installation, organization, tenant, created)
        home = _project(tx, installation, owner, project, created)
        made = _resource(tx, installation, home, resource, created) if resource else None
        changes = accounts.payer_changes(tx, owner.id, home.id)
        payer = payer_at(changes, owner, max(installation.now, home.created_at))
        account = accounts.get_billing_account(tx, payer, owner.id)
        failpoint("set_up.commit.before")
    return SetUp(owner, home, account, made, tuple(created))


def _organization(
    tx: Transaction,
    installation: Installation,
    wanted: WantedOrganization,
    tenant: str | None,
    created: list[str],
) -> Organization:
    if tenant is not None:
        own = accounts.get_organization(tx, tenant, tenant)
        if wanted.external_id not in {None, own.external_id, own.id}:
            raise Forbidden(
                f"This API key belongs to {own.name}: another organization is the platform's to "
                "make.",
                code="platform_only",
            )
        return own
    there = _named(tx, wanted.external_id, None, "organization")
    if there is not None:
        return accounts.get_organization(tx, there.id)
    name = wanted.name or wanted.owner
    if name is None:
        raise Invalid(
            "Name the organization, or the person who is to own it.", param="organization.name"
        )
    made, _ = add_organization(
        tx, installation, name, external_id=wanted.external_id, owner=wanted.owner
    )
    created.append("organization")
    return made


def _project(
    tx: Transaction,
    installation: Installation,
    owner: Organization,
    wanted: WantedProject,
    created: list[str],
) -> Project:
    there = _named(tx, wanted.external_id, owner.id, "project")
    if there is not None:
        return accounts.get_project(tx, there.id, owner.id)
    if wanted.external_id is None and wanted.name is None:
        first = accounts.list_projects(tx, owner.id, None, 1)
        if first:
            return first[0]
    name = wanted.name or wanted.external_id or FIRST_PROJECT
    made = add_project(tx, installation, owner, name, external_id=wanted.external_id)
    payer = wanted.billing_account
    if payer is not None:
        payer = accounts.get_billing_account(tx, payer, owner.id).id
    elif wanted.billing == "separate":
        payer = add_account(tx, installation, owner, name).id
        created.append("billing_account")
    if payer is not None:
        accounts.save_payer_change(tx, PayerChange(made.id, made.created_at, payer), owner.id)
    created.append("project")
    return made


def _resource(
    tx: Transaction,
    installation: Installation,
    home: Project,
    wanted: WantedResource,
    created: list[str],
) -> Resource:
    there = _named(tx, wanted.external_id, home.organization, "resource")
    if there is not None:
        found = resources.get_resource(tx, there.id, home.organization)
        if (found.project, found.type) != (home.id, wanted.type) or found.deleted_at is not None:
            raise Conflict(
                f"The resource {wanted.external_id} is there already, of the type {found.type} in "
                f"the project {found.project}"
                f"{', and deleted' if found.deleted_at is not None else ''}.",
                param="resource.external_id",
            )
        return found
    created.append("resource")
    return add_resource(
        tx,
        installation,
        Subject(home.id, home.organization, "project"),
        wanted.type,
        external_id=wanted.external_id,
        fields=wanted.fields,
        running=wanted.running,
    )


def _named(
    tx: Transaction, name: str | None, tenant: str | None, kind: SubjectKind
) -> Subject | None:
    """What bears one of the platform's names; None, where it is free.

    Raises:
        Conflict: something of another kind bears it.
    """
    if name is None:
        return None
    found = subjects.find_subject(tx, name, tenant)
    if found is None or found.kind == kind:
        return found
    if tenant is None:  # among all tenants, what others call by it does not matter
        return None
    raise Conflict(
        f"{name[:128]!r} names the {found.kind.replace('_', ' ')} {found.id}, and no {kind}.",
        param="external_id",
    )
