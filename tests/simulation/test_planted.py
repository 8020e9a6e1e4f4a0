"""Would a campaign find a mistake? Each of these was planted, and is found by a short life."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.simulation.catalogs import METERS, PLANS
from tests.simulation.lives import COUPONS, START, Act, Life
from tests.simulation.living import live

from tallygate.adapters.stripe import StripeBooks
from tallygate.collection import agreement, representation, totals
from tallygate.collection.intents import ChangeFlats, ChangeItems, PutItem
from tallygate.workflows import begin
from tallygate.workflows.mirror import adopt

FLATS = {
    "basic": ("10000.00", "100000.00"),
    "pro": ("90000.00", "900000.00"),
    "max": ("5.00", "50.00"),
}
"""So high that a second of a month is a few cents."""
CATALOG = json.dumps(
    {
        "name": "planted",
        "currency": "usd",
        "meters": {"calls": METERS["calls"]},
        "plans": {
            key: {
                "name": key.title(),
                "product": f"prod_{key}",
                "prices": [
                    {"key": f"{key}_m", "flat": month, "every": "month"},
                    {"key": f"{key}_y", "flat": year, "every": "year"},
                    {"key": "calls_price", "meter": "calls", "included": "10", "per_unit": "0.5"},
                ],
            }
            for key, (month, year) in FLATS.items()
        },
        "prices": [
            {"key": key, "per_unit": "7.00", "every": "month"} for key in ("small", "large")
        ],
        "resources": {f"vm.{key}": {"price": key} for key in ("small", "large")},
        "coupons": {
            "PART": {"percent_off": "10", "duration": "forever"},
            "SUM": {"amount_off": {"usd": "3.00"}, "duration": "once"},
            "USAGE": {"percent_off": "50", "duration": "forever"},
        },
    }
)
DAY = timedelta(days=1)
CALLS = 7 * 30  # thirty of them
LATE = next(draw for draw in range(15 * 86_400, 16 * 86_400) if draw // 7 % 40 == 30)
FEBRUARY = datetime(2026, 2, 1, tzinfo=UTC)


def a_life(*acts: tuple[datetime, str, int], until: datetime = FEBRUARY + 12 * DAY / 24) -> Life:
    return Life(0, CATALOG, tuple(Act(at, 0, what, draw) for at, what, draw in acts), until)


def buy(plan: str, coupons: tuple[str, ...] = ()) -> tuple[datetime, str, int]:
    """By a checkout that is completed, by the month."""
    wanted = (PLANS.index(plan), COUPONS.index(coupons))
    return next(
        (START, "buy", draw)
        for draw in range(1, 100_000)
        if draw // 3 % 5
        and draw // 200 % 3
        and draw // 1000 % 10
        and (draw % 3, draw // 15 % len(COUPONS)) == wanted
    )


def change(day: int, plan: str) -> tuple[datetime, str, int]:
    return START + day * DAY, "change", PLANS.index(plan)


USED = a_life(buy("basic"), (START + DAY, "use", CALLS))
USED_LATE = a_life(
    buy("basic", ("PART",)),
    # Thirty calls on 26 January, which are told when January has been billed.
    (START + 40 * DAY, "late", LATE),
    until=FEBRUARY + 29 * DAY,
)
UPGRADED = a_life(buy("basic"), change(10, "pro"))
TAKEN_BACK = a_life(buy("pro"), change(5, "basic"), change(6, "pro"))
COUNTED = a_life(buy("basic"), (START + DAY, "create", 2), (START + 2 * DAY, "create", 2))
DISCOUNTED = a_life(buy("basic", ("PART",)))


def allowance_twice(patch: pytest.MonkeyPatch) -> None:
    real: Callable[..., int] = totals._base_units
    patch.setattr(totals, "_base_units", lambda *of: max(0, real(*of) - 10))


def stamp_after_the_period(patch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = totals.next_stamp

    def later(window: Any, *more: Any, **named: Any) -> Any:
        stamp = real(window, *more, **named)
        return stamp and stamp + (window.end - window.start)

    patch.setattr(totals, "next_stamp", later)


def net_is_discounted(patch: pytest.MonkeyPatch) -> None:
    real: Callable[..., PutItem] = representation.Put.on
    patch.setattr(representation.Put, "on", lambda *of: replace(real(*of), discountable=True))


def quantities_stay(patch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = agreement._items

    def unchanged(*of: Any, **named: Any) -> Any:
        for one in real(*of, **named):
            if not isinstance(one, ChangeItems) or one.add or one.remove:
                yield replace(one, quantities={}) if isinstance(one, ChangeItems) else one

    patch.setattr(agreement, "_items", unchanged)


def schedules_stay(patch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = agreement._schedule

    def kept(wanted: Any, seen: Any) -> Any:
        return None if seen.schedule is not None else real(wanted, seen)

    patch.setattr(agreement, "_schedule", kept)


def proration_a_second_off(patch: pytest.MonkeyPatch) -> None:
    real: Callable[..., str] = StripeBooks.carry_out

    def later(books: StripeBooks, intent: Any, key: str) -> str:
        if isinstance(intent, ChangeFlats):
            intent = replace(intent, at=intent.at - timedelta(seconds=1))
        return real(books, intent, key)

    patch.setattr(StripeBooks, "carry_out", later)


def coupons_forgotten(patch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = begin.begin_purchased

    def without(tx: Any, installation: Any, purchase: Any, theirs: Any, _first: Any) -> Any:
        bare = replace(purchase, coupons=()), replace(theirs, coupons=())
        return real(tx, installation, *bare, None)

    patch.setattr(adopt, "begin_purchased", without)


PLANTED = [
    (allowance_twice, USED),
    (stamp_after_the_period, USED),
    (net_is_discounted, USED_LATE),
    (quantities_stay, COUNTED),
    (schedules_stay, TAKEN_BACK),
    (proration_a_second_off, UPGRADED),
    (coupons_forgotten, DISCOUNTED),
]


@pytest.mark.parametrize(("plant", "life"), PLANTED, ids=lambda one: getattr(one, "__name__", ""))
def test_a_planted_mistake_is_found(
    plant: Callable[[pytest.MonkeyPatch], None], life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    assert live(life)


@pytest.mark.parametrize("life", [USED_LATE, UPGRADED, TAKEN_BACK, COUNTED])
def test_without_it_nothing_is(life: Life) -> None:
    assert live(life) == []
