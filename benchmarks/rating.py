"""How many ten-line invoices are rated per second on one core, and how near is that to the bound?

Three loops over the same quantities in one run. The bound is the bare arithmetic: five graduated
tiers in `Decimal` and one rounding per line, with no lines, no steps, no checks. `rated` makes
whole lines with their steps, so that every sentence can be read off them at any time; `rendered`
also writes the sentences out.

    python -m benchmarks.rating
"""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from tallygate.catalog.model import Graduated, Price, Tier
from tallygate.core.period import Period
from tallygate.rating import explain, rate_metered

LINES = 10
INVOICES = 2_000
ROUNDS = 5
CURRENCY = "usd"
MONTH = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
TIERS = (
    ("1000", "0.0100", "0"),
    ("10000", "0.0080", "1.00"),
    ("100000", "0.0060", "0"),
    ("1000000", "0.0040", "0"),
    (None, "0.0025", "0"),
)

Invoices = list[list[Decimal]]


def measure() -> dict[str, float]:
    """Invoices per second, and the ratios to the bound of the same run; the best of 5 rounds."""
    invoices = _invoices()
    prices = _prices()
    assert _bare(invoices) == _rated(invoices, prices) == _rendered(invoices, prices)
    bound = rated = rendered = 0.0
    for _ in range(ROUNDS):
        bound = max(bound, _rate(lambda: _bare(invoices)))
        rated = max(rated, _rate(lambda: _rated(invoices, prices)))
        rendered = max(rendered, _rate(lambda: _rendered(invoices, prices)))
    return {
        "bound_invoices_per_second": bound,
        "rated_invoices_per_second": rated,
        "rendered_invoices_per_second": rendered,
        "rated_ratio": rated / bound,
        "rendered_ratio": rendered / bound,
    }


def _invoices() -> Invoices:
    """Quantities spread evenly over the orders of magnitude, so that every tier is an end."""
    chance = random.Random(7)
    return [
        [Decimal(int(10 ** chance.uniform(1, 7))) for _ in range(LINES)] for _ in range(INVOICES)
    ]


def _prices() -> list[Price]:
    def tier(up_to: str | None, unit: str, fee: str) -> Tier:
        end = Decimal(up_to) if up_to else None
        return Tier(end, {CURRENCY: Decimal(unit)}, {CURRENCY: Decimal(fee)})

    curve = Graduated(tuple(tier(*told) for told in TIERS))
    return [Price(f"price_{i}", curve, meter=f"meter_{i}") for i in range(LINES)]


def _bare(invoices: Invoices) -> int:
    tiers = [(Decimal(up_to or "1e30"), Decimal(unit), Decimal(fee)) for up_to, unit, fee in TIERS]
    cent, zero = Decimal("0.01"), Decimal(0)
    total = zero
    for invoice in invoices:
        for quantity in invoice:
            amount = lower = zero
            for up_to, unit, fee in tiers:
                if quantity <= up_to:
                    amount += fee + (quantity - lower) * unit
                    break
                amount += fee + (up_to - lower) * unit
                lower = up_to
            total += amount.quantize(cent, ROUND_HALF_UP)
    return int(total * 100)


def _rated(invoices: Invoices, prices: list[Price]) -> int:
    return sum(
        sum(
            rate_metered(price, CURRENCY, quantity, MONTH).amount
            for price, quantity in zip(prices, invoice, strict=True)
        )
        for invoice in invoices
    )


def _rendered(invoices: Invoices, prices: list[Price]) -> int:
    total = 0
    for invoice in invoices:
        for price, quantity in zip(prices, invoice, strict=True):
            line = rate_metered(price, CURRENCY, quantity, MONTH)
            assert explain(line)
            total += line.amount
    return total


def _rate(run: Callable[[], object]) -> float:
    began = time.process_time()
    run()
    return INVOICES / (time.process_time() - began)


if __name__ == "__main__":
    result = measure()
    print("ten-line invoices, five graduated tiers, one core (processor time)")
    for name in ("bound", "rated", "rendered"):
        speed, ratio = result[f"{name}_invoices_per_second"], result.get(f"{name}_ratio", 1.0)
        print(f"  {name:9} {speed:>10,.0f}/s  {ratio:.3f} of the bound")
