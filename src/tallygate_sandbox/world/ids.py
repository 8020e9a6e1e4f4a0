"""Ids as Stripe's: a prefix and letters and digits.

They are random, or, with a seed, the same in each run.
"""

import random
import string

LETTERS = string.ascii_letters + string.digits


class Ids:
    """A source of ids."""

    def __init__(self, seed: int | str | None = None) -> None:
        self._random = random.Random(seed)  # noqa: S311 - an id of a test's world is no secret

    def new(self, prefix: str, length: int = 24) -> str:
        return f"{prefix}_" + "".join(self._random.choices(LETTERS, k=length))

    def token(self, length: int, letters: str = LETTERS) -> str:
        return "".join(self._random.choices(letters, k=length))
