from collections.abc import Mapping
from decimal import Decimal

import pytest

from tallygate.catalog.model import Catalog
from tallygate.catalog.reading import read_catalog
from tallygate.core.errors import Invalid
from tallygate.workflows.questions.quote import quote

IOTISTIC = """
name: iotistic
currency: usd
meters:
  devices: {event: device.report, value: devices, aggregation: max, per: [instance_id],
            unit: device, round: {to: "1", mode: up}}
  messages: {event: mqtt.report, value: mqtt_messages, aggregation: sum}
  storage: {event: storage.report, value: storage_gb, aggregation: max, unit: GB,
            round: {to: "1", mode: up}}
plans:
  free: {name: Free}
  starter:
    name: Starter
    trial_days: 14
    prices:
      - {key: starter_monthly, flat: "29.00", every: month}
      - {key: starter_annual, flat: "290.00", every: year}
      - {key: device_usage, meter: devices, included: 5, per_unit: "5.00"}
      - {key: mqtt_messages, meter: messages, package: {size: 1000, price: "0.10"}}
      - {key: storage_gb, meter: storage, per_unit: "0.50"}
  professional:
    name: Professional
    prices:
      - {key: professional_monthly, flat: "99.00", every: month}
      - {key: device_usage_professional, meter: devices, included: 20, per_unit: "4.00"}
      - key: mqtt_messages_professional
        meter: messages
        included: 1000000
        package: {size: 1000, price: "0.10"}
  packs:
    name: Packs
    prices:
      - {key: device_packs, meter: devices, package: {size: 10, price: "40"}}
  tiers:
    name: Tiers
    prices:
      - key: device_tiers
        meter: devices
        graduated: [{up_to: 5, unit: "10"}, {up_to: 20, unit: "8"}, {unit: "5"}]
coupons:
  EARLYBIRD30: {percent_off: 30, duration: forever}
  TENNER: {amount_off: {usd: "10.00"}, duration: once, applies_to: [starter_monthly]}
"""

KTRLPLANE = """
name: ktrlplane
currency: [usd, eur, jpy]
plans:
  pro:
    name: Pro
    prices:
      - {key: pro_base, flat: {usd: "49", eur: "45", jpy: "7000"}, every: month}
      - {key: pro_seats, per_unit: {usd: "9", eur: "8", jpy: "1200"}, every: month, count: members}
prices:
  - {key: vm_monthly, per_unit: {usd: "25", eur: "23", jpy: "3500"}, every: month}
resources:
  vm: {price: vm_monthly, spec: {vcpu: 4}}
coupons:
  EURO: {amount_off: {eur: "5"}, duration: once}
"""


@pytest.fixture(scope="module")
def iotistic() -> Catalog:
    return read_catalog(IOTISTIC)


@pytest.fixture(scope="module")
def ktrlplane() -> Catalog:
    return read_catalog(KTRLPLANE)


def numbers(**usage: str) -> Mapping[str, Decimal]:
    return {key: Decimal(text) for key, text in usage.items()}


def test_d7_starter_with_eight_devices_is_44(iotistic: Catalog) -> None:
    assert quote(iotistic, "starter", usage=numbers(devices="8")).as_json() == {
        "currency": "usd",
        "lines": [
            {
                "price": "starter_monthly",
                "quantity": "1",
                "amount": 2900,
                "explanation": ["29.00 USD flat"],
            },
            {
                "price": "device_usage",
                "quantity": "3",
                "amount": 1500,
                "explanation": [
                    "8 devices measured, 5 included, 3 charged",
                    "3 x 5.00 USD = 15.00 USD",
                ],
            },
            {
                "price": "mqtt_messages",
                "quantity": "0",
                "amount": 0,
                "explanation": ["0 messages measured", "nothing to charge: 0.00 USD"],
            },
            {
                "price": "storage_gb",
                "quantity": "0",
                "amount": 0,
                "explanation": ["0 GB measured", "nothing to charge: 0.00 USD"],
            },
        ],
        "subtotal": 4400,
        "discount": 0,
        "total": 4400,
        "unpriced": [],
    }


def test_d7_professional_is_169(iotistic: Catalog) -> None:
    usage = numbers(devices="25", messages="1500000")
    assert quote(iotistic, "professional", usage=usage).total == 16900


def test_d8_packages_are_120_and_tiers_add_up(iotistic: Catalog) -> None:
    assert quote(iotistic, "packs", usage=numbers(devices="23")).total == 12000
    assert quote(iotistic, "tiers", usage=numbers(devices="25")).total == 5000 + 12000 + 2500


def test_d3_the_peak_is_rounded_up_to_the_base_unit(iotistic: Catalog) -> None:
    (line,) = quote(iotistic, "starter", usage=numbers(storage="2.5")).lines[-1:]
    assert (str(line.quantity), line.amount) == ("3", 150)


def test_a_year_is_the_annual_base_and_one_months_usage(iotistic: Catalog) -> None:
    found = quote(iotistic, "starter", "year", usage=numbers(devices="8"))
    assert found.lines[0].price == "starter_annual"
    assert found.total == 29000 + 1500


def test_coupons_come_off_in_the_order_given(iotistic: Catalog) -> None:
    found = quote(
        iotistic, "starter", usage=numbers(devices="8"), coupons=["TENNER", "EARLYBIRD30"]
    ).as_json()
    assert (found["subtotal"], found["discount"], found["total"]) == (4400, 2020, 2380)
    lines = found["lines"]
    assert isinstance(lines, list)
    assert lines[0]["amount"] == 2900, "a line's amount is before coupons"
    assert lines[0]["explanation"] == [
        "29.00 USD flat",
        "coupon TENNER takes off 10.00 USD",
        "coupon EARLYBIRD30 takes off 5.70 USD",
    ]


def test_usage_that_the_plan_does_not_price_is_named(iotistic: Catalog) -> None:
    found = quote(iotistic, "professional", usage=numbers(storage="7", devices="1"))
    assert found.unpriced == ("storage",)
    assert quote(iotistic, "free", usage=numbers(devices="1")).as_json() == {
        "currency": "usd",
        "lines": [],
        "subtotal": 0,
        "discount": 0,
        "total": 0,
        "unpriced": ["devices"],
    }


def test_seats_count_once_unless_told_and_resources_where_named(ktrlplane: Catalog) -> None:
    assert quote(ktrlplane, "pro").total == 4900 + 900
    found = quote(ktrlplane, "pro", usage=numbers(pro_seats="4", vm_monthly="2"))
    assert [(line.price, line.amount) for line in found.lines] == [
        ("pro_base", 4900),
        ("pro_seats", 3600),
        ("vm_monthly", 5000),
    ]
    assert found.unpriced == ()


@pytest.mark.parametrize(("currency", "total"), [("eur", 5300), ("jpy", 8200), ("USD", 5800)])
def test_every_currency_has_its_own_amounts(ktrlplane: Catalog, currency: str, total: int) -> None:
    found = quote(ktrlplane, "pro", currency=currency)
    assert (found.currency, found.total) == (currency.lower(), total)


@pytest.mark.parametrize(
    ("asked", "param", "sentence"),
    [
        ({"plan": "gold"}, "plan", "no plan 'gold' in iotistic: it has the plans free, starter"),
        ({"interval": "year", "plan": "professional"}, "interval", "it has the intervals month"),
        ({"interval": "week"}, "interval", "starter cannot be bought by the 'week'"),
        ({"currency": "eur"}, "currency", "no prices in 'eur': it has the currencies usd"),
        ({"coupons": ["NO"]}, "coupon", "no coupon 'NO' in iotistic: it has the coupons EARLY"),
        ({"coupons": ["TENNER", "TENNER"]}, "coupon", "name each one once"),
        ({"usage": numbers(sensors="1")}, "usage", "has the meters devices, messages, storage"),
        ({"usage": numbers(devices="-1")}, "usage", "usage of devices must be a number from 0"),
        ({"usage": numbers(devices="NaN")}, "usage", "usage of devices must be a number from 0"),
        ({"usage": numbers(devices="1E+300")}, "usage", "at most 15 digits"),
    ],
)
def test_a_question_that_makes_no_sense_gets_a_sentence(
    iotistic: Catalog, asked: dict[str, object], param: str, sentence: str
) -> None:
    with pytest.raises(Invalid) as refused:
        quote(iotistic, **{"plan": "starter", **asked})  # type: ignore[arg-type] # as parametrized
    assert sentence in str(refused.value)
    assert refused.value.param == param


def test_half_a_seat_and_a_coupon_in_another_currency_are_refused(ktrlplane: Catalog) -> None:
    with pytest.raises(Invalid, match="members are counted in whole numbers"):
        quote(ktrlplane, "pro", usage=numbers(pro_seats="1.5"))
    with pytest.raises(Invalid, match="takes off an amount in eur, and nothing in usd"):
        quote(ktrlplane, "pro", coupons=["EURO"])
    with pytest.raises(Invalid, match="no meters, and the counted prices vm_monthly, pro_seats"):
        quote(ktrlplane, "pro", usage=numbers(x="1"))
