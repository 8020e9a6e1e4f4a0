"""What is there of an organization that says who pays for what in it?

Its accounts and projects, the changes of payer, and where projects were that have moved: read in
one question for as many organizations as are asked about. Asked one after the other, on Postgres,
they would take longer on the way than to be answered.
"""

from collections.abc import Collection
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import msgspec

from tallygate.accounts.model import BillingAccount, Home, Organization, PayerChange, Project
from tallygate.adapters.store.bulk import among, listed
from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.rows import instant_of
from tallygate.core.errors import NotFound
from tallygate.core.period import from_micros

_PARTS = (
    ("organization", "id", "organizations", "id, name, billing_account, created_at, external_id"),
    (
        "account",
        "organization",
        "billing_accounts",
        "id, organization, name, created_at, currency, external_id",
    ),
    ("project", "organization", "projects", "id, organization, name, created_at, external_id"),
    ("change", "organization", "payer_changes", "project, since, billing_account"),
    # All homes of those projects that it has or had: where they were before, and are now.
    (
        "home",
        "asked",
        (
            "(SELECT DISTINCT its.organization AS asked, h.* FROM project_homes AS its"
            " JOIN project_homes AS h ON h.project = its.project) AS homes"
        ),
        "project, number, organization, since, until",
    ),
)
_OF_ACCOUNTS = "IN (SELECT organization FROM billing_accounts WHERE id {among})"

_decode = msgspec.json.Decoder(list[tuple[str, str, tuple[Any, ...]]]).decode


@dataclass(frozen=True, slots=True)
class Tree:
    """An organization and what is in it, but for its resources.

    `changes` are in the order of time. `homes` are all those of the projects that it has or had
    and that have moved, those of each in their order.
    """

    organization: Organization
    accounts: dict[str, BillingAccount]
    projects: dict[str, Project]
    changes: list[PayerChange]
    homes: list[Home]

    def changes_of(self, project: str) -> tuple[PayerChange, ...]:
        """The changes of a project's payer, in the order of time."""
        return tuple(change for change in self.changes if change.project == project)

    def homes_of(self, project: str) -> tuple[Home, ...]:
        """All homes of a project, in order; none where it never moved."""
        return tuple(home for home in self.homes if home.project == project)

    @property
    def former(self) -> set[str]:
        """The projects that it had, and has no more."""
        return {home.project for home in self.homes}.difference(self.projects)


def tree_of(tx: Transaction, organization: str) -> Tree:
    """What is there of one organization.

    Raises:
        NotFound: there is none with this id.
    """
    trees = _trees(tx, among(tx), [organization])
    if organization not in trees:
        raise NotFound(f"There is no organization {organization}.")
    return trees[organization]


def trees_of(tx: Transaction, accounts: Collection[str]) -> dict[str, Tree]:
    """What is there of the organization of each of some billing accounts, by account.

    Raises:
        NotFound: one of the accounts is not there.
    """
    trees = _trees(tx, _OF_ACCOUNTS.format(among=among(tx)), accounts)
    by_account = {account: tree for tree in trees.values() for account in tree.accounts}
    for account in accounts:
        if account not in by_account:
            raise NotFound(f"There is no billing account {account}.")
    return {account: by_account[account] for account in accounts}


def _trees(tx: Transaction, which: str, asked: Collection[str]) -> dict[str, Tree]:
    """The trees of the organizations whose id is as `which` says, by id."""
    found: dict[str, dict[str, list[tuple[Any, ...]]]] = {}
    for organization, part, row in _decode(_document(tx, which, asked)):
        found.setdefault(organization, {}).setdefault(part, []).append(row)
    return {organization: _tree(parts) for organization, parts in found.items()}


def _document(tx: Transaction, which: str, asked: Collection[str]) -> str:
    """All rows as one document: (organization, which part, the row)."""
    postgres = tx.dialect.name == "postgresql"
    array = "json_build_array" if postgres else "json_array"
    rows = " UNION ALL ".join(
        f"SELECT {array}({owner}, '{part}', {array}({columns})) AS found"  # noqa: S608 our names
        f" FROM {table} WHERE {owner} {which}"
        for part, owner, table, columns in _PARTS
    )
    values = (listed(asked),) * len(_PARTS)
    if postgres:
        whole = f"SELECT coalesce(json_agg(found), '[]')::text FROM ({rows}) AS rows"  # noqa: S608 our names
        return str(tx.exec_driver_sql(whole.replace("?", "%s"), values).scalar_one())
    whole = f"SELECT json_group_array(json(found)) FROM ({rows})"  # noqa: S608 our names
    return str(tx.exec_driver_sql(whole, values).scalar_one())


def _tree(parts: dict[str, list[tuple[Any, ...]]]) -> Tree:
    [(id_, name, account, created_at, external_id)] = parts["organization"]
    return Tree(
        Organization(id_, name, account, from_micros(created_at), external_id),
        {row[0]: BillingAccount(*_dated(row)) for row in sorted(parts["account"])},
        {row[0]: Project(*_dated(row)) for row in sorted(parts.get("project", ()))},
        [_change(*row) for row in sorted(parts.get("change", ()), key=itemgetter(1, 0))],
        [_home(*row) for row in sorted(parts.get("home", ()), key=itemgetter(0, 1))],
    )


def _dated(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row of an account or a project, with its instant, which stands fourth, as such."""
    return (*row[:3], from_micros(row[3]), *row[4:])


def _change(project: str, since: int, account: str | None) -> PayerChange:
    return PayerChange(project, from_micros(since), account)


def _home(project: str, _number: int, owner: str, since: int | None, until: int | None) -> Home:
    return Home(project, owner, instant_of(since), instant_of(until))
