"""What does `tallygate demo` take?

Everything heavy is loaded when the demo runs.
"""

from typing import Annotated

import typer

from tallygate.interfaces.cli import screen

SYSTEMS = ("lab_by_kraliki", "magic_box", "helvetia_cloud", "iotistic", "ktrlplane")


def demo(
    system: Annotated[
        str | None, typer.Argument(help=f"Only this one: {', '.join(SYSTEMS)}.")
    ] = None,
    as_json: Annotated[bool, screen.AsJson] = False,
    serve: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Leave the API running at the end.")
    ] = True,
    seconds: Annotated[
        int, typer.Option(min=1, max=600, help="How long to meter this machine.")
    ] = 4,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="The API's port.")] = None,
) -> None:
    """Bill this machine, and a month and a year of five example platforms."""
    if system is not None and system not in SYSTEMS:
        raise typer.BadParameter(f"There is no {system!r}: choose one of {', '.join(SYSTEMS)}.")
    from tallygate.interfaces.cli.demo.run import run

    run(
        SYSTEMS if system is None else (system,),
        as_json=as_json,
        serve=serve,
        seconds=seconds,
        port=port,
    )
