"""Who pays for what, and when?

A project is paid for by the billing account that its latest change of payer names, and, where
none does, by the organization's own. A resource is paid for by whoever pays for its project; what
is said of the time before it came, by whoever paid when it came. The organization itself, as the
subject of events, is its own account's; a billing account, as a subject, is its own. Where a
project has moved, each organization's accounts pay for the time in which it was theirs.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple

from tallygate.accounts.homes import homes_from, span, within_homes
from tallygate.accounts.model import Home, Organization, PayerChange
from tallygate.core.period import Period, from_micros

_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A subject whose usage within the window is paid for by one and the same account."""

    subject: str
    window: Period


class Resident(NamedTuple):
    """A resource with its project, and when it came into being (None: since ever).

    In microseconds since 1970: ten thousand are read at once, and few are looked at.
    """

    resource: str
    project: str
    born: int | None = None


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
    residents: Iterable[Resident],
    period: Period,
    homes: Iterable[Home] = (),
) -> tuple[Stretch, ...]:
    """What a billing account of the organization pays for, and when, within a period.

    `changes` are those that the organization made, for all the projects; `homes` say when it had
    those of them that have moved. Windows of one subject are in the order of time and never touch
    each other.
    """
    paid = paid_windows(
        billing_account,
        organization,
        projects=projects,
        changes=changes,
        residents=residents,
        period=period,
        homes=homes,
    )
    return tuple(Stretch(subject, window) for subject, its in paid.items() for window in its)


def paid_windows(
    billing_account: str,
    organization: Organization,
    *,
    projects: Iterable[str],
    changes: Sequence[PayerChange],
    residents: Iterable[Resident],
    period: Period,
    homes: Iterable[Home] = (),
) -> dict[str, tuple[Period, ...]]:
    """The same, the windows of each subject together."""
    found: dict[str, tuple[Period, ...]] = {billing_account: (period,)}
    if billing_account == organization.billing_account:
        found[organization.id] = (period,)
    purses = {
        project: _Purse(billing_account, organization, period, [], []) for project in projects
    }
    for change in changes:
        if change.project in purses:
            purses[change.project].changes.append(change)
    for home in homes:
        if home.project in purses and home.organization == organization.id:
            purses[home.project].homes.append(home)
    whole = {project: purse.windows(None) for project, purse in purses.items()}
    found.update((project, paid) for project, paid in whole.items() if paid)
    settled = {who for who, purse in purses.items() if not purse.changes and not purse.homes}
    alike: dict[tuple[str, int, int], tuple[Period, ...]] = {}
    for resource, project, born in residents:
        paid = whole[project]
        if project not in settled and born is not None:
            purse, came = purses[project], from_micros(born)
            key = (project, *purse.before(came))
            if key not in alike:
                alike[key] = purse.windows(came)
            paid = alike[key]
        if paid:
            found[resource] = paid
    return found


class _Purse(NamedTuple):
    """What there is to know about who pays for one project."""

    billing_account: str
    organization: Organization
    period: Period
    changes: list[PayerChange]
    homes: list[Home]

    def before(self, born: datetime) -> tuple[int, int]:
        """How many changes and moves came before an instant: all that a birth then decides."""
        moves = sum(home.until is not None and home.until <= born for home in self.homes)
        return sum(change.since <= born for change in self.changes), moves

    def windows(self, born: datetime | None) -> tuple[Period, ...]:
        """When the account pays for the project, or for what came into being in it."""
        changes, homes = self.changes, tuple(self.homes)
        if born is not None:
            homes = homes_from(homes, born)
            came = span(homes[0]).start if homes else born
            changes = _from_birth(changes, max(born, came))
        paid = _windows(self.billing_account, self.organization, changes, self.period)
        return within_homes(paid, homes) if self.homes else paid


def _from_birth(changes: list[PayerChange], came: datetime) -> list[PayerChange]:
    """The changes that count for what came at an instant: its first payer pays since ever."""
    past = [change for change in changes if change.since <= came]
    if not past:
        return changes
    first = max(past, key=lambda change: change.since)
    return [replace(first, since=_EVER), *(one for one in changes if one.since > came)]


def _windows(
    billing_account: str,
    organization: Organization,
    changes: Sequence[PayerChange],
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
