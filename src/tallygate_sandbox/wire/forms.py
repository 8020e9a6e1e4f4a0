"""From a form with brackets to a tree: `items[0][price]=p` is {"items": {"0": {"price": "p"}}}.

Stripe's clients write lists as `a[0]`, `a[1]` or `a[]`; curl's users also write `a[][price]`,
where a key that comes again begins the next element.
"""

from urllib.parse import parse_qsl

from tallygate_sandbox.wire.refusals import Refusal

Tree = dict[str, "Tree | str"]

MAX_FIELDS = 10_000
MAX_DEPTH = 10


def parse_form(text: str) -> Tree:
    """Parse `a=1&b[c]=2`.

    Raises:
        Refusal: too many fields, nested too deep, or a name used both as a value and as a hash.
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Refusal(f"Invalid request: it has more than {MAX_FIELDS} fields.") from None
    tree: Tree = {}
    for name, value in pairs:
        _plant(tree, name, _keys(name), value)
    return tree


def _keys(name: str) -> list[str]:
    head, _, rest = name.partition("[")
    keys = [head, *(part.rstrip("]") for part in rest.split("["))] if rest else [head]
    if len(keys) > MAX_DEPTH:
        raise Refusal(f"Invalid request: {name[:60]} is nested too deep.", param=head)
    return keys


def _plant(tree: Tree, name: str, keys: list[str], value: str) -> None:
    here = tree
    for at, key in enumerate(keys[:-1]):
        place = key or _element(here, keys[at + 1 :])
        below = here.setdefault(place, {})
        if not isinstance(below, dict):
            raise Refusal(f"Invalid request: {name} is a value and a hash.", param=keys[0])
        here = below
    last = keys[-1] or _free(here)
    if isinstance(here.get(last), dict):
        raise Refusal(f"Invalid request: {name} is a value and a hash.", param=keys[0])
    here[last] = value


def _element(elements: Tree, rest: list[str]) -> str:
    """Which element `[]` means: the last one, unless it has this key already."""
    last = elements.get(str(len(elements) - 1))
    if isinstance(last, dict) and rest[0] and rest[0] not in last:
        return str(len(elements) - 1)
    return _free(elements)


def _free(elements: Tree) -> str:
    """The first position that is free from the end on: `a[1]=x&a[]=y` are two elements."""
    at = len(elements)
    while str(at) in elements:
        at += 1
    return str(at)
