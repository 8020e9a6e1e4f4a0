"""A catalog that people wrote takes in a line, and stays as it reads."""

from decimal import Decimal

import pytest

from tallygate.catalog import read_with_warnings
from tallygate.catalog.addition import Written, with_entry, with_item
from tallygate.core.errors import Conflict

HEAD = """\
# Ours.
name: shop
currency: [usd, eur]
plans: {free: {name: Free}}
"""
SECTIONS = {
    "indented": """\
prices:  # what things cost
    # the first
    - {key: vm, per_unit: {usd: "25.00", eur: "23.00"}, every: month}
resources:
  # small ones
  vm: {price: vm, spec: {vcpu: 4}}
""",
    "flush": """\
prices:
- {key: vm, per_unit: {usd: "25.00", eur: "23.00"}, every: month}

resources:

    vm:
      price: vm
      spec: {vcpu: 4}
""",
    "absent": "",
}


@pytest.mark.parametrize("written", SECTIONS)
def test_a_type_and_its_price_come_in(written: str) -> None:
    text = HEAD + SECTIONS[written]
    before, _ = read_with_warnings(text, "c")
    price: dict[str, Written] = {
        "key": "gpu",
        "per_unit": {"usd": "90.00", "eur": "85.00"},
        "every": "month",
    }
    longer = with_item(text, "prices", price)
    entry: dict[str, Written] = {
        "description": "A: big # one",
        "price": "gpu",
        "spec": {"vcpu": Decimal("8.5")},
    }
    longer = with_entry(longer, "resources", "vm.gpu", entry)
    after, _ = read_with_warnings(longer, "c")
    added = after.resources["vm.gpu"]
    assert (added.description, added.price, added.spec) == (
        *("A: big # one", "gpu"),
        {"vcpu": Decimal("8.5")},
    )
    assert set(after.resources) - set(before.resources) == {"vm.gpu"}
    assert set(after.prices) - set(before.prices) == {"gpu"}
    assert all(after.prices[key] == before.prices[key] for key in before.prices)
    kept = [line for line in longer.splitlines() if line.strip()]
    assert [line for line in text.splitlines() if line.strip()] == [
        line for line in kept if "gpu" not in line and (written != "absent" or line[-1] != ":")
    ]


def test_a_section_in_one_line_is_left_alone() -> None:
    text = HEAD + "resources: {vm: {}}\n"
    with pytest.raises(Conflict, match="written in one line"):
        with_entry(text, "resources", "gpu", {})
