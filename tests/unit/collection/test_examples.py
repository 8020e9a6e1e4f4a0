"""What Stripe should hold of the five platforms, stated by hand.

Amounts are in minor units for one base unit (or one block), beyond the allowance.
"""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from tests.unit.collection.examples import NAMES, list_of, price

from tallygate.collection.held import Asked, HeldCoupon, HeldPrice, HeldTier


def flat(key: str, product: str, every: str, **amounts: str) -> HeldPrice:
    asked = {currency: Asked(Decimal(amount)) for currency, amount in amounts.items()}
    return HeldPrice(key, product, every, asked)  # type: ignore[arg-type]  # month or year


def metered(key: str, product: str, base_unit: str, **amounts: str) -> HeldPrice:
    asked = {currency: Asked(Decimal(amount)) for currency, amount in amounts.items()}
    return HeldPrice(key, product, "month", asked, key, Decimal(base_unit))


MAGIC_BOX = [
    flat("starter_monthly", "prod_magicbox_starter", "month", eur="9900"),
    flat("starter_annual", "prod_magicbox_starter", "year", eur="99000"),
    # 0.05 EUR an hour is 5 cents for a million base units
    metered("compute_overage_starter", "prod_magicbox_starter", "0.000001", eur="0.000005"),
    metered("api_overage", "prod_magicbox_api_overage", "1", eur="1"),
    metered("compute_overage_pro", "prod_magicbox_pro", "0.000001", eur="0.000004"),
    flat("enterprise_annual", "prod_magicbox_enterprise", "year", eur="499000"),
    metered("memory_gb_hour", "tallygate_plan_by_the_second", "0.000001", eur="0.0009"),
]
HELVETIA = [
    metered("compute_hours", "prod_helvetia_usage", "0.000001", usd="0.000001"),
    metered("memory_gb_hours", "prod_helvetia_usage", "0.000001", usd="0.0000005"),
    metered("bandwidth_gb", "prod_helvetia_usage", "0.000001", usd="0.000012"),
    metered("storage_gb", "prod_helvetia_usage", "0.000001", usd="0.0000023"),
    flat("enterprise_monthly", "prod_helvetia_enterprise", "month", usd="29900"),
]
LAB = [
    flat("pro_annual", "prod_kraliki_vm_rental", "year", eur="499000"),
    metered("cuh_overage", "prod_kraliki_overage", "0.000001", eur="0.000002"),
    # 6.48 EUR for a million tokens
    metered("llm_overage", "prod_kraliki_overage", "1", eur="0.000648"),
]
KTRLPLANE = [
    flat("starter_annual", "prod_ktrlplane_starter", "year", usd="19000", eur="18000"),
    flat("pro_seats", "prod_ktrlplane_pro", "month", usd="1200", eur="1100"),
    flat("graph_standard", "prod_konnektr_graph", "month", usd="9900", eur="9200"),
]
IOTISTIC = [
    metered("device_usage", "prod_iotistic_starter", "1", usd="500"),
    metered("storage_gb", "prod_iotistic_starter", "1", usd="50"),
    metered("device_usage_professional", "prod_iotistic_professional", "1", usd="400"),
]


@pytest.mark.parametrize(
    ("example", "stated"),
    [
        ("magic_box", MAGIC_BOX),
        ("helvetia_cloud", HELVETIA),
        ("lab_by_kraliki", LAB),
        ("ktrlplane", KTRLPLANE),
        ("iotistic", IOTISTIC),
    ],
)
def test_prices_are_those_stated(example: str, stated: list[HeldPrice]) -> None:
    prices = list_of(example)
    for one in stated:
        assert price(prices, one.key) == one


def test_packages_are_charged_by_the_started_block() -> None:
    messages = price(list_of("iotistic"), "mqtt_messages")
    assert (messages.block, messages.amounts) == (1000, {"usd": Asked(Decimal(10))})
    shared = price(list_of("iotistic"), "mqtt_messages_professional")  # of two plans
    assert (shared.product, shared.block) == ("prod_iotistic_professional", 1000)
    queries = price(list_of("ktrlplane"), "graph_overage")
    assert queries.block == 1_000_000
    assert queries.amounts == {"usd": Asked(Decimal(200)), "eur": Asked(Decimal(180))}


def test_tiers_start_beyond_the_allowance() -> None:
    devices = price(list_of("iotistic"), "device_usage_graduated")
    assert devices.mode == "graduated"
    assert devices.amounts["usd"].tiers == (
        HeldTier(5, Decimal(1000)),
        HeldTier(20, Decimal(800)),
        HeldTier(None, Decimal(500)),
    )
    seats = price(list_of("ktrlplane"), "enterprise_seats")
    assert seats.meter is None
    assert seats.amounts["eur"].tiers == (HeldTier(50, Decimal(900)), HeldTier(None, Decimal(720)))


@pytest.mark.parametrize("example", NAMES)
def test_all_of_an_example_can_be_held(example: str) -> None:
    before = datetime(2025, 6, 1, tzinfo=UTC)
    assert list_of(example, before).notes == ()


@pytest.mark.parametrize("example", NAMES)
def test_each_metered_price_has_a_meter_of_its_own(example: str) -> None:
    prices = list_of(example)
    used = [one.meter for one in prices.prices if one.meter is not None]
    assert used == [one.event for one in prices.meters]
    assert len(set(used)) == len(used)


def test_a_free_plan_has_nothing_there() -> None:
    products = {one.id: one.name for one in list_of("ktrlplane").products}
    assert products == {
        "prod_ktrlplane_starter": "Starter",
        "prod_ktrlplane_pro": "Pro",
        "prod_ktrlplane_enterprise": "Enterprise",
        "prod_konnektr_graph": "Digital twin graph",
        "prod_konnektr_flow": "Data flows",
        "prod_konnektr_assembler": "Model assembler",
        "prod_konnektr_compass": "Simulation and planning",
    }


def test_coupons_and_the_one_that_is_past() -> None:
    then, now = list_of("magic_box", datetime(2025, 6, 1, tzinfo=UTC)), list_of("magic_box")
    early, launch = then.coupons
    assert early == HeldCoupon("EARLYBIRD30", "forever", Decimal(30))
    assert (launch.percent_off, launch.max_redemptions) == (Decimal(20), 100)
    assert launch.redeem_by == datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert [one.code for one in then.coupons] == ["EARLYBIRD30", "LAUNCH2025"]
    assert now.coupons == (early,)
    [note] = now.notes
    assert note.startswith("The coupon LAUNCH2025 is left out: ")
    assert note.endswith("until 2025-12-31T23:59:59Z, which is past.")
