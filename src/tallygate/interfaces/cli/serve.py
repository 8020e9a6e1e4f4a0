"""How does the server run?

One process, HTTP on one address, everything in one database; the worker inside bills what is due.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from tallygate.interfaces.cli import screen

if TYPE_CHECKING:
    import socket

    from tallygate.config import Config
    from tallygate.workflows.installation import Installation

BACKLOG = 2048
SHUTDOWN_SECONDS = 10


def serve(
    host: Annotated[
        str | None, typer.Option(help="The address; default: TALLYGATE_HOST or 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="The port; default: TALLYGATE_PORT or 8321; 0: any."),
    ] = None,
    log_level: Annotated[str, typer.Option(help="error, warning, info or debug.")] = "warning",
) -> None:
    """Run the API until it is stopped."""
    if log_level not in {"error", "warning", "info", "debug"}:
        raise typer.BadParameter("--log-level is error, warning, info or debug.")
    from tallygate.app import open_installation
    from tallygate.config import load_config

    given = {"host": host, "port": port}
    config = load_config(**{name: value for name, value in given.items() if value is not None})
    with open_installation(config, create=True) as installation:
        _tell_catalog(config, installation)
        if not config.signing_secrets:
            screen.note("No STRIPE_WEBHOOK_SECRET is set: webhooks of Stripe's are refused.")
        run_server(config, installation, log_level=log_level)


def run_server(
    config: "Config", installation: "Installation", *, log_level: str = "warning"
) -> None:
    """Serve an installation until the process is told to stop.

    Raises:
        Unreachable: the address is not this machine's, or the port is taken.
    """
    import uvicorn

    from tallygate.app import open_books, open_probe, open_verifier, settle_in
    from tallygate.interfaces.api import create_app
    from tallygate.workflows.worker import worker

    books = open_books(config) if config.stripe_key is not None else None
    listening = listen(config.host, config.port)
    address, actual = listening.getsockname()[:2]
    shown = f"[{address}]" if ":" in address else address
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(
                installation,
                verifier=open_verifier(config),
                probe=open_probe(config),
                books=books,
            ),
            http="httptools",
            loop="asyncio",
            ws="none",
            lifespan="on",
            workers=1,
            log_level=log_level,
            access_log=log_level in {"info", "debug"},
            server_header=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
    )
    screen.out(f"Tallygate listens on http://{shown}:{actual} (database: {_place(config)})")
    screen.out(f"The API is described at http://{shown}:{actual}/docs. Ctrl-C stops it.")
    _flush()
    tell_log(log_level)
    settle_in()
    with worker(installation, config.close_every_minutes * 60, books):
        server.run(sockets=[listening])


def tell_log(log_level: str) -> None:
    """Write what happens by itself to the standard error, in UTC; what was closed by default."""
    import logging
    import time

    lines = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    lines.converter = time.gmtime
    stderr = logging.StreamHandler()
    stderr.setFormatter(lines)
    log = logging.getLogger("tallygate")
    log.handlers = [stderr]
    log.setLevel("INFO" if log_level == "warning" else log_level.upper())


def listen(host: str, port: int) -> "socket.socket":
    """A socket that listens, so that its port is known, and taken, before anything is said.

    Raises:
        Unreachable: the address is not this machine's, or the port is taken.
    """
    import socket

    from tallygate.core.errors import Unreachable

    refused = f"Nothing can listen on {host}:{port}: {{}}. Choose another --port."
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise Unreachable(refused.format(error.strerror or error)) from None
    # Named as TCP, so that asyncio sends each answer at once: the body of a small one would wait
    # 40 ms for the other side to confirm its head.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise Unreachable(refused.format(error.strerror or error)) from None
    return listening


def _flush() -> None:
    import sys

    sys.stdout.flush()


def _place(config: "Config") -> str:
    """The database, without what is secret about it."""
    url = config.database_url.get_secret_value()
    return url.rpartition("@")[2] if "@" in url else url.removeprefix("sqlite:///")


def _tell_catalog(config: "Config", installation: "Installation") -> None:
    """Publish the catalog of the settings where none is, or say that it differs."""
    from tallygate.interfaces.cli.catalog import read_text
    from tallygate.workflows import publish

    if config.catalog is None:
        if publish.current(installation) is None:
            screen.note("No catalog yet: `tallygate catalog apply FILE --commit` publishes one.")
        return
    text = read_text(config.catalog)
    proposal = publish.propose(installation, text, config.catalog.name)
    if proposal.is_new and proposal.version == 1:
        publish.apply(installation, text, config.catalog.name)
        screen.out(f"{config.catalog} is in force as version 1.")
    elif proposal.is_new:
        screen.note(
            f"{config.catalog} is not in force: `tallygate catalog apply --commit` would make it "
            f"version {proposal.version}."
        )
