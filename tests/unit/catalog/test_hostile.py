"""Whatever a file holds, the answer is a catalog or a sentence, soon."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallygate.catalog import decode, read_catalog
from tallygate.catalog.tree import MAX_CHARACTERS, MAX_NODES
from tallygate.core.errors import CatalogInvalid, Problem

EXAMPLES = Path(__file__).parents[3] / "examples"
TEXTS = [path.read_text("utf-8") for path in sorted(EXAMPLES.glob("*/catalog.yaml"))]

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("# nothing", "is empty"),
        ("name", "must be a mapping"),
        ("[a, b]", "must be a mapping"),
        ("null", "'name' is missing"),
        ("a: 1\n---\nb: 2", "second document"),
        ("a:\n\tb: 1", "indent with blanks"),
        ("a: [1, 2", "no YAML"),
        ("a: 'b", "no YAML"),
        ("name: a\x00b", "not allowed in a text file"),
        ("name: a\x1b[31mb", "not allowed in a text file"),
        ("name: \ud800", "not allowed in a text file"),
        ('name: "a\\0b"', "printable"),
        ('name: "\\UFFFFFFFF"', "no YAML"),
        (f"%YAML {'9' * 5000}.1\n---\na: 1", "no YAML"),
        ("a: !!python/object/apply:os.system [ls]", "Tags are not read"),
        ("a: !mine b", "Tags are not read"),
        ("a: *b", "nothing that is complete"),
        ("a: &a {b: *a}", "nothing that is complete"),
        ("<<: {name: a}", "'<<' is unknown"),
        ("[a]: b", "A key is a word"),
        ("[" * 100_000, "nested deeper"),
        ("{a: " * 30_000, "nested deeper"),
        ("- " * 90_000, "nested deeper"),
        ("? " * 90_000, "nested deeper"),
        (LAUGHS, f"more than {MAX_NODES} entries"),
        ("a: [" + "1," * 60_000 + "]", f"more than {MAX_NODES} entries"),
        ("name: " + "x" * 5000, "longer than 1000"),
        ("x" * (MAX_CHARACTERS + 1), f"longer than {MAX_CHARACTERS}"),
        ("name: .nan\ncurrency: .inf\ngrace_days: .nan", "from 0 to 365"),
        ("grace_days: " + "9" * 900, "from 0 to 365"),
        ("name: a\ncurrency: usd\nprices: [{key: a, every: month, flat: .nan}]", "plain decimal"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else None,
)
def test_a_hostile_file_gets_a_sentence(text: str, said: str) -> None:
    with pytest.raises(CatalogInvalid, match=r"^The catalog has \d+ problem") as refused:
        read_catalog(text)
    assert any(said in problem.message for problem in refused.value.problems)
    assert all(str(problem).isprintable() for problem in refused.value.problems)


def test_a_file_that_is_no_text_gets_a_sentence() -> None:
    with pytest.raises(CatalogInvalid, match=r"c\.yaml:2: This is no UTF-8 text"):
        decode(b"name: a\nx: \xff\xfe\x00", "c.yaml")
    assert decode("\ufeffname: é".encode()) == "name: é"


def refused_or_read(text: str) -> None:
    problems: tuple[Problem, ...] | None = None
    try:
        read_catalog(text)
    except CatalogInvalid as refused:
        problems = refused.problems
    assert problems is None or problems
    assert all(str(problem).isprintable() for problem in problems or ())


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_is_refused_with_sentences(text: str) -> None:
    refused_or_read(text)


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.sampled_from(["1.5", "29.00", "usd", "month", "sum", "a + b", "-1", "1e9", "once", "m"])
    | st.text(max_size=8)
)
KEYS = [
    *("name", "currency", "grace_days", "meters", "plans", "prices", "resources", "coupons"),
    *("event", "value", "aggregation", "per", "where", "round", "to", "mode", "over", "unit"),
    *("key", "flat", "per_unit", "package", "size", "price", "graduated", "volume", "up_to"),
    *("included", "minimum", "maximum", "every", "count", "meter", "limits", "trial_days", "usd"),
    *("spec", "cost", "amount", "percent_off", "amount_off", "duration", "months", "applies_to"),
]
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner, max_size=5)
    ),
    max_leaves=25,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS[:8], trees)))
@settings(max_examples=300, deadline=None)
def test_any_structure_is_refused_with_sentences(tree: dict[str, object]) -> None:
    refused_or_read(as_yaml(tree))


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_any_slip_of_the_pen_is_read_or_refused_with_sentences(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(TEXTS))
    at = data.draw(st.integers(0, len(text)))
    gone = data.draw(st.integers(0, 12))
    typed = data.draw(st.sampled_from(["", "\n", " ", ":", "[", "}", '"', "- ", "&a ", "*a", "0"]))
    refused_or_read(text[:at] + typed + text[at + gone :])


def as_yaml(value: object) -> str:
    """Flow style, with every text in double quotes: the grammar is PyYAML's to read."""
    match value:
        case dict():
            return "{" + ", ".join(f"{as_yaml(k)}: {as_yaml(v)}" for k, v in value.items()) + "}"
        case list():
            return f"[{', '.join(as_yaml(entry) for entry in value)}]"
        case None:
            return "null"
        case bool() | int():
            return str(value).lower()
        case _:
            escaped = "".join(f"\\U{ord(character):08x}" for character in str(value))
            return f'"{escaped}"'
