"""What a random life sells: prices, meters and coupons, for the SDK and for the oracle."""

import random
from fractions import Fraction
from typing import Any

from stripe import StripeClient
from tests.sandbox.oracle.arithmetic import Price, Rhythm, Tier
from tests.sandbox.oracle.bills import Discount

RATES = ("1", "7", "0.5", "2.3", "33.333", "100", "1999", "0.000125", "499.5", "12.345678")


class Goods:
    """Makes what is sold in one currency; `meters` maps names to ids, `formulas` to formulas."""

    def __init__(self, rng: random.Random, client: StripeClient, currency: str) -> None:
        self.rng, self.client, self.currency = rng, client, currency
        self.meters: dict[str, str] = {}
        self.formulas: dict[str, str] = {}
        self._number = 0

    def price(self, rhythm: Rhythm, *, metered: bool, meter: str | None = None) -> Price:
        rng = self.rng
        self._number += 1
        recurring: dict[str, Any] = {
            "interval": rhythm.interval,
            "interval_count": rhythm.count,
        }
        meter = meter or (self._meter() if metered else None)
        if meter:
            recurring |= {"usage_type": "metered", "meter": self.meters[meter]}
        scheme, shape = self._shape(rng.choice(["each", "each", "package", "graduated", "volume"]))
        params: Any = {
            "currency": self.currency,
            "product_data": {"name": f"P{self._number}"},
            "recurring": recurring,
        }
        made = self.client.v1.prices.create(params | shape)
        return Price(made.id, str(made.product), rhythm, meter=meter, **scheme)

    def _shape(self, scheme: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """A price for the oracle, and the same for the SDK."""
        rate = self.rng.choice(RATES)
        if scheme == "each":
            return {"scheme": "each", "rate": Fraction(rate)}, {"unit_amount_decimal": rate}
        if scheme == "package":
            size, way = self.rng.choice([2, 3, 10, 1000]), self.rng.choice(["up", "down"])
            return (
                {"scheme": "package", "rate": Fraction(rate), "package": (size, way)},
                {
                    "unit_amount_decimal": rate,
                    "transform_quantity": {"divide_by": size, "round": way},
                },
            )
        tops = sorted(self.rng.sample([1, 2, 5, 10, 100, 1000], self.rng.randrange(1, 3)))
        tiers, sent = [], []
        for top in [*tops, None]:
            rate = self.rng.choice(["0", *RATES])
            fee = self.rng.choice(["0", "0", "500", "0.5"])
            tiers.append(Tier(top, Fraction(rate), Fraction(fee)))
            tier = {"up_to": top or "inf", "unit_amount_decimal": rate}
            sent.append(tier | ({"flat_amount_decimal": fee} if fee != "0" else {}))
        return (
            {"scheme": scheme, "tiers": tuple(tiers)},
            {"billing_scheme": "tiered", "tiers_mode": scheme, "tiers": sent},
        )

    def _meter(self) -> str:
        self._number += 1
        name, formula = f"m{self._number}", self.rng.choice(["sum", "sum", "last", "count"])
        made = self.client.v1.billing.meters.create(
            {
                "display_name": name,
                "event_name": name,
                "default_aggregation": {"formula": formula},
            }
        )
        self.meters[name] = made.id
        self.formulas[name] = formula
        return name

    def coupon(self, products: list[str], now: int) -> tuple[str, Discount]:
        rng = self.rng
        duration = rng.choice(["once", "repeating", "forever"])
        months = rng.randrange(1, 4) if duration == "repeating" else None
        percent = rng.choice(["10", "33.33", "12.5", "50", "100"]) if rng.random() < 0.7 else None
        amount = rng.choice([1, 99, 1500])
        only = rng.sample(products, 1) if rng.random() < 0.4 else None
        sent: Any = {"duration": duration}
        sent |= {"duration_in_months": months} if months else {}
        sent |= {"applies_to": {"products": only}} if only else {}
        sent |= (
            {"percent_off": float(percent)}
            if percent
            else {"amount_off": amount, "currency": self.currency}
        )
        coupon = self.client.v1.coupons.create(sent)
        return coupon.id, Discount(
            Fraction(percent) / 100 if percent else None,
            amount,
            frozenset(only) if only else None,
            duration,
            Rhythm("month").after(now, months) if months else None,
        )
