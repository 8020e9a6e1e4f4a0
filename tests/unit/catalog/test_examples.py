"""The five systems' price lists say what the seeds say."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tallygate.catalog import Catalog, read_with_warnings
from tallygate.catalog.model import Amounts, Flat, Graduated, Package, PerUnit, Plan

EXAMPLES = Path(__file__).parents[3] / "examples"
SYSTEMS = ("helvetia_cloud", "iotistic", "ktrlplane", "lab_by_kraliki", "magic_box")
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def read(system: str) -> tuple[Catalog, list[str]]:
    path = EXAMPLES / system / "catalog.yaml"
    catalog, warnings = read_with_warnings(path.read_text("utf-8"), "catalog.yaml", at=NOW)
    return catalog, [str(warning) for warning in warnings]


def money(text: str, currency: str = "usd") -> Amounts:
    return {currency: Decimal(text)}


def flats(plan: Plan) -> dict[str, Decimal]:
    return {
        price.key: next(iter(price.curve.amount.values()))
        for price in plan.prices
        if isinstance(price.curve, Flat)
    }


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_price_list_is_read_without_a_doubt(system: str) -> None:
    catalog, warnings = read(system)
    assert catalog.name == system
    if system == "magic_box":  # B8: the coupon is past, which is its point
        (warning,) = warnings
        assert "coupons.LAUNCH2025.redeem_by" in warning
    else:
        assert warnings == []


@pytest.mark.parametrize("system", SYSTEMS)
def test_keys_that_belong_to_no_seed_are_not_in_the_way(system: str) -> None:
    catalog, _ = read(system)
    for plan in catalog.plans.values():
        assert plan.intervals[0] == "month"
        assert len({price.key for price in plan.prices}) == len(plan.prices)


def test_kraliki_a2_a3() -> None:
    catalog, _ = read("lab_by_kraliki")
    assert (catalog.currencies, catalog.grace_days) == (("eur",), 0)
    assert flats(catalog.plans["starter"]) == {"starter_monthly": 299, "starter_annual": 2990}
    assert flats(catalog.plans["pro"]) == {"pro_monthly": 499, "pro_annual": 4990}
    budgets = [
        price.included
        for plan in catalog.plans.values()
        for price in plan.prices
        if price.key == "cuh_overage"
    ]
    assert budgets == [5500, 10500]
    cuh = catalog.meters["cuh"].value
    assert cuh is not None
    spec = catalog.resources["vm.cpx41"].spec
    assert cuh.evaluate({**spec, "running": 1}) == Decimal("13.6")


def test_magic_box_b1_b8() -> None:
    catalog, _ = read("magic_box")
    sold = {key: plan for key, plan in catalog.plans.items() if key != "by_the_second"}
    assert {key: list(flats(plan).values()) for key, plan in sold.items()} == {
        "starter": [99, 990],
        "pro": [199, 1990],
        "enterprise": [499, 4990],
    }
    assert [plan.product for plan in sold.values()] == [
        *("prod_magicbox_starter", "prod_magicbox_pro", "prod_magicbox_enterprise")
    ]
    metered = {
        (plan.key, price.key): (int(price.included), price.curve)
        for plan in sold.values()
        for price in plan.prices
        if price.meter
    }
    cent: object = PerUnit(money("0.01", "eur"))
    assert metered == {
        ("starter", "compute_overage_starter"): (100, PerUnit(money("0.05", "eur"))),
        ("starter", "api_overage"): (5000, cent),
        ("pro", "compute_overage_pro"): (300, PerUnit(money("0.04", "eur"))),
        ("pro", "api_overage"): (15000, cent),
        ("enterprise", "api_overage"): (50000, cent),
    }
    early, launch = catalog.coupons["EARLYBIRD30"], catalog.coupons["LAUNCH2025"]
    assert (early.percent_off, early.duration) == (Decimal(30), "forever")
    assert (launch.percent_off, launch.duration) == (Decimal(20), "once")
    assert launch.redeem_by == datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert launch.max_redemptions == 100


def test_magic_box_b3_hours_are_integrated() -> None:
    hours = read("magic_box")[0].meters["compute_hours"]
    assert hours.reads_resources
    assert hours.aggregation == "time_weighted"
    assert hours.value is not None
    assert hours.value.fields == {"running"}


def test_helvetia_c1_c4_c5() -> None:
    catalog, _ = read("helvetia_cloud")
    assert catalog.grace_days == 7
    assert [next(iter(flats(plan).values()), 0) for plan in catalog.plans.values()] == [
        *(0, 29, 99, 299)
    ]
    assert catalog.plans["FREE"].is_free
    assert {key: list((plan.limits or {}).values()) for key, plan in catalog.plans.items()} == {
        "FREE": [1, 512, Decimal("0.5"), 10, 5],
        "STARTER": [5, 2048, 2, 100, 50],
        "PRO": [20, 8192, 8, 500, 200],
        "ENTERPRISE": [-1, -1, -1, -1, -1],
    }
    assert {key: price.curve for key, price in catalog.prices.items()} == {
        "compute_hours": PerUnit(money("0.01")),
        "memory_gb_hours": PerUnit(money("0.005")),
        "bandwidth_gb": PerUnit(money("0.12")),
        "storage_gb": PerUnit(money("0.023")),
    }
    assert catalog.meters["storage_gb"].over == "period"


def test_iotistic_d3_d7_d8() -> None:
    catalog, _ = read("iotistic")
    starter, professional = catalog.plans["starter"], catalog.plans["professional"]
    assert (starter.trial_days, professional.trial_days) == (14, 14)
    assert flats(starter)["starter_monthly"] == 29
    assert flats(professional)["professional_monthly"] == 99
    prices = {price.key: price for plan in catalog.plans.values() for price in plan.prices}
    thousand = Package(Decimal(1000), money("0.10"))
    expected: dict[str, tuple[int, object]] = {
        "device_usage": (5, PerUnit(money("5"))),
        "mqtt_messages": (0, thousand),
        "storage_gb": (0, PerUnit(money("0.5"))),
        "device_usage_professional": (20, PerUnit(money("4"))),
        "mqtt_messages_professional": (1_000_000, thousand),
        "storage_gb_professional": (100, PerUnit(money("0.4"))),
        "device_usage_package": (0, Package(Decimal(10), money("40"))),
    }
    assert {key: (int(prices[key].included), prices[key].curve) for key in expected} == expected
    graduated = prices["device_usage_graduated"].curve
    assert isinstance(graduated, Graduated)
    assert [tier.up_to for tier in graduated.tiers] == [5, 20, None]
    assert [tier.unit["usd"] for tier in graduated.tiers] == [10, 8, 5]
    devices, storage = catalog.meters["devices"], catalog.meters["storage"]
    assert (devices.aggregation, devices.per) == ("max", ("instance_id",))
    assert (storage.aggregation, storage.rounding) == ("max", "up")
    assert storage.base_unit == 1


def test_ktrlplane_e5_e11_e12() -> None:
    catalog, _ = read("ktrlplane")
    assert catalog.currencies == ("usd", "eur")
    graph = catalog.resources["Konnektr.Graph.standard"]
    assert graph.price is not None
    curve = catalog.prices[graph.price].curve
    assert isinstance(curve, PerUnit)
    assert curve.unit["usd"] == 99
    assert catalog.resources["Konnektr.Graph.free"].price is None
    counted = {price.count for price in catalog.plans["pro"].prices}
    assert "members" in counted
    assert {price.kind for plan in catalog.plans.values() for price in plan.prices} == {
        *("flat", "counted", "metered")
    }
