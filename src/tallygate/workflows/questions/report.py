"""How much was used by whom on which day, and which events say so?

The report measures each account as an invoice would, and splits it by day. The way down gives the
events that a meter read for an account: those of the subjects that it paid for, while it did.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from tallygate.accounts.life import LIFE_KINDS
from tallygate.accounts.model import BillingAccount
from tallygate.accounts.payers import Stretch
from tallygate.adapters.store import Transaction, accounts, catalogs
from tallygate.adapters.store.event_pages import LoggedEvent, Place, page
from tallygate.adapters.store.stretches import stretches_of
from tallygate.adapters.store.usage_log import StoreLog
from tallygate.catalog.model import Catalog, Meter
from tallygate.core.errors import Invalid, NotFound
from tallygate.core.period import MICROSECOND, Period, from_micros, to_micros
from tallygate.core.quantity import round_to
from tallygate.metering.daily import daily
from tallygate.metering.measure import measure
from tallygate.metering.read import compile_reader
from tallygate.workflows.installation import Installation
from tallygate.workflows.resources import LIFE

MAX_DAYS = 400
SHOWN = Decimal("0.000001")
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class MeterUsage:
    """What one account used of one meter: in the whole period, and on each day with usage.

    The days of count, sum and time_weighted add up to the whole; a level's do not.
    """

    billing_account: str
    organization: str
    meter: str
    unit: str
    quantity: Decimal
    days: tuple[tuple[date, Decimal], ...]


class FoundEvent(NamedTuple):
    """An event, and the value that the meter read in it, where one was asked for."""

    event: LoggedEvent
    value: Decimal | str | None


def report_usage(
    installation: Installation,
    period: Period,
    *,
    tenant: str | None,
    billing_account: str | None = None,
    meter: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> tuple[tuple[MeterUsage, ...], str | None]:
    """Usage by account, meter and day, for so many accounts; and the account to go on after.

    Meters are those of the catalog in force. Accounts without usage have no rows.

    Raises:
        NotFound: the tenant has no such account.
        Invalid: there is no such meter, or the period is too long.
    """
    if period.microseconds > MAX_DAYS * 86_400_000_000:
        raise Invalid(f"Ask for at most {MAX_DAYS} days.", param="to")
    with installation.store.read() as tx:
        meters = _meters(tx, meter)
        asked: tuple[BillingAccount, ...]
        if billing_account is not None:
            asked = (accounts.get_billing_account(tx, billing_account, tenant),)
        else:
            asked = accounts.list_billing_accounts(tx, tenant, after, limit + 1)
        rows = [row for account in asked[:limit] for row in _usage_of(tx, account, meters, period)]
    more = asked[limit - 1].id if len(asked) > limit else None
    return tuple(rows), more


def list_events(
    installation: Installation,
    *,
    tenant: str | None,
    subject: str | None = None,
    type: str | None = None,  # noqa: A002  # CloudEvents' own word
    since: datetime | None = None,
    until: datetime | None = None,
    after: Place | None = None,
    limit: int = 100,
) -> tuple[FoundEvent, ...]:
    """Events in the order of time. `subject` is our id, or the platform's own.

    Raises:
        NotFound: the tenant has nothing of that name.
    """
    with installation.store.read() as tx:
        subjects = None
        if subject is not None:
            known = accounts.resolve_subject(tx, subject, tenant)
            subjects, tenant = [known.id], known.organization
        found = page(
            tx,
            tenant,
            subjects=subjects,
            types=None if type is None else [type],
            since=since,
            until=until,
            after=after,
            limit=limit,
        )
    return tuple(FoundEvent(event, None) for event in found)


def events_behind(
    installation: Installation,
    billing_account: str,
    meter: str,
    period: Period,
    *,
    tenant: str | None,
    after: Place | None = None,
    limit: int = 100,
) -> tuple[FoundEvent, ...]:
    """The events that a meter read for an account in a period, with their values.

    Of a time_weighted meter also the ones that each series began the period with. Of a meter on
    resources: what happened to them up to the period's end, from their beginning.

    Raises:
        NotFound: the tenant has no such account.
        Invalid: the catalog has no such meter.
    """
    with installation.store.read() as tx:
        [asked] = _meters(tx, meter)
        account = accounts.get_billing_account(tx, billing_account, tenant)
        stretches = stretches_of(tx, account.id, period)
        found: list[FoundEvent] = []
        logged = _logged(
            tx,
            account.organization,
            asked,
            stretches=stretches,
            period=period,
            after=after,
            limit=limit,
        )
        carried = _carried(tx, account.organization, asked, stretches, after)
        told = {event.position for event in carried}
        for event in heapq.merge(carried, logged, key=lambda one: one.place):
            said = _read(asked, None if event.position in told else stretches, event)
            if said is not None and not (found and found[-1].event.position == event.position):
                found.append(said)
            if len(found) == limit:
                break
    return tuple(found)


def _meters(tx: Transaction, wanted: str | None) -> tuple[Meter, ...]:
    latest = catalogs.latest_catalog(tx)
    if latest is None:
        raise NotFound("No catalog was applied yet: run `tallygate catalog apply`.")
    catalog: Catalog = latest[1]
    if wanted is None:
        return tuple(catalog.meters.values())
    if wanted not in catalog.meters:
        offered = ", ".join(catalog.meters) or "none"
        raise Invalid(f"There is no meter {wanted[:128]!r}. There are: {offered}.", param="meter")
    return (catalog.meters[wanted],)


def _usage_of(
    tx: Transaction, account: BillingAccount, meters: Sequence[Meter], period: Period
) -> Iterator[MeterUsage]:
    stretches = stretches_of(tx, account.id, period)
    log = StoreLog(tx)
    for meter in meters:
        days = _days_of(meter, stretches, period, log)
        quantity = measure(meter, stretches, period, log)
        if days or quantity:
            yield MeterUsage(
                account.id, account.organization, meter.key, meter.unit, quantity, days
            )


def _days_of(
    meter: Meter, stretches: Sequence[Stretch], period: Period, log: StoreLog
) -> tuple[tuple[date, Decimal], ...]:
    """The quantity of each day with usage, over all that the account paid for."""
    found: dict[date, Fraction] = {}
    for one in daily(meter, stretches, period, log):
        found[one.day] = found.get(one.day, Fraction(0)) + one.quantity
    if meter.aggregation == "unique":
        # A value that two subjects sent counts once.
        for day in found:
            begins = datetime.combine(day, time(), UTC)
            today = Period(begins, begins + DAY).overlap(period)
            if today is not None:
                found[day] = Fraction(measure(meter, stretches, today, log))
    return tuple((day, round_to(found[day], SHOWN, "half_up")) for day in sorted(found))


def _logged(
    tx: Transaction,
    organization: str,
    meter: Meter,
    *,
    stretches: Sequence[Stretch],
    period: Period,
    after: Place | None,
    limit: int,
) -> Iterator[LoggedEvent]:
    """The events that may stand behind a quantity, in order."""
    types = [LIFE + kind for kind in LIFE_KINDS] if meter.reads_resources else [meter.event]
    subjects = sorted({stretch.subject for stretch in stretches})
    while True:
        found = page(
            tx,
            organization,
            subjects=subjects,
            types=types,
            since=None if meter.reads_resources else period.start,
            until=period.end,
            after=after,
            limit=limit,
        )
        yield from found
        if len(found) < limit:
            return
        after = found[-1].place


def _carried(
    tx: Transaction,
    organization: str,
    meter: Meter,
    stretches: Sequence[Stretch],
    after: Place | None,
) -> list[LoggedEvent]:
    """The events from before whose value a time_weighted meter's series began with, in order."""
    if meter.aggregation != "time_weighted" or meter.reads_resources:
        return []
    log = StoreLog(tx)
    found: dict[Place, LoggedEvent] = {}
    for stretch in stretches:
        for reading in log.last_before(meter, [stretch.subject], to_micros(stretch.window.start)):
            then = from_micros(reading.micros)
            for event in page(
                tx,
                organization,
                subjects=[stretch.subject],
                types=[meter.event],
                since=then,
                until=then + MICROSECOND,
            ):
                if f"{event.source} {event.id}" == reading.id:
                    found[event.place] = event
    return [found[place] for place in sorted(found) if after is None or place > after]


def _read(
    meter: Meter, stretches: Sequence[Stretch] | None, event: LoggedEvent
) -> FoundEvent | None:
    """The event with what the meter reads in it; nothing where it reads nothing, or another paid.

    Without stretches it was paid for. Of a level the whole period counts for each payer, who then
    has a share of it.
    """
    if meter.reads_resources:
        return FoundEvent(event, None)
    paid = stretches is None or any(
        stretch.subject == event.subject and (meter.is_level or event.time in stretch.window)
        for stretch in stretches
    )
    if not paid:
        return None
    key = f"{event.source} {event.id}"
    try:
        reading = compile_reader(meter)(
            event.type, event.subject, to_micros(event.time), key, event.fields
        )
    except Invalid:  # the meter came after the event, and cannot read it
        return None
    return None if reading is None else FoundEvent(event, reading.value)
