"""Forms in every style that clients write, and whatever else arrives as one."""

import contextlib
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe._encode import _api_encode

from tallygate_sandbox.wire.forms import parse_form
from tallygate_sandbox.wire.parameters import check, merged
from tallygate_sandbox.wire.refusals import Refusal
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
    shape_of,
)

ITEM = Fields({"price": Text(), "quantity": Number(whole=True)}, frozenset({"price"}))
SHAPE = Fields(
    {
        "name": Text(),
        "count": Number(whole=True),
        "share": Number(whole=False),
        "rate": Number(whole=False, exact=True),
        "live": Truth(),
        "mode": Choice(("a", "b")),
        "expand": Many(Text()),
        "items": Many(ITEM),
        "metadata": OneOf((Pairs(Text()),), clearable=True),
        "note": OneOf((Text(),), clearable=True),
        "end": OneOf((Choice(("now",)), Number(whole=True)), clearable=False),
    },
    frozenset(),
)

texts = st.text(min_size=1, max_size=30).filter(lambda text: text.isprintable())
names = st.text("abcdefghij_", min_size=1, max_size=8)
whole = st.integers(-(10**17), 10**17)
requests = st.fixed_dictionaries(
    {},
    optional={
        "name": texts,
        "count": whole,
        "live": st.booleans(),
        "mode": st.sampled_from(["a", "b"]),
        "expand": st.lists(texts, min_size=1, max_size=12),
        "items": st.lists(
            st.fixed_dictionaries({"price": texts}, optional={"quantity": whole}),
            min_size=1,
            max_size=12,
        ),
        "metadata": st.dictionaries(names, texts, min_size=1, max_size=5),
        "end": st.one_of(st.just("now"), whole),
    },
)


def refusal(form: str, shape: Fields = SHAPE) -> Refusal:
    with pytest.raises(Refusal) as caught:
        check(parse_form(form), shape)
    return caught.value


@given(requests)
def test_what_the_sdk_writes_is_what_was_meant(sent: dict[str, Any]) -> None:
    assert check(parse_form(urlencode(list(_api_encode(sent)))), SHAPE) == sent


@pytest.mark.parametrize(
    "form",
    [
        "items[0][price]=p&items[0][quantity]=2&items[1][price]=q",
        "items[][price]=p&items[][quantity]=2&items[][price]=q",
        "items%5B0%5D%5Bprice%5D=p&items%5B0%5D%5Bquantity%5D=2&items%5B1%5D%5Bprice%5D=q",
        "items[1][price]=q&items[0][quantity]=2&items[0][price]=p",
        "items[7][price]=p&items[7][quantity]=2&items[30][price]=q",
    ],
    ids=["indexed", "empty brackets", "escaped", "out of order", "with gaps"],
)
def test_lists_in_each_style(form: str) -> None:
    wanted = [{"price": "p", "quantity": 2}, {"price": "q"}]
    assert check(parse_form(form), SHAPE) == {"items": wanted}


def test_no_element_is_lost_when_styles_are_mixed() -> None:
    assert check(parse_form("expand[1]=a&expand[]=b&expand[]=c"), SHAPE)["expand"] == [
        "a",
        "b",
        "c",
    ]


def test_what_is_cleared() -> None:
    assert check(parse_form("note=&metadata=&name="), SHAPE) == {
        "note": None,
        "metadata": None,
        "name": None,
    }
    assert merged({"a": "1"}, None) == {}
    assert merged({"a": "1", "b": "2"}, {"a": "", "c": "3"}) == {"b": "2", "c": "3"}


@pytest.mark.parametrize(
    ("form", "code", "param"),
    [
        ("color=red", "parameter_unknown", "color"),
        ("items[0][price]=p&items[0][color]=red", "parameter_unknown", "items[0][color]"),
        ("items[0][quantity]=2", "parameter_missing", "items[0][price]"),
        ("count=", "parameter_invalid_empty", "count"),
        ("count=1.5", "parameter_invalid_integer", "count"),
        ("count=" + "9" * 400, "parameter_invalid_integer", "count"),
        ("count=%D9%A3", "parameter_invalid_integer", "count"),  # an Arabic three
        ("share=1e999999999", None, "share"),
        ("rate=1e999999999", None, "rate"),
        ("rate=1e-999999999", None, "rate"),
        ("rate=NaN", None, "rate"),
        ("rate=Infinity", None, "rate"),
        ("live=yes", None, "live"),
        ("live[a]=true", None, "live"),
        ("mode=c", None, "mode"),
        ("items=p", None, "items"),
        ("items[a][price]=p", None, "items"),
        ("items[-1][price]=p", None, "items"),
        ("items[%C2%B2][price]=p", None, "items"),  # a superscript two is a digit, and no number
        ("items[" + "9" * 5000 + "][price]=p", None, "items"),
        ("name[a]=b", None, "name"),
        ("name=a&name[b]=c", None, "name"),
        ("name[b]=c&name=a", None, "name"),
        ("metadata[a][b]=c", None, "metadata[a]"),
        ("metadata=a", None, "metadata"),
        ("name" + "[a]" * 11 + "=b", None, "name"),
        ("name=" + "x" * 5001, None, "name"),
        ("&".join(f"metadata[k{n}]=v" for n in range(51)), None, "metadata"),
        (f"metadata[{'k' * 41}]=v", None, "metadata"),
        (f"metadata[k]={'v' * 501}", None, "metadata[k]"),
        ("&".join(["a=1"] * 10_001), None, None),
    ],
    ids=lambda value: str(value)[:24],
)
def test_what_is_refused(form: str, code: str | None, param: str | None) -> None:
    error = refusal(form)
    assert (error.status, error.code, error.param) == (400, code, param)
    assert len(error.message) < 400


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(Refusal):
        check(parse_form(text), SHAPE)


brackets = st.text("abi[]=&0123%.", max_size=60)


@given(brackets)
def test_any_brackets_are_read_or_refused(text: str) -> None:
    with contextlib.suppress(Refusal):
        check(parse_form(text), SHAPE)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(sorted(SHAPE.shapes)), json))
def test_any_json_is_read_or_refused(tree: dict[str, Any]) -> None:
    with contextlib.suppress(Refusal):
        check(tree, SHAPE)


def kinds(shape: Shape) -> set[str]:
    """The kinds of shape within a shape."""
    inner: list[Shape] = []
    match shape:
        case Fields(shapes):
            inner = list(shapes.values())
        case Many(of) | Pairs(of):
            inner = [of]
        case OneOf(options):
            inner = list(options)
    return {type(shape).__name__}.union(*map(kinds, inner))


def test_shapes_are_read_from_the_sdk() -> None:
    shape = shape_of("SubscriptionCreateParams")
    assert shape.required <= {"customer"}
    everything = {"Fields", "Many", "Pairs", "OneOf", "Text", "Number", "Truth", "Choice"}
    assert kinds(shape) == everything
    items = shape.shapes["items"]
    assert isinstance(items, Many)
    assert isinstance(items.of, Fields)
    assert items.of.shapes["quantity"] == Number(whole=True)
