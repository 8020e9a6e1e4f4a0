"""How is the local Stripe started?

It is a program of its own, which knows nothing of Tallygate: this command becomes that program.
"""

from pathlib import Path
from typing import Annotated

import typer


def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0: any.")] = 12111,
    host: Annotated[str, typer.Option(help="The address.")] = "127.0.0.1",
    data: Annotated[
        Path | None, typer.Option(help="Keep everything in this file; default: in memory only.")
    ] = None,
    webhook: Annotated[str | None, typer.Option(help="Send every event to this address.")] = None,
    webhook_secret: Annotated[
        str | None,
        typer.Option(
            envvar="TALLYGATE_SANDBOX_WEBHOOK_SECRET",
            help="Sign events with it: whsec_...; default: a new one.",
        ),
    ] = None,
    frozen_at: Annotated[
        str | None,
        typer.Option(help="Let the clock stand still at this time until it is moved."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Make the same ids in each run.")] = None,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Listen to other machines, too.")
    ] = False,
) -> None:
    """Run a local Stripe: stateful, with meters, webhooks and a clock that can be moved."""
    import os
    import sys

    named = {
        "--data": data,
        "--webhook": webhook,
        "--frozen-at": frozen_at,
        "--seed": seed,
    }
    words = [f"--port={port}", f"--host={host}"]
    words += [f"{name}={value}" for name, value in named.items() if value is not None]
    if allow_remote:
        words.append("--allow-remote")
    if webhook_secret:  # not as a word, which every process on the machine could read
        os.environ["TALLYGATE_SANDBOX_WEBHOOK_SECRET"] = webhook_secret
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "tallygate_sandbox", *words])  # noqa: S606  # our own words
