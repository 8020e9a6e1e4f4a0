"""What may a person do, as a member of an organization or of one of its projects?

A role is a set of rights. What somebody may do in the organization holds for all its projects; a
role in a project adds to it there, and nowhere else. Source: row E10 of what KtrlPlane asked for
(who may see and change billing at each level; people without the right are told whom to ask).
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal

from tallygate.accounts.model import Member, Role

Right = Literal["see", "operate", "see_billing", "change_billing", "manage"]

RIGHTS: Mapping[Role, frozenset[Right]] = MappingProxyType(
    {
        "owner": frozenset(("see", "operate", "see_billing", "change_billing", "manage")),
        "billing": frozenset(("see", "see_billing", "change_billing")),
        "developer": frozenset(("see", "operate")),
        "viewer": frozenset(("see",)),
    }
)
"""`see`: projects, resources, usage, prices; `operate`: create and change projects and resources;
`see_billing`: subscriptions, invoices, what things cost; `change_billing`: buy, change, end, and
say who pays; `manage`: members and keys."""

DOING: Mapping[Right, str] = MappingProxyType(
    {
        "see": "see this",
        "operate": "create or change projects and resources",
        "see_billing": "see billing",
        "change_billing": "change billing",
        "manage": "manage members and keys",
    }
)


def may(own: Iterable[Member], right: Right, project: str | None = None) -> bool:
    """Has a person, whose present memberships are given, a right: in a project, or everywhere?"""
    return any(right in RIGHTS[member.role] for member in own if member.project in {None, project})


def whom_to_ask(
    members: Iterable[Member], right: Right, project: str | None = None
) -> tuple[Member, ...]:
    """Those present members who have the right, owners last: it is the others' own task."""
    able = [member for member in members if may([member], right, project)]
    return tuple(sorted(able, key=lambda member: (member.role == "owner", member.person)))


def roles_with(right: Right) -> tuple[Role, ...]:
    """The roles that have a right."""
    return tuple(role for role, rights in RIGHTS.items() if right in rights)
