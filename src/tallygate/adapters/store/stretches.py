"""What does a billing account pay for, and when?

What is needed to know it is read at once for as many accounts as are asked about.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from tallygate.accounts.model import PayerChange, Resource
from tallygate.accounts.payers import Resident, Stretch, paid_windows, payer_at
from tallygate.adapters.store.accounts import (
    organizations_of,
    payer_changes,
    payer_changes_of,
    projects_of,
)
from tallygate.adapters.store.engine import Transaction
from tallygate.adapters.store.homes import homes_in
from tallygate.adapters.store.resources import residents_of_each, there_at
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


def paid_by_each(tx: Transaction, asked: Sequence[tuple[str, Period]]) -> list[Paid]:
    """What several accounts pay for, each within a period of its own, in their order.

    Raises:
        NotFound: one of the accounts is not there.
    """
    known = _Known(tx, {account for account, _ in asked})
    return [known.paid(account, period) for account, period in asked]


class _Known:
    """All that says who pays for what in the organizations of some accounts."""

    def __init__(self, tx: Transaction, asked: Collection[str]) -> None:
        self._owners = organizations_of(tx, asked)
        self._changes = payer_changes_of(tx, {owner.id for owner in self._owners.values()})
        self._payers = {
            account
            for account, owner in self._owners.items()
            if account == owner.billing_account
            or any(one.billing_account == account for one in self._changes.get(owner.id, ()))
        }
        # An account that never paid for a project pays for itself: nothing else need be read.
        organizations = {self._owners[account].id for account in self._payers}
        self._projects = projects_of(tx, organizations) if organizations else {}
        self._homes = homes_in(tx, organizations) if organizations else {}
        self._former = {
            owner: {home.project for home in stays}.difference(self._projects.get(owner, ()))
            for owner, stays in self._homes.items()
        }
        self._residents: dict[str, list[Resident]] = {}
        if self._projects or self._former:
            self._residents = residents_of_each(tx, self._projects, self._former)

    def paid(self, account: str, period: Period) -> Paid:
        """What an account pays for, and when."""
        owner = self._owners[account]
        own = owner.id if account in self._payers else ""
        return paid_windows(
            account,
            owner,
            projects=[*self._projects.get(own, ()), *sorted(self._former.get(own, ()))],
            changes=self._changes.get(owner.id, ()),
            residents=self._residents.get(own, ()),
            period=period,
            homes=self._homes.get(own, ()),
        )

    def projects_of(self, account: str) -> dict[str, str]:
        """The project of each resource of an account's organization."""
        residents = self._residents.get(self._owners[account].id, ())
        return {resource: project for resource, project, _ in residents}


def oldest_paid_by(tx: Transaction, billing_account: str, at: datetime) -> Resource | None:
    """The oldest resource that is there at an instant and that an account pays for then.

    Raises:
        NotFound: there is no such account.
    """
    organization = organizations_of(tx, [billing_account])[billing_account]
    changes: dict[str, list[PayerChange]] = {}
    for change in payer_changes(tx, organization.id):
        changes.setdefault(change.project, []).append(change)

    def is_paid_for(project: str) -> bool:
        return payer_at(changes.get(project, ()), organization, at) == billing_account

    there = there_at(tx, organization.id, at)
    return next((one for one in there if is_paid_for(one.project)), None)
