"""What does an identifier look like?

A prefix that says what it names, an underscore, and 26 characters of base32 that rise with time
(the bits of a version 7 UUID, RFC 9562): `org_06f3k2...`. New rows land beside each other in an
index, and a list sorted by id is sorted by creation.

The instant and the random bits are handed in, so that a test can replay them.
"""

import re
from collections.abc import Callable
from datetime import datetime

from tallygate.core.clock import Clock
from tallygate.core.errors import Invalid
from tallygate.core.period import to_micros

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
RANDOM_BITS = 74

_OUR_ID = re.compile(r"[a-z]{2,5}_[0-9a-hjkmnp-tv-z]{26}")
_SUBJECT = re.compile(r"[A-Za-z0-9._:~-]{1,128}")
ID_GRAMMAR = "1 to 128 characters out of A-Z a-z 0-9 . _ : ~ -"


class IdSource:
    """Makes identifiers that never repeat and that rise with the clock."""

    def __init__(self, clock: Clock, random_bits: Callable[[int], int]) -> None:
        self._clock = clock
        self._random_bits = random_bits

    def new(self, prefix: str) -> str:
        """A new identifier such as `org_...`."""
        return compose(prefix, self._clock.now(), self._random_bits(RANDOM_BITS))


def compose(prefix: str, at: datetime, random_bits: int) -> str:
    """The identifier made of an instant (to the millisecond) and 74 random bits."""
    millis = to_micros(at) // 1000
    number = (millis << 80) | (0x7 << 76) | (random_bits >> 62 << 64)
    number |= (0b10 << 62) | (random_bits & ((1 << 62) - 1))
    characters = [ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5)]
    return f"{prefix}_{''.join(characters)}"


def is_ours(text: str) -> bool:
    """Whether `text` has the shape of an identifier that we make."""
    return _OUR_ID.fullmatch(text) is not None


def is_external_id(text: str) -> bool:
    """Whether `text` may be a platform's own identifier."""
    return _SUBJECT.fullmatch(text) is not None


def check_external_id(text: str, param: str) -> str:
    """The text, if it may be a platform's own identifier.

    Raises:
        Invalid: it has other characters, or too many.
    """
    if not is_external_id(text):
        raise Invalid(f"{param} must be {ID_GRAMMAR}.", param=param)
    return text
