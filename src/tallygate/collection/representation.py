"""How does an invoice of ours stand on the provider's?

A line is the provider's own where it bills the same by itself: flats and counted prices in
advance, metered ones by a total that was reported, a plan change as its proration. Every other
line is put there as an item, and so is what an earlier invoice lacked. On the provider's own
invoices, items of what was rated here are gross, and coupons reach them; credits and adjustments
are net, and none does. On an invoice that we make there, everything is net.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from tallygate.collection.contracted import HeldPrices
from tallygate.collection.intents import PutItem
from tallygate.collection.progress import occasion_of
from tallygate.collection.records import Collected
from tallygate.collection.totals import Division
from tallygate.core.money import Money
from tallygate.core.period import Period, instant_text
from tallygate.core.quantity import plain
from tallygate.invoicing.model import Invoice
from tallygate.rating.line import Line
from tallygate.rating.words import amount_text

MAX_DESCRIPTION = 400

OwnKind = Literal["flat", "counted", "metered", "proration"]


@dataclass(frozen=True, slots=True)
class Own:
    """A line of ours that the provider bills by itself."""

    key: str
    kind: OwnKind
    amount: int
    period: Period


@dataclass(frozen=True, slots=True)
class Put:
    """A line that is put on the provider's invoice; `mark` is unique there.

    `makes_up`: it makes up for an earlier invoice, and is no line of ours.
    """

    mark: str
    key: str
    amount: int
    description: str
    period: Period
    product: str | None
    discountable: bool
    makes_up: bool = False

    def on(self, draft: str, customer: str, currency: str) -> PutItem:
        """The intent to put it on a draft."""
        money = Money(self.amount, currency)
        return PutItem(
            customer,
            draft,
            self.mark,
            money,
            self.description,
            self.period,
            self.product,
            self.discountable,
        )


@dataclass(frozen=True, slots=True)
class Representation:
    """All lines of an invoice of ours, as they stand on the provider's.

    `totals` are those that have to be there before it is final, by price key. `net`: amounts are
    after coupons, which are not shown there. `off_more` is what coupons take off there beyond what
    they take off here, by coupon in minor units, because they reach what is not owed.
    """

    own: tuple[Own, ...]
    put: tuple[Put, ...]
    totals: Mapping[str, int] = field(default_factory=dict)
    net: bool = False
    off_more: Mapping[str, int] = field(default_factory=dict)


def represent(
    invoice: Invoice,
    held: HeldPrices,
    division: Division,
    there: Collection[str],
    product_of: Callable[[int, str], str | None],
    *,
    shortfalls: Iterable[Collected] = (),
    prorated: bool = False,
) -> Representation:
    """How an invoice of ours stands on the provider's own invoice for the same occasion.

    `division` says which metered lines are charged by totals, `there` the price keys that the
    subscription has items of. `prorated`: it is a plan change that the provider has charged by
    the second itself; its prorations are net of coupons.
    """
    rated = {id(one.line) for one in division.rated}
    own: list[Own] = []
    put: list[Put] = []
    for number, line in enumerate(invoice.lines):
        kind = _own_kind(invoice, line, held, prorated=prorated)
        if kind == "metered" and (id(line) in rated or line.price not in division.totals):
            kind = None
        if kind is not None and (kind == "proration" or line.price in there):
            amount = line.net if prorated else line.amount
            own.append(Own(line.price, kind, amount, line.period))
        elif line.amount:
            put.append(_put(invoice, number, line, product_of))
    totals = {key: total for key, total in division.totals.items() if key in there}
    made_up = _made_up_for(invoice, shortfalls)
    return Representation(tuple(own), (*put, *made_up), totals, net=prorated)


def represent_alone(
    invoice: Invoice,
    product_of: Callable[[int, str], str | None],
    shortfalls: Iterable[Collected] = (),
) -> Representation:
    """How an invoice of ours stands on one that we make there: every line is put, net.

    Coupons belong to the provider's subscription, and reach no invoice beside it.
    """
    put = (
        replace(
            _put(invoice, number, line, product_of),
            amount=line.net,
            description=_described_net(line),
            discountable=False,
        )
        for number, line in enumerate(invoice.lines)
        if line.net
    )
    return Representation((), (*put, *_made_up_for(invoice, shortfalls)), net=True)


def _own_kind(invoice: Invoice, line: Line, held: HeldPrices, *, prorated: bool) -> OwnKind | None:
    """As what the provider may bill a line by itself; None: it does not."""
    if prorated and line.kind in {"flat", "credit"}:
        return "proration"
    if line.price not in held[line.catalog_version]:
        return None
    in_advance = line.period.start == invoice.dated and invoice.reason != "change"
    match line.kind:
        case "metered":
            return "metered"
        case "flat" | "counted":
            return line.kind if in_advance else None
        case "credit" | "adjustment":
            return None


def _put(
    invoice: Invoice, number: int, line: Line, product_of: Callable[[int, str], str | None]
) -> Put:
    net = line.kind in {"credit", "adjustment"}
    return Put(
        mark=f"{occasion_of(invoice)}/{number}",
        key=line.price,
        amount=line.amount,
        description=_described(line),
        period=line.period,
        product=product_of(line.catalog_version, line.price),
        discountable=not net,
    )


def _described(line: Line) -> str:
    """A line in one sentence, for the provider's invoice."""
    if line.kind in {"credit", "adjustment"} or (line.note and not line.steps):
        said = line.note
    else:
        said = f"{plain(line.quantity)} charged of {plain(line.measured)} {line.unit}".rstrip()
    return f"{line.price}: {said}"[:MAX_DESCRIPTION]


def _described_net(line: Line) -> str:
    """The same, with what coupons have taken off already."""
    taken = [
        f"less {amount_text(one.amount, line.currency)} ({one.coupon})" for one in line.discounts
    ]
    return ", ".join([_described(line), *taken])[:MAX_DESCRIPTION]


def _made_up_for(invoice: Invoice, shortfalls: Iterable[Collected]) -> Iterator[Put]:
    for one in shortfalls:
        direction = "too little" if one.shortfall > 0 else "too much"
        yield Put(
            mark=f"{occasion_of(invoice)}/for/{instant_text(one.dated)}",
            key="",
            amount=one.shortfall,
            description=(
                f"Correction: the invoice of {one.dated.date().isoformat()} had {direction} by "
                f"{amount_text(abs(one.shortfall), one.currency)}."
            ),
            period=Period(one.dated, invoice.dated),
            product=None,
            discountable=False,
            makes_up=True,
        )
