"""What does a YAML text say, and on which lines?

A tree of scalars, lists and mappings that remember where they stand. Scalars stay the text that
was written, so that an amount is never turned into a binary fraction on the way, and `no` stays
a country. The text, its depth and its size with all aliases followed are limited.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from tallygate.core.errors import CatalogInvalid, Problem

MAX_CHARACTERS = 200_000
MAX_DEPTH = 20
MAX_NODES = 50_000
MAX_TEXT = 1000

_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_STANDARD_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")
)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text; `quoted` when it stands in quotes or in a block."""

    line: int
    text: str
    quoted: bool
    size: int = 1

    @property
    def is_null(self) -> bool:
        """Whether nothing was written."""
        return not self.quoted and self.text in _NULLS

    @property
    def is_number(self) -> bool:
        """Whether a number was written without quotes."""
        return not self.quoted and _NUMBER.fullmatch(self.text) is not None

    @property
    def is_whole(self) -> bool:
        """Whether a number without point and exponent was written without quotes."""
        return not self.quoted and re.fullmatch(r"-?[0-9]+", self.text, re.ASCII) is not None

    @property
    def as_bool(self) -> bool | None:
        """True or false, where one of these words was written without quotes."""
        return None if self.quoted else _BOOLS.get(self.text)


@dataclass(frozen=True, slots=True)
class Entries:
    """A list."""

    line: int
    nodes: tuple["Node", ...]
    size: int


@dataclass(frozen=True, slots=True)
class Pairs:
    """A mapping in the order of the text; a key may have been written twice."""

    line: int
    nodes: tuple[tuple[Scalar, "Node"], ...]
    size: int


Node = Scalar | Entries | Pairs


def read_tree(text: str, name: str) -> Node:
    """Read one YAML document.

    Raises:
        CatalogInvalid: it is no YAML, has a second document, is too large, too deep, or refers
            to itself; this one problem is all that can be said.
    """
    if len(text) > MAX_CHARACTERS:
        raise refusal(
            name, 1, f"The file is longer than {MAX_CHARACTERS} characters: shorten the catalog."
        )
    try:
        return _Composer(text, name).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = error.problem or error.context or "it cannot be read"
        line = mark.line + 1 if mark else 1
        if "\\t" in said:
            said = "a tab stands where blanks must; indent with blanks"
        raise refusal(name, line, f"This is no YAML: {_printable(said)}.") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = "A character that is not allowed in a text file: save the catalog as UTF-8 text."
        raise refusal(name, line, message) from None
    except (yaml.YAMLError, ValueError, OverflowError):
        raise refusal(name, 1, "This is no YAML: an escape or a directive is wrong.") from None


def refusal(name: str, line: int, message: str) -> CatalogInvalid:
    """The error for a file of which nothing more can be said than this."""
    return CatalogInvalid([Problem(f"{name}:{line}", message)])


class _Composer:
    """Puts the parser's events together; every step into depth or size is counted."""

    def __init__(self, text: str, name: str) -> None:
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.SafeLoader)
        self._name = name
        self._anchors: dict[str, Node] = {}
        self._nodes = 0

    def document(self) -> Node:
        next(self._events)  # the stream begins
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise refusal(self._name, 1, "The file is empty: write a catalog.")
        root = self._node(next(self._events), 1)
        next(self._events)  # the document ends
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._refuse(after, "A second document begins here: a catalog is one document.")
        return root

    def _node(self, event: yaml.Event, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise self._refuse(event, f"This is nested deeper than {MAX_DEPTH} levels.")
        line = _line(event)
        node: Node
        if isinstance(event, yaml.AliasEvent):
            node = self._aliased(event)
        elif isinstance(event, yaml.ScalarEvent):
            if len(event.value) > MAX_TEXT:
                raise self._refuse(event, f"This text is longer than {MAX_TEXT} characters.")
            quoted = event.style is not None or event.tag == "tag:yaml.org,2002:str"
            node = Scalar(line, event.value, quoted)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._entries(line, depth)
        else:
            node = self._pairs(line, depth)
        self._nodes += node.size if isinstance(event, yaml.AliasEvent) else 1
        if self._nodes > MAX_NODES:
            raise self._refuse(event, f"The catalog has more than {MAX_NODES} entries.")
        tag = getattr(event, "tag", None)
        if tag is not None and tag not in _STANDARD_TAGS:
            raise self._refuse(event, f"Tags are not read here: remove {_printable(tag)}.")
        anchor = getattr(event, "anchor", None)
        if anchor is not None and not isinstance(event, yaml.AliasEvent):
            self._anchors[anchor] = node
        return node

    def _aliased(self, event: yaml.AliasEvent) -> Node:
        anchor = event.anchor or ""
        if (found := self._anchors.get(anchor)) is None:
            named = _printable(anchor)
            raise self._refuse(event, f"*{named} refers to nothing that is complete before it.")
        return found

    def _entries(self, line: int, depth: int) -> Entries:
        nodes = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            nodes.append(self._node(event, depth + 1))
        return Entries(line, tuple(nodes), 1 + sum(node.size for node in nodes))

    def _pairs(self, line: int, depth: int) -> Pairs:
        pairs = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            if not isinstance(key, Scalar):
                raise self._refuse(event, "A key is a word, not a list or a mapping.")
            pairs.append((key, self._node(next(self._events), depth + 1)))
        return Pairs(line, tuple(pairs), 1 + sum(1 + node.size for _, node in pairs))

    def _refuse(self, event: yaml.Event, message: str) -> CatalogInvalid:
        return refusal(self._name, _line(event), message)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _printable(text: str) -> str:
    shown = "".join(character if character.isprintable() else "?" for character in text)
    return shown if len(shown) <= 100 else f"{shown[:100]}..."
