"""A receiver of webhooks that keeps what it got and answers as it is told."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import stripe
from stripe import StripeClient

from tallygate_sandbox.testing import RunningSandbox


@dataclass
class Receiver:
    url: str
    got: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)  # the next ones; then 200
    act: Callable[[bytes], None] | None = None

    def events(self, client: StripeClient, secret: str) -> list[stripe.Event]:
        """What came, each signature verified by the official SDK."""
        return [
            client.construct_event(body, headers["Stripe-Signature"], secret)
            for body, headers in self.got
        ]

    def types(self) -> list[str]:
        return [json.loads(body)["type"] for body, _ in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            here.got.append((body, dict(self.headers)))
            if here.act:
                here.act(body)
            self.send_response(here.answers.pop(0) if here.answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    here = Receiver(f"http://127.0.0.1:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield here
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def secret(client: StripeClient, receiver: Receiver) -> str:
    """The secret of an endpoint that wants everything."""
    made = client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
    assert made.secret is not None
    return made.secret


def deliveries(sandbox: RunningSandbox) -> list[dict[str, Any]]:
    """All deliveries, oldest first."""
    found: list[dict[str, Any]] = sandbox.control("objects?kind=_delivery")["data"]
    return found[::-1]
