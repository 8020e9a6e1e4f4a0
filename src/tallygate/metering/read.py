"""How is an event turned into a reading, quickly?

Each meter is compiled once into a function of (type, subject, microseconds, id, fields). What the
function does not concern it answers with None; what it cannot read it refuses with a sentence, and
the event with it.

The rules:

- `where` asks fields to equal a text, a number (by value: 2 and 2.0 are equal) or a boolean; a
  missing field equals nothing.
- Each field of `per` must be there: a text, a number or a boolean of at most 255 printable
  characters.
- A value is an integer, a decimal, or a text of a plain decimal; never a boolean. It has at most
  15 digits before the point and 12 after it; what `value` computes may have more after it (see
  `catalog.expression`), so that 0.2 * ram_gb is refused for no memory size.
- A value below zero is refused, except by `sum`, where it corrects.
- `count` looks at no value; without `value` every event counts 1.
- `unique` takes the field as text: the number 7 and the text "7" are the same value.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal

from tallygate.catalog.definition import meter_definition as definition
from tallygate.catalog.model import Meter
from tallygate.core.errors import Invalid
from tallygate.core.quantity import DIGITS, MAX_INTEGER_DIGITS, bounded, parse_decimal, plain
from tallygate.metering.reading import Reading

__all__ = ["Reader", "compile_reader", "compile_where", "definition", "number_of", "text_of"]

Fields = Mapping[str, object]
Reader = Callable[[str, str, int, str, Fields], Reading | None]

MAX_TEXT = 255
SHORT = 13
"""A plain decimal of so many characters has at most 12 digits after the point."""

_ONE = Decimal(1)
_ZERO = Decimal(0)
_PLAIN = frozenset("0123456789.").issuperset
_LIMIT: int = 10**MAX_INTEGER_DIGITS


def compile_reader(meter: Meter) -> Reader:
    """The function that reads this meter's events.

    A meter on resources reads their states instead, so its function answers None to all.

    The function raises:
        Invalid: a field is missing, no number, or out of bounds.
    """
    if meter.reads_resources:
        return lambda *_: None
    event, per = meter.event, meter.per
    value_of = _compile_value(meter)
    if not per and not meter.where:

        def read_plain(
            kind: str, subject: str, micros: int, key: str, fields: Fields
        ) -> Reading | None:
            if kind != event:
                return None
            return Reading((subject,), micros, key, value_of(fields))

        return read_plain
    matches = compile_where(meter)

    def read(kind: str, subject: str, micros: int, key: str, fields: Fields) -> Reading | None:
        if kind != event or not matches(fields):
            return None
        series = (subject, *[text_of(fields, name) for name in per])
        return Reading(series, micros, key, value_of(fields))

    return read


def compile_where(meter: Meter) -> Callable[[Fields], bool]:
    """Whether fields equal what the meter's `where` asks for."""
    wanted = tuple((meter.where or {}).items())
    if not wanted:
        return lambda _: True
    if len(wanted) == 1 and isinstance(wanted[0][1], str):
        [(only, text)] = wanted
        return lambda fields: fields.get(only) == text

    def matches(fields: Fields) -> bool:
        return all(_equal(fields.get(name), value) for name, value in wanted)

    return matches


def text_of(fields: Fields, name: str) -> str:
    """A field as the text of a series, or as a unique value.

    Raises:
        Invalid: it is missing, too long, not printable, or neither text, number nor boolean.
    """
    raw = fields.get(name)
    if raw.__class__ is str:
        text = str(raw)
    elif raw.__class__ is int:
        text = str(raw) if _within(raw) else ""
    elif raw.__class__ is bool:
        text = "true" if raw else "false"
    elif isinstance(raw, Decimal) and bounded(raw):
        text = plain(raw)
    else:
        text = ""
    if not text or len(text) > MAX_TEXT or not text.isprintable():
        what = "is missing" if raw is None else f"is not a text of 1 to {MAX_TEXT} characters"
        raise Invalid(f"data.{name} {what}.", param=f"data.{name}")
    return text


def number_of(fields: Fields, name: str) -> Decimal:
    """A field as a number, within the digits of a quantity.

    Raises:
        Invalid: it is missing, no number, or out of bounds.
    """
    raw = fields.get(name)
    if raw.__class__ is int and _within(raw):
        return Decimal(raw)
    if raw.__class__ is str:
        try:
            return parse_decimal(str(raw))
        except Invalid as error:
            raise Invalid(f"data.{name}: {error}", param=f"data.{name}") from None
    if isinstance(raw, Decimal):
        # Most numbers are short and plain; then a look at the digits is all that it takes.
        if len(shown := str(raw)) <= SHORT and shown[0] != "-" and _PLAIN(shown):
            return raw
        if bounded(raw):
            return _tidy(raw)
    if raw is None:
        message = f"data.{name} is missing."
    elif isinstance(raw, int | Decimal) and not isinstance(raw, bool):
        message = f"data.{name} is out of bounds: a quantity has {DIGITS}."
    else:
        message = f"data.{name} is not a number."
    raise Invalid(message, param=f"data.{name}")


def _compile_value(meter: Meter) -> Callable[[Fields], Decimal | str]:
    expression = meter.value
    if meter.aggregation == "unique":
        assert expression is not None, "a unique meter names its field"
        (name,) = expression.fields
        return lambda fields: text_of(fields, name)
    if expression is None or meter.aggregation == "count":
        return lambda _: _ONE
    signed = meter.aggregation == "sum"
    if expression.is_field:
        return _compile_field(expression.text, signed=signed)
    names, evaluate = tuple(sorted(expression.fields)), expression.evaluate

    def compute(fields: Fields) -> Decimal:
        value = evaluate({name: number_of(fields, name) for name in names})
        if value < 0 and not signed:
            raise Invalid(f"{expression.text} is {plain(value)}: below zero.", param="data")
        return _tidy(value)

    return compute


def _compile_field(name: str, *, signed: bool) -> Callable[[Fields], Decimal]:
    least = -_LIMIT if signed else -1

    def take(fields: Fields) -> Decimal:
        raw = fields.get(name)
        if raw.__class__ is int and least < raw < _LIMIT:
            return Decimal(raw)
        value = number_of(fields, name)
        if value < 0 and not signed:
            message = f"data.{name} is {plain(value)}: this meter counts nothing below zero."
            raise Invalid(message, param=f"data.{name}")
        return value

    return take


def _within(raw: object) -> bool:
    assert isinstance(raw, int)
    return -_LIMIT < raw < _LIMIT


def _tidy(value: Decimal) -> Decimal:
    """The same number without exponent, surplus digits, or the sign of a zero."""
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    if not value:
        return _ZERO
    return value if -12 <= exponent <= 0 else Decimal(plain(value))


def _equal(raw: object, wanted: object) -> bool:
    if raw.__class__ is bool or wanted.__class__ is bool:
        return raw is wanted
    if isinstance(raw, int | Decimal):
        finite = isinstance(raw, int) or raw.is_finite()
        return finite and isinstance(wanted, Decimal) and wanted == Decimal(raw)
    return isinstance(raw, str) and bool(raw == wanted)
