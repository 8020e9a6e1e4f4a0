"""What a request brings back is bounded in time and length, whoever answers."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

import httpcore2
import pytest

from tallygate.adapters.http import Bounds, GuardedClient, Resolve
from tallygate.core.errors import Invalid, Unreachable

PUBLIC = "93.184.216.34"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"

Behave = Callable[[socket.socket], None]


@contextmanager
def server(behave: Behave) -> Iterator[int]:
    """A server on loopback that treats each connection in its way; gives its port."""

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with connection, suppress(OSError):
                    behave(connection)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(10)
    assert not thread.is_alive()


class Unencrypted(httpcore2.NetworkStream):
    """A stream over which TLS is only played."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        return self


class LeadingHere(httpcore2.SyncBackend):
    """Leads every public address to a port of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        assert host == PUBLIC
        stream = super().connect_tcp(
            "127.0.0.1", self._port, timeout, local_address, socket_options
        )
        return Unencrypted(stream)


def outside(port: int, bounds: Bounds) -> GuardedClient:
    return GuardedClient(bounds=bounds, resolve=lambda *_: [PUBLIC], dial=LeadingHere(port))


def dripping(parts: Sequence[bytes], wait: float) -> Behave:
    def behave(connection: socket.socket) -> None:
        connection.recv(65_536)
        for part in parts:
            connection.sendall(part)
            time.sleep(wait)

    return behave


@pytest.mark.parametrize(
    "parts",
    [
        [HEAD % 40, *[b"x"] * 40],
        [b"HTTP/1.1 200 OK\r\nX-Slow: ", *[b"x"] * 40, b"\r\nContent-Length: 0\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\n", *[b"X-1: 1\r\n"] * 40, b"\r\n"],
    ],
    ids=["body", "header", "headers"],
)
def test_an_answer_that_drips_is_given_up_in_time(parts: Sequence[bytes]) -> None:
    with server(dripping(parts, 0.05)) as port:
        with pytest.raises(Unreachable, match="did not answer: no answer in time"):
            outside(port, Bounds(seconds=0.4)).request("GET", "https://slow.test/")
        patient = outside(port, Bounds(seconds=30))
        assert patient.request("GET", "https://slow.test/").status == 200, "each part came in time"


def test_silence_is_given_up_in_time() -> None:
    with (
        server(lambda connection: time.sleep(0.6)) as port,
        pytest.raises(Unreachable, match="no answer in time"),
    ):
        outside(port, Bounds(seconds=0.2)).request("GET", "https://slow.test/")


def test_a_name_that_is_not_found_in_time_is_given_up() -> None:
    found = threading.Event()

    def slowly(host: str, port: int) -> Sequence[str]:
        found.wait(5)
        return [PUBLIC]

    client = GuardedClient(bounds=Bounds(connect_seconds=0.1), resolve=slowly)
    with pytest.raises(Unreachable, match="its name was not found in time"):
        client.request("GET", "https://slow.test/")
    found.set()


def test_a_name_that_nobody_knows_is_said() -> None:
    def unknown(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    lookups: tuple[Resolve, ...] = (unknown, lambda *_: [])
    for lookup in lookups:
        client = GuardedClient(resolve=lookup)
        with pytest.raises(Unreachable, match="its name "):
            client.request("GET", "https://nowhere.test/")


@pytest.mark.parametrize(
    "body",
    [
        HEAD % 100_000 + b"x" * 100_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"10\r\nxxxxxxxxxxxxxxxx\r\n" * 6000
        + b"0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000,
    ],
    ids=["told", "chunked", "until the end"],
)
def test_an_answer_that_is_too_long_is_not_kept(body: bytes) -> None:
    with server(dripping([body], 0)) as port:
        most = Bounds(max_answer_bytes=65_536)
        with pytest.raises(Unreachable, match="more than 65536 bytes came"):
            outside(port, most).request("GET", "https://long.test/")
        enough = outside(port, Bounds()).request("GET", "https://long.test/")
        assert len(enough.body) >= 96_000


def test_a_head_that_is_too_long_is_not_read() -> None:
    with (
        server(dripping([b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000], 0)) as port,
        pytest.raises(Unreachable),
    ):
        outside(port, Bounds()).request("GET", "https://long.test/")


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 200", b"\x15\x03\x01"])
def test_what_speaks_no_http_did_not_answer(said: bytes) -> None:
    with server(dripping([said], 0)) as port, pytest.raises(Unreachable):
        outside(port, Bounds(seconds=2)).request("GET", "https://odd.test/")


def test_the_whole_request_arrives_and_a_connection_to_an_allowed_origin_is_kept() -> None:
    heard: list[bytes] = []
    connections = 0

    def behave(connection: socket.socket) -> None:
        nonlocal connections
        connections += 1
        while came := connection.recv(65_536):
            while not came.endswith(b"{}"):
                came += connection.recv(65_536)
            heard.append(came)
            connection.sendall(HEAD % 2 + b"ok")

    with server(behave) as port:
        url = f"http://127.0.0.1:{port}"
        client = GuardedClient([url])
        for _ in range(3):
            answer = client.request(
                "POST",
                f"{url}/a?b=c#d",
                headers={"X-Key": "1", "Host": "elsewhere", "content-length": "9"},
                content=b"{}",
            )
            assert answer == (200, {"content-length": "2"}, b"ok")
        client.close()
    assert connections == 1
    assert len(heard) == 3
    head = heard[0].decode().lower()
    assert head.startswith("post /a?b=c http/1.1\r\n")
    assert f"\r\nhost: 127.0.0.1:{port}\r\n" in head
    assert head.count("host:") == head.count("content-length:") == 1
    assert "\r\ncontent-length: 2\r\n" in head
    assert "\r\nx-key: 1\r\n" in head
    assert "\r\naccept-encoding: identity\r\n" in head


@pytest.mark.parametrize("value", ["a\r\nX-Other: b", "Käse", "\x00"])
def test_a_header_that_would_be_two_is_refused(value: str) -> None:
    with server(dripping([HEAD % 0], 0)) as port:
        url = f"http://127.0.0.1:{port}"
        client = GuardedClient([url])
        with pytest.raises(Invalid, match="cannot be sent"):
            client.request("GET", url, headers={"X-Key": value})
        client.close()


def test_nobody_there_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(Unreachable, match=rf"^http://127.0.0.1:{port} did not answer: .*refused"):
        GuardedClient([f"http://127.0.0.1:{port}"]).request("GET", f"http://127.0.0.1:{port}/")
