"""Which commands are there, and how do they end?

The commands are gathered here; each file of this room is one noun. An error of our own tree
becomes one sentence on stderr and exit code 1, and so does any other.
"""

import os
import sys
from typing import Annotated

import typer

from tallygate.interfaces.cli import (
    api,
    catalog,
    catalog_types,
    database,
    doctor,
    estimate,
    invoice,
    keys,
    notices,
    purchases,
    quote,
    reconcile,
    sandbox,
    screen,
    serve,
    usage,
    worker,
)
from tallygate.interfaces.cli.demo.command import demo

TRACEBACK = "TALLYGATE_TRACEBACK"
TITLE = "Usage billing for infrastructure: events in, explained invoices out."


def group(title: str, name: str | None = None) -> typer.Typer:
    """A group of commands: plain help, which needs no more libraries, and plain errors."""
    return typer.Typer(
        name=name,
        help=title,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )


def _version(wanted: bool) -> None:  # a callback's shape is Typer's
    """Print the version and end."""
    if wanted:
        from importlib.metadata import version as installed

        screen.out(f"tallygate {installed('tallygate')}")
        raise typer.Exit


def build() -> typer.Typer:
    """The whole tree of commands."""
    app = group(TITLE, "tallygate")

    @app.callback()
    def options(
        version: Annotated[
            bool,
            typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
        ] = False,
    ) -> None:
        """Usage billing for infrastructure: events in, explained invoices out."""

    app.command("demo")(demo)
    app.command("serve")(serve.serve)
    app.command("worker")(worker.worker)
    app.command("quote")(quote.quote)
    app.command("sandbox")(sandbox.sandbox)
    for name, noun in (
        ("catalog", catalog),
        ("usage", usage),
        ("invoice", invoice),
        ("estimate", estimate),
        ("keys", keys),
        ("db", database),
    ):
        commands = group(noun.HELP)
        for command, does in noun.COMMANDS.items():
            commands.command(command)(does)
        if noun is catalog:
            commands.command("show")(catalog_types.show)
            commands.command("add-type")(catalog_types.add_type)
        app.add_typer(commands, name=name)
    app.command("reconcile")(reconcile.reconcile)
    app.command("purchases")(purchases.purchases)
    app.command("notices")(notices.notices)
    app.command("api")(api.api)
    app.command("doctor")(doctor.doctor)
    return app


def main() -> None:
    """Run the command that was typed, and end with its exit code."""
    from tallygate.core.errors import TallygateError

    if any("\ud800" <= character <= "\udfff" for word in sys.argv for character in word):
        screen.note("error: The command has a word that is not UTF-8: write it in UTF-8.")
        sys.exit(screen.FAILED)
    try:
        build()()
    except TallygateError as error:
        screen.note(f"error: {error}")
        sys.exit(screen.FAILED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(screen.FAILED)
    except Exception as error:  # noqa: BLE001  # whatever it is, the operator gets a sentence
        _tell_unforeseen(error)
        sys.exit(screen.FAILED)


def _tell_unforeseen(error: Exception) -> None:
    """One sentence about a mistake of ours, and where it happened only on request."""
    if os.environ.get(TRACEBACK):
        import traceback

        screen.note("".join(traceback.format_exception(error)).rstrip())
    said = " ".join(str(error).split()) or "without a word"
    screen.note(
        f"error: something went wrong that we did not foresee: {type(error).__name__}: {said}; "
        f"run again with {TRACEBACK}=1 to see where"
    )
