"""Tax by tax rates, after discounts and credit: exclusive on top, inclusive inside.

Source: https://docs.stripe.com/billing/taxes/tax-rates. Each rate's tax is rounded once for each
line. Automatic tax is that of an account without registrations: none.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from tallygate_sandbox.money.rounding import to_minor
from tallygate_sandbox.world import Obj, Seen, World


def levy(
    world: World, invoice: Obj, lines: Sequence[Obj], left: Mapping[str, int]
) -> tuple[int, int]:
    """Set the taxes of an invoice and its lines; gives the inclusive and the exclusive sum."""
    sums: dict[str, Obj] = {}
    for line in lines:
        rates = [world.get("tax_rate", r) for r in line["_tax_rates"] or invoice["_tax_rates"]]
        line["taxes"] = _taxes(left[line["id"]], rates)
        for tax in line["taxes"]:
            key = tax["tax_rate_details"]["tax_rate"]
            so_far = sums.setdefault(key, tax | {"amount": 0, "taxable_amount": 0})
            so_far["amount"] += tax["amount"]
            so_far["taxable_amount"] += tax["taxable_amount"]
    invoice["total_taxes"] = list(sums.values())
    by_behavior = {"inclusive": 0, "exclusive": 0}
    for tax in invoice["total_taxes"]:
        by_behavior[tax["tax_behavior"]] += tax["amount"]
    return by_behavior["inclusive"], by_behavior["exclusive"]


def _taxes(amount: int, rates: Sequence[Seen]) -> list[Obj]:
    inside = sum((_percent(rate) for rate in rates if rate["inclusive"]), Decimal(0))
    taxable = to_minor(amount * 100 / (100 + inside))
    return [
        {
            "amount": to_minor(amount * _percent(rate) / (100 + inside))
            if rate["inclusive"]
            else to_minor(taxable * _percent(rate) / 100),
            "tax_behavior": "inclusive" if rate["inclusive"] else "exclusive",
            "tax_rate_details": {"tax_rate": rate["id"]},
            "taxability_reason": "not_available",
            "taxable_amount": taxable,
            "type": "tax_rate_details",
        }
        for rate in rates
    ]


def _percent(rate: Seen) -> Decimal:
    return Decimal(str(rate["percentage"]))
