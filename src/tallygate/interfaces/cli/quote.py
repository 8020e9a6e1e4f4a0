"""What would a plan cost? A price before buying, from a catalog file alone."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallygate.interfaces.cli import screen

if TYPE_CHECKING:
    from decimal import Decimal


def quote(
    catalog: Annotated[Path, typer.Argument(help="The catalog file.", show_default=False)],
    plan: Annotated[str, typer.Option(help="The key of a plan.", show_default=False)],
    interval: Annotated[str, typer.Option(help="month or year.")] = "month",
    currency: Annotated[
        str | None, typer.Option(help="A currency of the catalog; default: its first.")
    ] = None,
    usage: Annotated[
        list[str] | None,
        typer.Option(help="METER=QUANTITY, as measured; repeat it for more meters."),
    ] = None,
    coupon: Annotated[
        list[str] | None, typer.Option(help="A coupon's code; repeat it for more.")
    ] = None,
    as_json: Annotated[bool, screen.AsJson] = False,
) -> None:
    """Price a plan with given usage, line by line."""
    from tallygate.catalog import read_catalog
    from tallygate.core.quantity import plain
    from tallygate.interfaces.cli.catalog import read_text
    from tallygate.rating import explain
    from tallygate.workflows.questions.quote import quote as price

    found = read_catalog(read_text(catalog), catalog.name)
    priced = price(
        found,
        plan,
        interval=interval,
        currency=currency,
        usage=_usage(usage or []),
        coupons=tuple(coupon or ()),
    )
    if as_json:
        screen.print_json(priced.as_json())
        return
    rows = [
        (
            line.price,
            plain(line.quantity),
            screen.money(line.amount, line.currency),
            "\n".join(explain(line)),
        )
        for line in priced.lines
    ]
    screen.table(("Price", "Quantity", "Amount", "Explanation"), rows, numbers=(1, 2))
    if priced.discount:
        screen.out(f"Subtotal  {screen.money(priced.subtotal, priced.currency)}")
        screen.out(f"Discount  {screen.money(-priced.discount, priced.currency)}")
    screen.out(f"Total     {screen.money(priced.total, priced.currency)}")
    for meter in priced.unpriced:
        screen.note(f"The plan {plan} does not price {meter}: its usage costs nothing here.")


def _usage(given: list[str]) -> "dict[str, Decimal]":
    """The usage that was typed, by meter.

    Raises:
        Invalid: it has another form, or names a meter twice.
    """
    from tallygate.core.errors import Invalid
    from tallygate.core.quantity import parse_decimal

    usage: dict[str, Decimal] = {}
    for text in given:
        meter, equals, quantity = text.partition("=")
        if not equals or not meter:
            raise Invalid(f"--usage {text}: write METER=QUANTITY, as --usage devices=8.")
        if meter in usage:
            raise Invalid(f"--usage {text}: {meter} is given twice.")
        usage[meter] = parse_decimal(quantity)
    return usage
