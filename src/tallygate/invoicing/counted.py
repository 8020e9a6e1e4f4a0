"""What do counted prices come to: in advance, and once the period is over?

In advance: the count at the boundary, for the whole period. Owed: the curve of the count at every
instant, by the second. The next invoice has one line for what differs: more is an ordinary line,
less is a credit, net of the coupons that the advance had.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

from tallygate.catalog.model import Price
from tallygate.core.period import Period
from tallygate.core.quantity import round_whole
from tallygate.invoicing.contract import Contract, Counts, Offer, offers
from tallygate.invoicing.flats import free
from tallygate.invoicing.handovers import handover_note, joined
from tallygate.metering.windows import span_of
from tallygate.rating.line import Line
from tallygate.rating.rate import rate_counted
from tallygate.rating.rounding import round_minor
from tallygate.rating.words import amount_text
from tallygate.subscriptions.calendar import (
    end_of,
    in_trial,
    next_boundary,
    phase_at,
    phases_in,
    whole_period,
)
from tallygate.subscriptions.model import Phase

INSTANT = timedelta(microseconds=1)


class _Owed(NamedTuple):
    """A price, and the counts that it applies to."""

    price: Price
    catalog_version: int
    counts: list[tuple[int, int, int]]
    notes: list[str]


def counted_in_advance(contract: Contract, at: datetime) -> list[Line]:
    """The counted prices for the period that begins, at the count of this instant."""
    subscription = contract.subscription
    end = end_of(subscription)
    if end is not None and end <= at:
        return []
    phase = phase_at(subscription, at)
    whole = whole_period(subscription, at)
    ahead = Period(at, next_boundary(subscription, at))
    lines = []
    for offer, count in counts_at(contract, phase, at):
        line = rate_counted(offer.price, contract.currency, [(count, *span_of(ahead))], whole)
        line = replace(line, period=ahead, catalog_version=offer.catalog_version)
        lines.append(free(line) if in_trial(subscription, at) else line)
    return lines


def counts_at(contract: Contract, phase: Phase, at: datetime) -> Iterator[tuple[Offer, int]]:
    """The counted prices that a phase offers at an instant, each with its count then."""
    moment = Period(at, at + INSTANT)
    for offer in offers(contract, phase, contract.usage.types(moment), at):
        if offer.price.kind == "counted":
            counts = counts_of(contract, offer, moment)
            yield offer, max((number for number, _, _ in counts), default=0)


def counted_corrections(contract: Contract, window: Period, *, ending: bool) -> list[Line]:
    """A line for each counted price whose period came to something else than its advance."""
    subscription = contract.subscription
    keeps_rest = ending and not subscription.refund
    if in_trial(subscription, window.start) or (keeps_rest and window.start == window.end):
        return []
    whole = whole_period(subscription, window.start)
    advances = {
        line.price: line
        for invoice, line in contract.billed_lines()
        if line.kind == "counted"
        and line.period.start == window.start
        and invoice.dated <= line.period.start
    }
    owed = list(_owed(contract, window))
    if keeps_rest:
        owed = _with_rest(contract, owed, advances, window, whole)
    lines: dict[str, list[Line]] = {key: [] for key in advances}
    notes: dict[str, list[str]] = {}
    for one in owed:
        line = rate_counted(one.price, contract.currency, one.counts, whole)
        line = replace(line, catalog_version=one.catalog_version)
        lines.setdefault(one.price.key, []).append(line)
        notes.setdefault(one.price.key, []).extend(one.notes)
    corrections = (
        _correction(advances.get(key), found, window, joined(*notes.get(key, ())))
        for key, found in lines.items()
    )
    return [line for line in corrections if line is not None]


def _owed(contract: Contract, window: Period) -> Iterable[_Owed]:
    """Every counted price of the window, with its counts; parts on the same price are joined."""
    found: list[_Owed] = []
    for phase, part in phases_in(contract.subscription, window):
        for offer in offers(contract, phase, contract.usage.types(part), window.start):
            if offer.price.kind != "counted":
                continue
            counts, note = counts_of(contract, offer, part), _handover(contract, offer, part)
            same = next((owed for owed in found if owed.price == offer.price), None)
            if same is None:
                same = _Owed(offer.price, offer.catalog_version, [], [])
                found.append(same)
            same.counts.extend(counts)
            same.notes.append(note)
    return found


def counts_of(contract: Contract, offer: Offer, part: Period) -> Counts:
    """How many there were of what a counted price counts, and when."""
    if offer.price.count == "members":
        return contract.usage.members(part)
    return contract.usage.counts(offer.types, part)


def _handover(contract: Contract, offer: Offer, part: Period) -> str:
    if offer.price.count == "members":
        return ""
    return handover_note(contract, offer.types, part)


def _with_rest(
    contract: Contract,
    owed: list[_Owed],
    advances: dict[str, Line],
    window: Period,
    whole: Period,
) -> list[_Owed]:
    """An end gives nothing back: what was counted in advance stays owed for the rest.

    But for what another one pays for by then.
    """
    phase, _ = phases_in(contract.subscription, window)[-1]
    present = offers(contract, phase, contract.usage.types(window), window.start)
    live = {offer.price.key: offer for offer in present}
    rest = Period(window.end, whole.end)
    for one in owed:
        advance, offer = advances.get(one.price.key), live.get(one.price.key)
        if advance is not None and offer is not None and offer.price == one.price:
            share = Fraction(advance.period.microseconds, whole.microseconds)
            count = round_whole(Fraction(advance.measured) / share, "half_up")
            stays = max(count - _left(contract, offer, window), 0)
            one.counts.append((stays, *span_of(rest)))
    return owed


def _left(contract: Contract, offer: Offer, window: Period) -> int:
    """How many of what was counted in advance another one pays for at the window's end."""
    if offer.price.count == "members":
        return 0
    return sum(handed.left for handed in contract.usage.handovers(offer.types, window))


def _correction(
    advance: Line | None, owed: list[Line], window: Period, handed: str
) -> Line | None:
    """The line for what a price owes beyond its advance; None where they are equal."""
    paid = advance.amount if advance is not None else 0
    due = sum(line.amount for line in owed)
    if due == paid:
        return None
    template = owed[-1] if owed else advance
    assert template is not None, "a difference has something that differs"
    counted = "; ".join(line.note for line in owed if line.note)
    note = (
        f"{amount_text(due, template.currency)} owed by the second"
        f"{f' ({counted})' if counted else ''}, "
        f"{amount_text(paid, template.currency)} billed in advance"
    )
    note = joined(note, handed)
    line = replace(template, amount=due - paid, period=window, steps=(), discounts=(), note=note)
    if due > paid or advance is None:
        return line
    kept = Fraction(advance.net, advance.amount)
    return replace(line, kind="credit", amount=-round_minor((paid - due) * kept))
