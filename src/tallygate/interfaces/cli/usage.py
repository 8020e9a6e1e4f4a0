"""How do files of usage come in, and what has been used?"""

from typing import TYPE_CHECKING, Annotated

import typer

from tallygate.interfaces.cli import screen

if TYPE_CHECKING:
    from tallygate.workflows.report import MeterUsage

HELP = "Import usage from files and report it."
ACCOUNTS_AT_ONCE = 100


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
    from tallygate.workflows.report import report_usage

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


COMMANDS = {"report": report}
