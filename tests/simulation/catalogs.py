"""A price list that was drawn: what Stripe can express, and what it cannot.

A coupon that holds once finds something to discount on the first invoice in all of them. When it
does not (in a trial, or where it is for usage only), a local Stripe spends it, we do not, and the
invoice is held for the operator.
"""

import json
from random import Random
from typing import Any

METERS: dict[str, dict[str, object]] = {
    "calls": {"event": "api.call", "aggregation": "count"},
    "gb": {
        "event": "gb.report",
        "value": "gb",
        "aggregation": "max",
        "round": {"to": "1", "mode": "up"},
    },
    "hours": {"event": "hours.used", "value": "hours", "aggregation": "sum"},
    "load": {"event": "load.state", "value": "load", "aggregation": "time_weighted"},
}
PLANS = ("basic", "pro", "max")
TYPES = ("small", "large")
CURRENCIES = (("usd",), ("usd",), ("eur", "usd"), ("jpy",), ("usd", "jpy"))


def draw_catalog(draw: Random) -> str:
    """The text of a price list; the same for the same draw."""
    return json.dumps(_Shop(draw).catalog(), indent=1)


class _Shop:
    """Draws one price list, amount by amount."""

    def __init__(self, draw: Random) -> None:
        self.draw = draw
        self.currencies = draw.choice(CURRENCIES)

    def catalog(self) -> dict[str, Any]:
        draw = self.draw
        meters = {key: METERS[key] for key in draw.sample(sorted(METERS), draw.randint(1, 3))}
        metered = {meter: self._metered(meter) for meter in meters}
        base = draw.randint(5, 40)
        plans: dict[str, Any] = {"free": {"name": "Free"}}
        for number, key in enumerate(PLANS):
            plans[key] = self._plan(key, base * (number + 1) + draw.randint(0, 4), metered)
        if draw.random() < 0.3:
            plans[draw.choice(PLANS)]["trial_days"] = draw.choice((3, 14))
        tried = any("trial_days" in plan for plan in plans.values())
        several = len(self.currencies) > 1
        return {
            "name": "drawn",
            "currency": list(self.currencies) if several else self.currencies[0],
            "meters": meters,
            "plans": plans,
            "prices": [self._counted(key) for key in TYPES],
            "resources": {
                f"vm.{key}": {"price": key, "spec": {"vcpu": number + 1}}
                for number, key in enumerate(TYPES)
            },
            "coupons": self._coupons(list(metered.values()), tried=tried),
        }

    def _plan(self, key: str, flat: int, metered: dict[str, dict[str, Any]]) -> dict[str, Any]:
        prices: list[dict[str, Any]] = [
            {"key": f"{key}_m", "flat": self._money(flat, 99), "every": "month"},
            {"key": f"{key}_y", "flat": self._money(flat * 10, 50), "every": "year"},
        ]
        for price in metered.values():
            if self.draw.random() < 0.75 or key == PLANS[0]:
                included = self.draw.choice(("0", "0", "10", "25", "2.5"))
                prices.append({**price, "included": included})
        if self.draw.random() < 0.25:
            seats = self._money(self.draw.randint(1, 9), 0)
            prices.append(
                {"key": f"{key}_seats", "per_unit": seats, "every": "month", "count": "members"}
            )
        return {"name": key.title(), "product": f"prod_{key}", "prices": prices}

    def _metered(self, meter: str) -> dict[str, Any]:
        draw = self.draw
        price: dict[str, Any] = {"key": f"{meter}_price", "meter": meter, "product": f"p_{meter}"}
        match draw.choice(("per_unit", "package", "graduated", "volume")):
            case "per_unit":
                price["per_unit"] = self._rate()
            case "package":
                block = {"size": draw.choice((5, 10, "2.5")), "price": self._rate()}
                price["package"] = block
            case curve:
                price[curve] = [
                    {"up_to": 5, "unit": self._rate()},
                    {"up_to": draw.choice((20, "12.5")), "unit": self._rate(), **self._fee()},
                    {"unit": self._rate()},
                ]
        if draw.random() < 0.2:
            price["minimum"] = self._money(draw.randint(1, 3), 0)
        if draw.random() < 0.2:
            price["maximum"] = self._money(draw.randint(8, 30), 0)
        return price

    def _counted(self, key: str) -> dict[str, Any]:
        if self.draw.random() < 0.7:
            return {
                "key": key,
                "per_unit": self._money(self.draw.randint(2, 12), 25),
                "every": "month",
            }
        tiers = [{"up_to": 2, "unit": self._money(9, 0)}, {"unit": self._money(6, 50)}]
        return {"key": key, "graduated": tiers, "every": "month"}

    def _coupons(self, metered: list[dict[str, Any]], *, tried: bool) -> dict[str, Any]:
        draw = self.draw
        longer: tuple[Any, ...] = ("forever", {"months": 2})
        lasts = longer if tried else ("once", *longer)
        return {
            "PART": {
                "percent_off": draw.choice(("10", "12.5", "33.3")),
                "duration": draw.choice(lasts),
            },
            "SUM": {
                "amount_off": {
                    one: self._text(draw.randint(1, 30), 0, one) for one in self.currencies
                },
                "duration": draw.choice(lasts),
            },
            "USAGE": {
                "percent_off": "50",
                "duration": draw.choice(longer),
                "applies_to": sorted(price["key"] for price in metered)[:1],
            },
        }

    def _fee(self) -> dict[str, Any]:
        return {"flat": self._money(1, 0)} if self.draw.random() < 0.3 else {}

    def _rate(self) -> Any:
        """What one unit costs, also below the minor unit."""
        digits = self.draw.choice(("0.05", "0.5", "1", "0.123", "0.007", "2.49"))
        yen = self.draw.choice(("1", "3", "0.5", "12"))
        return self._by_currency({one: yen if one == "jpy" else digits for one in self.currencies})

    def _money(self, whole: int, cents: int) -> Any:
        return self._by_currency(
            {one: self._text(whole, self.draw.choice((0, cents)), one) for one in self.currencies}
        )

    def _text(self, whole: int, cents: int, currency: str) -> str:
        return str(whole * 100 + cents) if currency == "jpy" else f"{whole}.{cents:02}"

    def _by_currency(self, amounts: dict[str, str]) -> Any:
        return amounts if len(amounts) > 1 else next(iter(amounts.values()))
