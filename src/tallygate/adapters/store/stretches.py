"""What does a billing account pay for, and when?

What is needed to know it is read at once for as many accounts as are asked about.
"""

from collections.abc import Sequence
from datetime import datetime

from tallygate.accounts.model import PayerChange, Resource
from tallygate.accounts.payers import Stretch, payer_at, stretches
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


def stretches_of(tx: Transaction, billing_account: str, period: Period) -> tuple[Stretch, ...]:
    """What a billing account pays for, and when, within a period: the subjects to measure.

    Raises:
        NotFound: there is no such account.
    """
    return stretches_of_each(tx, [(billing_account, period)])[0]


def stretches_of_each(
    tx: Transaction, asked: Sequence[tuple[str, Period]]
) -> list[tuple[Stretch, ...]]:
    """The same for several accounts, each within a period of its own, in their order.

    Raises:
        NotFound: one of the accounts is not there.
    """
    owners = organizations_of(tx, {account for account, _ in asked})
    changes = payer_changes_of(tx, {owner.id for owner in owners.values()})
    payers = {
        account
        for account, owner in owners.items()
        if account == owner.billing_account
        or any(change.billing_account == account for change in changes.get(owner.id, ()))
    }
    # An account that never paid for a project pays for itself: nothing else need be read.
    organizations = {owners[account].id for account in payers}
    projects = projects_of(tx, organizations) if organizations else {}
    homes = homes_in(tx, organizations) if organizations else {}
    former = {
        owner: {home.project for home in stays}.difference(projects.get(owner, ()))
        for owner, stays in homes.items()
    }
    residents = residents_of_each(tx, projects, former) if projects or former else {}

    def found(account: str, period: Period) -> tuple[Stretch, ...]:
        owner = owners[account]
        own = owner.id if account in payers else ""
        return stretches(
            account,
            owner,
            projects=[*projects.get(own, ()), *sorted(former.get(own, ()))],
            changes=changes.get(owner.id, ()),
            residents=residents.get(own, ()),
            period=period,
            homes=homes.get(own, ()),
        )

    return [found(account, period) for account, period in asked]


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
