"""How do files of usage come in, and what has been used?"""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallygate.interfaces.cli import screen
from tallygate.interfaces.cli.usage_sync import sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tallygate.workflows.import_usage import ImportOptions, ImportReport
    from tallygate.workflows.questions.report import MeterUsage

HELP = "Import usage from files, report it to Stripe, and show it."
ACCOUNTS_AT_ONCE = 100
TROUBLES_SHOWN = 20
SIGNALED = 128
"""What a shell adds to a signal's number for the exit code of a program that it stopped."""


def import_files(
    files: Annotated[list[Path], typer.Argument(help="NDJSON or CSV.", show_default=False)],
    form: Annotated[
        str | None,
        typer.Option("--format", help="ndjson or csv; default: by the name."),
    ] = None,
    columns: Annotated[
        str,
        typer.Option(help="What is in which column: time=ts,subject=vm,gb=size."),
    ] = "",
    event_type: Annotated[
        str | None, typer.Option("--type", help="The type of every event, where lines name none.")
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="The subject of every event, where lines name none.")
    ] = None,
    source: Annotated[str, typer.Option(help="Who sent lines that do not say.")] = "import",
    fixed: Annotated[
        list[str] | None, typer.Option("--set", help="A field of every event: region=eu.")
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(
            help="What separates the columns of a CSV; default: a comma; in .tsv, a tab."
        ),
    ] = None,
    assume_utc: Annotated[bool, typer.Option(help="Times without a zone are UTC.")] = False,
    organization: Annotated[
        str | None,
        typer.Option(help="The only organization that the files may concern, by id or name."),
    ] = None,
    as_json: Annotated[bool, screen.AsJson] = False,
) -> None:
    """Take in files of usage. Importing again, or after an interruption, counts nothing twice."""
    from tallygate.workflows.import_usage import ImportOptions

    if form not in {None, "ndjson", "csv"}:
        raise typer.BadParameter("--format is ndjson or csv.")
    given = {"type": event_type, "subject": subject} | _pairs(fixed or [], "--set")
    options = ImportOptions(
        form="csv" if form == "csv" else "ndjson" if form == "ndjson" else None,
        columns=_pairs([one for one in columns.split(",") if one], "--columns"),
        fixed={name: value for name, value in given.items() if value is not None},
        source=source,
        delimiter="\t" if delimiter == r"\t" else delimiter,
        assume_utc=assume_utc,
    )
    _tell(_take(files, options, organization), as_json=as_json)


def _take(
    files: list[Path], options: "ImportOptions", organization: str | None
) -> "dict[Path, ImportReport]":
    """Take in one file after the other, once all of them look as if they could be."""
    from dataclasses import replace

    from tallygate.adapters.store import accounts
    from tallygate.app import open_installation
    from tallygate.config import load_config
    from tallygate.workflows.import_usage import ImportReport, Unmapped, check_file, import_file

    try:
        for file in files:
            check_file(file, options)
    except Unmapped as error:
        screen.fail(str(error), screen.WRONG_USAGE)
    reports = {file: ImportReport() for file in files}
    with (
        _stopped_with_a_word(reports),
        open_installation(load_config(), create=True) as installation,
    ):
        if organization is not None:
            with installation.store.read() as tx:
                tenant = accounts.resolve_subject(tx, organization, None).organization
            options = replace(options, tenant=tenant)
        for file in files:
            size = file.stat().st_size if file.exists() else None
            with screen.progress(file.name, size) as tell:
                import_file(installation, file, options, _bytes_done(tell), reports[file])
    return reports


@contextmanager
def _stopped_with_a_word(reports: "dict[Path, ImportReport]") -> "Iterator[None]":
    """Say how far the files came when Ctrl-C or SIGTERM stops them; exit code 130 or 143."""
    import signal

    def stop(number: int, _frame: object) -> None:
        raise KeyboardInterrupt(number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt as stopped:
        number = stopped.args[0] if stopped.args else signal.SIGINT
        lines = sum(one.lines for one in reports.values())
        screen.note(
            f"Stopped after {lines} line{'' if lines == 1 else 's'}; run it again to go on."
        )
        raise typer.Exit(SIGNALED + number) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _bytes_done(tell: "Callable[[int], None]") -> "Callable[[int, int], None]":
    """What an import reports, as what a bar takes."""

    def told(done: int, of: int) -> None:
        del of  # the bar knows
        tell(done)

    return told


def _pairs(texts: list[str], option: str) -> dict[str, str]:
    """NAME=VALUE pairs as a mapping."""
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise typer.BadParameter(f"{option} takes NAME=VALUE, not {text!r}.")
        pairs[name.strip()] = value.strip()
    return pairs


def _tell(reports: "dict[Path, ImportReport]", *, as_json: bool) -> None:
    """Print what became of the files; exit code 3 where a part was taken, 1 where nothing was."""
    if as_json:
        screen.print_json(
            [
                {
                    "file": str(file),
                    "lines": one.lines,
                    "accepted": one.accepted,
                    "duplicates": one.duplicates,
                    "conflicts": one.conflicts,
                    "rejected": one.rejected,
                    "troubles": [{"place": t.place, "message": t.message} for t in one.troubles],
                }
                for file, one in reports.items()
            ]
        )
    else:
        for file, one in reports.items():
            screen.out(
                f"{file}: {one.lines} lines, {one.accepted} accepted, {one.duplicates} known "
                f"before, {one.conflicts} in conflict, {one.rejected} rejected."
            )
            for trouble in one.troubles[:TROUBLES_SHOWN]:
                screen.note(f"  {trouble}")
            if len(one.troubles) > TROUBLES_SHOWN:
                screen.note(f"  and {len(one.troubles) - TROUBLES_SHOWN} more: see --json.")
    if all(one.complete for one in reports.values()):
        return
    taken = any(one.accepted or one.duplicates for one in reports.values())
    raise typer.Exit(screen.PARTIAL if taken else screen.FAILED)


def report(
    account: Annotated[
        str | None,
        typer.Option(help="One billing account or organization, by id or external id."),
    ] = None,
    meter: Annotated[str | None, typer.Option(help="One meter of the catalog.")] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="Default: the beginning of this month (UTC).")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="Default: now.")] = None,
    as_json: Annotated[bool, screen.AsJson] = False,
) -> None:
    """Show usage by account, meter and day."""
    from tallygate.app import open_installation
    from tallygate.config import load_config
    from tallygate.core.period import parse_instant
    from tallygate.core.quantity import plain
    from tallygate.interfaces.api.usage import month_so_far, shape
    from tallygate.workflows.accounts import locate_account
    from tallygate.workflows.questions.report import report_usage

    start = None if since is None else parse_instant(_midnight(since))
    end = None if until is None else parse_instant(_midnight(until))
    with open_installation(load_config()) as installation:
        period = month_so_far(installation.now, start, end)
        named = None
        if account is not None:
            with installation.store.read() as tx:
                named = locate_account(tx, account, None).id
        rows: list[MeterUsage] = []
        after: str | None = None
        while True:
            some, after = report_usage(
                installation,
                period,
                tenant=None,
                billing_account=named,
                meter=meter,
                after=after,
                limit=ACCOUNTS_AT_ONCE,
            )
            rows += some
            if after is None:
                break
    if as_json:
        screen.print_json([shape(row, period).model_dump(mode="json") for row in rows])
        return
    if not rows:
        screen.out(f"No usage from {period}.")
        return
    lines = []
    for row in rows:
        unit = f" {row.unit}" if row.unit else ""
        for day, quantity in row.days:
            lines.append((row.billing_account, row.meter, day.isoformat(), plain(quantity) + unit))
        lines.append((row.billing_account, row.meter, "all", plain(row.quantity) + unit))
    screen.table(("Account", "Meter", "Day", "Quantity"), lines, numbers=(3,))


def _midnight(text: str) -> str:
    """A bare day means its first instant, in UTC."""
    return f"{text}T00:00:00Z" if len(text) == len("2026-11-21") else text


COMMANDS = {"import": import_files, "sync": sync, "report": report}
