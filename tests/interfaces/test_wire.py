"""What is read from the wire is exact, bounded and plain."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tallygate.interfaces.api.pages import page
from tallygate.interfaces.api.wire import (
    ExternalId,
    Fields,
    Instant,
    Name,
    Quantity,
    Shape,
    decode_json,
)

DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"a": NaN}', "NaN"),
        (b'{"a": Infinity}', "Infinity"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": 1E+1000000}', "out of bounds"),
        (b'{"a": 1e308}', "out of bounds"),
        (b'{"a": ' + b"9" * 400 + b"}", "too many digits"),
        (b'{"a": 0.' + b"9" * 400 + b"}", "too many digits"),
        (DEEP.encode(), "nested"),
        (b'{"a":' * 1000 + b"1" + b"}" * 1000, "nested"),
        (b'{"a": "\xff"}', "UTF-8"),
        (b'{"a": }', "Expecting value"),
        (b'{"a": "\x00"}', "Invalid control character"),
        (b"", "Expecting value"),
    ],
)
def test_json_that_is_not_exact_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(json.JSONDecodeError) as caught:
        decode_json(body)
    assert said in caught.value.msg


def test_brackets_in_texts_are_no_nesting() -> None:
    text = '"' + '[{\\"' * 100 + '"'
    assert decode_json(f'{{"a": {text}}}'.encode())["a"].startswith("[{")


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=9))
def test_a_number_is_read_as_the_decimal_that_was_written(number: Decimal) -> None:
    read = decode_json(f"[{number:f}]".encode())[0]
    assert Decimal(read) == number
    assert not isinstance(read, float)


@pytest.mark.parametrize(
    "value", ["1e5", "NaN", "Infinity", "", " 1", "1" * 16, "0." + "1" * 13, "١٢", True, None, [1]]
)
def test_a_quantity_is_a_plain_decimal(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Quantity).validate_python(value)


@pytest.mark.parametrize(
    "value",
    ["2026-11-21", "2026-11-21T09:00:00", "yesterday", "x" * 500, 1763715600, None, "0000-01-01"],
)
def test_an_instant_has_a_time_zone(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Instant).validate_python(value)


def test_an_instant_is_answered_in_utc() -> None:
    class One(Shape):
        at: Instant

    shown = One.model_validate({"at": "2026-11-21T10:00:00+01:00"}).model_dump(mode="json")
    assert shown == {"at": "2026-11-21T09:00:00Z"}


@pytest.mark.parametrize("value", ["", "   ", "a\x00b", "line\nbreak", "\x7f", "x" * 201, 5, None])
def test_a_name_has_visible_characters_only(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Name).validate_python(value)


@pytest.mark.parametrize("value", ["", "a b", "ä", "a/b", "x" * 129, "a\x00", "\ud800"])
def test_an_external_id_follows_its_grammar(value: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(ExternalId).validate_python(value)


@pytest.mark.parametrize(
    "value",
    [
        {"vcpu": None},
        {"vcpu": [1]},
        {"vcpu": {"a": 1}},
        {"vcpu": Decimal("1E+30")},
        {"a b": 1},
        {"x": "a\x00"},
        {f"f{n}": 1 for n in range(65)},
        [],
        "text",
    ],
)
def test_free_fields_hold_numbers_texts_and_booleans(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Fields).validate_python(value)


def test_free_fields_keep_their_numbers_exactly() -> None:
    fields = TypeAdapter(Fields).validate_python(decode_json(b'{"ram_gb": 0.1, "vcpu": 4}'))
    assert fields == {"ram_gb": Decimal("0.1"), "vcpu": Decimal(4)}


def test_a_page_knows_whether_there_is_more() -> None:
    shown = page(["a", "b", "c"], 2, str.upper, str)
    assert (shown.data, shown.has_more, shown.next_cursor) == (["A", "B"], True, "b")
    shown = page(["a", "b"], 2, str.upper, str)
    assert (shown.data, shown.has_more, shown.next_cursor) == (["A", "B"], False, None)
