"""What has the payer of a subscription used, as the store knows it now?

The answers that invoicing asks for, out of one transaction. Who pays for what, and what the
resources were, is read once for the whole span of time that an invoice looks at.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from tallygate.adapters.store import Transaction, members, resources
from tallygate.adapters.store.lives import lives_of
from tallygate.adapters.store.news import News
from tallygate.adapters.store.stretches import Paid, paid_by_each
from tallygate.adapters.store.trees import Tree
from tallygate.adapters.store.usage_log import StoreLog
from tallygate.catalog import meter_definition
from tallygate.catalog.model import Meter
from tallygate.core.period import Period, to_micros
from tallygate.core.quantity import round_to
from tallygate.invoicing.contract import Counts, Handover, Types
from tallygate.metering.fold import in_hours
from tallygate.metering.measure import measure_all, measure_held
from tallygate.metering.states import Lived
from tallygate.metering.steps import Steps
from tallygate.metering.windows import cut_to, span_of
from tallygate.subscriptions.model import Subscription
from tallygate.workflows.handed_over import HandedOver, handed_over
from tallygate.workflows.paid_for import PaidFor
from tallygate.workflows.resources import RESOURCE_PREFIX


class Shared(NamedTuple):
    """What is read once for the usage of several accounts: what they pay for, in which spans."""

    log: StoreLog
    news: News
    paid: Mapping[tuple[str, Period], Paid]


def read_shared(
    tx: Transaction, asked: Sequence[tuple[Subscription, Period]], tree: Tree | None = None
) -> Shared:
    """Read it for subscriptions, each with the span that will be asked about.

    `tree` is the organization's, where all are of one and it was read before.

    Raises:
        NotFound: an account is not there.
    """
    wanted = [(subscription.billing_account, span) for subscription, span in asked]
    found = paid_by_each(tx, wanted, tree)
    subjects = {subject for paid in found for subject in paid}
    past = [_past(subscription, span) for subscription, span in asked]
    window = Period(min(one.start for one in past), max(one.end for one in past))
    log = StoreLog(tx)
    news = News(tx, log, sorted(subjects), window)
    return Shared(log, news, dict(zip(wanted, found, strict=True)))


class StoredUsage:
    """A `Usage` over one transaction, for the subjects that one account pays for.

    `span` holds every instant that will be asked about. Nothing that happened at or after `until`
    counts; a preview is of the usage so far, while a count is taken to stay as it is.
    """

    def __init__(
        self,
        tx: Transaction,
        subscription: Subscription,
        span: Period,
        until: datetime,
        shared: Shared | None = None,
        *,
        paid_for: PaidFor | None = None,
    ) -> None:
        shared = shared or read_shared(tx, [(subscription, span)])
        self._tx = tx
        self._subscription = subscription
        self._span = span
        self._until = until
        self._log = shared.log
        self._news = shared.news
        if paid_for is None:
            paid = shared.paid[subscription.billing_account, span]
            paid_for = PaidFor(cut_to(paid, span), self._read_lives)
        self._paid = paid_for
        self._touched: dict[tuple[str, int], bool] = {}
        self._life_news: dict[int, datetime | None] = {}
        self._handed: dict[Period, list[HandedOver]] = {}

    def measured(self, meter: Meter, part: Period, whole: Period, types: Types | None) -> Decimal:
        """The quantity of a part of a whole period, of resources of these types or of all."""
        exact = self.exactly(meter, part, whole, types)
        return round_to(exact, meter.base_unit, meter.rounding)

    def exactly(self, meter: Meter, part: Period, whole: Period, types: Types | None) -> Fraction:
        """The same before it is rounded."""
        end = min(part.end, max(self._until, part.start))
        if end == part.start:
            return Fraction(0)
        known = Period(part.start, end)
        if meter.reads_resources and meter.aggregation == "time_weighted":
            return in_hours(meter, self._paid.area(meter, types, known), whole)
        if types is None:
            windows = self._paid.within(known)
        else:
            windows = self._paid.of_types(types, known, level=meter.is_level)
        if meter.reads_resources:
            return measure_held(meter, self._paid.held(meter), windows, known, whole)
        return measure_all(meter, windows, known, self._log, whole=whole)

    def counts(self, types: Types | None, part: Period) -> Counts:
        """How many resources of these types there were, and when."""
        return self._paid.steps(types).counts(span_of(part))

    def members(self, part: Period) -> Counts:
        """How many members the organization had, and when."""
        found = members.members_during(self._tx, self._subscription.organization, part)
        end = to_micros(part.end)
        known = ((1, to_micros(one.since), _until(one.until, end)) for one in found)
        return Steps(one for one in known if one[1] < one[2]).counts(span_of(part))

    def types(self, part: Period) -> Types:
        """The types of resources that there were at any time."""
        return self._paid.kinds(part)

    def came_late(self, meter: Meter, part: Period, position: int) -> bool:
        """Whether what a meter says of a stretch of time has news after a position of the log."""
        if meter.reads_resources:
            return self.lives_changed(part, position)
        asked = (meter_definition(meter), position)
        if asked not in self._touched:
            # One question about all closed periods spares, nearly always, one about each of them.
            past = _past(self._subscription, self._span)
            self._touched[asked] = self._news.touched_since(
                meter, self._subjects(), past, position
            )
        return self._touched[asked] and self._log.touched_since(
            meter, self._subjects(), part, position
        )

    def handovers(self, types: Types | None, part: Period) -> list[Handover]:
        """The projects, with resources of these types or all, that the payer had for a while."""
        if part not in self._handed:
            self._handed[part] = handed_over(self._tx, self._paid, part, self._projects_of)
        found = (one.of(types) for one in self._handed[part])
        return [one for one in found if one is not None]

    def _projects_of(self, some: Collection[str]) -> Mapping[str, str]:
        """The project of each of some resources."""
        return resources.projects_of(self._tx, some)

    def lives_changed(self, part: Period, position: int) -> bool:
        """Whether resources have news, of that stretch of time or before, after a position."""
        if position not in self._life_news:
            self._life_news[position] = self._news.earliest_life_news(self._subjects(), position)
        earliest = self._life_news[position]
        return earliest is not None and earliest < part.end

    def subjects(self, part: Period) -> tuple[str, ...]:
        """What the account paid for at any time."""
        return tuple(sorted(self._paid.within(part)))

    def _read_lives(self) -> Sequence[Lived]:
        own = [subject for subject in self._paid.windows if subject.startswith(RESOURCE_PREFIX)]
        return lives_of(self._tx, own, self._span)

    def _subjects(self) -> list[str]:
        return sorted(self._paid.windows)


def _past(subscription: Subscription, span: Period) -> Period:
    """The part of a span of which everything was billed before."""
    return Period(span.start, max(span.start, subscription.billed_until))


def _until(instant: datetime | None, otherwise: int) -> int:
    return otherwise if instant is None else to_micros(instant)
