"""What does an event say to a meter, and what is refused?"""

from decimal import Decimal

import pytest

from tallygate.catalog.expression import parse
from tallygate.catalog.model import Aggregation, Meter
from tallygate.core.errors import Invalid
from tallygate.core.quantity import plain
from tallygate.metering.read import compile_reader, definition
from tallygate.metering.reading import Reading

T = 1_700_000_000_000_000


def meter(
    value: str | None = "n",
    aggregation: Aggregation = "max",
    per: tuple[str, ...] = (),
    where: dict[str, str | Decimal | bool] | None = None,
) -> Meter:
    expression = None if value is None else parse(value)
    return Meter("m", "e", aggregation, expression, per=per, where=where)


def read(of: Meter, fields: dict[str, object], kind: str = "e") -> Reading | None:
    return compile_reader(of)(kind, "res_1", T, "src 1", fields)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (0, "0"),
        (7, "7"),
        (Decimal("2.50"), "2.5"),
        ("2.50", "2.5"),
        (Decimal("1E+3"), "1000"),
        (999_999_999_999_999, "999999999999999"),
        (Decimal("0.000000000001"), "0.000000000001"),
        (Decimal("1.00000000000000000"), "1"),
        (Decimal("-0"), "0"),
    ],
)
def test_numbers_are_read_exactly(raw: object, value: str) -> None:
    reading = read(meter(), {"n": raw})
    assert reading == Reading(("res_1",), T, "src 1", Decimal(value))
    assert reading is not None
    assert plain(Decimal(str(reading.value))) == value.rstrip(".")
    assert not Decimal(reading.value).is_signed()


@pytest.mark.parametrize(
    "raw",
    [
        None,
        True,
        "",
        "x",
        "1e3",
        "٣",
        "+1",
        " 1",
        10**15,
        -(10**15),
        10**400,
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("-Infinity"),
        Decimal("1e308"),
        Decimal("1E+1000000"),
        Decimal("1E-1000000"),
        Decimal("0E+1000000"),
        Decimal("0.0000000000001"),
        1.5,
        [1],
        {"a": 1},
        "9" * 400,
    ],
)
@pytest.mark.parametrize("value", ["n", "n + 0", "-1 * n"])
def test_what_is_no_quantity_is_refused_with_a_sentence(raw: object, value: str) -> None:
    with pytest.raises(Invalid, match=r"data\.n") as refusal:
        read(meter(value, "sum"), {"n": raw})
    assert str(refusal.value).endswith(".")
    assert len(str(refusal.value)) < 250


def test_a_missing_field_is_named() -> None:
    with pytest.raises(Invalid, match=r"data\.n is missing"):
        read(meter(), {"m": 1})


@pytest.mark.parametrize("aggregation", ["max", "min", "last", "average", "time_weighted"])
@pytest.mark.parametrize("value", ["n", "2 * n"])
def test_only_a_sum_goes_below_zero(aggregation: Aggregation, value: str) -> None:
    with pytest.raises(Invalid, match="below zero"):
        read(meter(value, aggregation), {"n": -1})
    with pytest.raises(Invalid, match="below zero"):
        read(meter(value, aggregation), {"n": "-0.5"})
    reading = read(meter(value, "sum"), {"n": -1})
    assert reading is not None
    assert reading.value in {Decimal(-1), Decimal(-2)}


def test_arithmetic_over_fields_is_exact() -> None:
    cuh = meter("running * (vcpu + 0.2 * ram_gb) + 0.01 * disk_gb", "time_weighted")
    reading = read(cuh, {"running": 1, "vcpu": 4, "ram_gb": "8", "disk_gb": Decimal("160.5")})
    assert reading is not None
    assert reading.value == Decimal("7.205")


def test_a_product_out_of_bounds_is_refused() -> None:
    with pytest.raises(Invalid):
        read(meter("n * n"), {"n": 10**14})


def test_count_looks_at_no_value_and_without_value_an_event_is_one() -> None:
    for of in (meter("n", "count"), meter(None, "count"), meter(None, "sum")):
        reading = read(of, {"n": "nonsense"})
        assert reading is not None
        assert reading.value == 1


def test_other_types_and_meters_on_resources_read_nothing() -> None:
    assert read(meter(), {"n": 1}, kind="other") is None
    on_resources = Meter("m", "resource", "time_weighted", parse("running"))
    assert compile_reader(on_resources)("resource", "res_1", T, "s 1", {"running": 1}) is None
    assert compile_reader(on_resources)("resource.created", "res_1", T, "s 1", {}) is None


@pytest.mark.parametrize(
    ("wanted", "raw", "found"),
    [
        ("eu", "eu", True),
        ("eu", "EU", False),
        ("eu", None, False),
        (Decimal(2), 2, True),
        (Decimal(2), Decimal("2.0"), True),
        (Decimal(2), "2", False),
        (Decimal(2), Decimal("NaN"), False),
        (Decimal(2), Decimal("sNaN"), False),
        ("2", 2, False),
        (Decimal(1), True, False),
        (True, True, True),
        (True, 1, False),
        (False, False, True),
        (False, 0, False),
        ("eu", ["eu"], False),
    ],
)
def test_where_compares_by_value_and_kind(
    wanted: str | Decimal | bool, raw: object, found: bool
) -> None:
    reading = read(meter(where={"region": wanted}), {"n": 1, "region": raw})
    assert (reading is not None) == found


def test_where_looks_before_the_value_is_read() -> None:
    assert read(meter(where={"region": "eu"}), {"n": "broken", "region": "us"}) is None


@pytest.mark.parametrize(
    ("raw", "text"),
    [("i-1", "i-1"), (7, "7"), (Decimal("7.0"), "7"), (True, "true"), ("Größe", "Größe")],
)
def test_per_fields_tell_series_apart(raw: object, text: str) -> None:
    reading = read(meter(per=("who",)), {"n": 1, "who": raw})
    assert reading is not None
    assert reading.series == ("res_1", text)


@pytest.mark.parametrize(
    "raw", [None, "", "a\x00b", "a\nb", "\ud800", "x" * 256, [1], {}, Decimal("NaN"), 10**400]
)
def test_a_series_without_a_name_is_refused(raw: object) -> None:
    with pytest.raises(Invalid, match=r"data\.who"):
        read(meter(per=("who",)), {"n": 1, "who": raw})
    with pytest.raises(Invalid, match=r"data\.who"):
        read(meter("who", "unique"), {"who": raw})


def test_unique_reads_text_and_a_number_by_its_value() -> None:
    users = meter("who", "unique")
    values = [read(users, {"who": raw}) for raw in ("7", 7, Decimal("7.00"), "seven")]
    assert [reading.value for reading in values if reading] == ["7", "7", "7", "seven"]


def test_meters_that_read_alike_have_one_definition() -> None:
    same = definition(meter("a+b", where={"x": "1", "y": Decimal("2.0")}))
    assert same == definition(meter("a + b", where={"y": Decimal(2), "x": "1"}))
    others = [
        meter("a+b", where={"x": Decimal(1), "y": Decimal(2)}),
        meter("a+b", where={"x": "1"}),
        meter("a-b", where={"x": "1", "y": Decimal(2)}),
        meter("a+b", "sum", where={"x": "1", "y": Decimal(2)}),
        meter("a+b", per=("z",), where={"x": "1", "y": Decimal(2)}),
    ]
    assert len({same, *map(definition, others)}) == 6
