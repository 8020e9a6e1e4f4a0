"""Which projects did an account pay for in a part of a period for a while only?

Because their payer was switched, or because they moved to another organization.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from tallygate.accounts.model import Project
from tallygate.adapters.store import Transaction, accounts
from tallygate.core.period import Period
from tallygate.invoicing.contract import Handover, Types
from tallygate.metering.windows import period_of, span_of, within
from tallygate.workflows.paid_for import PaidFor

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
    tx: Transaction, paid_for: PaidFor, part: Period, projects_of: ProjectsOf
) -> list[HandedOver]:
    """The projects that were paid for in a part, and not in all of it; by name.

    A project that was not there yet was nobody's to pay for.
    """
    whole = (span_of(part),)
    partly = {
        project: tuple(period_of(*span) for span in spans)
        for project, spans in within(paid_for.projects, whole[0]).items()
        if spans != whole
    }
    if not partly:
        return []
    found: dict[str, HandedOver] = {}
    for one in accounts.projects_named(tx, partly):
        paid = partly[one.id]
        if paid != (Period(min(max(part.start, one.created_at), part.end), part.end),):
            since = [stay for stay in paid if stay.end > one.created_at]
            if since:
                found[one.id] = HandedOver(_called(one), tuple(since))
    if found:
        _add_residents(found, paid_for, part, projects_of)
    return sorted(found.values(), key=lambda one: one.project)


def _add_residents(
    found: dict[str, HandedOver], paid_for: PaidFor, part: Period, projects_of: ProjectsOf
) -> None:
    start, end = span_of(part)
    projects = projects_of({one.resource for one in paid_for.lives})
    windows = paid_for.within(part)
    for kind in sorted(paid_for.kinds(part)):
        for resources, since, _ in paid_for.existing((kind,), part):
            for resource in resources:
                handed = found.get(projects[resource])
                if handed is None:
                    continue
                handed.types.add(kind)
                if since == start and windows[resource][-1][1] < end:
                    handed.left.append(kind)


def _called(project: Project) -> str:
    return f"{project.name} ({project.external_id or project.id})"
