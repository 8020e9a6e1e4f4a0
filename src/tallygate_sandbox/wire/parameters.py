"""A request's tree, checked against its shape and given types.

What comes out holds int, bool, str, float, lists and dicts; a number that has to be exact stays a
string; what was cleared with an empty string is None. The sentences and codes are Stripe's.
"""

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from tallygate_sandbox.wire.refusals import Refusal, missing_param, unknown_param
from tallygate_sandbox.wire.shapes import (
    Choice,
    Fields,
    Many,
    Number,
    OneOf,
    Pairs,
    Shape,
    Text,
    Truth,
)

WHOLE = re.compile(r"[-+]?[0-9]{1,18}\Z")
POSITION = re.compile(r"[0-9]{1,9}\Z")
MAX_MAGNITUDE = 30  # beyond it a decimal is no amount and no rate
TRUTHS = {"true": True, "false": False, True: True, False: False}
MAX_TEXT = 5000
MAX_METADATA = 50
MAX_METADATA_NAME = 40
MAX_METADATA_VALUE = 500


def check(tree: Any, shape: Fields) -> dict[str, Any]:
    """Give a request's parameters their types.

    Raises:
        Refusal: an unknown, missing or malformed parameter, named as Stripe names it.
    """
    checked: dict[str, Any] = _fields(tree, shape, "")
    return checked


def _value(tree: Any, shape: Shape, name: str) -> Any:  # noqa: C901, PLR0911  # a table of shapes
    if tree == "" and not isinstance(shape, OneOf | Text):
        raise _empty(name)
    match shape:
        case OneOf():
            return _one_of(tree, shape, name)
        case Fields():
            return _fields(tree, shape, name)
        case Many(of):
            return [_value(one, of, f"{name}[{i}]") for i, one in enumerate(_elements(tree, name))]
        case Pairs(of):
            return _pairs(tree, of, name)
        case Choice(words):
            return _choice(tree, words, name)
        case Truth():
            if not isinstance(tree, str | bool) or tree not in TRUTHS:
                raise Refusal(f"Invalid boolean: {str(tree)[:40]}", param=name)
            return TRUTHS[tree]
        case Number():
            return _number(tree, shape, name)
        case Text():
            return _text(tree, name)


def _fields(tree: Any, shape: Fields, name: str) -> dict[str, Any]:
    if not isinstance(tree, dict):
        raise Refusal("Invalid object", param=name or None)
    found = {}
    for key, value in tree.items():
        place = f"{name}[{key}]" if name else key
        if key not in shape.shapes:
            raise unknown_param(place)
        found[key] = _value(value, shape.shapes[key], place)
        if found[key] is None and key in shape.required and not _clearable(shape.shapes[key]):
            raise _empty(place)
    for key in sorted(shape.required - found.keys()):
        raise missing_param(f"{name}[{key}]" if name else key)
    return found


def _clearable(shape: Shape) -> bool:
    return isinstance(shape, OneOf) and shape.clearable


def _one_of(tree: Any, shape: OneOf, name: str) -> Any:
    if tree == "":
        if shape.clearable or Text() in shape.options:
            return None
        raise _empty(name)
    refusals = []
    for option in sorted(shape.options, key=lambda option: isinstance(option, Text)):
        try:
            return _value(tree, option, name)
        except Refusal as refusal:
            refusals.append(refusal)
    # The hash, where the caller sent one, says best what is wrong.
    wanted = (
        [r for r in refusals if r.message != "Invalid object"] if isinstance(tree, dict) else []
    )
    raise (wanted or refusals)[0]


def _elements(tree: Any, name: str) -> list[Any]:
    if isinstance(tree, list):
        return tree
    if not isinstance(tree, dict) or not all(map(POSITION.match, tree)):
        raise Refusal("Invalid array", param=name)
    return [tree[key] for key in sorted(tree, key=int)]


def _pairs(tree: Any, of: Shape, name: str) -> dict[str, Any]:
    if not isinstance(tree, dict):
        raise Refusal("Invalid object", param=name)
    if name.endswith(("metadata", "metadata]")):
        return _metadata(tree, name)
    return {key: _value(value, of, f"{name}[{key}]") for key, value in tree.items()}


def _metadata(tree: dict[str, Any], name: str) -> dict[str, str]:
    """At most 50 names of 40 characters, values of 500: https://docs.stripe.com/metadata."""
    if len(tree) > MAX_METADATA:
        raise Refusal(
            f"You can specify up to {MAX_METADATA} keys, but {len(tree)} were passed.", param=name
        )
    # In JSON, null clears what an empty string clears in a form.
    tree = {key: "" if value is None else value for key, value in tree.items()}
    for key, value in tree.items():
        if len(key) > MAX_METADATA_NAME:
            raise Refusal(
                f"Metadata keys can be up to {MAX_METADATA_NAME} characters: {key}", param=name
            )
        if not isinstance(value, str):
            raise Refusal("Invalid string: metadata values are strings", param=f"{name}[{key}]")
        if len(value) > MAX_METADATA_VALUE:
            raise Refusal(
                f"Metadata values can be up to {MAX_METADATA_VALUE} characters: {key}",
                param=f"{name}[{key}]",
            )
    return tree


def merged(metadata: dict[str, str], change: dict[str, str] | None) -> dict[str, str]:
    """Metadata after a change: None clears all, an empty value removes its name."""
    if change is None:
        return {}
    return {key: value for key, value in (metadata | change).items() if value != ""}


def _choice(tree: Any, words: tuple[str, ...], name: str) -> str:
    if not isinstance(tree, str) or tree not in words:
        listed = ", ".join(words[:-1]) + (" or " if len(words) > 1 else "") + words[-1]
        leaf = name.rsplit("[", 1)[-1].rstrip("]")
        raise Refusal(f"Invalid {leaf}: must be one of {listed}", param=name)
    return tree


def _number(tree: Any, shape: Number, name: str) -> int | float | str:
    text = str(tree) if isinstance(tree, int | float) and not isinstance(tree, bool) else tree
    if not isinstance(text, str):
        raise Refusal("Invalid number", param=name)
    if shape.whole:
        if not WHOLE.match(text):
            raise Refusal(
                f"Invalid integer: {text[:40]}", code="parameter_invalid_integer", param=name
            )
        return int(text)
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise Refusal(f"Invalid decimal: {text[:40]}", param=name) from None
    if not number.is_finite() or abs(number.adjusted()) > MAX_MAGNITUDE:
        raise Refusal(f"Invalid decimal: {text[:40]}", param=name)
    return format(number, "f") if shape.exact else float(number)


def _text(tree: Any, name: str) -> str | None:
    if not isinstance(tree, str):
        raise Refusal("Invalid string: it must be a string", param=name)
    if len(tree) > MAX_TEXT:
        raise Refusal(f"Invalid string: it must be at most {MAX_TEXT} characters", param=name)
    return tree or None


def _empty(name: str) -> Refusal:
    return Refusal(
        f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset "
        f"a parameter; however '{name}' cannot be unset. You should remove '{name}' from your "
        "request or supply a non-empty value.",
        code="parameter_invalid_empty",
        param=name,
    )
