"""The shape of every request, as the official SDK types it.

The SDK is generated from Stripe's own description of its API and pinned to one version, so its
parameter types say which names exist, which are required and what values they take. They are read
when an endpoint is first called: the sandbox keeps no copy that could grow old.
"""

import types
import typing
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import import_module
from typing import Any, Literal, NotRequired, Required, get_args, get_origin, get_type_hints

import typing_extensions
from stripe import RequestOptions
from stripe._stripe_object import UntypedStripeObject


@dataclass(frozen=True, slots=True)
class Text:
    """A string."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number: `whole` for integers, else with decimals; `exact` when it came as Decimal."""

    whole: bool
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Truth:
    """True or false."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of these words."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Many:
    """A list."""

    of: "Shape"


@dataclass(frozen=True, slots=True)
class Pairs:
    """A hash with keys of the caller's own, such as metadata."""

    of: "Shape"


@dataclass(frozen=True, slots=True)
class Fields:
    """A hash with known keys."""

    shapes: dict[str, "Shape"]
    required: frozenset[str]


@dataclass(frozen=True, slots=True)
class OneOf:
    """Any of several shapes; `clearable` when an empty string unsets it."""

    options: tuple["Shape", ...]
    clearable: bool


Shape = Text | Number | Truth | Choice | Many | Pairs | Fields | OneOf

NOTHING = Fields({}, frozenset())
_ANYTHING = Text()
_PRIMITIVES: dict[object, Shape] = {
    str: Text(),
    int: Number(whole=True),
    float: Number(whole=False),
    Decimal: Number(whole=False, exact=True),
    bool: Truth(),
    Any: _ANYTHING,
    object: _ANYTHING,
}


@cache
def shape_of(name: str) -> Fields:
    """The shape of a request, by its type below `stripe.params`: "billing.MeterCreateParams"."""
    if not name:
        return NOTHING
    package, _, cls = f"stripe.params.{name}".rpartition(".")
    return _fields(getattr(import_module(package), cls))


def _fields(of: Any) -> Fields:
    own = {k: v for k, v in of.__annotations__.items() if k not in RequestOptions.__annotations__}
    namespace = vars(import_module(of.__module__))
    bare = types.SimpleNamespace(__annotations__=own)
    hints = get_type_hints(bare, globalns=namespace, include_extras=True)
    shapes = {name: _shape(hint) for name, hint in hints.items()}
    return Fields(shapes, frozenset(own) & of.__required_keys__)


def _shape(hint: Any) -> Shape:  # noqa: PLR0911  # a table of types
    if hint in _PRIMITIVES:
        return _PRIMITIVES[hint]
    origin, args = get_origin(hint), get_args(hint)
    if origin in {NotRequired, Required, typing_extensions.NotRequired}:
        return _shape(args[0])
    if origin is Literal:
        return Choice(args)
    if origin is list:
        return Many(_shape(args[0]))
    if origin is dict:
        return Pairs(_shape(args[1]))
    if origin in {typing.Union, types.UnionType}:
        return _union(args)
    if typing.is_typeddict(hint) or typing_extensions.is_typeddict(hint):
        return _fields(hint)
    return _ANYTHING


def _union(hints: tuple[Any, ...]) -> Shape:
    words = tuple(word for hint in hints if get_origin(hint) is Literal for word in get_args(hint))
    clearable = "" in words
    words = tuple(word for word in words if word)
    # A list of words and a string is an open list of words: Stripe itself takes only the words.
    # What the SDK calls untyped is the hash beside it, as one of its own objects.
    rest = [
        hint
        for hint in hints
        if get_origin(hint) not in {Literal, UntypedStripeObject} and not (words and hint is str)
    ]
    options = ([Choice(words)] if words else []) + [_shape(hint) for hint in rest]
    return OneOf(tuple(options), clearable)
