"""What has the provider billed ahead at a boundary that is not what is owed ahead?

Of a counted price it bills the quantity that it had at the instant of the boundary; what is owed
is our count of that instant, which may be none. A subscription that ends at the very instant of a
boundary owes nothing ahead, while the provider's draft has its flats already. What was billed too
little is put beside it, and coupons reach it as they reach the rest. What was billed too much is
taken off by an item that no coupon touches; what coupons took off because of it is put back, by
an item for each of them. So the sums agree to the cent, whatever else the coupons reach there.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from tallygate.catalog.model import Coupon
from tallygate.collection.progress import occasion_of
from tallygate.collection.representation import Own, Put, Representation
from tallygate.collection.seen import SeenInvoice, SeenLine
from tallygate.core.period import Period
from tallygate.invoicing.model import Invoice
from tallygate.rating.discounts import apply_coupons, taken_off
from tallygate.rating.line import Line
from tallygate.rating.words import amount_text

ONE = Decimal(1)


def with_counts_made_up(
    representation: Representation,
    invoice: Invoice,
    seen: Sequence[SeenInvoice],
    counted_keys: Collection[str],
    flat_keys: Collection[str] = (),
    *,
    coupons: Iterable[Coupon] = (),
) -> Representation:
    """The same, with items for what was billed ahead there and is not owed, or lacks.

    `counted_keys` and `flat_keys` are those of all counted and all flat prices: a line of one that
    no line of ours stands for is a count of none, or, at an end, the flat of a period that never
    comes. `coupons` are those that the invoice has here, in their order.
    """
    lines = [line for one in seen for line in one.lines if line.item is None]
    known = frozenset((*counted_keys, *(flat_keys if invoice.reason == "end" else ())))
    ahead = (*representation.own, *_not_owed(representation, lines, known))
    own: list[Own] = []
    put: list[Put] = []
    off: list[Own] = []
    for one in ahead:
        billed = sum(line.amount for line in lines if line.key == one.key)
        if one.kind != "counted" or billed == one.amount:
            own.append(one)
            continue
        own.append(replace(one, amount=billed))
        put.append(_made_up(invoice, one, billed, ended=one.key in flat_keys))
        if billed > one.amount:
            off.append(own[-1])
    holding = [one for one in coupons if _holds_there(one, lines)]
    more = _taken_off_more(invoice, off, holding) if off else {}
    put += [_put_back(invoice, coupon, amount, off[0].period) for coupon, amount in more.items()]
    return replace(representation, own=tuple(own), put=(*representation.put, *put), off_more=more)


def _not_owed(
    representation: Representation, lines: Iterable[SeenLine], known: frozenset[str]
) -> Iterable[Own]:
    """What was billed ahead there of the known prices, and has no line here."""
    ours = {one.key for one in representation.own}
    return {
        line.key: Own(line.key, "counted", 0, line.period)
        for line in lines
        if line.key is not None and line.kind == "flat" and line.key in known - ours
    }.values()


def _made_up(invoice: Invoice, one: Own, billed: int, *, ended: bool) -> Put:
    why = "after the end" if ended else "for the count at the boundary"
    said = (
        f"{one.key}: {amount_text(one.amount, invoice.currency)} {why}, "
        f"{amount_text(billed, invoice.currency)} stands here already"
    )
    return Put(
        f"{occasion_of(invoice)}/count/{one.key}",
        one.key,
        one.amount - billed,
        said,
        one.period,
        None,
        discountable=billed < one.amount,
    )


def _holds_there(coupon: Coupon, lines: Iterable[SeenLine]) -> bool:
    """When a coupon that holds once is spent, is for each side to say: a trial spends it there."""
    return coupon.duration != "once" or any(coupon.key in line.discounts for line in lines)


def _taken_off_more(
    invoice: Invoice, off: Iterable[Own], coupons: Iterable[Coupon]
) -> Mapping[str, int]:
    """What each coupon takes off there beyond what it takes off here, where they differ.

    There it meets in full what was billed too much, beside all that it meets here.
    """
    billed = {one.key: _line_of(one, invoice.currency) for one in off}
    rest = [
        replace(line, discounts=())
        for line in invoice.lines
        if line.price not in billed or line.period.start != invoice.dated
    ]
    there = taken_off(apply_coupons([*billed.values(), *rest], coupons))
    here = taken_off(invoice.lines)
    more = {key: there.get(key, 0) - here.get(key, 0) for key in dict.fromkeys([*there, *here])}
    return {key: amount for key, amount in more.items() if amount}


def _line_of(one: Own, currency: str) -> Line:
    return Line(one.key, "counted", currency, one.amount, ONE, ONE, one.period)


def _put_back(invoice: Invoice, coupon: str, amount: int, period: Period) -> Put:
    said = (
        f"{coupon}: {amount_text(amount, invoice.currency)} is taken off here of what is not owed"
    )
    mark = f"{occasion_of(invoice)}/coupon/{coupon}"
    return Put(mark, "", amount, said, period, None, discountable=False)
