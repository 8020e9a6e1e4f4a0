"""Which addresses may a request go to?

Those of the public internet, over https on its usual port. What is refused: names and numbers
that lead to this machine, to a network behind it, to a cloud's own services, or through a tunnel
to any of these; and every odd way to write an address, which others read in another way than we.
No sentence repeats an address whole: a path may hold what lets its owner in.
Source of the ranges: the special-purpose address registries of IANA, RFC 6890.
"""

from collections.abc import Collection
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

import httpx2

from tallygate.core.errors import Invalid

MAX_URL = 2048

_PORTS = {"http": 80, "https": 443}
_UNICAST = IPv6Network("2000::/3")
_TRANSLATED = IPv6Network("64:ff9b::/96")
_NOT_OUTSIDE = tuple(
    ip_network(text)
    for text in (
        "168.63.129.16/32",  # a cloud's own services, on an address that looks public
        "192.0.0.0/24",  # for protocols
        "192.88.99.0/24",  # a relay to 6to4
        "2001::/23",  # Teredo, and other tunnels into IPv4
        "2002::/16",  # 6to4
        "3fff::/20",  # for documents
    )
)


def origin_of(url: str) -> str:
    """The scheme, host and port of an address: what may be allowed.

    Raises:
        Invalid: it is no address of http or https, or is written in an odd way.
    """
    return origin(parsed(url))


def check_url(url: str, allowed: Collection[str] = ()) -> None:
    """Refuse an address that no request may go to, whatever its name resolves to.

    For the moment at which somebody types it in: the same is checked again before each request.

    Raises:
        Invalid: it is no https address, or not on port 443, and its origin is not allowed.
    """
    admitted(url, frozenset(map(origin_of, allowed)))


def admitted(url: str, allowed: Collection[str]) -> httpx2.URL:
    """An address that may be asked, as far as can be told before its name is resolved.

    Raises:
        Invalid: it may not; `allowed` are origins, as `origin_of` writes them.
    """
    found = parsed(url)
    if origin(found) in allowed:
        return found
    if found.scheme != "https":
        raise _refused(f"{origin(found)} is not encrypted: write an https:// address.")
    if found.port not in {None, 443}:
        raise _refused(f"{origin(found)} is refused: requests go to port 443 only.")
    return found


@lru_cache(maxsize=256)
def parsed(url: str) -> httpx2.URL:
    """An address, read once for all that is done with it.

    Raises:
        Invalid: it is no address of http or https, or is written in an odd way.
    """
    plain = all("!" <= character <= "~" and character != "\\" for character in url)
    if not plain or not 0 < len(url) <= MAX_URL:
        raise _refused(
            f"An address has 1 to {MAX_URL} characters of ASCII and no blank or backslash: write "
            "a name of another alphabet as xn--..."
        )
    try:
        found = httpx2.URL(url)
    except httpx2.InvalidURL:
        raise _refused("This is no address: write https:// and the name of a host.") from None
    host = found.raw_host.decode("ascii")
    if found.userinfo:
        raise _refused("An address carries no user name and no password: take them out.")
    if found.scheme not in _PORTS or not host:
        raise _refused("This is no address: write https:// and the name of a host.")
    if "%" in host or _is_odd_number(host):
        raise _refused(f"The host {host} is written in an odd way: write a name.")
    if found.port is not None and not 0 < found.port < 65536:
        raise _refused(f"There is no port {found.port}.")
    return found


def origin(url: httpx2.URL) -> str:
    """The scheme, host and port of what was read."""
    host = url.raw_host.decode("ascii").lower().rstrip(".")
    shown = f"[{host}]" if ":" in host else host
    return f"{url.scheme}://{shown}:{url.port or _PORTS[url.scheme]}"


def refuse_inside(host: str, text: str, *, inside: bool) -> None:
    """Refuse an address that a name resolved to, unless it lies outside.

    `inside` says that the operator named the host, so that it may be in a network of theirs.

    Raises:
        Invalid: no request may go there.
    """
    address = ip_address(text.partition("%")[0])
    if inside:
        if not (address.is_link_local or address.is_multicast or address.is_unspecified):
            return
    elif is_outside(address):
        return
    raise _refused(
        f"{host} leads to {text}, which is not an address of the public internet: no request "
        "goes there."
    )


def is_outside(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the public internet, and leads into nothing else.

    >>> [is_outside(ip_address(text)) for text in ("9.9.9.9", "10.0.0.1", "::ffff:9.9.9.9")]
    [True, False, False]
    """
    if isinstance(address, IPv6Address):
        if address in _TRANSLATED:  # an IPv4 address, for machines that have none
            return is_outside(IPv4Address(int(address) & 0xFFFF_FFFF))
        if address not in _UNICAST:
            return False
    if any(address in network for network in _NOT_OUTSIDE):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _is_odd_number(host: str) -> bool:
    """Whether it is an IPv4 address in a form other than four decimal numbers."""
    last = host.rstrip(".").rpartition(".")[2].lower()
    if ":" in host or not (last.isdigit() or last.startswith("0x")):
        return False
    try:
        return str(ip_address(host)) != host
    except ValueError:
        return True


def _refused(sentence: str) -> Invalid:
    return Invalid(sentence, code="address_refused")
