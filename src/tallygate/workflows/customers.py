"""Whom does a platform mean by a customer, and what is theirs?

A platform names its customer by our id, or by its own, of an organization, billing account,
project or resource. An organization's usage is all usage of the tenant; a billing account's is
what it pays for; a project's is its own and its resources'; a resource's is its own.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tallygate.accounts.homes import within_homes
from tallygate.accounts.payers import Stretch, payer_at
from tallygate.adapters.store import Transaction, accounts, catalogs, resources, subscriptions
from tallygate.adapters.store.homes import homes_by_subject
from tallygate.adapters.store.stretches import stretches_of
from tallygate.adapters.store.subjects import Subject, resolve_subject, subjects_of
from tallygate.adapters.store.usage_log import StoreLog
from tallygate.catalog.model import Meter
from tallygate.core.errors import NotFound
from tallygate.core.period import Period
from tallygate.metering.measure import measure
from tallygate.subscriptions.calendar import window_at

Quantities = tuple[tuple[Meter, Decimal], ...]
"""What was used, by meter in the order of the price list."""


@dataclass(frozen=True, slots=True)
class Customer:
    """What a name means, who pays for it, and what is theirs in the payer's current period."""

    subject: Subject
    payer: str
    period: Period
    stretches: tuple[Stretch, ...]

    @property
    def subjects(self) -> tuple[str, ...]:
        """The ids of what is theirs, each once."""
        return tuple(dict.fromkeys(stretch.subject for stretch in self.stretches))


def find_subject(tx: Transaction, name: str, tenant: str | None) -> Subject:
    """What a platform's name for a customer means, for a tenant, or (None) anywhere.

    Raises:
        NotFound: nothing that the tenant has.
        Invalid: several organizations use the name; only our own id can tell them apart.
    """
    try:
        return resolve_subject(tx, name, tenant)
    except NotFound:
        raise NotFound(
            f"There is no customer {name[:128]!r}: it must be our id, or your own, of an "
            "organization, billing account, project or resource.",
            param="customer_id",
        ) from None


def find_customer(tx: Transaction, name: str, tenant: str | None, at: datetime) -> Customer:
    """The customer of this name, with what is theirs at an instant.

    Raises:
        NotFound: the tenant has none of that name.
        Invalid: several organizations use the name.
    """
    subject = find_subject(tx, name, tenant)
    payer = payer_of(tx, subject, at)
    _, period = window_at(subscriptions.of_account(tx, payer), at)
    return Customer(subject, payer, period, _stretches(tx, subject, period))


def quantities(
    tx: Transaction, stretches: tuple[Stretch, ...], period: Period, at: datetime
) -> Quantities:
    """What was used so far in a period, by each meter of the price list in force."""
    latest = catalogs.latest_catalog(tx)
    if latest is None:
        return ()
    known = Period(period.start, max(min(period.end, at), period.start))
    log = StoreLog(tx)
    return tuple(
        (meter, measure(meter, stretches, known, log, whole=period))
        for meter in latest[1].meters.values()
    )


def payer_of(tx: Transaction, subject: Subject, at: datetime) -> str:
    """The billing account that pays for a customer at an instant."""
    if subject.kind == "billing_account":
        return subject.id
    organization = accounts.get_organization(tx, subject.organization)
    if subject.kind == "organization":
        return organization.billing_account
    project = subject.id
    if subject.kind == "resource":
        project = resources.get_resource(tx, subject.id).project
    return payer_at(accounts.payer_changes(tx, organization.id, project), organization, at)


def _stretches(tx: Transaction, subject: Subject, period: Period) -> tuple[Stretch, ...]:
    if subject.kind == "billing_account":
        return stretches_of(tx, subject.id, period)
    organization, theirs = subject.organization, [subject.id]
    if subject.kind == "organization":
        theirs = list(subjects_of(tx, organization))
    elif subject.kind == "project":
        residents = resources.residents_of(tx, organization, [subject.id])
        theirs += sorted({one.resource for one in residents if one.project == subject.id})
    moved = homes_by_subject(tx, [(organization, one) for one in theirs])
    found: list[Stretch] = []
    for one in theirs:
        homes = [home for home in moved.get(one, ()) if home.organization == organization]
        windows = within_homes([period], homes) if one in moved else (period,)
        found += [Stretch(one, window) for window in windows]
    return tuple(found)
