"""From what an item is billed for to the lines of an invoice.

Source: recorded invoices for the sentences; https://docs.stripe.com/billing/subscriptions/prorations.
Assumed: a first period cut short by the anchor is one prorated line with the ordinary sentence.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tallygate_sandbox import meters
from tallygate_sandbox.invoices import NewLine
from tallygate_sandbox.money import currencies
from tallygate_sandbox.money.prices import Charge, charges_for, exact_amount
from tallygate_sandbox.money.rounding import ratio
from tallygate_sandbox.products import discounts
from tallygate_sandbox.products.prices import in_currency
from tallygate_sandbox.subscriptions import items as rows
from tallygate_sandbox.world import Obj, Seen, World


@dataclass(frozen=True, slots=True)
class Due:
    """What an item is billed for: `quantity` at a price from `start` until before `end`.

    `whole` is the full period (start, end) of which that is a part, None when it is all of it.
    A metered item has no quantity: its usage is read when the line is made, `through` the second
    that is its end where nothing follows it.
    """

    item: str
    price: str
    quantity: int | None
    start: int
    end: int
    whole: tuple[int, int] | None = None
    trial: bool = False
    through: bool = False
    discounts: tuple[str, ...] = ()
    tax_rates: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()

    def stored(self) -> Obj:
        return asdict(self)

    @classmethod
    def restored(cls, kept: dict[str, Any]) -> "Due":
        lists = {k: tuple(kept[k]) for k in ("discounts", "tax_rates")}
        whole = tuple(kept["whole"]) if kept["whole"] else None
        metadata = tuple((name, value) for name, value in kept["metadata"])
        return cls(**(kept | lists | {"whole": whole, "metadata": metadata}))


def due_for(item: Seen, start: int, end: int, **more: Any) -> Due:
    """What an item as it is now is billed for."""
    return Due(
        item["id"],
        item["price"],
        item.get("quantity"),
        start,
        end,
        discounts=tuple(item["discounts"]),
        tax_rates=tuple(item["tax_rates"]),
        metadata=tuple(item["metadata"].items()),
        **more,
    )


def with_discounts(world: World, dues: Iterable[Due], at: int) -> list[Due]:
    """What items are billed for, with those of their own discounts that hold at an instant."""
    return [
        replace(one, discounts=tuple(d for d in one.discounts if discounts.holds(world, d, at)))
        for one in dues
    ]


def lines_of(world: World, sub: Seen, dues: Iterable[Due]) -> list[NewLine]:
    """The lines, as things are now: the usage of metered items is read at this moment."""
    return [line for due in dues for line in _lines(world, sub, due)]


def _lines(world: World, sub: Seen, due: Due) -> list[NewLine]:
    price = in_currency(world.get("price", due.price), sub["currency"])
    if due.trial:
        return _trial_lines(world, sub, due, price)
    if rows.metered(price):
        return _usage_lines(world, sub, due, price)
    if due.whole is not None:
        return [_part_line(world, sub, due, price, due.whole)]
    return _charged_lines(world, sub, due, price, due.quantity or 0)


def _usage_lines(world: World, sub: Seen, due: Due, price: Seen) -> list[NewLine]:
    if due.start == due.end and not due.through:
        # The first invoice of a classic subscription names it at nothing.
        nothing = Charge(0, Decimal(0), Decimal(0))
        return [_line(sub, due, price, nothing, counted(world, price, 0))]
    meter = price["recurring"]["meter"]
    until = due.end + 1 if due.through else due.end
    used = max(meters.usage(world, meter, sub["customer"], due.start, until), Decimal(0))
    lines = _charged_lines(world, sub, due, price, used)
    if not used and sub["billing_mode"]["type"] == "flexible":
        return [line for line in lines if line.amount]  # the flat fee of the first tier
    return lines


def _charged_lines(
    world: World, sub: Seen, due: Due, price: Seen, quantity: Decimal | int
) -> list[NewLine]:
    return [
        _line(sub, due, price, charge, description(world, price, charge))
        for charge in charges_for(price, quantity, sub["currency"])
    ]


def _part_line(world: World, sub: Seen, due: Due, price: Seen, whole: tuple[int, int]) -> NewLine:
    """A part of a full period: its share of the amount, by the second."""
    quantity = due.quantity or 0
    full = amount_of(price, quantity, sub["currency"])
    amount = ratio(full, due.end - due.start, whole[1] - whole[0])
    charge = Charge(amount, Decimal(quantity), None)
    return _line(sub, due, price, charge, description(world, price, charge), proration=True)


def _trial_lines(world: World, sub: Seen, due: Due, price: Seen) -> list[NewLine]:
    free = Charge(0, Decimal(due.quantity or 0), Decimal(0))
    if not rows.metered(price):
        said = f"Free trial for {counted(world, price, due.quantity or 0)}"
    elif sub["billing_mode"]["type"] == "flexible":
        return []
    else:
        said = f"Free trial for {product_name(world, price)}"
    return [_line(sub, due, price, free, said)]


def _line(
    sub: Seen, due: Due, price: Seen, charge: Charge, said: str, *, proration: bool = False
) -> NewLine:
    return NewLine(
        amount=charge.amount,
        currency=sub["currency"],
        description=said,
        period=(due.start, due.end),
        price=price,
        quantity=charge.quantity,
        unit_amount=charge.unit_amount,
        subscription=sub["id"],
        subscription_item=due.item,
        proration=proration,
        discounts=due.discounts,
        metadata=dict(due.metadata),
        tax_rates=due.tax_rates,
        metered=rows.metered(price) and not due.trial,
    )


def amount_of(price: Seen, quantity: int, currency: str) -> Decimal:
    """What a quantity costs for a full period (minor units), exactly: a part is rounded once."""
    return exact_amount(price, quantity, currency)


def product_name(world: World, price: Seen) -> str:
    product = world.find("product", price["product"])
    return str(product["name"]) if product else str(price["product"])


def counted(world: World, price: Seen, quantity: Decimal | int) -> str:
    """`3 user × Basic`, with the product's unit label where it has one."""
    product = world.find("product", price["product"])
    label = product.get("unit_label") if product else None
    unit = f"{label} " if label else ""
    number = format(Decimal(quantity).normalize(), "f")
    return f"{number} {unit}× {product_name(world, price)}"


def description(world: World, price: Seen, charge: Charge) -> str:
    """`1 user × Basic (at $25.00 / month)`; tiers say which one they are."""
    said = counted(world, price, charge.quantity)
    if charge.description_suffix:
        return f"{said} {charge.description_suffix}"
    unit = charge.unit_amount
    if unit is None and price["billing_scheme"] == "tiered":
        return said
    unit = Decimal(price["unit_amount_decimal"] or 0) if unit is None else unit
    return f"{said} (at {rate(unit, price['currency'])} / {rhythm(price)})"


def rate(unit_amount: Decimal, currency: str) -> str:
    """A rate for a reader: 2500 is $25.00, 0.5 is $0.005."""
    if unit_amount == unit_amount.to_integral_value():
        return currencies.written(int(unit_amount), currency)
    places = currencies.decimals(currency)
    exact = format((unit_amount / 10**places).normalize(), "f")
    symbol = currencies.SYMBOLS.get(currency)
    return f"{symbol}{exact}" if symbol else f"{exact} {currency.upper()}"


def rhythm(price: Seen) -> str:
    """`month`, or `every 3 months`."""
    interval, count = price["recurring"]["interval"], price["recurring"]["interval_count"]
    return str(interval) if count == 1 else f"every {count} {interval}s"


def day(instant: int) -> str:
    """`10 Nov 2025`, as the sentences of prorations say it."""
    here = datetime.fromtimestamp(instant, UTC)
    return f"{here.day:02d} {here:%b %Y}"
