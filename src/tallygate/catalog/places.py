"""How is a value taken out of the tree, and where is a complaint about it filed?

A `Spot` is a node with its path (`plans.starter.prices[2].per_unit`). Asked for a text, a number
or a mapping, it answers with the value, or files a problem and answers None: the reading goes
on, so that a file's problems are all found at once.
"""

import difflib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from tallygate.catalog.tree import Entries, Node, Pairs, Scalar
from tallygate.core.errors import Invalid, Problem
from tallygate.core.period import parse_instant
from tallygate.core.quantity import parse_decimal

MAX_PROBLEMS = 200
MAX_SHOWN = 60

_ADDRESS = re.compile(r"https?://[^\s/?#@\\]+(?:[/?#]\S*)?")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]*", re.ASCII)
KEY_GRAMMAR = "letters, digits and _ . : -, beginning with a letter or a digit"


@dataclass(slots=True)
class Report:
    """What was found in one file, so far."""

    name: str
    problems: list[tuple[int, str, str]] = field(default_factory=list)
    warnings: list[tuple[int, str, str]] = field(default_factory=list)

    def sorted_problems(self) -> tuple[Problem, ...]:
        """The problems in the order of the file; a very long list is cut with a sentence."""
        found = self._placed(self.problems)
        if len(found) <= MAX_PROBLEMS:
            return found
        rest = len(found) - MAX_PROBLEMS
        more = Problem(self.name, f"There are {rest} more problems: solve these first.")
        return (*found[:MAX_PROBLEMS], more)

    def sorted_warnings(self) -> tuple[Problem, ...]:
        """The warnings in the order of the file."""
        return self._placed(self.warnings)

    def _placed(self, found: list[tuple[int, str, str]]) -> tuple[Problem, ...]:
        ordered = sorted(found, key=lambda entry: entry[0])
        return tuple(
            Problem(f"{self.name}:{line}{f': {path}' if path else ''}", message)
            for line, path, message in ordered
        )


@dataclass(frozen=True, slots=True)
class Spot:
    """A node, its path, and the report that complaints about it go to."""

    report: Report
    node: Node
    path: str
    line: int

    def problem(self, message: str) -> None:
        """File a problem at this place."""
        self.report.problems.append((self.line, self.path, message))

    def warn(self, message: str) -> None:
        """File a warning at this place."""
        self.report.warnings.append((self.line, self.path, message))

    @property
    def scalar(self) -> Scalar | None:
        """The scalar that stands here, if one does."""
        return self.node if isinstance(self.node, Scalar) else None

    @property
    def is_null(self) -> bool:
        """Whether a key stands here without a value."""
        return self.scalar is not None and self.scalar.is_null

    def pairs(self) -> dict[str, "Spot"] | None:
        """A mapping whose keys are names that the file chooses; nothing written is an empty one.

        A key that is written twice, or that is no name, is a problem.
        """
        if self.is_null:
            return {}
        if not isinstance(self.node, Pairs):
            self.problem(f"This must be a mapping (key: value), not {self.shown()}.")
            return None
        found: dict[str, Spot] = {}
        for key, node in self.node.nodes:
            path = f"{self.path}.{_short(key.text)}" if self.path else _short(key.text)
            spot = Spot(self.report, node, path, key.line)
            if key.text in found:
                spot.problem(f"{_short(key.text)!r} is written twice: keep one of them.")
            else:
                found[key.text] = spot
        return found

    def fields(
        self, known: Collection[str], *, required: Iterable[str] = ()
    ) -> dict[str, "Spot"] | None:
        """A mapping whose keys are ours; others, and missing ones, are problems."""
        found = self.pairs()
        if found is None:
            return None
        for key in [key for key in found if key not in known]:
            near = difflib.get_close_matches(key, known, n=1)
            advice = (
                f"did you mean {near[0]!r}?" if near else f"known here are {', '.join(known)}."
            )
            found.pop(key).problem(f"The key {_short(key)!r} is unknown: {advice}")
        for key in required:
            if key not in found:
                self.problem(f"The key {key!r} is missing.")
        return found

    def entries(self) -> tuple["Spot", ...] | None:
        """A list."""
        if not isinstance(self.node, Entries):
            self.problem(f"This must be a list, not {self.shown()}.")
            return None
        return tuple(
            Spot(self.report, node, f"{self.path}[{index}]", node.line)
            for index, node in enumerate(self.node.nodes)
        )

    def text(self, limit: int = 200) -> str | None:
        """A text of 1 to `limit` printable characters."""
        if (scalar := self.scalar) is None or scalar.is_null:
            self.problem(f"This must be a text, not {self.shown()}.")
            return None
        if not 1 <= len(scalar.text) <= limit or not scalar.text.isprintable():
            self.problem(f"This must be a text of 1 to {limit} printable characters on one line.")
            return None
        return scalar.text

    def key(self, limit: int = 100) -> str | None:
        """A name such as `starter_monthly`."""
        text = self.text(limit)
        if text is not None and not is_key(text, limit):
            self.problem(f"{_short(text)!r} is no name: use {KEY_GRAMMAR}.")
            return None
        return text

    def flag(self) -> bool:
        """True or false; whatever else stands here is a problem, and false."""
        said = None if self.scalar is None else self.scalar.as_bool
        if said is None:
            self.problem(f"Write true or false here, without quotes, not {self.shown()}.")
        return bool(said)

    def address(self) -> str | None:
        """An address that a browser can be sent to."""
        text = self.text(500)
        if text is not None and not _ADDRESS.fullmatch(text):
            self.problem(f"{_short(text)!r} is no address: write https://... with a host.")
            return None
        return text

    def choice(self, *allowed: str) -> str | None:
        """One of these words."""
        scalar = self.scalar
        if scalar is not None and scalar.text in allowed:
            return scalar.text
        near = difflib.get_close_matches(scalar.text, allowed, n=1) if scalar else []
        advice = f" Did you mean {near[0]}?" if near else ""
        self.problem(f"{self.shown()} is not possible here: write {_either(allowed)}.{advice}")
        return None

    def amount(self) -> Decimal | None:
        """A decimal in quotes, of zero or more: money, and rates."""
        scalar = self.scalar
        if scalar is not None and scalar.is_number:
            self.problem(f'Write the amount in quotes: "{_short(scalar.text)}".')
            return None
        return self._decimal('an amount in quotes, such as "29.00"', Decimal(0))

    def number(self, *, least: Decimal = Decimal(0)) -> Decimal | None:
        """A count or a quantity: a whole number, or a decimal in quotes."""
        scalar = self.scalar
        if scalar is not None and scalar.is_number and not scalar.is_whole:
            self.problem(f'Write a number with a point in quotes: "{_short(scalar.text)}".')
            return None
        return self._decimal('a number, such as 5 or "0.5"', least)

    def whole(self, least: int, most: int) -> int | None:
        """A whole number within bounds."""
        scalar = self.scalar
        if scalar is not None and re.fullmatch(r"-?[0-9]{1,15}", scalar.text, re.ASCII):
            number = int(scalar.text)
            if least <= number <= most:
                return number
        self.problem(f"This must be a whole number from {least} to {most}, not {self.shown()}.")
        return None

    def instant(self) -> datetime | None:
        """An instant with its time zone."""
        if (text := self.text()) is None:
            return None
        try:
            return parse_instant(text)
        except Invalid as error:
            self.problem(str(error))
            return None

    def shown(self) -> str:
        """What stands here, for a sentence."""
        match self.node:
            case Scalar() as scalar:
                return "nothing" if scalar.is_null else repr(_short(scalar.text))
            case Entries():
                return "a list"
            case _:
                return "a mapping"

    def _decimal(self, wanted: str, least: Decimal) -> Decimal | None:
        if (scalar := self.scalar) is None or scalar.is_null:
            self.problem(f"This must be {wanted}, not {self.shown()}.")
            return None
        try:
            number = parse_decimal(scalar.text)
        except Invalid as error:
            self.problem(str(error))
            return None
        if number < least:
            self.problem(f"{scalar.text} is too small: it must be {least} or more.")
            return None
        return number


def is_key(text: str, limit: int) -> bool:
    """Whether a text may be the name of a price, a meter, a plan ..."""
    return len(text) <= limit and _KEY.fullmatch(text) is not None


def _either(allowed: Collection[str]) -> str:
    *first, last = allowed
    return f"{', '.join(first)} or {last}" if first else last


def _short(text: str) -> str:
    shown = "".join(character if character.isprintable() else "?" for character in text)
    return shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}..."
