"""What a meter measures has one text; what differs between two price lists is told."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tallygate.catalog import meter_definition, read_catalog
from tallygate.catalog.difference import differences
from tallygate.catalog.expression import parse
from tallygate.catalog.model import Meter

METER = Meter(
    "devices",
    "device.report",
    "max",
    parse("a + 0.2 * b"),
    ("instance", "region"),
    {"live": True, "port": Decimal(80)},
)


@pytest.mark.parametrize(
    "other",
    [
        replace(METER, key="gadgets"),
        replace(METER, unit="device"),
        replace(METER, base_unit=Decimal(1), rounding="up"),
        replace(METER, over="period"),
        replace(METER, value=parse("(a+0.20*b)")),
        replace(METER, where={"port": Decimal("80.0"), "live": True}),
    ],
)
def test_spelling_and_rounding_measure_the_same(other: Meter) -> None:
    assert meter_definition(other) == meter_definition(METER)


@pytest.mark.parametrize(
    "other",
    [
        replace(METER, event="gadget.report"),
        replace(METER, aggregation="min"),
        replace(METER, value=parse("a + 0.3 * b")),
        replace(METER, value=None),
        replace(METER, per=("instance",)),
        replace(METER, per=("region", "instance")),
        replace(METER, where=None),
        replace(METER, where={"live": True, "port": "80"}),
        replace(METER, where={"live": "true", "port": Decimal(80)}),
    ],
)
def test_another_measure_has_another_text(other: Meter) -> None:
    assert meter_definition(other) != meter_definition(METER)


def test_a_value_that_is_left_out_is_one() -> None:
    one = replace(METER, value=parse("1"))
    assert meter_definition(replace(METER, value=None)) == meter_definition(one)


BEFORE = """\
name: a
currency: usd
meters:
  m: {event: e, aggregation: sum}
plans:
  p:
    prices:
      - {key: x, meter: m, per_unit: "1"}
      - {key: y, flat: "1", every: month}
coupons: {C: {percent_off: 5, duration: once}}
"""


def test_the_difference_names_each_thing_that_comes_goes_or_changes() -> None:
    after = (
        BEFORE.replace('per_unit: "1"', 'per_unit: "2"')
        .replace("key: y", "key: z")
        .replace("percent_off: 5", "percent_off: 6")
        .replace("aggregation: sum", "aggregation: max")
        .replace("name: a", "name: a\ngrace_days: 3")
    )
    after += 'links: true\nportal: {headline: Bills, privacy_policy_url: "https://a.test"}\n'
    before = read_catalog(BEFORE)
    assert differences(before, read_catalog(after)) == (
        "~ grace_days: 3",
        "~ links: on",
        "~ portal: headline, privacy_policy_url",
        "~ meters.m: aggregation",
        "~ coupons.C: percent_off",
        "~ plans.p.prices.x: curve",
        "+ plans.p.prices.z",
        "- plans.p.prices.y",
    )
    assert differences(before, read_catalog(f"# a comment\n{BEFORE}")) == ()
