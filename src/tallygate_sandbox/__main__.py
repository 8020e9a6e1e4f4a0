"""`python -m tallygate_sandbox`: a local Stripe that listens until it is told to stop."""

import argparse
import os
import signal
import sys
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

from tallygate_sandbox.app import Sandbox, application
from tallygate_sandbox.server import listening_socket, server
from tallygate_sandbox.webhooks.endpoints import add, check_url
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import SandboxClock, World
from tallygate_sandbox.world.journal import BadFile

PORT = 12111
SECRET_VARIABLE = "TALLYGATE_SANDBOX_WEBHOOK_SECRET"  # noqa: S105  # its name
READY = """\
The sandbox listens on {url}
  state   {state}
  clock   {clock}
{webhook}
  import stripe
  client = stripe.StripeClient(
      "sk_test_sandbox",
      base_addresses=dict.fromkeys(["api", "connect", "files", "meter_events"], "{url}"),
  )

Ctrl-C stops it."""


class WrongUsage(Exception):
    """What was asked for cannot be: one sentence, for the person at the terminal."""


def options(words: list[str]) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m tallygate_sandbox",
        description="A local Stripe: stateful, with meters, webhooks and a movable clock.",
    )
    parser.add_argument("--port", type=int, default=PORT, help=f"default: {PORT}; 0: any")
    parser.add_argument("--host", default="127.0.0.1", help="default: 127.0.0.1")
    parser.add_argument(
        "--allow-remote", action="store_true", help="take others than this machine"
    )
    parser.add_argument("--data", type=Path, metavar="FILE", help="keep everything in this file")
    parser.add_argument("--webhook", metavar="URL", help="send every event there")
    parser.add_argument(
        "--webhook-secret",
        metavar="whsec_...",
        default=os.environ.get(SECRET_VARIABLE),
        help=f"sign with it; default: ${SECRET_VARIABLE}, or a new one",
    )
    parser.add_argument("--frozen-at", metavar="TIME", help="let the clock stand still there")
    parser.add_argument("--seed", type=int, metavar="N", help="the same ids in each run")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    try:
        return run(options(words))
    except (WrongUsage, BadFile) as wrong:
        print(f"error: {wrong}", file=sys.stderr)  # noqa: T201  # the terminal
        return 1


def run(asked: argparse.Namespace) -> int:
    """Serve until a signal comes. Raises: WrongUsage, BadFile."""
    check_host(asked.host, allow_remote=asked.allow_remote)
    if not 0 <= asked.port <= 65_535:
        raise WrongUsage(f"--port is a number from 0 to 65535, not {asked.port}.")
    frozen = instant(asked.frozen_at) if asked.frozen_at else None
    if asked.webhook_secret and not asked.webhook_secret.startswith("whsec_"):
        raise WrongUsage("--webhook-secret begins with whsec_.")
    try:
        listening = listening_socket(asked.host, asked.port)
        listening.listen(2048)
    except OSError as error:
        said = error.strerror or error
        raise WrongUsage(
            f"Nothing can listen on {asked.host}:{asked.port}: {said}. Choose another --port."
        ) from None
    world = World(SandboxClock(frozen), asked.seed, asked.data)
    try:
        if frozen is not None:
            freeze(world, frozen)
        sandbox = Sandbox(world, allow_remote=asked.allow_remote)
        webhook = f"{endpoint(world, asked.webhook, asked.webhook_secret)}\n"
        host, port = listening.getsockname()[:2]
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        world.base_url = url
        state = asked.data or "in memory only"
        print(  # noqa: T201  # the terminal
            READY.format(url=url, state=state, clock=clock_of(world), webhook=webhook), flush=True
        )
        # The server ends in order at these signals, and then raises them again.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        server(application(sandbox)).run(sockets=[listening])
    finally:
        listening.close()
        world.close()
    return 0


def check_host(host: str, *, allow_remote: bool) -> None:
    """Refuse to listen to others by oversight."""
    try:
        loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        raise WrongUsage(f"--host is an address, such as 127.0.0.1, not {host}.") from None
    if not loopback and not allow_remote:
        raise WrongUsage(
            f"{host} can be reached from other machines, and the sandbox trusts every test key: "
            "say --allow-remote if that is meant."
        )


def instant(text: str) -> int:
    """Seconds since 1970, or a time such as 2026-01-01T00:00:00Z; without a zone it is UTC."""
    if text.isdigit() and len(text) < 12:
        return int(text)
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise WrongUsage(
            f"--frozen-at is a time such as 2026-01-01T00:00:00Z, or seconds, not {text}."
        ) from None
    return int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp())


def freeze(world: World, at: int) -> None:
    """Let the clock stand still at an instant; what a file brought along may be earlier."""
    if world.clock.now() > at:
        raise WrongUsage(
            f"In this file it is {shown(world.clock.now())} already, and time goes forward only."
        )
    world.clock.frozen = at


def endpoint(world: World, url: str | None, secret: str | None) -> str:
    """Have every event sent to an address; gives the line that says so."""
    if url is None:
        return ""
    try:
        check_url(url, "url")
    except Refusal:
        raise WrongUsage(
            f"--webhook is an address such as http://127.0.0.1:8000/, not {url}."
        ) from None
    with world.transaction():
        for one in world.objects.newest_first("webhook_endpoint"):
            if one["url"] == url:
                found = world.edit("webhook_endpoint", one["id"])
                break
        else:
            found = add(world, url, ["*"], secret)
        if secret:
            found["_secrets"] = [{"secret": secret, "until": None}]
    signed = "whsec_***" if secret else found["_secrets"][0]["secret"]
    return f"  events  to {url}, signed with {signed}\n"


def clock_of(world: World) -> str:
    now = shown(world.clock.now())
    return f"stands still at {now}" if world.clock.frozen is not None else f"runs; it is {now}"


def shown(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
