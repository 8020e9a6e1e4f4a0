"""How does a project move to another organization?

Up to the instant all that is in it is the former organization's, and from it on the new one's:
usage, what the resources are, what they cost. Each organization's payer pays for its own time, by
the second, and late events fall to whoever had the project when they happened. Ids stay.
"""

from datetime import datetime

from tallygate.accounts.homes import moved
from tallygate.accounts.model import PayerChange, Project
from tallygate.accounts.payers import payer_at
from tallygate.adapters.store import Transaction, accounts
from tallygate.adapters.store.homes import homes_of, relocate
from tallygate.core.errors import Conflict, Invalid
from tallygate.core.failpoints import failpoint
from tallygate.core.period import instant_text
from tallygate.workflows.able_payers import billed_until, refuse_unable
from tallygate.workflows.first_resource import resources_changed
from tallygate.workflows.installation import Installation
from tallygate.workflows.record import CLI, record


def move_project(
    installation: Installation,
    project_id: str,
    organization_id: str,
    *,
    at: datetime | None = None,
    billing_account: str | None = None,
    actor: str = CLI,
) -> Project:
    """Let a project, with all that is in it, be another organization's from an instant on.

    The instant is the present second, or lies before it where nobody has been billed for the time
    since. `billing_account` is the one of the new organization's that pays; None: its own. Members
    of the former organization stay there.

    Raises:
        Invalid: the instant lies in the future.
        NotFound: there is no such project, organization, or account of the organization.
        Conflict: the project is the organization's already; the new organization calls something
            else by an external id that comes along; the account cannot pay for what is in it; the
            time since the instant is billed; the project's payer or home changed since.
    """
    with installation.store.write() as tx:
        project = accounts.get_project(tx, project_id)
        organization = accounts.get_organization(tx, organization_id)
        payer = accounts.get_billing_account(
            tx, billing_account or organization.billing_account, organization.id
        )
        if organization.id == project.organization:
            raise Conflict(
                f"{project.id} is part of {organization.id} already.", param="organization"
            )
        since, former = _since(tx, installation, project, payer.id, at)
        refuse_unable(tx, payer.id, project.id, since, former=former)
        homes = homes_of(tx, project.id)
        relocate(tx, moved(homes, project.id, project.organization, organization.id, since))
        change = PayerChange(project.id, since, billing_account)
        accounts.save_payer_change(tx, change, organization.id)
        resources_changed(tx, installation, [project.organization, organization.id])
        for operation, owner, account in (
            ("project.left", project.organization, former),
            ("project.joined", organization.id, payer.id),
        ):
            record(
                tx,
                installation,
                actor,
                operation,
                project.id,
                organization=owner,
                billing_account=account,
                since=instant_text(since),
                former=project.organization,
            )
        failpoint("relocate.commit.before")
        there = accounts.get_project(tx, project.id, organization.id)
    failpoint("relocate.commit.after")
    return there


def _since(
    tx: Transaction,
    installation: Installation,
    project: Project,
    payer: str,
    at: datetime | None,
) -> tuple[datetime, str]:
    """The instant of the move, and who paid up to it."""
    now, owner = installation.now, accounts.get_organization(tx, project.organization)
    homes = homes_of(tx, project.id)
    changes = accounts.payer_changes(tx, owner.id, project.id)
    billed = billed_until(tx, payer_at(changes, owner, at or now), payer)
    came = project.created_at if not homes else homes[-1].since or project.created_at
    if at is None:
        told = [change.since for change in changes]
        at = installation.this_second(came, *told, *billed.values())
    if at > now:
        raise Invalid(
            "A project moves at once: the instant must not lie in the future.", param="at"
        )
    if at < came or (homes and at == came):
        raise Conflict(
            f"{project.id} came to {owner.id} on {instant_text(came)}: it leaves after that.",
            param="at",
        )
    later = [change.since for change in changes if at <= change.since <= now]
    if later:
        raise Conflict(
            f"The payer of {project.id} changed on {instant_text(max(later))}: a move comes after "
            "that.",
            param="at",
        )
    for account, until in billed.items():
        if until > at:
            raise Conflict(
                f"{account} has been billed up to {instant_text(until)}: what lies before that "
                "stays as it is. Move the project from then on, or leave the instant out.",
                param="at",
                code="closed_period",
            )
    return at, payer_at(changes, owner, at)
