"""Which metered lines does a provider charge by a running total, and how is that total reported?

Usage beyond the allowance goes to a meter that keeps the last value, as the period's total so far,
in whole base units. Each new total is a revision with a stamp and an identifier of its own. Stamps
are no times of sending: they lie inside the whole minutes of the period and rise with the
revisions, so that the last one by time is the last one by arrival, and a revision that is sent
twice, or late, changes nothing. The last ten whole minutes belong to the totals of a period that
is over; of a period shorter than twenty minutes they are its second half.

A price whose line is rated here has a total of 0 there: nothing is charged twice.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from tallygate.collection.expressible import MAX_DIGITS
from tallygate.collection.held import HeldPrice
from tallygate.collection.intents import Total
from tallygate.collection.records import ReportedTotal
from tallygate.core.period import Period, from_micros, to_micros
from tallygate.core.quantity import EXACT, plain
from tallygate.rating.line import Line
from tallygate.subscriptions.calendar import in_trial, phases_in, whole_period
from tallygate.subscriptions.model import Subscription

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
LAST_MINUTES = 10
FEWEST_MINUTES = 2
"""A period with fewer whole minutes has no room for totals: all of it is rated here."""
DRIFT = timedelta(minutes=15)
"""For each that has passed since the end of a period, its final totals are stamped a second later.

So a restored database, that has forgotten revisions, still stamps the next ones after them.
"""

HeldPrices = Mapping[int, Mapping[str, HeldPrice]]
"""The prices that a provider can hold, by version of the catalog and by key."""


class RatedHere(NamedTuple):
    """A metered line that goes to the provider as an invoice item, and why."""

    line: Line
    why: str


@dataclass(frozen=True, slots=True)
class Division:
    """What the provider charges by totals of whole base units, by price key, and what it does not.

    A price that it holds, and whose line is rated here, has a total of 0.
    """

    totals: Mapping[str, int] = field(default_factory=dict)
    rated: tuple[RatedHere, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportedPrice:
    """A metered price of a subscription in one period, as it is reported for a customer.

    `installation` names ours, with its epoch: after a restore its identifiers are new ones.
    """

    installation: str
    subscription: str
    organization: str
    billing_account: str
    customer: str
    price: str
    event: str
    period: Period


def divide(
    subscription: Subscription, window: Period, lines: Iterable[Line], held: HeldPrices
) -> Division:
    """Divide the metered lines of an invoice, or of a preview, for a window.

    `lines` may hold any others too; they are left out. `held` has the versions that lines name.
    In a trial there are no totals: nothing is charged, and nothing is sent.
    """
    silent = _why_silent(subscription, window)
    reason = silent or _why_whole(subscription, window)
    totals: dict[str, int] = {}
    rated: list[RatedHere] = []
    for line in lines:
        if line.kind != "metered":
            continue
        price = held[line.catalog_version].get(line.price)
        why = reason or _why_rated(line, price)
        if why is not None:
            rated.append(RatedHere(line, why))
        if price is not None and silent is None:
            totals[line.price] = 0 if why else _base_units(line, price)
    return Division(totals, tuple(rated))


def whole_minutes(window: Period) -> Period:
    """The whole minutes inside a window; empty where there are none.

    A provider sums up usage by whole minutes, so that is where all stamps lie.
    """
    micros = MINUTE // timedelta(microseconds=1)
    start = from_micros(-(-to_micros(window.start) // micros) * micros)
    end = from_micros(to_micros(window.end) // micros * micros)
    return Period(start, max(start, end))


def final_minutes(window: Period) -> Period:
    """The whole minutes in which the totals of a window lie once it is over."""
    minutes = whole_minutes(window)
    count = (minutes.end - minutes.start) // MINUTE
    return Period(minutes.end - min(LAST_MINUTES, count // 2) * MINUTE, minutes.end)


def next_stamp(
    window: Period, at: datetime, after: datetime | None, *, final: bool
) -> datetime | None:
    """The stamp of a total that was measured at an instant, after the stamp of the last revision.

    It is the measurement's own second as long as the window lasts. None: no second is left. For a
    window that goes on that means, in its last minutes, that the final total will tell.
    """
    last = final_minutes(window)
    if final:
        room = last
        passed = max(at - window.end, timedelta()) // DRIFT
        wanted = last.start + min(passed, (last.end - last.start) // SECOND // 2) * SECOND
    else:
        room = Period(whole_minutes(window).start, last.start)
        wanted = at.replace(microsecond=0)
    earliest = room.start if after is None else max(room.start, after + SECOND)
    chosen = min(max(wanted, earliest), room.end - SECOND)
    return chosen if chosen >= earliest else None


def next_report(
    price: ReportedPrice,
    latest: ReportedTotal | None,
    total: int,
    at: datetime,
    *,
    final: bool = False,
) -> ReportedTotal | None:
    """The next revision of a total that was measured at an instant; None where there is none.

    That is where the latest revision says this total already (what was never reported says 0), or
    where no stamp is left. `final`: the window is over, and its total is said once more in its
    last minutes. A revision that failed has said nothing.
    """
    if _is_said(price, latest, total, final=final):
        return None
    stamp = next_stamp(price.period, at, None if latest is None else latest.stamp, final=final)
    if stamp is None:
        return None
    revision = 1 if latest is None else latest.revision + 1
    return ReportedTotal(
        subscription=price.subscription,
        organization=price.organization,
        billing_account=price.billing_account,
        customer=price.customer,
        price=price.price,
        event=price.event,
        period=price.period,
        revision=revision,
        total=total,
        stamp=stamp,
        identifier=identifier(price, revision),
        created_at=at,
    )


def identifier(price: ReportedPrice, revision: int) -> str:
    """What names a revision at the provider; the same for the same revision, whatever it says."""
    start = str(to_micros(price.period.start))
    said = "\n".join((price.installation, price.subscription, price.price, start, str(revision)))
    return f"tg-{hashlib.sha256(said.encode()).hexdigest()}"


def intended(report: ReportedTotal) -> Total:
    """A revision as what is asked of the provider."""
    return Total(report.customer, report.event, report.total, report.stamp, report.identifier)


def _is_said(
    price: ReportedPrice, latest: ReportedTotal | None, total: int, *, final: bool
) -> bool:
    if latest is None:
        return total == 0 and not final
    if latest.state == "failed" or latest.customer != price.customer or latest.total != total:
        return False
    return not final or latest.stamp in final_minutes(price.period)


def _why_silent(subscription: Subscription, window: Period) -> str | None:
    """Why nothing of a window is reported, not even a total of 0."""
    if in_trial(subscription, window.start):
        return "nothing is charged in a trial"
    minutes = whole_minutes(window)
    if minutes.end - minutes.start < FEWEST_MINUTES * MINUTE:
        return f"the period has fewer than {FEWEST_MINUTES} whole minutes"
    return None


def _why_whole(subscription: Subscription, window: Period) -> str | None:
    """Why a window is rated here as a whole, with totals of 0."""
    if len(phases_in(subscription, window)) > 1:
        return "the plan changes within the period"
    if window.end < whole_period(subscription, window.start).end:
        return "the subscription ends within the period"
    return None


def _why_rated(line: Line, price: HeldPrice | None) -> str | None:
    if price is None:
        return "a provider cannot hold its price"
    if line.share != 1:
        return "only a share of the period is charged"
    if EXACT.remainder(line.quantity, price.base_unit):
        return f"its quantity is no multiple of {plain(price.base_unit)}"
    if len(str(_base_units(line, price))) > MAX_DIGITS:
        return f"its quantity has more than {MAX_DIGITS} digits in base units"
    return None


def _base_units(line: Line, price: HeldPrice) -> int:
    return int(EXACT.divide_int(line.quantity, price.base_unit))
