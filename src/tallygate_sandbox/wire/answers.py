"""What a field of an answer may hold, as the official SDK types it: an object or a plain value."""

import types
import typing
from functools import cache
from importlib import import_module
from typing import Any, ClassVar, ForwardRef, get_args, get_origin

from stripe import StripeObject
from stripe._object_classes import OBJECT_CLASSES, V2_OBJECT_CLASSES

Cls = type[StripeObject]


@cache
def class_of(kind: str) -> Cls | None:
    """The SDK's class for a kind of object; None where it has none."""
    found = OBJECT_CLASSES.get(kind) or V2_OBJECT_CLASSES.get(kind)
    if found is None:
        return None
    module, name = found
    loaded: Cls = getattr(import_module(module), name)
    return loaded


def inside(cls: Cls | None, field: str) -> Cls | None:
    """The class of the hash, or of each of the hashes, that a field holds."""
    inner: dict[str, Cls] = getattr(cls, "_inner_class_types", {}) if cls else {}
    return inner.get(field)


def may_hold_object(cls: Cls | None, field: str) -> bool:
    """May there be something to expand at this field? Yes, where the SDK does not tell."""
    hint = _hints(cls).get(field) if cls else None
    return hint is None or _is_object(hint)


_HINTS: dict[Cls, dict[str, Any]] = {}


def _hints(cls: Cls) -> dict[str, Any]:
    if cls not in _HINTS:
        _HINTS[cls] = _annotated(cls)
    return _HINTS[cls]


def _annotated(cls: Cls) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        own = vars(base).get("__annotations__", {})
        found |= {n.rstrip("_"): h for n, h in own.items() if get_origin(h) is not ClassVar}
    return found


def _is_object(hint: Any) -> bool:
    origin = get_origin(hint)
    if hint is Any or isinstance(hint, str | ForwardRef | typing.TypeVar):
        return True
    if origin is list or origin in {typing.Union, types.UnionType}:
        return any(map(_is_object, get_args(hint)))
    cls = origin or hint
    return isinstance(cls, type) and issubclass(cls, StripeObject)
