"""Which projects did an account pay for in a part of a period for a while only?

Because their payer was switched, or because they moved to another organization.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tallygate.accounts.model import Project, ResourceState
from tallygate.accounts.payers import Stretch
from tallygate.adapters.store import Transaction, accounts
from tallygate.core.period import Period
from tallygate.invoicing.contract import Handover, Types

PROJECT_PREFIX = "prj_"

ProjectsOf = Callable[[Collection[str]], Mapping[str, str]]
"""From resources to their projects."""


@dataclass(slots=True)
class HandedOver:
    """A project, when it was paid for, and its resources' types.

    `types` are those that there were; `left` has the type of each resource that there was at the
    start and that another one pays for at the end.
    """

    project: str
    paid: tuple[Period, ...]
    types: set[str] = field(default_factory=set)
    left: list[str] = field(default_factory=list)

    def of(self, types: Types | None) -> Handover | None:
        """What it means to a price of these types, or of all; None: nothing."""
        if types is not None and not types & self.types:
            return None
        left = sum(types is None or one in types for one in self.left)
        return Handover(self.project, self.paid, left)


def handed_over(
    tx: Transaction,
    stretches: Iterable[Stretch],
    residents: Iterable[tuple[ResourceState, Sequence[Period]]],
    part: Period,
    projects_of: ProjectsOf,
) -> list[HandedOver]:
    """The projects that were paid for in a part, and not in all of it; by name.

    `residents` are the states of resources within the part, each with the windows in which the
    account paid for the resource; `projects_of` gives the project of each. A project that was not
    there yet was nobody's to pay for.
    """
    windows: dict[str, list[Period]] = {}
    for stretch in stretches:
        if stretch.subject.startswith(PROJECT_PREFIX):
            inside = stretch.window.overlap(part)
            if inside is not None:
                windows.setdefault(stretch.subject, []).append(inside)
    partly = {project: paid for project, paid in windows.items() if paid != [part]}
    if not partly:
        return []
    found: dict[str, HandedOver] = {}
    for one in accounts.projects_named(tx, partly):
        paid = tuple(partly[one.id])
        if paid != (Period(min(max(part.start, one.created_at), part.end), part.end),):
            since = [stay for stay in paid if stay.end > one.created_at]
            if since:
                found[one.id] = HandedOver(_called(one), tuple(since))
    _add_residents(found, list(residents), part, projects_of)
    return sorted(found.values(), key=lambda one: one.project)


def _add_residents(
    found: dict[str, HandedOver],
    residents: Sequence[tuple[ResourceState, Sequence[Period]]],
    part: Period,
    projects_of: ProjectsOf,
) -> None:
    if not found:
        return
    projects = projects_of({state.resource for state, _ in residents})
    for state, windows in residents:
        handed = found.get(projects[state.resource])
        if handed is None or not any(_shared(state, window, part) for window in windows):
            continue
        handed.types.add(state.type)
        reach = max(window.end for window in windows)
        if reach < part.end and _there(state, part.start) and _any_at(windows, part.start):
            handed.left.append(state.type)


def _called(project: Project) -> str:
    return f"{project.name} ({project.external_id or project.id})"


def _there(state: ResourceState, at: datetime) -> bool:
    return state.since <= at and (state.until is None or at < state.until)


def _any_at(windows: Sequence[Period], at: datetime) -> bool:
    return any(at in window for window in windows)


def _shared(state: ResourceState, window: Period, part: Period) -> bool:
    until = part.end if state.until is None else min(state.until, part.end)
    start = max(state.since, window.start, part.start)
    return start < min(until, window.end)
