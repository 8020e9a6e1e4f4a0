"""`tallygate reconcile`: in what the payment provider and we differ, and putting it right."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallygate.interfaces.cli import screen

if TYPE_CHECKING:
    from tallygate.core.period import Period
    from tallygate.workflows.mirror.reconcile import Reconciled


def reconcile(
    account: Annotated[
        str | None, typer.Option(help="A billing account; left out: all of them.")
    ] = None,
    month: Annotated[
        str | None,
        typer.Option(help="Compare the settled invoices of a month again, such as 2026-11."),
    ] = None,
    commit: Annotated[bool, typer.Option("--commit", help="Put right what can be.")] = False,
    adopt: Annotated[
        bool,
        typer.Option("--adopt", help="After a restore: take the provider's state as known."),
    ] = False,
    as_json: Annotated[bool, screen.AsJson] = False,
) -> None:
    """Compare the payment provider's books with ours, account by account."""
    from tallygate.app import open_books, open_installation
    from tallygate.config import load_config
    from tallygate.workflows.mirror import reconcile as workflow

    config = load_config()
    period = None if month is None else _month(month)
    with open_installation(config) as installation:
        books = open_books(config)
        if adopt:
            count = workflow.adopt(installation, books, commit=commit, told=screen.out)
            screen.out(
                f"{count} accounts were taken over; the sender is open."
                if commit
                else f"{count} accounts would be taken over. Nothing was changed: add --commit."
            )
            return
        looked: list[Reconciled] = []
        found = workflow.reconcile(
            installation,
            books,
            billing_account=account,
            period=period,
            commit=commit,
            told=looked.append,
        )
    if as_json:
        screen.print_json({"looked_at": len(looked), "differing": [_shown(one) for one in found]})
    else:
        _tell(found, len(looked), commit=commit)
    if any((one.left or one.findings).differ for one in found):
        raise typer.Exit(1)


def _month(text: str) -> "Period":
    from tallygate.core.errors import Invalid
    from tallygate.core.period import Period, add_months

    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        raise Invalid(f"{text[:20]!r} is no month like 2026-11.", param="month") from None
    start = datetime(first.year, first.month, 1, tzinfo=UTC)
    return Period(start, add_months(start, 1))


def _tell(found: "list[Reconciled]", looked_at: int, *, commit: bool) -> None:
    for one in found:
        screen.out(f"{one.findings.account.id} ({one.findings.customer})")
        _lines(one.findings, screen.out)
        if one.left is not None and one.left.differ:
            screen.out("  What is left:")
            _lines(one.left, screen.out)
        elif one.left is not None:
            screen.out("  It agrees now.")
    agree = looked_at - len(found)
    screen.out(f"{looked_at} accounts looked at, {agree} agree, {len(found)} differ.")
    if found and not commit:
        screen.out("Nothing was changed: add --commit to put right what can be.")


def _lines(findings: Any, out: Callable[[str], None]) -> None:
    for heading, sentences in _sections(findings).items():
        for sentence in sentences:
            out(f"  {heading}: {sentence}")


def _sections(findings: Any) -> dict[str, list[str]]:
    usage = [
        f"{one.price} from {one.period.start.date()}: {one.reported or 0} reported, "
        f"{one.shown or 0} there, {one.total} here"
        for one in findings.usage
    ]
    return {
        "take over": list(findings.taken_over),
        "do": list(findings.to_do),
        "usage": usage,
        "decide": list(findings.to_decide),
    }


def _shown(one: "Reconciled") -> dict[str, Any]:
    return {
        "billing_account": one.findings.account.id,
        "customer": one.findings.customer,
        **_sections(one.findings),
        "left": None if one.left is None else _sections(one.left),
    }
