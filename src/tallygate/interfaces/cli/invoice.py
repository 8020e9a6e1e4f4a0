"""What will be billed, what has been billed, and why?"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallygate.interfaces.cli import screen
from tallygate.interfaces.cli.breakdown import breakdown

if TYPE_CHECKING:
    from tallygate.collection.records import Collected
    from tallygate.invoicing.model import Invoice
    from tallygate.workflows.installation import Installation

HELP = "Preview, close, explain and break down invoices; decide about those that are held."


def preview(
    account: Annotated[
        str,
        typer.Argument(
            help="A billing account, subscription or organization, by id or external id.",
            show_default=False,
        ),
    ],
    as_json: Annotated[bool, screen.AsJson] = False,
) -> None:
    """Show the next invoice with the usage so far; nothing is stored."""
    from tallygate.app import open_installation
    from tallygate.config import load_config
    from tallygate.workflows.questions.preview import preview as foresee

    with open_installation(load_config()) as installation:
        invoice = foresee(installation, _billed(installation, account))
    _show([invoice], as_json=as_json, single=True)


def close(
    account: Annotated[
        str | None, typer.Option(help="Close this account's periods alone, not everybody's.")
    ] = None,
    commit: Annotated[
        bool, typer.Option("--commit", help="Store the invoices. Without this, nothing is.")
    ] = False,
    as_json: Annotated[bool, screen.AsJson] = False,
) -> None:
    """Bill every period that is over (a dry run without --commit)."""
    from tallygate.app import open_installation
    from tallygate.config import load_config
    from tallygate.workflows.close import close_due

    with open_installation(load_config()) as installation:
        named = None if account is None else _billed(installation, account)
        made = close_due(installation, commit=commit, billing_account=named)
    if made or as_json:
        _show(made, as_json=as_json, single=False)
    else:
        screen.out("Nothing is due.")
    if made and not commit:
        screen.note(f"{len(made)} to be made. Nothing was stored: add --commit.")
        raise typer.Exit(screen.PENDING)


def explain(
    invoice: Annotated[str, typer.Argument(help="The invoice's id, inv_...", show_default=False)],
    as_json: Annotated[bool, screen.AsJson] = False,
) -> None:
    """Tell each line of an invoice in sentences, with the way down to its events."""
    from tallygate.app import open_installation
    from tallygate.config import load_config
    from tallygate.core.quantity import plain
    from tallygate.workflows.questions.preview import explain as told

    with open_installation(load_config()) as installation:
        found, lines = told(installation, invoice)
    if as_json:
        from tallygate.interfaces.api.invoice_shapes import explained_shape

        screen.print_json(explained_shape(found, lines).model_dump(mode="json"))
        return
    _heading(found)
    for one in lines:
        line = one.line
        amount = screen.money(line.net, line.currency)
        screen.out()
        screen.out(f"{line.price}: {amount} for {plain(line.quantity)}, {line.period}")
        for sentence in one.sentences:
            screen.out(f"  {sentence}")
        if one.events:
            screen.out(f"  events: tallygate api GET '{one.events}'")
    screen.out()
    screen.out(f"Total: {screen.money(found.total, found.currency)} before tax")


def _billed(installation: "Installation", name: str) -> str:
    """The subscription that was named, or the billing account behind any other name."""
    if name.startswith("sub_"):
        return name
    from tallygate.workflows.accounts import locate_account

    with installation.store.read() as tx:
        return locate_account(tx, name, None).id


def _show(invoices: "Sequence[Invoice]", *, as_json: bool, single: bool) -> None:
    if as_json:
        from tallygate.interfaces.api.invoice_shapes import invoice_shape

        told: list[Any] = [invoice_shape(one).model_dump(mode="json") for one in invoices]
        screen.print_json(told[0] if single else told)
        return
    for invoice in invoices:
        _heading(invoice)
        _lines(invoice)
        screen.out()


def _heading(invoice: "Invoice") -> None:
    from tallygate.core.period import instant_text

    name = f"{invoice.id} (number {invoice.number})" if invoice.id else "Preview"
    screen.out(f"{name}: {invoice.billing_account}, dated {instant_text(invoice.dated)}")


def _lines(invoice: "Invoice") -> None:
    from tallygate.core.quantity import plain
    from tallygate.rating import explain as sentences

    rows = [
        (
            line.price,
            plain(line.quantity),
            screen.money(line.amount, line.currency),
            "\n".join(sentences(line)),
        )
        for line in invoice.lines
    ]
    screen.table(("Price", "Quantity", "Amount", "Explanation"), rows, numbers=(1, 2))
    if invoice.discount:
        screen.out(f"Discount  {screen.money(-invoice.discount, invoice.currency)}")
    screen.out(f"Total     {screen.money(invoice.total, invoice.currency)} before tax")


def approve(
    invoice: Annotated[str, typer.Argument(help="The invoice's id, inv_...", show_default=False)],
    commit: Annotated[
        bool, typer.Option("--commit", help="Approve it. Without this, nothing changes.")
    ] = False,
) -> None:
    """Have a held invoice finalized as it is at Stripe (a dry run without --commit)."""
    from tallygate.workflows.mirror.decide import approve as approved

    _decide(approved, invoice, commit=commit)


def retry(
    invoice: Annotated[str, typer.Argument(help="The invoice's id, inv_...", show_default=False)],
    commit: Annotated[
        bool, typer.Option("--commit", help="Try again. Without this, nothing changes.")
    ] = False,
) -> None:
    """Have a held invoice compared once more (a dry run without --commit)."""
    from tallygate.workflows.mirror.decide import retry as retried

    _decide(retried, invoice, commit=commit)


def _decide(decision: "Callable[..., Collected]", invoice: str, *, commit: bool) -> None:
    """Show in what the two sides differ, and decide."""
    from tallygate.adapters.store import collections
    from tallygate.app import open_installation
    from tallygate.config import load_config

    with open_installation(load_config()) as installation:
        with installation.store.read() as tx:
            held = collections.get(tx, invoice)
        decided = decision(installation, invoice, actor="cli", commit=commit)
    for sentence in () if held is None else held.differences:
        screen.out(f"  {sentence}")
    how = "finalized as it is there" if decided.approved else "compared once more"
    if commit:
        screen.out(f"{invoice} will be {how} by the worker.")
        return
    screen.note(f"{invoice} would be {how}. Nothing was changed: add --commit.")
    raise typer.Exit(screen.PENDING)


COMMANDS = {
    "preview": preview,
    "close": close,
    "explain": explain,
    "breakdown": breakdown,
    "approve": approve,
    "retry": retry,
}
