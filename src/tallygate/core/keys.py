"""What does an API key look like, and what may be kept of it?

`tg_live_`, 256 random bits and a checksum, in the alphabet of our ids. The checksum lets a scanner
that finds one in a public place be sure of it, and lets us refuse a mistyped one without a look
into the database. Kept are a keyed hash and the last characters: with that much randomness a fast
hash is right, and the database alone does not tell any key.
"""

import hashlib
import hmac
import re
import zlib
from dataclasses import dataclass
from datetime import datetime

from tallygate.core.ids import ALPHABET

RANDOM_BITS = 256
TAIL = 4
SCOPES = ("ingest", "read", "write")
_PREFIX = "tg_live_"
_RANDOM_CHARACTERS, _CHECK_CHARACTERS = 52, 7
_SHAPE = re.compile(
    rf"{_PREFIX}[{ALPHABET}]{{{_RANDOM_CHARACTERS}}}[{ALPHABET}]{{{_CHECK_CHARACTERS}}}"
)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key: whose it is, what it may do, how it ends. Not the key.

    `organization` is None for the platform's own, which act for all tenants.
    """

    id: str
    organization: str | None
    name: str
    scopes: frozenset[str]
    tail: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def has(self, scope: str) -> bool:
        """Whether the key has a scope; one that may change may look, too."""
        return scope in self.scopes or (scope == "read" and "write" in self.scopes)

    def is_live(self, at: datetime) -> bool:
        """Whether the key opens anything at this instant."""
        if self.revoked_at is not None and self.revoked_at <= at:
            return False
        return self.expires_at is None or at < self.expires_at


def compose_key(random_bits: int) -> str:
    """The key made of 256 random bits."""
    assert 0 <= random_bits < 1 << RANDOM_BITS, "a key is made of 256 bits"
    body = _PREFIX + _base32(random_bits, _RANDOM_CHARACTERS)
    return body + _checksum(body)


def is_key(text: str) -> bool:
    """Whether a text has the shape of a key and its checksum is right."""
    if _SHAPE.fullmatch(text) is None:
        return False
    body, check = text[:-_CHECK_CHARACTERS], text[-_CHECK_CHARACTERS:]
    return _checksum(body) == check


def digest_key(text: str, secret: str) -> str:
    """What is kept in place of the key: HMAC-SHA-256 under the installation's secret."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def same_digest(one: str, other: str) -> bool:
    """Whether two digests are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(one, other)


def _checksum(body: str) -> str:
    return _base32(zlib.crc32(body.encode()), _CHECK_CHARACTERS)


def _base32(number: int, characters: int) -> str:
    return "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(characters)))
