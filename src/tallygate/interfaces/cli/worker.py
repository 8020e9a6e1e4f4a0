"""How does the worker run alone, beside servers that only answer?"""

from typing import Annotated

import typer

from tallygate.interfaces.cli import screen
from tallygate.interfaces.cli.serve import tell_log


def worker(
    log_level: Annotated[str, typer.Option(help="error, warning, info or debug.")] = "warning",
) -> None:
    """Close what is due and mirror it at the payment provider, until it is stopped."""
    import signal
    import sys
    import threading

    if log_level not in {"error", "warning", "info", "debug"}:
        raise typer.BadParameter("--log-level is error, warning, info or debug.")
    from tallygate.app import open_books, open_installation, settle_in
    from tallygate.config import load_config
    from tallygate.core.errors import Invalid
    from tallygate.workflows.worker import worker as working

    config = load_config()
    books = open_books(config) if config.stripe_key is not None else None
    if books is None and not config.close_every_minutes:
        raise Invalid(
            "There is nothing to do: TALLYGATE_CLOSE_EVERY_MINUTES is 0, and no payment provider "
            "is set (STRIPE_SECRET_KEY)."
        )
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    with open_installation(config) as installation:
        tell_log(log_level)
        mirrored = "nothing is mirrored" if books is None else f"mirrors at {books.name}"
        screen.out(f"The worker is at work ({mirrored}). Ctrl-C stops it.")
        sys.stdout.flush()
        settle_in()
        with working(installation, config.close_every_minutes * 60, books):
            told.wait()
