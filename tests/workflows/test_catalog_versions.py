"""What a resource type costs that the subscriber's own price list lacks, as lists come and go."""

from datetime import UTC, datetime
from typing import Any

from tallygate.workflows.accounts import create_project
from tallygate.workflows.questions.preview import preview

CATALOG = """
name: test
currency: usd
plans:
  base:
    name: Base
    prices: [{key: base_annual, flat: "10.00", every: year}]
prices:
  - {key: vm_monthly, per_unit: "31.00", every: month}
resources:
  vm: {price: vm_monthly}
  plain: {}
"""

WITH_GPU = """
name: test
currency: usd
plans:
  base:
    name: Base
    prices: [{key: base_annual, flat: "10.00", every: year}]
prices:
  - {key: vm_monthly, per_unit: "40.00", every: month}
  - {key: gpu_monthly, per_unit: "310.00", every: month}
resources:
  vm: {price: vm_monthly}
  vm.next: {price: vm_monthly}
  gpu: {price: gpu_monthly}
  plain: {}
"""


def at(month: int, day: int, hour: int = 0) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def nets(invoices: list[Any]) -> list[tuple[str, str, int]]:
    return [(line.price, line.kind, line.net) for one in invoices for line in one.lines]


def housed(platform: Any) -> Any:
    platform.publish(CATALOG)
    subscription = platform.subscribed("base", interval="year")
    organization = subscription.organization
    create_project(platform.installation, organization, "one", tenant=None, external_id="p1")
    return subscription


def created(platform: Any, kind: str, when: datetime, name: str) -> None:
    platform.send("resource.created", when, {"project": "p1", "type": kind}, name)


def test_a_new_list_does_not_move_what_a_window_costs(platform: Any) -> None:
    """310.00 for January and February; the list of February 10 counts from March on."""
    housed(platform)
    platform.publish(WITH_GPU)
    created(platform, "gpu", at(1, 1), "gpu-1")
    both = [("gpu_monthly", "counted", 31000)] * 2
    assert nets(platform.close(at(2, 1))) == both
    platform.clock.set(at(2, 10))
    platform.publish(WITH_GPU.replace("310.00", "620.00"))
    assert nets(platform.close(at(3, 1))) == [("gpu_monthly", "counted", 62000)]


def test_a_new_list_does_not_rate_a_closed_period_again(platform: Any) -> None:
    housed(platform)
    platform.publish(WITH_GPU)
    created(platform, "gpu", at(1, 1), "gpu-1")
    platform.close(at(2, 1))
    platform.clock.set(at(2, 1, 2))
    platform.publish(WITH_GPU.replace("310.00", "620.00"))
    created(platform, "plain", at(1, 31, 12), "plain-1")
    assert nets(platform.close(at(3, 1))) == [("gpu_monthly", "counted", 62000)]


def test_a_type_that_was_taken_off_the_list_keeps_its_last_price(platform: Any) -> None:
    """Nothing of February's advance comes back, and January stays what it was."""
    housed(platform)
    platform.publish(WITH_GPU)
    created(platform, "gpu", at(1, 1), "gpu-1")
    platform.close(at(2, 1))
    platform.clock.set(at(2, 10))
    platform.publish(CATALOG.replace("10.00", "11.00"))
    assert nets(platform.close(at(3, 1))) == [("gpu_monthly", "counted", 31000)]
    created(platform, "plain", at(1, 1), "plain-1")
    assert nets(platform.close(at(4, 1))) == [("gpu_monthly", "counted", 31000)]


def test_a_type_that_came_within_the_window_has_its_first_price(platform: Any) -> None:
    """21 of 31 days at 310.00, whatever was applied after the list that brought the type."""
    subscription = housed(platform)
    platform.clock.set(at(1, 11))
    platform.publish(WITH_GPU)
    created(platform, "gpu", at(1, 11), "gpu-1")
    platform.clock.set(at(1, 21))
    platform.publish(WITH_GPU.replace("310.00", "620.00"))
    expected = [("gpu_monthly", "counted", 62000), ("gpu_monthly", "counted", 21000)]
    assert nets([preview(platform.installation, subscription.id)]) == expected
    assert nets(platform.close(at(2, 1))) == expected


def test_a_key_of_the_own_list_keeps_its_price_for_a_new_type(platform: Any) -> None:
    """A lookup key is one price: the newcomer costs 31.00 as the old one does."""
    housed(platform)
    platform.publish(WITH_GPU)
    created(platform, "vm", at(1, 1), "vm-1")
    created(platform, "vm.next", at(1, 1), "vm-2")
    assert nets(platform.close(at(2, 1))) == [("vm_monthly", "counted", 6200)] * 2
