"""What would an account use if a resource had another life than it has?

The same answers as `StoredUsage`, with the states of some resources replaced: of one that is yet
to be created, of one that is resized or deleted. Nothing is stored. Unlike there, the future is
part of the answer: resources go on as they are, so that a period can be asked about that is not
over yet, as it will be billed if nothing else happens.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from tallygate.accounts.model import ResourceState
from tallygate.accounts.payers import Resident, paid_windows
from tallygate.adapters.store import Transaction, accounts
from tallygate.adapters.store.homes import homes_of
from tallygate.adapters.store.usage_log import StoreLog
from tallygate.catalog.model import Meter
from tallygate.core.period import Period, to_micros
from tallygate.invoicing.contract import Types
from tallygate.metering.states import lived
from tallygate.metering.windows import Absence, Windows, absences_of, cut_to, span_of
from tallygate.subscriptions.model import Subscription
from tallygate.workflows.paid_for import PaidFor, Supposed
from tallygate.workflows.usage_known import Shared, StoredUsage, read_shared


@dataclass(frozen=True, slots=True)
class SupposedLife:
    """The states that a resource of a project would have; they differ from `since` on."""

    resource: str
    project: str
    since: datetime
    states: tuple[ResourceState, ...]


class SupposingLog(StoreLog):
    """A log to which some resources were deleted when supposed lives say so."""

    def __init__(self, tx: Transaction, lives: Sequence[SupposedLife]) -> None:
        super().__init__(tx)
        self._supposed = {life.resource: tuple(map(lived, life.states)) for life in lives}

    def absences(self, subjects: Sequence[str]) -> Mapping[str, Sequence[Absence]]:
        """When those of the subjects that are resources were deleted: until the next creation."""
        stored = super().absences([s for s in subjects if s not in self._supposed])
        supposed = absences_of(
            (state.resource, state.since, state.until)
            for subject in subjects
            for state in self._supposed.get(subject, ())
        )
        return {**stored, **supposed}


class SupposedUsage(StoredUsage):
    """Usage up to any instant of the span, as what is known by now lets it become."""

    def __init__(
        self,
        tx: Transaction,
        subscription: Subscription,
        span: Period,
        until: datetime,
        shared: Shared | None = None,
        *,
        paid_for: PaidFor | None = None,
        lives: Sequence[SupposedLife] = (),
    ) -> None:
        """`paid_for` has these lives already, and `shared` was read before."""
        shared = shared or read_shared(tx, [(subscription, span)])
        super().__init__(tx, subscription, span, until, shared, paid_for=paid_for)
        self._shared = shared
        self._lives = tuple(lives)
        self._known: dict[tuple[int, Period, Period, Types | None], Fraction] = {}

    def supposing(self, lives: Sequence[SupposedLife]) -> "SupposedUsage":
        """The same with these lives; who pays for a new resource is who pays for its project.

        What is said of the time before it came is nobody else's.
        """
        return SupposedUsage(
            self._tx,
            self._subscription,
            self._span,
            self._until,
            self._shared._replace(log=SupposingLog(self._tx, lives)),
            paid_for=Supposed(
                self._paid,
                {life.resource for life in lives},
                [lived(state) for life in lives for state in life.states],
                self._paid_anew(lives),
            ),
            lives=lives,
        )

    def _paid_anew(self, lives: Sequence[SupposedLife]) -> Windows:
        """When the account would pay for the resources that it does not have yet."""
        windows = self._paid.windows
        anew = [life for life in lives if life.states and life.resource not in windows]
        always = (span_of(self._span),)
        if all(windows.get(life.project) == always for life in anew):
            return dict.fromkeys((life.resource for life in anew), always)
        owner = accounts.get_organization(self._tx, self._subscription.organization)
        projects = sorted({life.project for life in anew})
        paid = paid_windows(
            self._subscription.billing_account,
            owner,
            projects=projects,
            changes=accounts.payer_changes(self._tx, owner.id),
            residents=[
                Resident(life.resource, life.project, to_micros(life.states[0].since))
                for life in anew
            ],
            period=self._span,
            homes=[home for project in projects for home in homes_of(self._tx, project)],
        )
        its = {life.resource: paid[life.resource] for life in anew if life.resource in paid}
        return cut_to(its, self._span)

    def up_to(self, until: datetime) -> "SupposedUsage":
        """The same as far as it goes by an instant."""
        return SupposedUsage(
            self._tx,
            self._subscription,
            self._span,
            until,
            self._shared,
            paid_for=self._paid,
            lives=self._lives,
        )

    def exactly(self, meter: Meter, part: Period, whole: Period, types: Types | None) -> Fraction:
        """The quantity before it is rounded."""
        asked = (id(meter), part, whole, types)
        if asked not in self._known:
            self._known[asked] = super().exactly(meter, part, whole, types)
        return self._known[asked]

    def _projects_of(self, some: Collection[str]) -> Mapping[str, str]:
        """The project of each of some resources, of those that are supposed, too."""
        supposed = {life.resource: life.project for life in self._lives}
        return {**super()._projects_of([one for one in some if one not in supposed]), **supposed}

    def lives_changed(self, part: Period, position: int) -> bool:
        """Whether resources have news, of that stretch of time or before: supposed ones too."""
        if any(life.since < part.end for life in self._lives):
            return True
        return super().lives_changed(part, position)
