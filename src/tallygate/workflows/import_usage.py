"""How do files of usage come in, and come in twice without counting twice?

NDJSON of CloudEvents, or any NDJSON or CSV with a map of its columns. A line without an id gets
one made of what it says, so that a file that is imported again, or that has grown since, adds only
what is new. What a line gets wrong is told with file and line; the other lines are taken. Every
event is one line, in CSV too: a quoted cell that holds a line break is refused.
"""

import codecs
import csv
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from tallygate.core.errors import Invalid
from tallygate.core.period import parse_instant
from tallygate.workflows.event_json import event_of, strict_object
from tallygate.workflows.ingest import Incoming, ingest
from tallygate.workflows.installation import Installation

LINES_AT_ONCE = 2_000
MOST_PROBLEMS = 1_000
ATTRIBUTES = frozenset(("id", "source", "type", "subject", "time"))

_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,12})?")

Progress = Callable[[int, int], None]
"""Told how many bytes of how many have been taken in."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to read a file.

    `form` and `delimiter` are told by the file's name where they are left out. `columns` says
    which column gives which attribute of the event (id, source, type, subject, time) or field of
    its data:
    {"subject": "customer", "time": "timestamp", "tokens": "total_tokens"}; without a field of data
    in it, every other column becomes one under its own name. `fixed` gives attributes and fields
    that are the same in every line. `source` names the sender where lines do not: files whose
    equal lines are different events need different ones. `assume_utc` reads times without zone
    as UTC.
    """

    form: Literal["ndjson", "csv"] | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    source: str = "import"
    delimiter: str | None = None
    assume_utc: bool = False
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """A line that was not taken: `place` is `file:line`."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


@dataclass(slots=True)
class ImportReport:
    """What became of a file. `troubles` holds the first thousand lines that were not taken."""

    lines: int = 0
    accepted: int = 0
    duplicates: int = 0
    conflicts: int = 0
    rejected: int = 0
    troubles: list[Trouble] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every line is counted, now or before."""
        return not self.conflicts and not self.rejected

    def trouble(self, place: str, message: str) -> None:
        """Note a line that was not taken."""
        if len(self.troubles) < MOST_PROBLEMS:
            self.troubles.append(Trouble(place, message))


class Unmapped(Invalid):
    """Nothing says what type every line's event is of, or which subject it is about."""

    code = "unmapped"


Line = tuple[int, bytes, dict[str, Any] | str]
"""A line's number, its bytes, and what it says by column; or the sentence why it says nothing."""


def check_file(path: Path, options: ImportOptions) -> None:
    """Look whether a file can be taken in: what concerns every line is told once, before any.

    Raises:
        Unmapped: neither a column of a CSV nor the options give the type or the subject.
        Invalid: the file cannot be opened, or its form is not known, or lacks a mapped column.
    """
    form = _form_of(path, options)
    try:
        if path.exists() and not path.is_file():
            return  # a pipe can be read once
        with path.open("rb") as opened:
            if form == "csv":
                _header(opened, path, options)
                return
            first = next((line for line in opened if line.strip()), b"")
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.") from None
    if first.lstrip().removeprefix(codecs.BOM_UTF8).startswith(b"["):
        raise Invalid(
            f"{path} holds a JSON array, and usage comes in with one object on each line: "
            f"`jq -c '.[]' {path.name} > usage.ndjson` writes it so."
        )


def import_file(
    installation: Installation,
    path: Path,
    options: ImportOptions | None = None,
    progress: Progress | None = None,
    report: ImportReport | None = None,
) -> ImportReport:
    """Take in a file, a few thousand lines in a transaction. Stopping and repeating is safe.

    `report` is one to fill, for who wants to know how far it came when it is stopped.

    Raises:
        Invalid: what `check_file` refuses.
        Unreachable: the database did not answer; what was taken in before stays.
    """
    options = options or ImportOptions()
    check_file(path, options)
    report, seen = report or ImportReport(), Counter[str]()
    waiting = _Waiting()
    try:
        size = path.stat().st_size
        with path.open("rb") as opened:
            counted = _Counted(opened)
            if _form_of(path, options) == "csv":
                lines = _read_csv(counted, path, options)
            else:
                lines = _read_json(counted)
            for number, raw, said in lines:
                try:
                    waiting.events.append((number, _event(raw, said, options, seen)))
                except Invalid as error:
                    waiting.broken.append((number, f"{error} Correct it and import again."))
                if len(waiting.events) + len(waiting.broken) >= LINES_AT_ONCE:
                    _take(installation, path, options, waiting, report)
                    waiting = _Waiting()
                    if progress is not None:
                        progress(counted.bytes, size)
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.") from None
    _take(installation, path, options, waiting, report)
    if progress is not None:
        progress(size, size)
    return report


@dataclass(slots=True)
class _Waiting:
    """Lines that were read and are not taken in yet, by number: events, and why there are none."""

    events: list[tuple[int, Incoming]] = field(default_factory=list)
    broken: list[tuple[int, str]] = field(default_factory=list)


class _Counted:
    """Lines of a file, and how many bytes they came to."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = lines
        self.bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for line in self._lines:
            self.bytes += len(line)
            yield line


def _take(
    installation: Installation,
    path: Path,
    options: ImportOptions,
    waiting: _Waiting,
    report: ImportReport,
) -> None:
    told = waiting.broken
    if waiting.events:
        verdicts = ingest(installation, [event for _, event in waiting.events], options.tenant)
        report.accepted += verdicts.accepted
        report.duplicates += verdicts.duplicates
        report.conflicts += len(verdicts.conflicts)
        report.rejected += len(verdicts.rejected)
        refused = (*verdicts.conflicts, *verdicts.rejected)
        told = told + [(waiting.events[one.index][0], one.error) for one in refused]
    report.rejected += len(waiting.broken)
    report.lines += len(waiting.events) + len(waiting.broken)
    for number, message in sorted(told):
        report.trouble(f"{path}:{number}", message)


def _form_of(path: Path, options: ImportOptions) -> Literal["ndjson", "csv"]:
    if options.form is not None:
        return options.form
    match path.suffix.lower():
        case ".ndjson" | ".jsonl" | ".json":
            return "ndjson"
        case ".csv" | ".tsv":
            return "csv"
    raise Invalid(
        f"{path} is named neither .ndjson nor .csv: say with --format which form it has."
    )


def _read_json(lines: Iterable[bytes]) -> Iterator[Line]:
    for number, raw in enumerate(lines, 1):
        text = raw.strip()
        if not text:
            continue
        try:
            yield number, text, strict_object(text)
        except Invalid as error:
            yield number, text, str(error)


def _read_csv(lines: Iterable[bytes], path: Path, options: ImportOptions) -> Iterator[Line]:
    """Each line by itself, so that a quote left open spoils its own line and no other."""
    rest = iter(lines)
    header, delimiter = _header(rest, path, options)
    for number, line in enumerate(rest, 2):
        try:
            row = _split(line, delimiter)
        except Invalid as error:
            yield number, line, str(error)
            continue
        if row:
            raw = "\x1f".join(row).encode("utf-8", "surrogateescape")
            yield number, raw, _cells(header, row)


def _header(lines: Iterator[bytes], path: Path, options: ImportOptions) -> tuple[list[str], str]:
    """The names of a CSV's columns, off its first line, and what separates them."""
    tabs = path.suffix.lower() == ".tsv"
    delimiter = options.delimiter if options.delimiter is not None else "\t" if tabs else ","
    _check_delimiter(delimiter)
    first = next(lines, b"").removeprefix(codecs.BOM_UTF8)
    try:
        header = [name.strip() for name in _split(first, delimiter)]
    except Invalid:
        header = []
    if not header:
        raise Invalid(f"{path} has no first line with the names of its columns.")
    shown = ", ".join(header)[:300]
    absent = sorted(set(options.columns.values()) - set(header))
    if absent:
        raise Invalid(f"{path} has no column {', '.join(absent)}; it has {shown}.")
    for name in ("type", "subject"):
        if name not in options.fixed and options.columns.get(name, name) not in header:
            raise Unmapped(
                f"Nothing in {path} gives the {name} of its events: say --{name} for all of them, "
                f"or --columns {name}=COLUMN; --type, --subject and --columns say what the names "
                f"{shown} do not."
            )
    return header, delimiter


def _check_delimiter(delimiter: str) -> None:
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise Invalid(
            "The delimiter is one character, as , or ;, and no quote or line end: "
            f"not {delimiter!r}."
        )


def _split(line: bytes, delimiter: str) -> list[str]:
    """The cells of one line; none where it is empty."""
    text = line.decode("utf-8", "surrogateescape")
    try:
        return next(csv.reader((text,), delimiter=delimiter, strict=True))
    except csv.Error as error:
        if str(error) == "unexpected end of data":
            raise Invalid(
                "A quote is not closed on this line, and a cell cannot go on on the next."
            ) from None
        raise Invalid(f"The line is broken: {error}.") from None


def _cells(header: list[str], row: list[str]) -> dict[str, Any] | str:
    if len(row) != len(header):
        return f"The line has {len(row)} columns instead of {len(header)}."
    if any("\udc80" <= character <= "\udcff" for cell in row for character in cell):
        return "The line is not UTF-8."
    return {
        name: _value(cell.strip()) for name, cell in zip(header, row, strict=True) if cell.strip()
    }


def _value(cell: str) -> str | int | Decimal:
    """A number where the text is plainly one; `007` is a text."""
    if not _NUMBER.fullmatch(cell):
        return cell
    return Decimal(cell) if "." in cell else int(cell)


def _event(
    raw: bytes, said: dict[str, Any] | str, options: ImportOptions, seen: Counter[str]
) -> Incoming:
    if isinstance(said, str):
        raise Invalid(said)
    event = said if "data" in said and not options.columns else _mapped(said, options)
    for name, value in options.fixed.items():
        if name in ATTRIBUTES:
            event.setdefault(name, value)
        else:
            event.setdefault("data", {})[name] = _value(value)
    event.setdefault("source", options.source)
    if "id" not in event:
        digest = hashlib.sha256(raw).hexdigest()[:32]
        seen[digest] += 1
        event["id"] = f"{digest}-{seen[digest]}"
    for name in ("id", "subject"):
        if isinstance(event.get(name), int | Decimal):
            event[name] = str(event[name])
    if isinstance(event.get("time"), str):
        event["time"] = _instant(event["time"], assume_utc=options.assume_utc)
    return event_of(event)


def _mapped(said: dict[str, Any], options: ImportOptions) -> dict[str, Any]:
    columns = options.columns
    event: dict[str, Any] = {
        name: said[columns.get(name, name)]
        for name in ATTRIBUTES
        if columns.get(name, name) in said
    }
    chosen = {name: column for name, column in columns.items() if name not in ATTRIBUTES}
    if not chosen:
        used = {columns.get(name, name) for name in ATTRIBUTES}
        chosen = {name: name for name in said if name not in used}
    event["data"] = {name: said[column] for name, column in chosen.items() if column in said}
    return event


def _instant(text: str, *, assume_utc: bool) -> datetime:
    if assume_utc:
        try:
            read = datetime.fromisoformat(text)
        except ValueError:
            return parse_instant(text)
        if read.tzinfo is None:
            return read.replace(tzinfo=UTC)
    return parse_instant(text)
