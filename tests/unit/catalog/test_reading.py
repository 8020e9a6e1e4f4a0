"""A price list is read as it is written, and refused with every problem at once."""

from datetime import UTC, datetime
from decimal import Decimal
from textwrap import dedent

import pytest

from tallygate.catalog import read_catalog, read_with_warnings
from tallygate.catalog.model import Flat, Graduated, Package, PerUnit, Portal, Tier, Volume
from tallygate.core.errors import CatalogInvalid

WHOLE = """\
name: iotistic
currency: usd
grace_days: 9
meters:
  devices:
    event: device.report
    value: devices
    aggregation: max
    per: [instance_id]
    unit: device
    round: {to: "1", mode: up}
    where: {region: no, port: 80, live: true, version: "2"}
  messages: {event: mqtt.report, value: mqtt_messages, aggregation: sum}
  calls: {event: api.call, aggregation: count}
  users: {event: login, value: person, aggregation: unique}
  cuh: {event: resource, value: running * vcpu, aggregation: time_weighted}
  disk: {event: disk.report, value: gb, aggregation: time_weighted, over: period}
plans:
  free:
    name: Free
  starter:
    name: Starter
    product: prod_starter
    trial_days: 14
    prices:
      - {key: starter_monthly, flat: "29.00", every: month}
      - {key: starter_annual, flat: "290.00", every: year}
      - {key: device_usage, meter: devices, included: 5, per_unit: "5.00"}
      - key: mqtt
        meter: messages
        package: {size: 1000, price: "0.10"}
        minimum: "1"
        maximum: "500.00"
      - key: cuh
        meter: cuh
        graduated: [{up_to: 5, unit: "10"}, {up_to: "20.5", unit: "8"}, {unit: "5", flat: "0.50"}]
      - {key: disk, meter: disk, volume: [{up_to: 5, flat: "1"}, {unit: "0.023"}]}
      - seats
    limits: {services: 5, memory_mb: -1, cpu_cores: "0.5"}
prices:
  - {key: seats, count: members, per_unit: "12.00", every: month, product: prod_seats}
  - {key: vm_monthly, per_unit: "25.00", every: month}
resources:
  vm.cpx31:
    price: vm_monthly
    spec: {vcpu: 4, ram_gb: "8.5", tier: nvme}
    cost: {amount: "13.10", every: month}
    description: A machine
  vm.free: {}
coupons:
  EARLYBIRD30: {percent_off: 30, duration: forever}
  FIVE: {amount_off: {usd: "5.00"}, duration: once, applies_to: [starter_monthly, seats]}
  QUARTER:
    percent_off: "12.5"
    duration: {months: 3}
    redeem_by: 2027-01-01T00:00:00+01:00
    max_redemptions: 9
"""


def problems_of(text: str) -> list[str]:
    with pytest.raises(CatalogInvalid) as refused:
        read_catalog(dedent(text))
    return [str(problem) for problem in refused.value.problems]


def with_prices(*entries: str, more: str = "") -> str:
    lines = "\n".join(f"      - {entry}" for entry in entries)
    return (
        "name: a\ncurrency: usd\nmeters:\n"
        "  m: {event: e, value: v, aggregation: sum}\n"
        f"plans:\n  p:\n    prices:\n{lines}\n{more}"
    )


def test_everything_that_the_shape_offers_is_read() -> None:
    catalog = read_catalog(WHOLE)
    assert (catalog.name, catalog.currencies, catalog.grace_days) == ("iotistic", ("usd",), 9)
    devices = catalog.meters["devices"]
    assert devices.value is not None
    assert devices.value.text == "devices"
    assert (devices.event, devices.aggregation, devices.unit) == ("device.report", "max", "device")
    assert (devices.per, devices.rounding) == (("instance_id",), "up")
    assert devices.base_unit == 1
    assert devices.where == {"region": "no", "port": 80, "live": True, "version": "2"}
    assert catalog.meters["disk"].over == "period"
    assert catalog.meters["calls"].base_unit == 1
    assert catalog.meters["users"].base_unit == 1
    assert catalog.meters["messages"].base_unit == Decimal("0.000001")
    assert catalog.meters["messages"].rounding == "half_up"
    assert catalog.meters["cuh"].over == "hour"


def test_plans_and_prices_are_read_in_their_order() -> None:
    catalog = read_catalog(WHOLE)
    assert catalog.plans["free"].is_free
    starter = catalog.plans["starter"]
    assert (starter.name, starter.product, starter.trial_days) == ("Starter", "prod_starter", 14)
    assert starter.limits == {"services": 5, "memory_mb": -1, "cpu_cores": Decimal("0.5")}
    monthly, annual, usage, mqtt, cuh, disk, seats = starter.prices
    assert (monthly.curve, monthly.every) == (Flat({"usd": Decimal(29)}), "month")
    assert (annual.kind, annual.every) == ("flat", "year")
    assert usage.curve == PerUnit({"usd": Decimal(5)})
    assert (usage.meter, usage.kind) == ("devices", "metered")
    assert usage.every is None
    assert usage.included == 5
    assert mqtt.curve == Package(Decimal(1000), {"usd": Decimal("0.10")})
    assert mqtt.minimum == {"usd": Decimal(1)}
    assert mqtt.maximum == {"usd": Decimal(500)}
    zero = Decimal(0)
    assert cuh.curve == Graduated(
        (
            Tier(Decimal(5), {"usd": Decimal(10)}, {"usd": zero}),
            Tier(Decimal("20.5"), {"usd": Decimal(8)}, {"usd": zero}),
            Tier(None, {"usd": Decimal(5)}, {"usd": Decimal("0.5")}),
        )
    )
    assert disk.curve == Volume(
        (
            Tier(Decimal(5), {"usd": zero}, {"usd": Decimal(1)}),
            Tier(None, {"usd": Decimal("0.023")}, {"usd": zero}),
        )
    )
    assert (seats.kind, seats.count, seats.product) == ("counted", "members", "prod_seats")
    assert catalog.prices["vm_monthly"].count == "resources"
    assert starter.intervals == ("month", "year")


def test_resources_and_coupons_are_read() -> None:
    catalog = read_catalog(WHOLE)
    machine = catalog.resources["vm.cpx31"]
    assert machine.price == "vm_monthly"
    assert machine.spec == {"vcpu": 4, "ram_gb": Decimal("8.5"), "tier": "nvme"}
    assert machine.cost is not None
    assert (machine.cost.amount, machine.cost.every) == ({"usd": Decimal("13.10")}, "month")
    assert catalog.resources["vm.free"].price is None
    assert catalog.coupons["EARLYBIRD30"].percent_off == 30
    assert catalog.coupons["FIVE"].amount_off == {"usd": Decimal(5)}
    assert catalog.coupons["FIVE"].applies_to == frozenset(("starter_monthly", "seats"))
    assert catalog.coupons["QUARTER"].duration == 3
    assert catalog.coupons["QUARTER"].redeem_by == datetime(2026, 12, 31, 23, tzinfo=UTC)


def test_links_and_the_portal_are_read_and_have_defaults() -> None:
    text = "name: a\ncurrency: usd\n"
    assert (read_catalog(text).links, read_catalog(text).portal) == (False, Portal())
    said = (
        "links: true\nportal:\n  headline: 'Your bill: all of it'\n"
        "  terms_of_service_url: http://127.0.0.1:8000/terms?of=bill#top\n"
    )
    catalog = read_catalog(text + said)
    terms = "http://127.0.0.1:8000/terms?of=bill#top"
    assert catalog.links
    assert catalog.portal == Portal(headline="Your bill: all of it", terms_of_service_url=terms)
    assert not read_catalog(f"{text}links: false\nportal:\n").links


def test_ten_mistakes_are_ten_messages_in_one_go() -> None:
    found = problems_of("""\
        name: ten
        currency: usd
        grace_days: soon
        meters:
          devices: {event: device.report, value: devices +, aggregation: maximum}
        plans:
          starter:
            prise: []
            prices:
              - {key: starter_monthly, flat: 29.00, every: month}
              - {key: usage, meter: device, per_unit: "5.00"}
              - {key: seats, count: members, per_unit: "5.00", every: year}
              - {key: disk, meter: devices, volume: [{up_to: 5, unit: "1"}, {up_to: 9, unit: "2"}]}
        coupons:
          HALF: {percent_off: 150, duration: once}
        resources:
          vm: {price: vm_monthly}
    """)
    expected = [
        ("3: grace_days", "must be a whole number from 0 to 365, not 'soon'"),
        ("5: meters.devices.aggregation", "or time_weighted. Did you mean max?"),
        ("5: meters.devices.value", "a number or a field's name must follow"),
        ("8: plans.starter.prise", "is unknown: did you mean 'prices'?"),
        ("10: plans.starter.prices[0].flat", 'Write the amount in quotes: "29.00"'),
        ("11: plans.starter.prices[1].meter", "no meter 'device': did you mean 'devices'?"),
        ("12: plans.starter.prices[2].every", "billed monthly: write `every: month`"),
        ("13: plans.starter.prices[3].volume[1].up_to", "The last tier is open: remove"),
        ("15: coupons.HALF.percent_off", "more than 0 and at most 100, not 150"),
        ("17: resources.vm.price", "There is no shared price 'vm_monthly': there are none."),
    ]
    assert len(found) == len(expected) == 10
    for problem, (place, said) in zip(found, expected, strict=True):
        assert problem.startswith(f"catalog.yaml:{place}: ")
        assert said in problem


def test_the_number_in_the_heading_is_the_number_of_problems() -> None:
    with pytest.raises(CatalogInvalid, match="The catalog has 2 problems:") as refused:
        read_catalog("{}", "other.yaml")
    assert [problem.place for problem in refused.value.problems] == ["other.yaml:1"] * 2


def test_a_very_wrong_file_is_cut_with_a_sentence() -> None:
    found = problems_of(
        "name: a\ncurrency: usd\nmeters:\n"
        + "\n".join(f"  m{number}: {{}}" for number in range(150))
    )
    assert len(found) == 201
    assert "100 more problems" in found[-1]


def test_with_several_currencies_every_amount_names_all_of_them() -> None:
    text = (
        "name: a\ncurrency: [usd, jpy]\nprices:\n"
        '  - {key: a, flat: {usd: "1.50", jpy: "150"}, every: month}\n'
        '  - {key: b, flat: "1.50", every: month}\n'
        '  - {key: c, flat: {usd: "1.50"}, every: month}\n'
        '  - {key: d, flat: {usd: "1.50", jpy: "1.50"}, every: month}\n'
        "resources:\n"
        '  r: {cost: {amount: {usd: "3"}, every: month}}\n'
    )
    found = problems_of(text)
    assert len(found) == 3
    assert 'prices[1].flat: The catalog has several currencies: write {usd: "...", jpy' in found[0]
    assert 'prices[2].flat: The amount in jpy is missing: add jpy: "...".' in found[1]
    assert "prices[3].flat.jpy: 1.5 JPY is no whole number of minor units" in found[2]


def test_a_key_is_one_price_and_only_its_allowance_may_differ() -> None:
    text = with_prices(
        '{key: x, meter: m, per_unit: "1", included: 5}',
        more='  q:\n    prices:\n      - {key: x, meter: m, per_unit: "1.00", included: 50}\n',
    )
    plans = read_catalog(text).plans
    assert [plan.prices[0].included for plan in plans.values()] == [5, 50]
    differing = text.replace('"1.00"', '"1.01"').replace("included: 50", 'minimum: "2"')
    (found,) = problems_of(differing)
    assert found.startswith("catalog.yaml:11: plans.q.prices[0]: 'x' is another price on line 8")
    assert "(curve, minimum differ)" in found


def test_a_price_stands_in_a_plan_once() -> None:
    entry = '{key: x, flat: "1", every: month}'
    (found,) = problems_of(with_prices(entry, entry))
    assert "stands in this plan twice" in found
    shared = f"prices:\n  - {entry}\n  - {entry}\n"
    (found,) = problems_of(f"name: a\ncurrency: usd\n{shared}")
    assert "listed twice" in found


def test_a_plan_that_names_a_shared_price_with_problems_is_not_blamed() -> None:
    text = with_prices("x", more="prices:\n  - {key: x, flat: 1, every: month}\n")
    (found,) = problems_of(text)
    assert "prices[0].flat: Write the amount in quotes" in found


def test_tiers_may_be_shared_by_an_alias() -> None:
    text = with_prices(
        '{key: x, meter: m, graduated: &t [{up_to: 5, unit: "1"}, {unit: "2"}]}',
        "{key: y, meter: m, graduated: *t}",
    )
    first, second = read_catalog(text).plans["p"].prices
    assert first.curve == second.curve


def test_what_may_not_be_meant_is_a_warning() -> None:
    text = (
        "name: a\ncurrency: usd\nmeters:\n"
        "  cuh: {event: resource, value: running * vpcu, aggregation: time_weighted}\n"
        'prices:\n  - {key: lonely, per_unit: "1", every: month}\n'
        "resources: {vm: {spec: {vcpu: 4}}}\n"
        "coupons: {OLD: {percent_off: 5, duration: once, redeem_by: 2025-12-31T23:59:59Z}}\n"
    )
    _, later = read_with_warnings(text, at=datetime(2026, 1, 1, tzinfo=UTC))
    _, earlier = read_with_warnings(text, at=datetime(2025, 1, 1, tzinfo=UTC))
    assert [warning.place for warning in later] == [
        "catalog.yaml:4: meters.cuh",
        "catalog.yaml:6: prices[0]",
        "catalog.yaml:8: coupons.OLD.redeem_by",
    ]
    assert "`vpcu`" in later[0].message
    assert "'lonely'" in later[1].message
    assert "is past" in str(later[2])
    assert later[:2] == earlier
    _, much_earlier = read_with_warnings(text, at=datetime(2020, 1, 1, tzinfo=UTC))
    assert "five years ahead" in much_earlier[2].message
