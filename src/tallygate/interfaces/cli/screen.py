"""What does a command show, and where?

Results go to stdout, as a table for a person or as JSON for a program. Notes, progress and errors
go to stderr. Everything heavy is loaded when it is needed.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import typer

FAILED, PENDING, PARTIAL = 1, 2, 3
WRONG_USAGE = PENDING
"""Exit codes beside 0."""

SECONDS_BETWEEN_NOTES = 5

AsJson = typer.Option("--json", help="Print JSON for a program.")


def out(text: str = "") -> None:
    """Print a line of the result."""
    typer.echo(text)


def note(text: str) -> None:
    """Print a line beside the result, on stderr."""
    typer.echo(text, err=True)


def print_json(value: Any) -> None:
    """Print a result as JSON."""
    out(json.dumps(value, indent=2, ensure_ascii=False))


def fail(sentence: str, code: int = FAILED) -> NoReturn:
    """Say in one sentence what is wrong, and end."""
    note(f"error: {sentence}")
    raise typer.Exit(code)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int]) -> None:
    """Print rows under headings; the columns in `numbers` are set to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, heading in enumerate(headings):
        shown.add_column(heading, justify="right" if index in numbers else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(_escaped(cell) for cell in row))
    width = None if sys.stdout.isatty() else 140
    Console(highlight=False, width=width).print(shown)


def money(amount: int, currency: str) -> str:
    """An amount for a person: `44.00 USD`."""
    from tallygate.core.money import Money

    return str(Money(amount, currency))


@contextmanager
def progress(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, a line every five seconds elsewhere; on stderr.

    Gives a function that takes how much has been done by now.
    """
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(title, total=total)
            yield lambda done: bar.update(task, completed=done)
        return
    from time import monotonic

    told = monotonic()

    def tell(done: int) -> None:
        nonlocal told
        if monotonic() - told >= SECONDS_BETWEEN_NOTES:
            told = monotonic()
            note(f"{title}: {100 * done // total} %" if total else f"{title}: {done}")

    yield tell


def _escaped(cell: str) -> str:
    from rich.markup import escape

    return escape(cell)
