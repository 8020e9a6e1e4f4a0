"""Arithmetic over fields is exact, bounded, and explains what it cannot read."""

import itertools
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.catalog.expression import (
    MAX_DEPTH,
    MAX_LENGTH,
    Field,
    Negation,
    Node,
    Number,
    Operation,
    parse,
)
from tallygate.core.errors import Invalid

CUH = "running * (vcpu + 0.2 * ram_gb) + 0.01 * disk_gb"


def test_a_compute_unit_hour_counts_the_disk_of_a_stopped_machine() -> None:
    fields: dict[str, object] = {"running": 1, "vcpu": 4, "ram_gb": 8, "disk_gb": 160}
    assert parse(CUH).evaluate(fields) == Decimal("7.2")
    assert parse(CUH).evaluate({**fields, "running": 0}) == Decimal("1.6")
    assert parse(CUH).fields == {"running", "vcpu", "ram_gb", "disk_gb"}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("2 + 3 * 4", "14"),
        ("(2 + 3) * 4", "20"),
        ("10 - 3 - 2", "5"),
        ("16 / 4 / 2", "2"),
        ("-2 * -3", "6"),
        ("- (1 + 2)", "-3"),
        ("  7\n", "7"),
        ("0.1 + 0.2", "0.3"),
        ("1 / 1024 / 1024 / 1024", "0.000000000931322574615478515625"),
    ],
)
def test_precedence_is_the_usual_one_and_nothing_is_rounded(text: str, result: str) -> None:
    assert parse(text).evaluate({}) == Decimal(result)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "ends where"),
        ("a +", "ends where"),
        ("a b", "write an operator"),
        ("a 2", "write an operator"),
        ("(a", "not closed"),
        ("a)", "not expected"),
        ("* a", "not expected"),
        ("a ** 2", "not expected"),
        ("a % 2", "no part of an expression"),
        ("ä", "no part of an expression"),
        ("a.b", "no part of an expression"),
        ("__import__('os')", "no part of an expression"),
        ("1e5", "write an operator"),
        ("1" * 16, "plain decimal"),
        ("a / b", "never by a field"),
        ("a / (1 + 1)", "by a number only"),
        ("a / 0", "divided by zero"),
        ("a / 3600", "no end as a decimal"),
        ("a" * 65, "64 characters"),
        ("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH, "nested deeper"),
        ("-" * (MAX_DEPTH + 1) + "a", "nested deeper"),
        ("a + " * MAX_LENGTH + "a", "longer than"),
    ],
)
def test_what_is_no_arithmetic_is_refused_with_a_sentence(text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        parse(text)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (True, "true or false"),
        ("12", "is text"),
        (None, "is no number"),
        ([1], "is no number"),
        (10**15, "at most 15 digits"),
        (-(10**400), "at most 15 digits"),
        (Decimal("NaN"), "finite"),
        (Decimal("sNaN"), "finite"),
        (Decimal("-Infinity"), "finite"),
        (Decimal("1E+1000000"), "at most 15 digits"),
        (Decimal("1E-13"), "12 after it"),
    ],
)
@pytest.mark.parametrize("text", ["a", "2 * a"])
def test_a_field_that_is_no_bounded_number_is_the_senders_mistake(
    text: str, value: object, said: str
) -> None:
    with pytest.raises(Invalid, match=said) as refused:
        parse(text).evaluate({"a": value})
    assert refused.value.param == "a"


def test_a_missing_field_is_named() -> None:
    with pytest.raises(Invalid, match="`ram_gb` is missing"):
        parse("vcpu + ram_gb").evaluate({"vcpu": 1})


@pytest.mark.parametrize("text", [" * ".join("a" * 2), " * ".join("a" * 60)])
def test_a_result_with_too_many_digits_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="digits"):
        parse(text).evaluate({"a": 10**14 + 1})


def test_zeros_are_no_digits() -> None:
    product = parse(" * ".join("a" * 6)).evaluate({"a": Decimal("1.000000000000")})
    assert product == 1


def test_a_long_sum_is_no_problem() -> None:
    assert parse("+".join("a" * 200)).evaluate({"a": 3}) == 600


def test_one_arithmetic_has_one_canonical_text() -> None:
    assert parse("a+0.50*b").canonical == parse(" (a + (0.5 * b)) ").canonical
    assert parse("a+0.50*b") == parse("a + 0.5 * b")
    assert parse("a - (b - c)").canonical != parse("a - b - c").canonical
    assert parse("devices").is_field
    assert not parse("-devices").is_field


NAMES = ("a", "b", "c")
numbers = st.decimals(0, 10**6, places=3).map(Number)
divisors = st.sampled_from(["2", "0.5", "1024", "1000000000", "0.25"]).map(
    lambda text: Number(Decimal(text))
)


def grown(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return (
        st.builds(Negation, nodes)
        | st.builds(Operation, st.sampled_from(["+", "-", "*"]), nodes, nodes)
        | st.builds(Operation, st.just("/"), nodes, divisors)
    )


nodes = st.recursive(numbers | st.sampled_from(NAMES).map(Field), grown, max_leaves=6)


def oracle(node: Node, fields: dict[str, Decimal]) -> Fraction:
    match node:
        case Number(number):
            return Fraction(number)
        case Field(name):
            return Fraction(fields[name])
        case Negation(operand):
            return -oracle(operand, fields)
        case Operation(operator, left, right):
            one, other = oracle(left, fields), oracle(right, fields)
            return {
                "+": lambda: one + other,
                "-": lambda: one - other,
                "*": lambda: one * other,
                "/": lambda: one / other,
            }[operator]()


@given(nodes, st.lists(st.decimals(-1000, 1000, places=6), min_size=3, max_size=3))
def test_any_arithmetic_agrees_with_fractions(node: Node, values: list[Decimal]) -> None:
    fields = dict(zip(NAMES, values, strict=True))
    expected = oracle(node, fields)
    refused = ""
    try:
        result = parse(str(node)).evaluate(fields)
    except Invalid as error:
        refused = str(error)
    if refused:  # a limit was met; that is all that may happen
        assert "digits" in refused or "nested" in refused
    else:
        assert Fraction(result) == expected


@given(st.text(alphabet="abx019.+-*/() \n\t$é", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        expression = parse(text)
    except Invalid:
        return
    assert parse(expression.canonical) == expression


def test_names_do_not_depend_on_the_order_of_fields() -> None:
    for order in itertools.permutations(NAMES):
        assert parse(" + ".join(order)).fields == set(NAMES)
