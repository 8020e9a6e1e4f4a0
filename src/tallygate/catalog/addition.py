"""How does a price list that people wrote take in another resource type, and stay as it reads?

The entry becomes one line at the head of its section, so that every comment and the order of all
else stay. A section that is written in one line itself cannot take a line, and is left alone.
"""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from tallygate.core.errors import Conflict
from tallygate.core.quantity import plain

Written = str | bool | int | Decimal | Mapping[str, "Written"] | Sequence["Written"]
"""What an entry is made of, as the file would say it."""


def with_entry(text: str, section: str, key: str, entry: Mapping[str, Written]) -> str:
    """The text with another `key` in a section that maps keys to entries (`resources`).

    Raises:
        Conflict: the section is written in one line.
    """
    return _with_line(text, section, f"{_flow(key)}: {_flow(entry)}")


def with_item(text: str, section: str, item: Mapping[str, Written]) -> str:
    """The text with another item in a section that is a list (`prices`).

    Raises:
        Conflict: the section is written in one line.
    """
    return _with_line(text, section, f"- {_flow(item)}")


def _with_line(text: str, section: str, line: str) -> str:
    if re.search(rf"^{section}[ \t]*:[ \t]*[^#\s]", text, re.MULTILINE):
        raise Conflict(
            f"The catalog's {section} are written in one line, to which nothing can be added: "
            "write them in several, or add it to the file by hand."
        )
    found = re.search(rf"^{section}[ \t]*:[^\n]*\n", text, re.MULTILINE)
    if found is None:
        return f"{text.rstrip()}\n\n{section}:\n  {line}\n"
    return f"{text[: found.end()]}{_indent(text[found.end() :])}{line}\n{text[found.end() :]}"


def _indent(rest: str) -> str:
    """How far the section's own lines stand in: as its first one, comments aside."""
    for line in rest.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            return line[: len(line) - len(line.lstrip())]
    return "  "


def _flow(value: Written) -> str:
    """A value in one line: what JSON writes is YAML, too."""
    match value:
        case str() | bool():
            return json.dumps(value, ensure_ascii=False)
        case int() | Decimal():  # a number with a point stands in quotes, as in any catalog
            number = Decimal(value)
            whole = number == number.to_integral_value()
            return plain(number) if whole else f'"{plain(number)}"'
        case Mapping():
            return f"{{{', '.join(f'{_flow(key)}: {_flow(one)}' for key, one in value.items())}}}"
        case _:
            return f"[{', '.join(map(_flow, value))}]"
