"""What does usage that arrived after its period was closed change?

The closed period is billed again over all usage now known, by the same function, with the coupons
that its invoice had. What comes out, less what was billed and already adjusted, is a line on the
next invoice, up or down. It is net: no coupon touches it again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from tallygate.core.period import Period
from tallygate.core.quantity import plain
from tallygate.invoicing.assemble import arrears, coupons_of, coupons_on
from tallygate.invoicing.contract import LOOKING, Contract, plan_of
from tallygate.invoicing.handovers import joined
from tallygate.invoicing.model import Invoice
from tallygate.rating.discounts import apply_coupons
from tallygate.rating.line import Line
from tallygate.rating.words import amount_text
from tallygate.subscriptions.calendar import closed_windows, end_of, in_trial, phases_in

_Place = tuple[str, Period, bool]
"""A line's price and period, and whether it is a flat's charge."""


def late_lines(contract: Contract, since: datetime) -> list[Line]:
    """The adjustments that closed periods need, oldest first.

    Periods that were over before `since` are left alone: no event can reach them any more. What
    the account's ended contracts need comes first.
    """
    position = contract.looked_at
    made = {i.period: i for i in contract.billed if i.reason in LOOKING}
    lines: list[Line] = []
    for ended in contract.before:
        lines += late_lines(replace(ended, later=(*ended.later, *contract.billed)), since)
    for closed in closed_windows(contract.subscription, since):
        invoice = made.get(closed) or _nothing_billed(contract, closed)
        unsaved = closed in made and not invoice.id
        if not unsaved and _may_differ(contract, invoice, position):
            lines += _adjust(contract, invoice, position)
    return lines


def _may_differ(contract: Contract, invoice: Invoice, position: int) -> bool:
    """Whether the closed period of an invoice could come to something else by now.

    Every meter of a plan has a line, so the lines tell what was measured. The lives of members
    leave no trace in the log and are always looked at again.
    """
    if in_trial(contract.subscription, invoice.period.start):
        return False
    if contract.usage.lives_changed(invoice.period, position):
        return True
    if any(_is_late(contract, invoice, line, position) for line in invoice.lines):
        return True
    return any(
        price.count == "members"
        for phase, _ in phases_in(contract.subscription, invoice.period)
        for price in plan_of(contract, phase).prices
    )


def _is_late(contract: Contract, invoice: Invoice, line: Line, position: int) -> bool:
    """Whether a metered line may have news in its part of the period: of its meter, or of lives.

    The lives of resources end the series of a gauge, and tell what a type's price measures.
    """
    if line.meter is None or not _in_arrears(invoice, line):
        return False
    if contract.usage.lives_changed(line.period, position):
        return True
    meter = contract.catalogs[line.catalog_version].meters[line.meter]
    return contract.usage.came_late(meter, line.period, position)


def _nothing_billed(contract: Contract, closed: Period) -> Invoice:
    """What stands for the invoice of a window that had none, as on a free plan.

    It has the coupons that held at its date.
    """
    nothing = one_off(contract, (), closed.end, 0)
    return replace(
        nothing,
        reason="end" if closed.end == end_of(contract.subscription) else "boundary",
        period=closed,
        coupons=tuple(coupon.key for coupon in coupons_on(contract, closed.end)),
    )


def one_off(contract: Contract, lines: Sequence[Line], dated: datetime, position: int) -> Invoice:
    """An invoice of adjustments alone; below zero it is a credit note."""
    subscription = contract.subscription
    start = min([line.period.start for line in lines], default=dated)
    return Invoice(
        id="",
        organization=subscription.organization,
        billing_account=subscription.billing_account,
        subscription=subscription.id,
        reason="adjustment",
        currency=subscription.currency,
        dated=dated,
        period=Period(start, max([start, *(line.period.end for line in lines)])),
        position=position,
        lines=tuple(lines),
    )


def _adjust(contract: Contract, invoice: Invoice, position: int) -> list[Line]:
    """The adjustments of one invoice; their sum is exactly what it lacks."""
    old = [line for line in invoice.lines if _in_arrears(invoice, line)]
    corrections = contract.corrections_of(invoice)
    adjusted = {_place(line) for line in corrections}
    settled = {
        (line.price, line.period): replace(line, discounts=())
        for line in old
        if line.meter is not None
        and _place(line) not in adjusted
        and not _is_late(contract, invoice, line, position)
    }
    then = replace(contract, billed=tuple(i for i in contract.billed if i.dated < invoice.dated))
    ending = invoice.reason == "end"
    again = arrears(then, invoice.period, ending=ending, settled=settled)
    fixed = [
        line
        for line in invoice.lines
        if not _in_arrears(invoice, line) and line.kind != "adjustment"
    ]
    coupons = coupons_of(contract, invoice)
    bare = [replace(line, discounts=()) for line in fixed]
    discounted = apply_coupons([*bare, *again], coupons)
    now = discounted[len(bare) :]
    known = _nets([*old, *corrections])
    wanted = _nets(now)
    templates = {_place(line): line for line in [*old, *corrections, *now]}
    lines = [
        (template, wanted.get(place, 0) - known.get(place, 0), known.get(place, 0))
        for place, template in templates.items()
    ]
    # What the coupons moved on lines that stay (a cent, or an amount off that finds more to take).
    moved = sum(line.net for line in discounted[: len(bare)]) - sum(line.net for line in fixed)
    return _gathered(lines, moved, invoice, [coupon.key for coupon in coupons])


def _gathered(
    found: list[tuple[Line, int, int]], moved: int, invoice: Invoice, coupons: Sequence[str]
) -> list[Line]:
    net_of = f", net of {', '.join(coupons)}" if coupons else ""
    if moved and found:
        first = next((i for i, (_, difference, _) in enumerate(found) if difference), 0)
        line, difference, known = found[first]
        found[first] = (line, difference + moved, known)
    lines = []
    for line, difference, known in found:
        if not difference:
            continue
        lines.append(
            replace(
                line,
                kind="adjustment",
                amount=difference,
                discounts=(),
                corrects=invoice.id,
                note=joined(
                    f"late usage: all {plain(line.measured)} come to "
                    f"{amount_text(known + difference, line.currency)}{net_of}, and "
                    f"{amount_text(known, line.currency)} was billed"
                    + (f" on invoice {invoice.number}" if invoice.number else ""),
                    line.note if line.kind == "metered" else "",
                ),
            )
        )
    return lines


def _nets(lines: Iterable[Line]) -> dict[_Place, int]:
    nets: dict[_Place, int] = {}
    for line in lines:
        nets[_place(line)] = nets.get(_place(line), 0) + line.net
    return nets


def _place(line: Line) -> _Place:
    return line.price, line.period, line.kind == "flat"


def _in_arrears(invoice: Invoice, line: Line) -> bool:
    return line.kind != "adjustment" and line.period.start < invoice.dated
