"""How does a meter get a number out of an event's fields?

By arithmetic: numbers, field names, `+ - * /`, parentheses and a leading minus, with the usual
precedence: `running * (vcpu + 0.2 * ram_gb) + 0.01 * disk_gb`. Every step is exact. A divisor is
a number whose reciprocal ends as a decimal (1024 does, 3600 does not), so that nothing is rounded
before the one rounding that the meter's base unit asks for.

A text is read once, when the catalog is; what runs for each event is a closure.
"""

import decimal
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, NamedTuple

from tallygate.core.errors import Invalid
from tallygate.core.quantity import DIGITS, EXACT, bounded, parse_decimal, plain

MAX_LENGTH = 400
MAX_DEPTH = 20
MAX_RESULT_FRACTION = 60
"""Digits after the point that a result may have: bytes / 1024 / 1024 / 1024 needs 42."""

_WHOLE_LIMIT = 10**15
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_TOKEN = re.compile(r"\s*(?:([0-9]+(?:\.[0-9]+)?)|([A-Za-z_][A-Za-z0-9_]*)|(\S))", re.ASCII)

Evaluate = Callable[[Mapping[str, object]], Decimal]


@dataclass(frozen=True, slots=True)
class Number:
    """A literal."""

    number: Decimal

    def __str__(self) -> str:
        return plain(self.number)


@dataclass(frozen=True, slots=True)
class Field:
    """The value of a field."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Negation:
    """A leading minus."""

    operand: "Node"

    def __str__(self) -> str:
        return f"-{self.operand}"


@dataclass(frozen=True, slots=True)
class Operation:
    """Two operands."""

    operator: Literal["+", "-", "*", "/"]
    left: "Node"
    right: "Node"

    def __str__(self) -> str:
        return f"({self.left} {self.operator} {self.right})"


Node = Number | Field | Negation | Operation


@dataclass(frozen=True, slots=True)
class Expression:
    """Arithmetic that was read from a text.

    `evaluate(fields)` gives the exact result and raises Invalid, with a sentence, where a field
    is missing or is no number within the digits of a quantity. `canonical` is the same for every
    spelling of the same arithmetic.
    """

    text: str = field(compare=False)
    node: Node
    fields: frozenset[str] = field(compare=False)
    evaluate: Evaluate = field(compare=False, repr=False)

    @property
    def canonical(self) -> str:
        """The text with one spelling: blanks, parentheses and zeros are as we write them."""
        return str(self.node)

    @property
    def is_field(self) -> bool:
        """Whether the whole expression is the name of one field."""
        return isinstance(self.node, Field)


def parse(text: str) -> Expression:
    """Read arithmetic over fields.

    >>> parse("vcpu + 0.2 * ram_gb").evaluate({"vcpu": 4, "ram_gb": 8})
    Decimal('5.6')

    Raises:
        Invalid: the text is no such arithmetic, is too long or too deep, or divides by something
            other than a number whose reciprocal ends.
    """
    if len(text) > MAX_LENGTH:
        raise Invalid(f"The expression is longer than {MAX_LENGTH} characters.")
    node = _Parser(text).parse()
    if isinstance(node, Field):
        evaluate = _read_field(node.name)
    else:
        evaluate = _guarded(_compile(node), text.strip())
    return Expression(text.strip(), node, frozenset(_names(node)), evaluate)


def is_field_name(text: str) -> bool:
    """Whether an expression could name this field: a letter, then letters, digits and _."""
    return _FIELD.fullmatch(text) is not None


class _Token(NamedTuple):
    kind: Literal["number", "name", "sign", "end"]
    text: str


class _Parser:
    """Recursive descent: sum -> product -> factor -> number, name, (sum), -factor."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._next = 0
        self._depth = 0

    def parse(self) -> Node:
        node = self._sum()
        if (token := self._take()).kind != "end":
            raise Invalid(f"{token.text!r} is not expected here: write an operator before it.")
        return node

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        if token.kind != "end":
            self._next += 1
        return token

    def _sign(self, signs: str) -> str | None:
        token = self._tokens[self._next]
        if token.kind == "sign" and token.text in signs:
            self._next += 1
            return token.text
        return None

    def _sum(self) -> Node:
        node = self._product()
        while sign := self._sign("+-"):
            node = Operation("+" if sign == "+" else "-", node, self._product())
        return node

    def _product(self) -> Node:
        node = self._factor()
        while sign := self._sign("*/"):
            right = self._factor()
            if sign == "/":
                _check_divisor(right)
            node = Operation("*" if sign == "*" else "/", node, right)
        return node

    def _factor(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Invalid(f"The expression is nested deeper than {MAX_DEPTH} levels.")
        try:
            return self._atom()
        finally:
            self._depth -= 1

    def _atom(self) -> Node:
        token = self._take()
        match token.kind, token.text:
            case "number", text:
                return Number(parse_decimal(text))
            case "name", text:
                if not is_field_name(text):
                    raise Invalid("A field's name has at most 64 characters.")
                return Field(text)
            case "sign", "-":
                return Negation(self._factor())
            case "sign", "(":
                node = self._sum()
                if not self._sign(")"):
                    raise Invalid("A parenthesis is not closed.")
                return node
            case "end", _:
                raise Invalid("The expression ends where a number or a field's name must follow.")
        raise Invalid(
            f"{token.text!r} is not expected here: write numbers, names of fields, "
            "+ - * / and parentheses."
        )


def _tokens(text: str) -> Iterator[_Token]:
    for found in _TOKEN.finditer(text):
        number, name, sign = found.groups()
        if number:
            yield _Token("number", number)
        elif name:
            yield _Token("name", name)
        elif sign in "+-*/()":
            yield _Token("sign", sign)
        else:
            raise Invalid(f"{sign!r} is no part of an expression.")
    yield _Token("end", "")


def _check_divisor(node: Node) -> None:
    if not isinstance(node, Number):
        raise Invalid("Division is by a number only, never by a field: fields can be zero.")
    if not node.number:
        raise Invalid("Nothing can be divided by zero.")
    try:
        EXACT.divide(Decimal(1), node.number)
    except decimal.Inexact:
        raise Invalid(
            f"1/{node} has no end as a decimal number, so dividing by it would round: meter the "
            f"undivided value and price it per {node} instead (package, or a smaller rate)."
        ) from None


def _names(node: Node) -> Iterator[str]:
    match node:
        case Field(name):
            yield name
        case Negation(operand):
            yield from _names(operand)
        case Operation(_, left, right):
            yield from _names(left)
            yield from _names(right)


def _compile(node: Node) -> Evaluate:
    match node:
        case Number(number):
            return lambda _fields: number
        case Field(name):
            return _read_field(name)
        case Negation(operand):
            inner, minus = _compile(operand), EXACT.minus
            return lambda fields: minus(inner(fields))
        case Operation(operator, left, right):
            compute = {
                "+": EXACT.add,
                "-": EXACT.subtract,
                "*": EXACT.multiply,
                "/": EXACT.divide,
            }[operator]
            first, second = _compile(left), _compile(right)
            return lambda fields: compute(first(fields), second(fields))


def _guarded(compiled: Evaluate, text: str) -> Evaluate:
    def evaluate(fields: Mapping[str, object]) -> Decimal:
        try:
            result = compiled(fields)
        except decimal.DecimalException:
            raise Invalid(f"`{text}` has more digits than can be kept exactly.") from None
        if _fraction_digits(result) > MAX_RESULT_FRACTION:
            result = result.normalize(EXACT)
        if _fraction_digits(result) > MAX_RESULT_FRACTION or abs(result) >= _WHOLE_LIMIT:
            raise Invalid(f"`{text}` comes to a number with too many digits.")
        return result

    return evaluate


def _fraction_digits(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int), "operands are finite"
    return -exponent


def _read_field(name: str) -> Evaluate:
    def read(fields: Mapping[str, object]) -> Decimal:
        value = fields.get(name)
        if type(value) is int:
            if -_WHOLE_LIMIT < value < _WHOLE_LIMIT:
                return Decimal(value)
        elif isinstance(value, Decimal) and bounded(value):
            return value
        raise _unreadable(name, fields)

    return read


def _unreadable(name: str, fields: Mapping[str, object]) -> Invalid:
    """Why a field is no number, as a sentence for the sender."""
    if name not in fields:
        return Invalid(f"The field `{name}` is missing: the meter reads it.", param=name)
    value = fields[name]
    if isinstance(value, bool):
        said = f"The field `{name}` is true or false: send a number."
    elif isinstance(value, str):
        said = f"The field `{name}` is text: send a number, without quotes."
    elif isinstance(value, int | Decimal):
        said = f"The field `{name}` must be a finite number with {DIGITS}."
    else:
        said = f"The field `{name}` is no number."
    return Invalid(said, param=name)
