"""What can go wrong, as one tree.

TallygateError
├── CatalogInvalid       the price list contradicts itself: all problems at once
├── Refused              a request that cannot be done as it stands
│   ├── Invalid          it is malformed, or out of bounds
│   ├── NotFound         what it names is not there, or belongs to somebody else
│   ├── Conflict         what it asks contradicts the present state
│   ├── TooLarge         it exceeds a limit
│   ├── Unauthenticated  no key, or not one of ours
│   └── Forbidden        the key may not do this
└── Unreachable          the outside did not answer: try again
    └── Unsafe           a database that would forget acknowledged events: refuse to start

A message is a sentence for the person who reads it: what is wrong, where, what to do. HTTP status
codes are given at the interface only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class TallygateError(Exception):
    """Something that Tallygate can explain."""

    code: ClassVar[str] = "error"


@dataclass(frozen=True, slots=True)
class Problem:
    """One contradiction in a catalog: `place` is `file:line: path.to.the.key`."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class CatalogInvalid(TallygateError):
    """The catalog has problems; `problems` lists all of them, in the order of the file."""

    code = "catalog_invalid"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        heading = f"The catalog has {count} problem{'s' if count > 1 else ''}:"
        super().__init__("\n".join([heading, *(f"  {problem}" for problem in self.problems)]))


class Refused(TallygateError):
    """A request that cannot be done as it stands; `param` names the field at fault."""

    code = "refused"

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.reason = code or self.code


class Invalid(Refused):
    """The request is malformed, or a value is out of bounds."""

    code = "invalid"


class NotFound(Refused):
    """What the request names is not there, or is not the caller's to see."""

    code = "not_found"


class Conflict(Refused):
    """The request contradicts the present state."""

    code = "conflict"


class TooLarge(Refused):
    """The request exceeds a limit."""

    code = "too_large"


class Unauthenticated(Refused):
    """No API key was given, or none that is valid."""

    code = "unauthenticated"


class Forbidden(Refused):
    """The API key lacks the scope for this."""

    code = "forbidden"


class Unreachable(TallygateError):
    """The outside did not answer; the same request may be tried again."""

    code = "unreachable"


class Unsafe(Unreachable):
    """The database would forget what it has acknowledged, so nothing starts on it."""

    code = "unsafe_database"
