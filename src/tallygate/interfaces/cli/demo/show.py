"""How does an invoice look on a terminal, and in JSON?

A table with a row for each line: the price, how it came about in sentences, and the amount.
"""

from collections.abc import Sequence
from typing import Any

from tallygate.core.money import Money
from tallygate.interfaces.cli import screen
from tallygate.invoicing.model import Invoice
from tallygate.rating.explain import explain


def show_invoice(title: str, invoice: Invoice) -> None:
    """Print an invoice as a table with its explanation."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title), title_justify="left", title_style="bold", box=box.SIMPLE)
    table.add_column("price", no_wrap=True)
    table.add_column("how it came about")
    table.add_column("amount", justify="right", no_wrap=True)
    for line in invoice.lines:
        told = "\n".join(explain(line)) or str(line.period)
        table.add_row(line.price, escape(told), str(Money(line.amount, line.currency)))
    table.add_section()
    if invoice.discount:
        codes = ", ".join(sorted({d.coupon for line in invoice.lines for d in line.discounts}))
        table.add_row("discount", escape(codes), str(Money(-invoice.discount, invoice.currency)))
    table.add_row("total", "", str(Money(invoice.total, invoice.currency)), style="bold")
    Console(highlight=False).print(table)


def show_worked(rows: Sequence[dict[str, Any]]) -> None:
    """Print the worked examples: the total by quote and by events, side by side."""
    screen.table(
        ("worked example", "by quote", "by events"),
        [(row["example"], str(row["quote_text"]), str(row["events_text"])) for row in rows],
        numbers=(1, 2),
    )


def invoice_json(invoice: Invoice) -> dict[str, Any]:
    """An invoice for a program: amounts in minor units."""
    return {
        "currency": invoice.currency,
        "lines": [
            {
                "price": line.price,
                "quantity": str(line.quantity),
                "amount": line.amount,
                "explanation": list(explain(line)),
            }
            for line in invoice.lines
        ],
        "subtotal": invoice.subtotal,
        "discount": invoice.discount,
        "total": invoice.total,
    }
