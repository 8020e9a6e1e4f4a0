"""What do flat prices come to: in advance, at a plan change, at the end?

They are billed for the base's period in advance. A change inside it gives back what was billed of
the old plan for the seconds that are left, and charges the new plan for them: two lines, each
rounded alone. A price that both plans have stays as it is.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain

from tallygate.catalog.model import Price
from tallygate.core.period import Period
from tallygate.invoicing.contract import Contract, plan_of
from tallygate.rating.line import Line
from tallygate.rating.proration import charge, credit
from tallygate.rating.rate import rate_flat
from tallygate.rating.words import amount_text
from tallygate.subscriptions.calendar import base_period, flats_due, in_trial, phase_at

TRIAL = "trial: nothing is charged"


def flats_in_advance(contract: Contract, at: datetime) -> list[Line]:
    """The flats that fall due at a boundary, or at the beginning."""
    subscription = contract.subscription
    due = flats_due(subscription, at)
    if due is None:
        return []
    share = due.share_of(base_period(subscription, at))
    version = phase_at(subscription, at).catalog_version
    lines = [
        replace(rate_flat(price, contract.currency, due, share=share), catalog_version=version)
        for price in _flats_at(contract, at).values()
    ]
    return [free(line) for line in lines] if in_trial(subscription, at) else lines


def flat_changes(contract: Contract, since: datetime, until: datetime) -> list[Line]:
    """What the plan changes in [since, until] owe for flats beyond what was billed, and give back.

    Nothing where all flats that run are those of the plan already. Of several changes, each starts
    from what the ones before it leave.
    """
    lines: list[Line] = []
    for phase in contract.subscription.phases:
        if since <= phase.since <= until and not in_trial(contract.subscription, phase.since):
            lines += _flat_change(contract, phase.since, lines)
    return lines


def _flat_change(contract: Contract, at: datetime, before: Sequence[Line]) -> list[Line]:
    wanted = _flats_at(contract, at)
    lines = []
    for line in running_flats(contract, at, before):
        price = wanted.get(line.price)
        if price is not None and _price_of(contract, line) == price:
            del wanted[line.price]
        else:
            lines.append(credit(line, Period(at, line.period.end)))
    base = base_period(contract.subscription, at)
    version = phase_at(contract.subscription, at).catalog_version
    rest = Period(at, base.end)
    for price in wanted.values():
        charged = charge(price, contract.currency, rest, base)
        lines.append(replace(charged, catalog_version=version))
    return lines


def flats_refunded(contract: Contract, at: datetime, more: Sequence[Line]) -> list[Line]:
    """What an end gives back of the flats that were billed, or are about to be, beyond it.

    `more` are the lines of the same invoice: a change that waited for the end has given back, and
    charged, by then.
    """
    return [
        credit(line, Period(at, line.period.end))
        for line in running_flats(contract, at, more)
        if line.amount
    ]


def credits_corrected(contract: Contract, lines: Sequence[Line], dated: datetime) -> list[Line]:
    """What credits gave back too much, or too little, of flats that are billed only now.

    A plan change while a boundary waits for late events gives back the boundary's flats as they
    are foreseen then. Late events can still move what a coupon takes off them.
    """
    given = [line for _, line in contract.billed_lines() if line.kind == "credit"]
    corrected = []
    for line in lines:
        if line.kind != "flat" or line.period.start != dated:
            continue
        # Of several, the first gave this line back; the others what was charged after it.
        own = (credit_ for credit_ in given if _gives_back(credit_, line))
        first = min(own, key=lambda credit_: credit_.period.start, default=None)
        if first is None:
            continue
        wanted = credit(line, first.period)
        if wanted.amount != first.amount:
            before = amount_text(-first.amount, line.currency)
            note = f"{wanted.note}; {before} was given back before it was billed"
            corrected.append(replace(wanted, amount=wanted.amount - first.amount, note=note))
    return corrected


def running_flats(contract: Contract, at: datetime, more: Sequence[Line] = ()) -> list[Line]:
    """The flat lines, billed or about to be, for that instant that were not given back by then."""
    flats, credits_ = [], []
    for line in chain((line for _, line in contract.billed_lines()), more):
        if line.kind == "flat" and at in line.period:
            flats.append(line)
        elif line.kind == "credit" and line.period.start <= at:
            credits_.append(line)
    return [line for line in flats if not any(_gives_back(credit_, line) for credit_ in credits_)]


def free(line: Line) -> Line:
    """A line in a trial."""
    return replace(line, amount=0, steps=(), bound=None, note=TRIAL)


def _flats_at(contract: Contract, at: datetime) -> dict[str, Price]:
    phase = phase_at(contract.subscription, at)
    prices = plan_of(contract, phase).prices_for(phase.interval)
    return {price.key: price for price in prices if price.kind == "flat"}


def _price_of(contract: Contract, line: Line) -> Price | None:
    plans = contract.catalogs[line.catalog_version].plans.values()
    return next(
        (price for plan in plans for price in plan.prices if price.key == line.price), None
    )


def _gives_back(credit_: Line, line: Line) -> bool:
    return (
        credit_.price == line.price
        and credit_.catalog_version == line.catalog_version
        and credit_.period.end == line.period.end
        and credit_.period.start >= line.period.start
    )
