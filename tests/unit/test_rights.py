"""What each role may do, where, and whom somebody without a right is sent to (row E10)."""

from datetime import UTC, datetime
from typing import get_args

import pytest

from tallygate.accounts.model import Member, Role
from tallygate.accounts.rights import RIGHTS, Right, may, whom_to_ask

SINCE = datetime(2026, 3, 1, tzinfo=UTC)
TABLE = """
                see  operate  see_billing  change_billing  manage
owner           yes  yes      yes          yes             yes
billing         yes  no       yes          yes             no
developer       yes  yes      no           no              no
viewer          yes  no       no           no              no
"""


def member(person: str, role: Role, project: str | None = None) -> Member:
    return Member(f"mem_{person}", "org_1", person, role, SINCE, project=project)


def test_the_table_of_rights() -> None:
    heading, *rows = TABLE.strip().splitlines()
    rights = heading.split()
    assert set(rights) == set(get_args(Right))
    for row in rows:
        role, *told = row.split()
        known = next(one for one in RIGHTS if one == role)
        for right, word in zip(get_args(Right), told, strict=True):
            assert may([member("ann", known)], right) == (word == "yes"), (role, right)
    assert [row.split()[0] for row in rows] == list(get_args(Role)) == list(RIGHTS)


def test_a_role_in_the_organization_holds_in_every_project() -> None:
    assert may([member("ann", "billing")], "change_billing", "prj_1")
    assert not may([member("ann", "billing")], "operate", "prj_1")


def test_a_role_in_a_project_holds_there_alone_and_adds() -> None:
    own = [member("ann", "viewer"), member("ann", "developer", "prj_1")]
    assert may(own, "operate", "prj_1")
    assert not may(own, "operate", "prj_2")
    assert not may(own, "operate")
    assert may(own, "see", "prj_2")


def test_nobody_may_nothing() -> None:
    assert not any(may([], right, "prj_1") for right in get_args(Right))


@pytest.mark.parametrize(
    ("right", "project", "asked"),
    [
        ("change_billing", None, ["bob", "ann"]),
        ("operate", None, ["ann"]),
        ("operate", "prj_1", ["cid", "ann"]),
        ("operate", "prj_2", ["ann"]),
    ],
)
def test_whom_to_ask(right: Right, project: str | None, asked: list[str]) -> None:
    there = [
        member("ann", "owner"),
        member("bob", "billing"),
        member("cid", "developer", "prj_1"),
        member("dan", "viewer"),
    ]
    assert [one.person for one in whom_to_ask(there, right, project)] == asked
