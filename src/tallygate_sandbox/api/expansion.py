"""`expand[]`: an id becomes the object that it names, by a path of at most four steps.

Source: https://docs.stripe.com/api/expanding_objects. Rooms declare which fields of their kinds
are ids of which kind, and which fields appear only when asked for.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from tallygate_sandbox.wire.answers import Cls, class_of, inside, may_hold_object
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World

MAX_STEPS = 4

Compute = Callable[[World, Seen], Any]

_REFERENCES: defaultdict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
_HIDDEN: defaultdict[str, dict[str, Compute]] = defaultdict(dict)


def expandable(kind: str, **fields: str) -> None:
    """Declare fields that hold ids: `invoice, customer="customer"`.

    A field may name several kinds, separated by a bar; a field inside hashes is written with two
    underscores: `invoice_settings__default_payment_method`.
    """
    for field, kinds in fields.items():
        _REFERENCES[kind][field.replace("__", ".")] = tuple(kinds.split("|"))


def only_expanded(kind: str, field: str) -> Callable[[Compute], Compute]:
    """Declare a field that is computed and shown only when it is asked for."""

    def declare(compute: Compute) -> Compute:
        _HIDDEN[kind][field] = compute
        return compute

    return declare


def expand(world: World, answer: Obj, paths: list[str]) -> Obj:
    """The answer with these paths expanded, from the outside in.

    Raises:
        Refusal: a path too long, or through something that cannot be expanded.
    """
    for path in paths:
        if not path:  # an empty text was sent
            raise _cannot("")
        steps = path.split(".")
        if len(steps) > MAX_STEPS:
            raise Refusal(
                f"You cannot expand more than {MAX_STEPS} levels of a property. Property: {path}",
                param="expand",
            )
        answer = _step(world, answer, steps, path, None)
    return answer


def _step(world: World, here: Any, steps: list[str], path: str, cls: Cls | None) -> Any:
    """Expand what is here; `cls` is the SDK's class of a hash that has no name of its own."""
    if here is None or not steps:
        return here
    if isinstance(here, list):
        return [_step(world, one, steps, path, cls) for one in here]
    if not isinstance(here, dict):
        raise _cannot(path)
    kind = here.get("object", "")
    cls = class_of(kind) if kind else cls
    for length in range(1, len(steps) + 1):
        field = ".".join(steps[:length])
        if field in _HIDDEN[kind] or field in _REFERENCES[kind]:
            value = _step(world, _opened(world, here, field), steps[length:], path, None)
            return _placed(here, field, value)
    value = here.get(steps[0], "")
    many = value is None or isinstance(value, list)
    if isinstance(value, dict) or (many and may_hold_object(cls, steps[0])):
        below = _step(world, value, steps[1:], path, inside(cls, steps[0]))
        return here | {steps[0]: below}
    raise _cannot(path)


def _opened(world: World, here: Obj, field: str) -> Any:
    """What a declared field means: a computed value, or the object whose id it holds."""
    kind = here.get("object", "")
    compute = _HIDDEN[kind].get(field)
    if compute and field not in here:
        stored = world.find(kind, here["id"])
        return compute(world, here if stored is None else stored)
    value: Any = here
    for key in field.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return _fetched(world, value, _REFERENCES[kind].get(field, ()))


def _placed(here: Obj, field: str, value: Any) -> Obj:
    outer, _, inner = field.partition(".")
    if not inner:
        return here | {outer: value}
    below = here.get(outer)
    return here | {outer: _placed(below, inner, value)} if isinstance(below, dict) else here


def _fetched(world: World, value: Any, kinds: tuple[str, ...]) -> Any:
    if isinstance(value, list):
        return [_fetched(world, one, kinds) for one in value]
    if not isinstance(value, str):
        return value  # expanded already, or nothing
    for kind in kinds:
        if found := world.find(kind, value):
            return world.view(found)
    return value


def _cannot(path: str) -> Refusal:
    return Refusal(
        f"This property cannot be expanded ({path}).",
        param="expand",
    )
