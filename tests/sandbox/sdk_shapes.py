"""What an answer of Stripe's looks like, according to the types of the official SDK.

The SDK's classes are generated from Stripe's description of its API. An answer disagrees when it
has a field that they do not know, lacks one that is never null, or has a value of another type or
a word that is not among those listed.
"""

import types
import typing
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from importlib import import_module
from typing import Any, ClassVar, ForwardRef, Literal, get_args, get_origin

import stripe
from stripe import StripeObject
from stripe._object_classes import OBJECT_CLASSES, V2_OBJECT_CLASSES
from stripe.events._event_classes import get_v2_event_class

# Recorded answers of the real Stripe have these, and no class of the SDK does.
UNLISTED = {
    "subscription": {"plan", "quantity"},
    "subscription_item": {"plan"},
    "list": {"total_count"},
}
# What the SDK's own classes for lists leave to their base.
BESIDE_THE_TYPES: dict[type, dict[str, Any]] = {
    stripe.ListObject: {"object": str, "data": list[Any]},
    stripe.SearchResultObject: {"object": str, "url": str, "next_page": str | None},
}
NOTHING_SENT = type(None)


def disagreements(answer: Any, *, version_2: bool = False) -> list[str]:
    """Where an answer departs from the SDK's types: sentences that begin with the path."""
    if not isinstance(answer, dict):
        return [f"the answer is no object: {answer!r}"]
    if "error" in answer:
        known = typing.get_type_hints(stripe.ErrorObject, localns=_anything())
        return [f"error.{key} is no field of an error" for key in answer["error"].keys() - known]
    return list(_object(answer, answer.get("object", "object"), version_2=version_2))


def _anything() -> dict[str, Any]:
    names = ("PaymentIntent", "PaymentMethod", "SetupIntent", "Source")
    return dict.fromkeys(names, object)


def class_named(name: str, *, version_2: bool = False) -> type[StripeObject] | None:
    """The SDK's class for the `object` of an answer."""
    places = V2_OBJECT_CLASSES if version_2 and name in V2_OBJECT_CLASSES else OBJECT_CLASSES
    found = places.get(name) or V2_OBJECT_CLASSES.get(name)
    if found is None:
        return None
    module, cls = found
    loaded: type[StripeObject] = getattr(import_module(module), cls)
    return loaded


_FIELDS: dict[type, dict[str, Any]] = {}


def fields_of(cls: type) -> dict[str, Any]:
    """The fields of a class and of those that it extends, as they are annotated."""
    if cls not in _FIELDS:
        _FIELDS[cls] = _annotated(cls)
    return _FIELDS[cls]


def _annotated(cls: type) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if issubclass(base, StripeObject) and base is not StripeObject:
            fields |= {
                name.rstrip("_"): hint
                for name, hint in vars(base).get("__annotations__", {}).items()
                if get_origin(hint) is not ClassVar and not name.startswith("_")
            }
    return fields


def _object(answer: dict[str, Any], path: str, *, version_2: bool = False) -> Iterator[str]:
    name = answer.get("object")
    if version_2 and name is None and "next_page_url" in answer:  # a list of version 2
        for number, one in enumerate(answer["data"]):
            yield from _object(one, f"{path}.data[{number}]", version_2=True)
        return
    cls = class_named(name, version_2=version_2) if isinstance(name, str) else None
    if name == "v2.core.event":  # each type has a class of its own
        cls = get_v2_event_class(answer["type"])
    if cls is None:
        yield f"{path}: no object of the SDK is called {name!r}"
    elif answer.get("deleted") is True:
        yield from (f"{path}.{key} of a deleted object" for key in answer.keys() - DELETED)
    else:
        yield from _fields(answer, cls, path, UNLISTED.get(str(name), set()))


DELETED = {"id", "object", "deleted", "currency", "amount"}


def _fields(answer: dict[str, Any], cls: type, path: str, unlisted: set[str]) -> Iterator[str]:
    known = fields_of(cls)
    known = known | BESIDE_THE_TYPES.get(cls, {})
    for key in answer.keys() - known.keys() - unlisted:
        yield f"{path}.{key} is no field of {cls.__qualname__}"
    for key, hint in known.items():
        if key in answer:
            yield from _value(answer[key], hint, f"{path}.{key}")
        elif NOTHING_SENT not in get_args(hint) and hint is not Any and key != "url":
            yield f"{path}.{key} is missing"


def _value(value: Any, hint: Any, path: str) -> Iterator[str]:
    origin, args = get_origin(hint), get_args(hint)
    if isinstance(value, dict) and isinstance(value.get("object"), str):
        yield from _object(value, path)
    elif hint is Any or isinstance(hint, typing.TypeVar):
        return
    elif origin in {typing.Union, types.UnionType}:
        yield from _union(value, args, path)
    elif origin is Literal:
        if value not in args:
            yield f"{path} is {value!r}, none of {args}"
    elif origin is list:
        yield from _list(value, args[0], path)
    elif isinstance(hint, type) and issubclass(hint, StripeObject) and isinstance(value, dict):
        yield from _fields(value, hint, path, set())
    elif not _is_a(value, origin or hint):
        yield f"{path} is {value!r}, not {hint}"


def _list(value: Any, hint: Any, path: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{path} is {value!r}, no list"
        return
    for number, one in enumerate(value):
        yield from _value(one, hint, f"{path}[{number}]")


def _union(value: Any, args: tuple[Any, ...], path: str) -> Iterator[str]:
    # A list of words beside `str` is an open list to the SDK; today's Stripe says only the words.
    words = any(get_origin(arg) is Literal for arg in args)
    options = [arg for arg in args if not (words and arg is str)]
    found = [list(_value(value, option, path)) for option in options]
    if all(found):
        yield from max(found, key=lambda sentences: ("no field" in sentences[0], len(sentences)))


def _is_a(value: Any, hint: Any) -> bool:  # noqa: PLR0911  # a table of types
    if hint is type(None) or value is None:
        return hint is type(None) and value is None
    if hint is Decimal:
        return isinstance(value, str) and _is_decimal(value)
    if hint is bool or isinstance(value, bool):
        return hint is bool and isinstance(value, bool)
    if hint is float:
        return isinstance(value, int | float)
    if isinstance(hint, ForwardRef):
        return isinstance(value, dict)
    if isinstance(hint, type) and issubclass(hint, StripeObject):
        return isinstance(value, dict)
    return isinstance(hint, type) and isinstance(value, hint)


def _is_decimal(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False
