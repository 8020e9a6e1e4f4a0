"""May a setting have this value?

Each function takes a text and gives it back, cleaned, or raises a ValueError whose sentence goes
on where the name of the variable ends.
"""

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

MIN_SECRET = 16
STRIPE_KEYS = ("sk_test_", "sk_live_", "rk_test_", "rk_live_")
SIGNING_PREFIX = "whsec_"
MAX_SIGNING_SECRETS = 8
IN_MEMORY = frozenset(("sqlite:///", "sqlite:///:memory:"))

_PLACEHOLDER = re.compile(
    r"(?i)change[-_ ]?me|placeholder|example|your[-_ ]|secret$|^x+$|^<.*>$|\.\.\.|^(.)\1*$|dummy"
)


def stripe_key(given: str) -> str:
    """A secret key of a Stripe account."""
    text = given.strip()
    if not text:
        raise ValueError("it is empty: leave it out or set the account's secret key")
    if text.startswith("pk_"):
        raise ValueError("it is a publishable key: set the secret one, sk_...")
    if not re.fullmatch(rf"({'|'.join(STRIPE_KEYS)})[A-Za-z0-9_]+", text) or (
        _PLACEHOLDER.search(text)
    ):
        raise ValueError(
            "it is no secret key of Stripe's, or a placeholder: such a key begins with "
            "sk_test_, sk_live_, rk_test_ or rk_live_"
        )
    return text


def publishable_key(given: str) -> str:
    """A key of a Stripe account that a browser may know."""
    text = given.strip()
    if not re.fullmatch(r"pk_(test|live)_[A-Za-z0-9_]+", text):
        raise ValueError("it is no publishable key of Stripe's: such a key begins with pk_")
    return text


def is_live(key: str) -> bool:
    """Whether a key of Stripe's is one of the live mode."""
    return "_live_" in key[:8]


def signing_secrets(texts: Sequence[str], *, may_be_short: bool) -> None:
    """The secrets that Stripe signs its webhooks with."""
    if len(texts) > MAX_SIGNING_SECRETS:
        raise ValueError(
            f"STRIPE_WEBHOOK_SECRET: it holds {len(texts)} secrets, and "
            f"{MAX_SIGNING_SECRETS} are the most: take the old ones out"
        )
    for text in texts:
        own = text.removeprefix(SIGNING_PREFIX)
        if own == text or not re.fullmatch(r"[!-~]+", own) or _PLACEHOLDER.search(own):
            raise ValueError(
                "STRIPE_WEBHOOK_SECRET: it is empty, or a placeholder, or no signing secret "
                f"of Stripe's: such a secret begins with {SIGNING_PREFIX}, and several are "
                "parted by single commas"
            )
        if len(own) < MIN_SECRET and not may_be_short:
            raise ValueError(
                "STRIPE_WEBHOOK_SECRET: a secret so short can be guessed, and is no secret "
                "of Stripe's; for a local Stripe set STRIPE_API_BASE too"
            )


def price_ids(given: Mapping[str, str]) -> Mapping[str, str]:
    """Ids of prices at Stripe, by the key of a plan or a price."""
    for name, price in given.items():
        if not re.fullmatch(r"price_[A-Za-z0-9_]{1,250}", price):
            raise ValueError(
                f"the one for {name.upper()} is no id of a price: such an id begins with price_"
            )
    return given


def base(given: str) -> str:
    """The address of a server, without a path."""
    parts = urlsplit(given)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
        raise ValueError("write an address without a path, such as http://127.0.0.1:12111")
    return given.rstrip("/")


def base_here(given: str) -> str:
    """The address of a server on this machine, without a path."""
    parts = urlsplit(given)
    if parts.scheme != "http" or not is_here(parts.hostname) or _more_than_a_base(given):
        raise ValueError(
            "write the address of a sandbox on this machine, such as http://127.0.0.1:12111"
        )
    return given.rstrip("/")


def page(given: str) -> str:
    """The address of a page that Stripe sends a browser to."""
    parts = urlsplit(given)
    encrypted = parts.scheme == "https" or (parts.scheme == "http" and is_here(parts.hostname))
    if not encrypted or not parts.hostname or parts.username or not _plain(given):
        raise ValueError(
            "write the address of a page, beginning with https:// (http:// on this machine alone)"
        )
    return given


def is_here(host: str | None) -> bool:
    """Whether a host is this machine by name or address, whatever a name server says."""
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def secret(given: str) -> str:
    """A text that nobody can guess."""
    text = given.strip()
    if not text:
        raise ValueError("it is empty: leave it out or set a random text")
    if len(text) < MIN_SECRET or _PLACEHOLDER.search(text):
        raise ValueError(
            f"it is a placeholder or shorter than {MIN_SECRET} characters: "
            "set a random text, for instance from `openssl rand -hex 32`"
        )
    return given


def database_url(given: str) -> str:
    """The address of a database that outlives the process."""
    if not given.startswith(("sqlite://", "postgresql://", "postgres://", "postgresql+")):
        raise ValueError("write sqlite:///FILE or postgresql://USER@HOST/NAME")
    place = given.partition("?")[0]
    if place.startswith("sqlite:") and (not place.startswith("sqlite:///") or place in IN_MEMORY):
        raise ValueError(
            "a database in memory forgets everything when its process ends, "
            "and sqlite:// with two slashes names no file: write sqlite:///FILE"
        )
    return given


def _more_than_a_base(given: str) -> bool:
    parts = urlsplit(given)
    more = parts.path.strip("/") or parts.query or parts.fragment or parts.username
    return bool(more) or not _plain(given)


def _plain(given: str) -> bool:
    return re.fullmatch(r"[!-~]+", given) is not None
