"""What did the sender of an event write, exactly?

JSON becomes events, strictly: numbers keep their digits, a name stands once in an object, NaN is
no number. An event that is malformed is refused alone, with its place among the others.

The quick way reads everything at once and looks at little of each event. Wherever that cannot be
sure, events are read again one by one, the slow and certain way.
"""

import json
import re
import string
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any, Final

import msgspec
from msgspec import UNSET

from tallygate.core.errors import Invalid, TooLarge
from tallygate.core.ids import ID_GRAMMAR
from tallygate.core.quantity import DIGITS, MAX_INTEGER_DIGITS, bounded
from tallygate.workflows.ingest import Batch, Incoming, Refusal

MAX_DEPTH = 8
MALFORMED = "malformed_json"
MAX_EVENT = 128 * 1024
BRACKETS_AN_EVENT = 32
"""A body with more of them, all in all, is not made into lists before it was looked at."""

MAX_ID = 128
MAX_SOURCE = 255
MAX_TYPE = 128
MAX_SUBJECT = 128
SAFE_NUMBER_LENGTH = 13
"""A number of so many characters, without exponent, is within the digits of a quantity."""

LIMIT: Final = 10**MAX_INTEGER_DIGITS

_ID_CHARACTERS = f"{string.ascii_letters}{string.digits}._:~-".encode()
_ID = re.compile(r"[A-Za-z0-9._:~-]{1,128}")
_SPACES = (b" ", b"\n", b"\t", b"\r")
_SPACE_BEFORE_COLON = re.compile(rb"[ \t\r\n]:")
_TEXTS = {"source": MAX_SOURCE, "type": MAX_TYPE, "subject": MAX_SUBJECT}


class _Unsure(Exception):
    """The quick way cannot tell."""


def _quick_number(text: str) -> Decimal:
    if len(text) <= SAFE_NUMBER_LENGTH and "e" not in text and "E" not in text:
        return Decimal(text)
    raise ValueError


def _number(text: str) -> Decimal:
    """A JSON number with fraction or exponent, exactly as it was written."""
    try:
        number = Decimal(text if len(text) <= 64 else "Infinity")
    except ArithmeticError:  # an exponent of twenty digits
        number = Decimal("Infinity")
    if not bounded(number):
        shown = text if len(text) <= 40 else f"{text[:40]}..."
        raise ValueError(f"the number {shown} is out of bounds: {DIGITS}")
    return number


_HARMLESS = frozenset((str, Decimal, bool, type(None)))
"""What a field may be without another look: the quick decoder has bounded its decimals."""

_quick_many = msgspec.json.Decoder(list[Incoming], float_hook=_quick_number)
_quick_one = msgspec.json.Decoder(Incoming, float_hook=_quick_number)
_one = msgspec.json.Decoder(Incoming, float_hook=_number)
_object = msgspec.json.Decoder(dict[str, Any], float_hook=_number)
_raw_many = msgspec.json.Decoder(list[msgspec.Raw])


def read_array(body: bytes, tenant: str | None, max_batch: int) -> Batch:
    """The events of a JSON array.

    Raises:
        Invalid: it is not JSON.
        TooLarge: there are more events than a batch may have.
    """
    try:
        brackets = body.count(b"[") + body.count(b"{")
        _unsure_when(brackets > BRACKETS_AN_EVENT * max_batch)
        events = _quick_many.decode(body)
        _check_size(len(events), max_batch)
        _screen(events, body)
    except (_Unsure, ValueError, ArithmeticError, RecursionError):
        pass
    else:
        return Batch(events, tenant)
    try:
        parts = _raw_many.decode(body)
    except UnicodeDecodeError:
        raise Invalid("The body is not UTF-8.", code=MALFORMED) from None
    except RecursionError:
        raise Invalid(
            f"The body is nested deeper than {MAX_DEPTH} levels.", code=MALFORMED
        ) from None
    except msgspec.DecodeError as error:
        raise Invalid(f"The body is not JSON: {error}.", code=MALFORMED) from None
    _check_size(len(parts), max_batch)
    return _one_by_one(map(bytes, parts), tenant)


def read_lines(body: bytes, tenant: str | None, max_batch: int) -> Batch:
    """The events of lines of JSON; empty lines are passed over.

    Raises:
        TooLarge: there are more events than a batch may have.
    """
    lines = [line for line in body.splitlines() if line.strip()]
    _check_size(len(lines), max_batch)
    try:
        events = [_quick_one.decode(line) for line in lines]
        _screen(events, b"\n".join(lines))
    except (_Unsure, ValueError, ArithmeticError, RecursionError):
        return _one_by_one(lines, tenant)
    return Batch(events, tenant)


def read_single(body: bytes, tenant: str | None) -> Batch:
    """One event.

    Raises:
        Invalid: it is not JSON.
    """
    try:
        _unsure_when(len(body) > MAX_EVENT)
        events = [_quick_one.decode(body)]
        _screen(events, body)
    except (_Unsure, ValueError, ArithmeticError, RecursionError):
        _check_json(body)
        return _one_by_one([body], tenant)
    return Batch(events, tenant)


def strict_event(raw: bytes) -> Incoming:
    """One event, read the slow and certain way.

    Raises:
        Invalid: the JSON is broken, or something in the event is not as it must be.
    """
    event: Incoming = _strictly(_one, raw)
    check_event(event)
    return event


def strict_object(raw: bytes) -> dict[str, Any]:
    """Any JSON object, with the strictness of events.

    Raises:
        Invalid: the JSON is broken, or no object, or a number in it is out of bounds.
    """
    found: dict[str, Any] = _strictly(_object, raw)
    return found


def event_of(fields: Mapping[str, object]) -> Incoming:
    """The event that fields with CloudEvents' names make.

    Raises:
        Invalid: something in the event is not as it must be.
    """
    try:
        event = msgspec.convert(fields, Incoming)
    except (ValueError, ArithmeticError) as error:
        raise _unreadable(error) from None
    check_event(event)
    return event


def _strictly(decoder: Any, raw: bytes) -> Any:
    if len(raw) > MAX_EVENT:
        raise Invalid(f"The event is longer than {MAX_EVENT // 1024} KiB.")
    try:
        text = raw.decode()
        _check_depth(text)
        _check_names(text)
        return decoder.decode(raw)
    except UnicodeDecodeError:
        raise Invalid("The event is not UTF-8.") from None
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise _unreadable(error) from None


def _unreadable(error: Exception) -> Invalid:
    # msgspec's own errors are ValueErrors, and say where.
    reason = str(error).partition("\n")[0][:300] or "malformed JSON"
    return Invalid(f"The event cannot be read: {reason}.")


def check_event(event: Incoming) -> None:
    """Look at everything in an event that its types do not tell.

    Raises:
        Invalid: something is empty, too long, out of bounds, or has other characters.
    """
    if not _ID.fullmatch(event.id):
        raise Invalid(f"id must be {ID_GRAMMAR}.", param="id")
    for name, most in _TEXTS.items():
        text: str = getattr(event, name)
        if not text or len(text) > most or not text.isprintable() or " " in text:
            raise Invalid(
                f"{name} must be 1 to {most} printable characters without spaces.", param=name
            )
    if event.specversion is not UNSET and event.specversion != "1.0":
        raise Invalid("specversion must be 1.0.", param="specversion")
    kind = event.datacontenttype
    if kind and not kind.partition(";")[0].strip().lower().endswith("json"):
        raise Invalid("datacontenttype must be application/json.", param="datacontenttype")
    _check_value(event.data or {}, "data", 2)


def _check_size(count: int, max_batch: int) -> None:
    if count > max_batch:
        raise TooLarge(
            f"The batch has {count} events, and may have {max_batch}: send it in parts.",
            code="batch_too_large",
        )


def _check_json(body: bytes) -> None:
    """A single body that is no JSON is refused as a request, not as an event."""
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
        body.decode()
    except RecursionError:
        raise Invalid(
            f"The body is nested deeper than {MAX_DEPTH} levels.", code=MALFORMED
        ) from None
    except ValueError as error:
        raise Invalid(f"The body is not JSON: {error}.", code=MALFORMED) from None


def _one_by_one(parts: Iterable[bytes], tenant: str | None) -> Batch:
    events: list[Incoming] = []
    places: list[int] = []
    refused: list[Refusal] = []
    for index, part in enumerate(parts):
        try:
            events.append(strict_event(part))
        except Invalid as error:
            refused.append(Refusal(index, _id_of(part), str(error)))
        else:
            places.append(index)
    return Batch(events, tenant, places, tuple(refused))


def _unsure_when(doubt: bool) -> None:  # noqa: FBT001 a doubt is a truth
    if doubt:
        raise _Unsure


def _screen(events: Sequence[Incoming], body: bytes) -> None:
    """Pass events that are surely well-formed, and turn to the slow way for all others.

    Names that stand twice: every name is followed by `":`, so a body has at least as many of these
    as it has names, unless there is space before a colon. Where as many names were decoded,
    none was written twice. A backslash-u may hide a control character.

    Each look takes a whole column: a call for each event would cost more than decoding it.
    """
    if not events:
        return
    _unsure_when(b"\\" in body and b"\\u" in body)
    # One byte is found much faster than a pattern, and most bodies have none of these.
    spaced = any(space in body for space in _SPACES)
    _unsure_when(spaced and _SPACE_BEFORE_COLON.search(body) is not None)
    _screen_ids([event.id for event in events])
    _screen_texts({event.source for event in events})
    _screen_texts({event.type for event in events})
    _screen_texts({event.subject for event in events})
    versions = _given([event.specversion for event in events], {"1.0"})
    kinds = _given([event.datacontenttype for event in events], {"application/json"})
    times = [event.time for event in events]
    fields = [event.data for event in events if event.data is not UNSET]
    inner = _screen_fields([field for field in fields if field])
    names = 4 * len(events) + versions + kinds + len(times) - times.count(UNSET)
    _unsure_when(names + len(fields) + inner != body.count(b'":'))


def _given(values: Sequence[object], plain: set[object]) -> int:
    """How many events have a member whose value can only be the plain one."""
    _unsure_when(not plain.issuperset(set(values) - {UNSET}))
    return len(values) - values.count(UNSET)


def _screen_fields(fields: Sequence[Mapping[str, object]]) -> int:
    """How many names events' data have, all in all."""
    values = list(chain.from_iterable([field.values() for field in fields]))
    kinds = set(map(type, values))
    if int in kinds:
        whole = [value for value in values if isinstance(value, int)]
        _unsure_when(not -LIMIT < min(whole) <= max(whole) < LIMIT)
        kinds.remove(int)
    _unsure_when(not kinds <= _HARMLESS)
    return len(values)


def _screen_ids(ids: Sequence[str]) -> None:
    lengths = set(map(len, ids))
    _unsure_when(min(lengths) == 0 or max(lengths) > MAX_ID)
    strange = "".join(ids).encode().translate(None, _ID_CHARACTERS)
    _unsure_when(bool(strange))


def _screen_texts(texts: Iterable[str]) -> None:
    for text in texts:
        if not 0 < len(text) <= MAX_TYPE or not text.isprintable() or " " in text:
            raise _Unsure


def _check_depth(text: str) -> None:
    depth = 0
    for mark in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', text):
        bracket = mark.group()
        if bracket in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise Invalid(f"The event is nested deeper than {MAX_DEPTH} levels.")
        elif bracket in "]}":
            depth -= 1


def _check_names(text: str) -> None:
    """Refuse names that stand twice, wherever they are; numbers are not converted here."""
    json.loads(
        text,
        object_pairs_hook=_distinct,
        parse_float=_unread,
        parse_int=_unread,
        parse_constant=_refuse_constant,
    )


def _unread(_text: str) -> None:
    return None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _distinct(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    names = {name for name, _ in pairs}
    if len(names) < len(pairs):
        twice = next(name for place, (name, _) in enumerate(pairs) if name in dict(pairs[:place]))
        raise ValueError(f"the name {twice[:40]!r} stands twice in one object")
    return dict(pairs)


def _check_value(value: object, where: str, depth: int) -> None:
    if isinstance(value, str):
        _check_text(value, where)
    elif isinstance(value, dict):
        for name, part in value.items():
            _check_text(name, f"a name in {where}")
            _check_value(part, f"{where}.{name[:40]}", depth + 1)
    elif isinstance(value, list):
        for part in value:
            _check_value(part, where, depth + 1)
    elif value.__class__ is int and not -LIMIT < value < LIMIT:
        raise Invalid(f"{where} is out of bounds: a number has {DIGITS}.", param=where)


def _check_text(text: str, where: str) -> None:
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise Invalid(f"{where} holds a character that cannot be stored (NUL).", param=where)


def _id_of(part: bytes) -> str | None:
    """The id of an event that was refused, where it can be told."""
    try:
        name = json.loads(part[: 64 * 1024])["id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return name[:MAX_ID] if isinstance(name, str) and name.isprintable() else None
