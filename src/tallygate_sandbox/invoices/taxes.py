"""Tax, after discounts and credit: exclusive on top, inclusive inside.

Sources: https://docs.stripe.com/billing/taxes/tax-rates and https://docs.stripe.com/tax/invoicing.
Each rate's tax is rounded once for each line. Tax rates that were given by hand go before
automatic tax (assumed: Stripe refuses to mix them).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tallygate_sandbox.customers import taxation
from tallygate_sandbox.customers.taxation import Finding, Place
from tallygate_sandbox.money.rounding import to_minor
from tallygate_sandbox.products import tax_rates
from tallygate_sandbox.world import Obj, Seen, World

BY_HAND = "not_available"
UNTAXED = {"exempt": "customer_exempt", "reverse": "reverse_charge"}


@dataclass(frozen=True, slots=True)
class Automatic:
    """What automatic tax found for an invoice, and whether its customer pays none."""

    finding: Finding
    exempt: str


def levy(
    world: World, invoice: Obj, lines: Sequence[Obj], left: Mapping[str, int]
) -> tuple[int, int]:
    """Set the taxes of an invoice and its lines; gives the inclusive and the exclusive sum."""
    sums: dict[str, Obj] = {}
    automatic = _automatic(world, invoice)
    for line in lines:
        by_hand = line["_tax_rates"] or invoice["_tax_rates"]
        rates, reason = [world.get("tax_rate", rate) for rate in by_hand], BY_HAND
        if not rates and automatic is not None:
            rates, reason = _rates_for(world, automatic, line)
        line["taxes"] = _taxes(left[line["id"]], rates, reason)
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


def place_for(world: World, invoice: Seen) -> Place | None:
    """Where an invoice is taxed: where its customer is, or as was said."""
    if said := invoice.get("_place"):
        return taxation.place_at(said)
    details = (invoice.get("parent") or {}).get("subscription_details") or {}
    sub = world.find("subscription", details.get("subscription")) or {}
    names = ("default_payment_method", "default_source")
    methods = [holder.get(name) for holder in (invoice, sub) for name in names]
    return taxation.place_of(world, world.find("customer", invoice["customer"]), *methods)


def _automatic(world: World, invoice: Obj) -> Automatic | None:
    """Calculate, and note how that went; None where tax is not automatic."""
    wanted = invoice.get("automatic_tax")
    if not wanted or not wanted["enabled"]:
        return None
    finding = taxation.find(world, place_for(world, invoice))
    wanted["status"] = finding.status
    return Automatic(finding, invoice.get("customer_tax_exempt") or "none")


def _rates_for(world: World, automatic: Automatic, line: Seen) -> tuple[list[Seen], str]:
    """The rate of a line and the reason for it; nothing where no tax is collected."""
    finding = automatic.finding
    if finding.percentage is None or finding.place is None:
        return [], BY_HAND
    inclusive = _behavior(world, line) == "inclusive"
    percentage = finding.percentage
    reason = "standard_rated" if percentage else "zero_rated"
    if automatic.exempt in UNTAXED:
        percentage, reason = Decimal(0), UNTAXED[automatic.exempt]
    place = (finding.place.country, finding.place.state)
    return [tax_rates.automatic(world, place, percentage, inclusive=inclusive)], reason


def _behavior(world: World, line: Seen) -> str:
    """Is tax inside a line's amount, or on top of it?"""
    details = (line.get("pricing") or {}).get("price_details") or {}
    price = world.find("price", details.get("price")) or {}
    for said in (line.get("_tax_behavior"), price.get("tax_behavior")):
        if said in taxation.BEHAVIORS:
            return str(said)
    return taxation.usual_behavior(world)


def _taxes(amount: int, rates: Sequence[Seen], reason: str) -> list[Obj]:
    inside = sum((_percent(rate) for rate in rates if rate["inclusive"]), Decimal(0))
    taxable = to_minor(amount * 100 / (100 + inside))
    return [
        {
            "amount": to_minor(amount * _percent(rate) / (100 + inside))
            if rate["inclusive"]
            else to_minor(taxable * _percent(rate) / 100),
            "tax_behavior": "inclusive" if rate["inclusive"] else "exclusive",
            "tax_rate_details": {"tax_rate": rate["id"]},
            "taxability_reason": reason,
            "taxable_amount": taxable,
            "type": "tax_rate_details",
        }
        for rate in rates
    ]


def _percent(rate: Seen) -> Decimal:
    return Decimal(str(rate["percentage"]))
