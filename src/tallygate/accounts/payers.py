"""Who pays for what, and when?

A project is paid for by the billing account that its latest change of payer names, and, where
none does, by the organization's own. A resource is paid for by whoever pays for its project. The
organization itself, as the subject of events, is its own account's; a billing account, as a
subject, is its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tallygate.accounts.model import Organization, PayerChange
from tallygate.core.period import Period


@dataclass(frozen=True, slots=True)
class Stretch:
    """A subject whose usage within the window is paid for by one and the same account."""

    subject: str
    window: Period


def payer_at(
    project_payers: Iterable[PayerChange], organization: Organization, at: datetime
) -> str:
    """The billing account that pays for a project at an instant, given the project's changes."""
    past = [change for change in project_payers if change.since <= at]
    latest = max(past, key=lambda change: change.since, default=None)
    return _named(latest, organization)


def stretches(
    billing_account: str,
    organization: Organization,
    *,
    projects: Iterable[str],
    changes: Sequence[PayerChange],
    residents: Iterable[tuple[str, str]],
    period: Period,
) -> tuple[Stretch, ...]:
    """What a billing account of the organization pays for, and when, within a period.

    `changes` are those of all the projects, `residents` the resources as pairs (resource,
    project). Windows of one subject are in the order of time and never touch each other.
    """
    own = billing_account == organization.billing_account
    found = [Stretch(billing_account, period)]
    if own:
        found.append(Stretch(organization.id, period))
    by_project: dict[str, list[PayerChange]] = {}
    for change in changes:
        by_project.setdefault(change.project, []).append(change)
    windows: Mapping[str, tuple[Period, ...]] = {
        project: _windows(billing_account, organization, by_project.get(project, []), period)
        for project in projects
    }
    for project, paid in windows.items():
        found.extend(Stretch(project, window) for window in paid)
    for resource, project in residents:
        found.extend(Stretch(resource, window) for window in windows[project])
    return tuple(found)


def _windows(
    billing_account: str,
    organization: Organization,
    changes: list[PayerChange],
    period: Period,
) -> tuple[Period, ...]:
    """When the account pays for one project, within the period."""
    inside = sorted(change.since for change in changes if period.start < change.since < period.end)
    instants = [period.start, *inside]
    paid: list[Period] = []
    for start, end in zip(instants, [*inside, period.end], strict=True):
        if payer_at(changes, organization, start) != billing_account:
            continue
        if paid and paid[-1].end == start:
            paid[-1] = Period(paid[-1].start, end)
        else:
            paid.append(Period(start, end))
    return tuple(paid)


def _named(change: PayerChange | None, organization: Organization) -> str:
    if change is None or change.billing_account is None:
        return organization.billing_account
    return change.billing_account
