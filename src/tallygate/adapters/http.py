"""How may a request leave for an address that somebody typed in?

Whoever may name an address (of a hook, of a webhook, of a sandbox) could name one inside: a
database, another tenant's machine, the cloud's metadata. So every request to such an address goes
through `GuardedClient`: https on port 443 only; the name is resolved once, every address that it
resolves to must be one of the public internet, and the connection is made to exactly those, so
that a name cannot be looked up as one thing and connected to as another. No redirect is followed,
no proxy of the environment is asked, and time and length are bounded.

Where the operator's own settings name an address, they may name one inside: such an origin is
handed in as allowed, and only that scheme, host and port is.
"""

import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import httpcore2
import httpx2

from tallygate.adapters.addresses import admitted, origin, origin_of, refuse_inside
from tallygate.core.errors import Invalid, Unreachable

MOST_ADDRESSES = 8
"""Of one name are tried; the first that answers is taken."""

PIECE = 16_384

KEPT_SECONDS = 4.0
"""How long an idle connection to an allowed origin is kept: less than servers keep theirs."""

Resolve = Callable[[str, int], Sequence[str]]
"""From a host and a port to addresses; raises OSError where there are none."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a request may take in all, a connection until it stands, and an answer may be."""

    seconds: float = 30.0
    connect_seconds: float = 5.0
    max_answer_bytes: int = 1024 * 1024


class Answer(NamedTuple):
    """What came back, whatever its status; `body` is as it was sent, compressed if it was."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def resolve(host: str, port: int) -> list[str]:
    """Every address of a name, as the operating system knows it."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class GuardedClient:
    """Sends requests to addresses that others name.

    `allowed` are origins that the operator's settings name: http, any port, and addresses inside
    are right for these alone, and connections to them are kept. `resolve`, and `dial`, which makes
    the connections, are handed in so that a test can play the network.
    """

    def __init__(
        self,
        allowed: Collection[str] = (),
        *,
        bounds: Bounds = Bounds(),
        resolve: Resolve = resolve,
        dial: httpcore2.NetworkBackend | None = None,
    ) -> None:
        self._allowed = frozenset(map(origin_of, allowed))
        self._bounds = bounds
        self._resolve = resolve
        self._dial = dial or httpcore2.SyncBackend()
        self._tls: ssl.SSLContext | None = None
        self._kept = httpcore2.ConnectionPool(
            keepalive_expiry=KEPT_SECONDS, network_backend=self._guard(inside=True, until=None)
        )

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """Send one request; the answer of any status, of a redirect too, is given back.

        Raises:
            Invalid: the address may not be asked; nothing was sent.
            Unreachable: nothing answered in time, or too much came; what was asked may have been
                done.
        """
        asked = admitted(url, self._allowed)
        until = time.monotonic() + self._bounds.seconds
        try:
            request = self._request(method, asked, headers or {}, content)
            if origin(asked) in self._allowed:
                return self._exchange(self._kept, request, until)
            with httpcore2.ConnectionPool(
                ssl_context=self._context(),
                network_backend=self._guard(inside=False, until=until),
            ) as pool:
                return self._exchange(pool, request, until)
        except httpcore2.LocalProtocolError as error:
            raise Invalid(f"The request to {asked.host} cannot be sent: {error}.") from None
        except (*_FAILURES, OSError) as error:
            raise Unreachable(f"{origin(asked)} did not answer: {_why(error)}.") from None

    def close(self) -> None:
        """Give back the connections that are kept."""
        self._kept.close()

    def _exchange(
        self, pool: httpcore2.ConnectionPool, request: httpcore2.Request, until: float
    ) -> Answer:
        most, parts, size = self._bounds.max_answer_bytes, [], 0
        answer = pool.handle_request(request)
        try:
            for part in answer.iter_stream():
                parts.append(part)
                size += len(part)
                if size > most:
                    raise httpcore2.ReadError(f"more than {most} bytes came")
                if time.monotonic() > until:
                    raise httpcore2.ReadTimeout
        finally:
            answer.close()
        told = [(name.decode("latin-1"), text.decode("latin-1")) for name, text in answer.headers]
        return Answer(answer.status, {name.lower(): text for name, text in told}, b"".join(parts))

    def _request(
        self, method: str, asked: httpx2.URL, headers: Mapping[str, str], content: bytes | None
    ) -> httpcore2.Request:
        if not all(text.isascii() for text in headers.values()):
            raise httpcore2.LocalProtocolError("a header holds more than ASCII")
        ours = {"host": asked.netloc.decode("ascii"), "accept-encoding": "identity"}
        if content is not None:
            ours["content-length"] = str(len(content))
        bounds = self._bounds
        times: dict[str, Any] = dict.fromkeys(("read", "write", "pool"), bounds.seconds)
        return httpcore2.Request(
            method,
            httpcore2.URL(
                scheme=asked.raw_scheme,
                host=asked.raw_host,
                port=asked.port,
                target=asked.raw_path,
            ),
            headers=list(({name.lower(): text for name, text in headers.items()} | ours).items()),
            content=content,
            extensions={"timeout": times | {"connect": bounds.connect_seconds}},
        )

    def _guard(self, *, inside: bool, until: float | None) -> "_Guard":
        return _Guard(self._dial, self._resolve, inside=inside, until=until)

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls


class _Guard(httpcore2.NetworkBackend):
    """Connects to what a name resolved to, once every address of it has been looked at.

    `inside`: addresses inside are right. `until` is when the request must be over, by the
    monotonic clock.
    """

    def __init__(
        self,
        dial: httpcore2.NetworkBackend,
        resolve: Resolve,
        *,
        inside: bool,
        until: float | None,
    ) -> None:
        self._dial = dial
        self._resolve = resolve
        self._inside = inside
        self._until = until

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """A connection to the first address of the host that takes one.

        Raises:
            Invalid: one of its addresses is not outside.
        """
        addresses = _in_time(self._resolve, host, port, timeout)
        for address in addresses:
            refuse_inside(host, address, inside=self._inside)
        failure: Exception = httpcore2.ConnectError("its name has no address")
        for address in addresses[:MOST_ADDRESSES]:
            left = _left(timeout, self._until)
            try:
                stream = self._dial.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            else:
                return stream if self._until is None else _Hurried(stream, self._until)
        raise failure


class _Hurried(httpcore2.NetworkStream):
    """A stream that ends at an instant, however slowly the other side drips."""

    def __init__(self, stream: httpcore2.NetworkStream, until: float) -> None:
        self._stream = stream
        self._until = until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has come, as soon as something has."""
        return self._stream.read(max_bytes, _left(timeout, self._until))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it, in pieces, lest a slow reader stretch the time."""
        for start in range(0, len(buffer), PIECE):
            piece = buffer[start : start + PIECE]
            self._stream.write(piece, _left(timeout, self._until))

    def close(self) -> None:
        """End the connection."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        """The same stream under TLS, for the name that was asked for."""
        left = _left(timeout, self._until)
        return _Hurried(self._stream.start_tls(ssl_context, server_hostname, left), self._until)

    def get_extra_info(self, info: str) -> Any:
        """What the stream knows of itself."""
        return self._stream.get_extra_info(info)


_FAILURES = (
    httpcore2.TimeoutException,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
)
_TOO_LATE: dict[type[Exception], str] = {
    httpcore2.ConnectTimeout: "no connection in time",
    httpcore2.ReadTimeout: "no answer in time",
    httpcore2.WriteTimeout: "it took too long to send",
}


def _why(error: Exception) -> str:
    said = str(error)
    if said in {"", "timed out"}:
        return _TOO_LATE.get(type(error), type(error).__name__)
    return said.rstrip(".")


def _in_time(resolve: Resolve, host: str, port: int, seconds: float | None) -> Sequence[str]:
    """What a name resolves to; the operating system itself knows no limit of time."""
    found: queue.SimpleQueue[Sequence[str] | OSError | UnicodeError] = queue.SimpleQueue()

    def look() -> None:
        try:
            found.put(resolve(host, port))
        except (OSError, UnicodeError) as error:
            found.put(error)

    threading.Thread(target=look, name="tallygate-resolve", daemon=True).start()
    try:
        addresses = found.get(timeout=seconds)
    except queue.Empty:
        raise httpcore2.ConnectTimeout("its name was not found in time") from None
    if isinstance(addresses, OSError | UnicodeError):
        why = getattr(addresses, "strerror", None) or addresses
        raise httpcore2.ConnectError(f"its name was not found ({why})")
    return addresses


def _left(timeout: float | None, until: float | None) -> float | None:
    """How many seconds something may take."""
    if until is None:
        return timeout
    left = until - time.monotonic()
    if left <= 0:
        raise httpcore2.ReadTimeout
    return left if timeout is None else min(timeout, left)
