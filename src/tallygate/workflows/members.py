"""How does a person come to belong to an organization or a project, and what may the person do?

A member of the organization takes a seat; a member of one project does not. Where an
organization has an owner, it keeps one.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple, get_args

from tallygate.accounts.model import Member, Organization, Role
from tallygate.accounts.rights import DOING, Right, may, roles_with, whom_to_ask
from tallygate.adapters.store import Transaction, accounts, members
from tallygate.core.errors import Conflict, Forbidden, Invalid
from tallygate.core.failpoints import failpoint
from tallygate.workflows.accounts import checked_name
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirrored import note_counts
from tallygate.workflows.record import record

ROLES: tuple[Role, ...] = get_args(Role)
MOST_NAMED = 5
"""So many people are named to somebody who has to ask one of them."""


class Standing(NamedTuple):
    """A person's present memberships in an organization, and everybody's."""

    organization: Organization
    own: tuple[Member, ...]
    all: tuple[Member, ...]

    def require(self, person: str, right: Right, project: str | None = None) -> None:
        """Refuse a person without a right, and tell a member whom to ask.

        Raises:
            Forbidden: the person has not the right, in this project or in the organization.
        """
        if may(self.own, right, project):
            return
        if not self.own:  # who belongs to an organization is told to its members only
            raise Forbidden(
                f"{person} is no member here: let an owner of the organization add them.",
                code="missing_role",
            )
        raise Forbidden(
            f"{person} may not {DOING[right]} here: that takes the role "
            f"{' or '.join(roles_with(right))}. {_ask(whom_to_ask(self.all, right, project))}",
            code="missing_role",
        )


def standing_of(installation: Installation, organization_id: str, person: str) -> Standing:
    """What a person is in an organization now.

    Raises:
        NotFound: there is no such organization.
    """
    with installation.store.read() as tx:
        organization = accounts.get_organization(tx, organization_id)
        everybody = members.members_at(tx, organization.id, installation.now)
    own = tuple(member for member in everybody if member.person == person)
    return Standing(organization, own, everybody)


def add_member(
    installation: Installation,
    organization_id: str,
    person: str,
    role: str = "developer",
    *,
    tenant: str | None,
    project: str | None = None,
    at: datetime | None = None,
    actor: str = "cli",
) -> Member:
    """Take a person into an organization, or into one of its projects, from an instant on.

    The instant is now where none is given.

    Raises:
        Invalid: the person's name has another form, or there is no such role.
        NotFound: the tenant has no such organization, or it no such project.
        Conflict: the person is a member already.
    """
    known = _role(role)
    with installation.store.write() as tx:
        organization = accounts.get_organization(tx, organization_id, tenant)
        if project is not None:
            accounts.get_project(tx, project, organization.id)
        member = Member(
            id=installation.ids.new("mem"),
            organization=organization.id,
            person=checked_name(person, "person"),
            role=known,
            since=_not_ahead(installation, at),
            project=project,
        )
        members.save_member(tx, member)
        note_counts(tx, installation, [member.organization])
        _record(tx, installation, actor, "member.add", member)
        failpoint("member.commit.before")
    return member


def change_role(
    installation: Installation,
    member_id: str,
    role: str,
    *,
    tenant: str | None,
    actor: str = "cli",
) -> Member:
    """Let a member be something else from now on.

    Raises:
        Invalid: there is no such role.
        NotFound: the tenant has no such member.
        Conflict: the member has left, or is the last owner.
    """
    known = _role(role)
    with installation.store.write() as tx:
        member = members.get_member(tx, member_id, tenant)
        if member.until is not None:
            raise Conflict(f"{member.person} has left: add the person anew.", param="member")
        if known != "owner":
            _keep_an_owner(tx, installation, member)
        members.change_role(tx, member.id, known)
        changed = replace(member, role=known)
        _record(tx, installation, actor, "member.change_role", changed)
        failpoint("member.commit.before")
    return changed


def remove_member(
    installation: Installation,
    member_id: str,
    *,
    tenant: str | None,
    at: datetime | None = None,
    actor: str = "cli",
) -> Member:
    """Let a member leave, at an instant (default: now). One who has left has left.

    Raises:
        Invalid: the instant lies before the membership or in the future.
        NotFound: the tenant has no such member.
        Conflict: the member is the last owner.
    """
    with installation.store.write() as tx:
        member = members.get_member(tx, member_id, tenant)
        if member.until is not None:
            return member
        until = _not_ahead(installation, at, member.since)
        if until < member.since:
            raise Invalid("A member cannot leave before joining.", param="at")
        _keep_an_owner(tx, installation, member)
        members.end_member(tx, member.id, until)
        note_counts(tx, installation, [member.organization])
        left = replace(member, until=until)
        _record(tx, installation, actor, "member.remove", left)
        failpoint("member.commit.before")
    return left


def _keep_an_owner(tx: Transaction, installation: Installation, leaving: Member) -> None:
    """Make sure that somebody is left who may manage the organization.

    Raises:
        Conflict: nobody is.
    """
    if leaving.role != "owner" or leaving.project is not None:
        return
    there = members.members_at(tx, leaving.organization, installation.now)
    if not any(may([one], "manage") for one in there if one.id != leaving.id):
        raise Conflict(
            f"{leaving.person} is the organization's last owner: make somebody else an owner "
            "first.",
            param="member",
            code="last_owner",
        )


def _record(
    tx: Transaction, installation: Installation, actor: str, operation: str, member: Member
) -> None:
    record(
        tx,
        installation,
        actor,
        operation,
        member.id,
        organization=member.organization,
        person=member.person,
        role=member.role,
        project=member.project,
    )


def _role(role: str) -> Role:
    known: Role | None = next((one for one in ROLES if one == role), None)
    if known is None:
        raise Invalid(f"A role is one of {', '.join(ROLES)}.", param="role")
    return known


def _ask(able: Iterable[Member]) -> str:
    named = [f"{member.person} ({member.role})" for member in able]
    if not named:
        return "Nobody here has it: ask the platform."
    more = f", or {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    return f"Ask {', '.join(named[:MOST_NAMED])}{more}."


def _not_ahead(installation: Installation, at: datetime | None, *before: datetime) -> datetime:
    if at is not None and at > installation.now:
        raise Invalid("The instant lies in the future.", param="at")
    return installation.this_second(*before) if at is None else at
