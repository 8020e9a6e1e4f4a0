"""How do times, quantities, names and ids look on the wire?

Times are RFC 3339 in UTC. Quantities and rates are decimal strings; a JSON integer is accepted
too, a JSON number with a fraction is read as the decimal that was written. Amounts are integers
in minor units, with their currency. Unknown fields are refused.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

from tallygate.core.errors import Invalid, NotFound
from tallygate.core.ids import ID_GRAMMAR, is_external_id
from tallygate.core.money import is_currency
from tallygate.core.period import Period, instant_text, parse_instant
from tallygate.core.quantity import bounded, parse_decimal, plain

Item = TypeVar("Item")

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Nothing was metered before, and nobody is billed after; month arithmetic is safe between."""

MAX_NAME = 200
MAX_DEPTH = 16
MAX_FIELDS = 64
MAX_TEXT = 1000


class Shape(BaseModel):
    """The base of everything that goes over the wire: unknown fields are refused."""

    model_config = ConfigDict(
        extra="forbid", str_strip_whitespace=False, hide_input_in_errors=True, frozen=True
    )


def _instant(value: object) -> object:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or len(value) > 40:
        raise ValueError("write a time like 2026-11-21T09:00:00Z")
    try:
        instant = parse_instant(value)
    except Invalid as error:
        raise ValueError(str(error)) from None
    if not EARLIEST <= instant < LATEST:
        raise ValueError("the time lies centuries away")
    return instant


def read_quantity(value: object) -> object:
    """An exact decimal out of a text or a JSON number.

    Raises:
        ValueError: it is neither, or has too many digits.
    """
    if isinstance(value, str):
        try:
            return parse_decimal(value)
        except Invalid as error:
            raise ValueError(str(error)) from None
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise ValueError('write a quantity as a string, like "12.5"')
    number = Decimal(value)
    if not bounded(number):
        raise ValueError("the number has too many digits")
    return number


def _text(value: str) -> str:
    """Refuse what no name contains and no database stores: control characters."""
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise ValueError("control characters are not allowed")
    return value


def _name(value: str) -> str:
    if not value.strip():
        raise ValueError("a name needs at least one visible character")
    return _text(value)


def _external_id(value: str) -> str:
    if not is_external_id(value):
        raise ValueError(f"an external id has {ID_GRAMMAR}")
    return value


def _id(value: str) -> str:
    if not is_external_id(value):
        raise NotFound("There is nothing under this id.")
    return value


def _currency(value: str) -> str:
    if not is_currency(value):
        raise ValueError("a currency is three lower-case letters, like usd")
    return value


Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    PlainSerializer(instant_text, return_type=str),
    WithJsonSchema(
        {"type": "string", "format": "date-time", "examples": ["2026-11-01T00:00:00Z"]}
    ),
]
"""An instant, RFC 3339, answered in UTC."""

Quantity = Annotated[
    Decimal,
    BeforeValidator(read_quantity),
    PlainSerializer(plain, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["12.5"]}),
]
"""An exact decimal in a request, as a string; with as many digits as a quantity may have."""

Exact = Annotated[
    Decimal,
    PlainSerializer(plain, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["12.5"]}),
]
"""An exact decimal in an answer, as a string: a sum or a product may have more digits."""

Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME), AfterValidator(_name)]
Text = Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(_text)]
ExternalId = Annotated[
    str,
    Field(
        max_length=128,
        description=f"The platform's own id: {ID_GRAMMAR}.",
        examples=["customer-42"],
    ),
    AfterValidator(_external_id),
]
Reference = Annotated[str, Field(max_length=128), AfterValidator(_external_id)]
"""An id of ours in a body: the grammar alone is checked here, the rest is a look-up."""

Id = Annotated[str, AfterValidator(_id)]
"""An id in a path. What has not the shape of an id names nothing."""

Currency = Annotated[str, Field(examples=["usd"]), AfterValidator(_currency)]
Key = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_text)]
"""A key of the catalog: a plan, a meter, a coupon, a resource type."""


class PeriodShape(Shape):
    """The instants from `start` up to, and without, `end`."""

    start: Instant
    end: Instant


def period_shape(period: Period) -> PeriodShape:
    """A period on the wire."""
    return PeriodShape(start=period.start, end=period.end)


Interval = Literal["month", "year"]


class Page(Shape, Generic[Item]):
    """One page of a list, in the order of ids; `next_cursor` asks for what follows."""

    object: Literal["list"] = "list"
    data: list[Item]
    has_more: bool
    next_cursor: str | None = None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise json.JSONDecodeError("a field is given twice", "", 0)
    return fields


def _no_constant(text: str) -> object:
    raise json.JSONDecodeError(f"{text} is not a number", "", 0)


def _whole(text: str) -> int:
    if len(text) > 40:
        raise json.JSONDecodeError("a number has too many digits", "", 0)
    return int(text)


def _fraction(text: str) -> Decimal:
    if len(text) > 60:
        raise json.JSONDecodeError("a number has too many digits", "", 0)
    number = Decimal(text)
    if not bounded(number):
        raise json.JSONDecodeError("a number is out of bounds", "", 0)
    return number


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_constant=_no_constant,
    parse_int=_whole,
    parse_float=_fraction,
)


def decode_json(body: bytes) -> Any:
    """Read JSON strictly: exact numbers, no NaN, no field twice, no deep nesting.

    Raises:
        json.JSONDecodeError: the text is no such JSON; the message says why.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise json.JSONDecodeError("the text is not UTF-8", "", 0) from None
    if _depth(text) > MAX_DEPTH:
        raise json.JSONDecodeError(f"it is nested deeper than {MAX_DEPTH} levels", "", 0)
    return _DECODER.decode(text)


def _depth(text: str) -> int:
    """The deepest nesting of brackets outside strings; cheap, and before any recursion."""
    deepest = depth = 0
    inside = escaped = False
    for character in text:
        if inside:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                inside = False
        elif character == '"':
            inside = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _scalar(name: str, value: object) -> Decimal | str | bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise ValueError(f"{name}: a text has at most {MAX_TEXT} characters")
        return _text(value)
    if isinstance(value, (int, Decimal)):
        number = Decimal(value)
        if not bounded(number):
            raise ValueError(f"{name}: the number has too many digits")
        return number
    raise ValueError(f"{name}: write a number, a text, true or false")


def _fields(value: object) -> object:
    if not isinstance(value, Mapping):
        raise ValueError("write an object of fields")
    if len(value) > MAX_FIELDS:
        raise ValueError(f"at most {MAX_FIELDS} fields")
    fields: dict[str, Decimal | str | bool] = {}
    for name, content in value.items():
        if not is_external_id(str(name)):
            raise ValueError(f"a field's name has {ID_GRAMMAR}")
        fields[name] = _scalar(name, content)
    return fields


def _plain_fields(fields: Mapping[str, Decimal | str | bool]) -> dict[str, str | bool]:
    return {k: plain(v) if isinstance(v, Decimal) else v for k, v in fields.items()}


Fields = Annotated[
    dict[str, Any],
    BeforeValidator(_fields),
    PlainSerializer(_plain_fields, return_type=dict[str, Any]),
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": {"type": ["string", "number", "boolean"]},
            "examples": [{"vcpu": 4, "ram_gb": "7.5"}],
        }
    ),
]
"""Free fields of an event's data: numbers (exact), texts and booleans."""
