"""No request goes inside, however its address is written: 300 forms, and a sentinel on loopback.

The network is played: public addresses answer at once, and whoever connects to an address inside
reaches the sentinel. The forms are no straw men: an unguarded client reaches it by most of them.
"""

import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address

import httpcore2
import httpx2
import pytest

from tallygate.adapters.addresses import check_url, is_outside, origin_of, refuse_inside
from tallygate.adapters.http import GuardedClient
from tallygate.core.errors import Invalid, Unreachable

PUBLIC = "93.184.216.34"
OTHER_PUBLIC = "2606:2800:220:1:248:1893:25c8:1946"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

NAMES = {
    "public.test": [PUBLIC],
    "two.test": [OTHER_PUBLIC, PUBLIC],
    "localhost": ["::1", "127.0.0.1"],
    "anything.localhost": ["127.0.0.1"],
    "127.0.0.1.rebinder.test": ["127.0.0.1"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "both.test": [PUBLIC, "127.0.0.1"],
    "both-turned.test": ["127.0.0.1", PUBLIC],
    "last-of-many.test": [*[PUBLIC] * 20, "127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "database.test": ["10.0.0.5"],
    "translated.test": ["64:ff9b::7f00:1"],
    "zone.test": ["fe80::1%eth0"],
}

LOOPBACK = (
    *("127.0.0.1", "2130706433", "0x7f000001", "0X7F000001", "017700000001", "0177.0.0.1"),
    *(
        "0x7f.0.0.1",
        "0x7f.1",
        "127.1",
        "127.0.1",
        "127.000.000.001",
        "127.0.0.1.",
        "127.127.127.1",
    ),
    *("[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]"),
    *("[64:ff9b::7f00:1]", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "[::]", "0.0.0.0", "0"),  # noqa: S104  # refused
    *(name for name in NAMES if name not in {"public.test", "two.test"}),
    *("LOCALHOST", "localhost."),
)
INSIDE = (
    *("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254"),
    *("2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "100.64.0.1", "100.100.100.200"),
    *("192.0.0.192", "168.63.129.16", "198.18.0.1", "192.0.2.1", "224.0.0.1", "255.255.255.255"),
    *("[fe80::1]", "[fe80::1%25eth0]", "[fd00:ec2::254]", "[fc00::1]", "[ff02::1]"),
    *("[2001:0:7f00:1::]", "[::ffff:169.254.169.254]", "[::ffff:0a00:0001]", "[2001:db8::1]"),
)
WRAPPINGS = (
    *("https://{}/", "https://{}:443/x?y#z", "HTTPS://{}", "http://{}/", "https://user@{}/"),
    *("https://public.test:pw@{}/", "https://{}#@public.test/", "https://{}?@public.test/"),
    *("https://public.test\\@{}/", "https://{}:8443/", "//{}/", "https:{}", " https://{}/"),
)
FORMS = tuple(
    wrapping.format(host) for host in (*LOOPBACK, *INSIDE) for wrapping in WRAPPINGS[:5]
) + tuple(wrapping.format(host) for host in LOOPBACK[:16] for wrapping in WRAPPINGS[5:])


def resolve(host: str, port: int) -> list[str]:
    """The names of this test, and whatever the operating system takes for a number."""
    name = host.lower().rstrip(".")
    if name in NAMES:
        return NAMES[name]
    found = socket.getaddrinfo(host, port, flags=socket.AI_NUMERICHOST, type=socket.SOCK_STREAM)
    return [str(one[4][0]) for one in found]


@dataclass
class Network(httpcore2.NetworkBackend):
    """Connects to the sentinel for everything inside, and answers for everything outside.

    It takes names too, and looks them up again, as sockets do.
    """

    sentinel: tuple[str, int]
    resolve: Callable[[str, int], Sequence[str]] = resolve
    connected: list[str] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    answer: bytes = ANSWER
    down: frozenset[str] = frozenset()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        try:
            address = self.resolve(host, port)[0].partition("%")[0]
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error
        if address in self.down:
            raise httpcore2.ConnectError("no route")
        self.connected.append(address)
        if address not in {PUBLIC, OTHER_PUBLIC}:
            socket.create_connection(self.sentinel).close()
        return Played(self)


class Played(httpcore2.MockStream):
    def __init__(self, network: Network) -> None:
        super().__init__([network.answer])
        self._network = network

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        assert ssl_context.check_hostname
        self._network.names.append(server_hostname)
        return self


@dataclass
class Sentinel:
    """A socket on loopback that nobody may connect to."""

    listening: socket.socket

    @property
    def place(self) -> tuple[str, int]:
        address, port = self.listening.getsockname()
        return address, port

    def visitors(self) -> int:
        """How many have connected since it was asked last."""
        count = 0
        with suppress(BlockingIOError):
            while True:
                self.listening.accept()[0].close()
                count += 1
        return count


@pytest.fixture
def sentinel() -> Iterator[Sentinel]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1024)
        listening.setblocking(False)
        yield Sentinel(listening)


@pytest.fixture
def network(sentinel: Sentinel) -> Network:
    return Network(sentinel.place)


def tried(client: GuardedClient, url: str) -> bool:
    """Whether something answered."""
    try:
        client.request("GET", url)
    except (Invalid, Unreachable):
        return False
    return True


def test_no_form_of_an_address_leads_inside(network: Network, sentinel: Sentinel) -> None:
    assert len(set(FORMS)) >= 300
    client = GuardedClient(resolve=resolve, dial=network)
    answered = {url for url in FORMS if tried(client, url)}
    assert sentinel.visitors() == 0
    assert answered == set(network.connected) == set()
    assert tried(client, "https://public.test/"), "what is outside is reached"
    assert network.connected == [PUBLIC]


def test_the_forms_are_dangerous(network: Network, sentinel: Sentinel) -> None:
    """An unguarded client reaches the sentinel by most of them."""
    reached = 0
    tls = ssl.create_default_context()
    with httpcore2.ConnectionPool(ssl_context=tls, network_backend=network) as pool:
        for url in FORMS:
            with suppress(Exception):
                asked = httpx2.URL(url)
                port = asked.port or 443
                target = httpcore2.URL(
                    scheme=asked.raw_scheme, host=asked.raw_host, port=port, target=b"/"
                )
                with pool.stream("GET", target):
                    pass
            reached += sentinel.visitors()
    assert reached >= 200, reached


class ChecksThenConnectsByName:
    """The planted defect: what is checked is one lookup, and what is connected to another."""

    def __init__(self, network: Network) -> None:
        self.network = network

    def request(self, host: str) -> None:
        for address in self.network.resolve(host, 443):
            refuse_inside(host, address, inside=False)
        self.network.connect_tcp(host, 443)


def rebinding() -> Callable[[str, int], Sequence[str]]:
    """A name that is public at each first lookup, and loopback at each second."""
    lookups = 0

    def resolve_anew(host: str, port: int) -> Sequence[str]:
        nonlocal lookups
        if host != "rebinding.test":
            return resolve(host, port)
        lookups += 1
        return [PUBLIC] if lookups % 2 else ["127.0.0.1"]

    return resolve_anew


def test_a_name_is_looked_up_once_and_connected_to_as_it_was_found(sentinel: Sentinel) -> None:
    lookup = rebinding()
    network = Network(sentinel.place)
    client = GuardedClient(resolve=lookup, dial=network)
    answers = [tried(client, "https://rebinding.test/") for _ in range(10)]
    assert answers == [True, False] * 5
    assert network.connected == [PUBLIC] * 5
    assert network.names == ["rebinding.test"] * 5, "the certificate must be that of the name"
    assert sentinel.visitors() == 0
    defect = ChecksThenConnectsByName(Network(sentinel.place, rebinding()))
    defect.request("rebinding.test")
    assert sentinel.visitors() == 1, "the sentinel catches who looks a name up twice"


def test_an_address_that_is_down_gives_way_to_the_next(sentinel: Sentinel) -> None:
    network = Network(sentinel.place, down=frozenset((OTHER_PUBLIC,)))
    client = GuardedClient(resolve=resolve, dial=network)
    assert client.request("POST", "https://two.test/", content=b"{}").body == b"ok"
    assert network.connected == [PUBLIC]
    network.down = frozenset((OTHER_PUBLIC, PUBLIC))
    with pytest.raises(Unreachable, match=r"^https://two.test:443 did not answer: no route\.$"):
        client.request("GET", "https://two.test/")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(
    status: int, network: Network, sentinel: Sentinel
) -> None:
    network.answer = (
        f"HTTP/1.1 {status} Moved\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n"
    ).encode()
    client = GuardedClient(resolve=resolve, dial=network)
    answer = client.request("GET", "https://public.test/")
    assert (answer.status, answer.headers["location"]) == (status, "https://127.0.0.1/")
    assert sentinel.visitors() == 0


def test_no_proxy_of_the_environment_is_asked(
    network: Network, sentinel: Sentinel, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = "http://{}:{}".format(*sentinel.place)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy)
        monkeypatch.setenv(name.lower(), proxy)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert tried(GuardedClient(resolve=resolve, dial=network), "https://public.test/")
    assert sentinel.visitors() == 0
    with suppress(httpx2.HTTPError):
        httpx2.get("http://public.test/", timeout=0.2)
    assert sentinel.visitors() == 1, "the sentinel catches who asks the proxy"


def test_an_origin_that_the_operator_names_is_reached_and_no_other(
    network: Network, sentinel: Sentinel
) -> None:
    client = GuardedClient(["http://127.0.0.1:12111"], resolve=resolve, dial=network)
    assert tried(client, "http://127.0.0.1:12111/_sandbox/clock")
    assert sentinel.visitors() == 1
    for other in (
        *("http://127.0.0.1:12112/", "https://127.0.0.1:12111/", "http://localhost:12111/"),
        *("http://127.0.0.2:12111/", "http://127.0.0.1/", "http://127.1:12111/"),
        *("http://u@127.0.0.1:12111/", "http://[::ffff:127.0.0.1]:12111/"),
    ):
        assert not tried(client, other), other
    assert sentinel.visitors() == 0


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "0.0.0.0", "224.0.0.1"])  # noqa: S104  # refused
def test_some_addresses_are_refused_even_to_an_operator(
    host: str, network: Network, sentinel: Sentinel
) -> None:
    client = GuardedClient([f"http://{host}:80"], resolve=resolve, dial=network)
    assert not tried(client, f"http://{host}/")
    assert sentinel.visitors() == 0


@pytest.mark.parametrize(
    ("address", "outside"),
    [
        *((PUBLIC, True), (OTHER_PUBLIC, True), ("64:ff9b::5db8:d822", True), ("1.1.1.1", True)),
        *(("64:ff9b::a00:1", False), ("64:ff9b:1::1", False), ("::ffff:93.184.216.34", False)),
        *(("2001::1", False), ("2002:5db8:d822::", False), ("3fff::1", False), ("::", False)),
        *(("5f00::1", False), ("4000::1", False), ("fec0::1", False), ("100::1", False)),
        *(
            ("0.1.2.3", False),
            ("192.88.99.1", False),
            ("203.0.113.9", False),
            ("240.0.0.1", False),
        ),
        *(("198.19.255.255", False), ("100.127.255.255", False), ("100.128.0.1", True)),
        *(("172.15.255.255", True), ("172.32.0.0", True), ("169.253.1.1", True)),
    ],
)
def test_what_is_outside(address: str, outside: bool) -> None:
    assert is_outside(ip_address(address)) is outside


def test_what_is_typed_in_is_refused_at_once_and_not_repeated() -> None:
    check_url("https://hooks.example.com/T0/B0/secret-path?x=1")
    check_url("http://127.0.0.1:9/", allowed=["http://127.0.0.1:9"])
    assert origin_of("HTTPS://Example.COM./a") == "https://example.com:443"
    for url in (
        "http://hooks.example.com/secret-path",
        "https://hooks.example.com:8443/secret-path",
        "https://u:secret-path@hooks.example.com/",
        "https://hooks.example.com\n/secret-path",
        "https://hööks.example.com/secret-path",
        "ftp://hooks.example.com/secret-path",
        "secret-path",
        "https://[/secret-path",
        "https://0x7f.1/secret-path",
        "https://hooks.example.com:0/secret-path",
        "https://hooks.example.com:99999/secret-path",
        "https://hooks.example.com/" + "secret-path" * 300,
        "",
    ):
        with pytest.raises(Invalid) as caught:
            check_url(url)
        assert caught.value.reason == "address_refused"
        assert "secret-path" not in str(caught.value)
