"""What does a billing account pay for, and when?

What is needed to know it is read at once for as many accounts as are asked about.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from tallygate.accounts.model import Resource
from tallygate.accounts.payers import Resident, Stretch, paid_windows, payer_at
from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.resources import residents_of_each, there_at
from tallygate.adapters.store.trees import Tree, trees_of
from tallygate.core.period import Period

Paid = Mapping[str, tuple[Period, ...]]
"""When an account pays for each subject: in the order of time, apart from each other."""


def stretches_of(tx: Transaction, billing_account: str, period: Period) -> tuple[Stretch, ...]:
    """What a billing account pays for, and when, within a period: the subjects to measure.

    Raises:
        NotFound: there is no such account.
    """
    paid = paid_by_each(tx, [(billing_account, period)])[0]
    return tuple(Stretch(subject, window) for subject, its in paid.items() for window in its)


def paid_and_projects(
    tx: Transaction, billing_account: str, period: Period
) -> tuple[Paid, dict[str, str]]:
    """The same, the windows of each subject together, and the project of each resource.

    Raises:
        NotFound: there is no such account.
    """
    known = _Known(tx, {billing_account})
    return known.paid(billing_account, period), known.projects_of(billing_account)


def paid_by_each(
    tx: Transaction, asked: Sequence[tuple[str, Period]], tree: Tree | None = None
) -> list[Paid]:
    """What several accounts pay for, each within a period of its own, in their order.

    `tree` is the organization's, where all are of one and it was read before.

    Raises:
        NotFound: one of the accounts is not there.
    """
    known = _Known(tx, {account for account, _ in asked}, tree)
    return [known.paid(account, period) for account, period in asked]


class _Known:
    """All that says who pays for what in the organizations of some accounts."""

    def __init__(self, tx: Transaction, asked: Collection[str], tree: Tree | None = None) -> None:
        self._trees = trees_of(tx, asked) if tree is None else dict.fromkeys(asked, tree)
        # An account that never paid for a project pays for itself: no resources need be read.
        self._payers = {account for account in asked if _may_pay(account, self._trees[account])}
        paying = (self._trees[account] for account in self._payers)
        trees = {tree.organization.id: tree for tree in paying}
        former = {owner: tree.former for owner, tree in trees.items() if tree.former}
        owners = [owner for owner, tree in trees.items() if tree.projects]
        self._residents: dict[str, list[Resident]] = {}
        if owners or former:
            self._residents = residents_of_each(tx, owners, former)

    def paid(self, account: str, period: Period) -> Paid:
        """What an account pays for, and when."""
        tree = self._trees[account]
        pays = account in self._payers
        return paid_windows(
            account,
            tree.organization,
            projects=[*tree.projects, *sorted(tree.former)] if pays else (),
            changes=tree.changes,
            residents=self._residents.get(tree.organization.id, ()) if pays else (),
            period=period,
            homes=tree.homes,
        )

    def projects_of(self, account: str) -> dict[str, str]:
        """The project of each resource of an account's organization."""
        residents = self._residents.get(self._trees[account].organization.id, ())
        return {resource: project for resource, project, _ in residents}


def _may_pay(account: str, tree: Tree) -> bool:
    """Whether an account has ever paid for anything but itself."""
    return account == tree.organization.billing_account or any(
        change.billing_account == account for change in tree.changes
    )


def oldest_paid_by(tx: Transaction, billing_account: str, at: datetime) -> Resource | None:
    """The oldest resource that is there at an instant and that an account pays for then.

    Raises:
        NotFound: there is no such account.
    """
    tree = trees_of(tx, [billing_account])[billing_account]

    def is_paid_for(project: str) -> bool:
        return payer_at(tree.changes_of(project), tree.organization, at) == billing_account

    there = there_at(tx, tree.organization.id, at)
    return next((one for one in there if is_paid_for(one.project)), None)
