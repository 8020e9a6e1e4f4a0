"""Plausible mistakes, each put into a sandbox that runs."""

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from math import floor
from typing import Any

import pytest

from tallygate_sandbox.api.idempotency import Idempotency
from tallygate_sandbox.customers import details
from tallygate_sandbox.invoices import lines as lines_on_invoices
from tallygate_sandbox.invoices import taxes
from tallygate_sandbox.meters import ledger
from tallygate_sandbox.money import calendar as periods_of_money
from tallygate_sandbox.money import prices as money
from tallygate_sandbox.money.rounding import ratio, to_minor
from tallygate_sandbox.payments import methods
from tallygate_sandbox.subscriptions import billing, discounted, lines
from tallygate_sandbox.webhooks import signature
from tallygate_sandbox.world import World
from tallygate_sandbox.world.registry import REACTIONS, TIMERS, VIEWS
from tallygate_sandbox.world.world import public

Plant = Callable[[pytest.MonkeyPatch], None]
DAY = 86_400


def patched(place: Any, name: str, wrong: Any) -> Plant:
    """Put something wrong in the place of a name."""
    return lambda monkeypatch: monkeypatch.setattr(place, name, wrong)


def shown(kind: str, change: Callable[[dict[str, Any]], object]) -> Plant:
    """Show objects of a kind otherwise than they are."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        real = VIEWS.get(kind)

        def wrong(here: World, obj: Any) -> Any:
            view = dict(real(here, obj) if real else public(obj))
            change(view)
            return view

        monkeypatch.setitem(VIEWS, kind, wrong)

    return plant


def timer_never_due(name: str) -> Plant:
    """A step that is planned and does nothing when its time has come."""
    return lambda monkeypatch: monkeypatch.setitem(TIMERS, name, lambda *_: None)


def a_field_less(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda view: view.pop(name, None)


def another_word(name: str, word: object) -> Callable[[dict[str, Any]], object]:
    return lambda view: view.update({name: word})


def executes_again(self: Idempotency, key: str, request: str) -> None:
    self._under_way[key] = request


def rounds_down(exact: Decimal) -> int:
    return int(exact.to_integral_value(ROUND_FLOOR))


def by_days(amount: int | Decimal, part: int, whole: int) -> int:
    return ratio(amount, part // DAY, whole // DAY)


def rounded_twice(price: Any, quantity: Any, currency: str) -> Decimal:
    return Decimal(to_minor(money.exact_amount(price, quantity, currency)))


def last_to_arrive(here: World, meter: str, customer: str, start: int, end: int) -> Any:
    series = here.find(ledger.SERIES, f"{meter}/{customer}")
    came: list[tuple[int, Any]] = []
    for ident in series["chunks"] if series else ():
        chunk = here.get(ledger.CHUNK, ident)
        rows = zip(chunk["at"], chunk["number"], chunk["value"], strict=True)
        came += [(number, value) for at, number, value in rows if start <= at < end]
    return max(came)[1] if came else None


def nothing_without_usage(here: World, sub: Any, due: Any, price: Any) -> Any:
    found = usage_lines(here, sub, due, price)
    return [] if all("flat fee" in str(line.description) for line in found) else found


usage_lines = lines._usage_lines


def a_quantity_alone(one: Any) -> dict[str, Any]:
    return {"quantity": one["quantity"]} if one.get("quantity") is not None else {}


def never_metered(*told: Any) -> dict[str, Any]:
    return lines_on_invoices.line_of_item(*told) | {"_metered": False}


def the_first_period(sub: Any, _price: Any, _at: int) -> tuple[int, int]:
    return sub["created"], sub["billing_cycle_anchor"]


def levied_nowhere(here: World, invoice: Any, lines: Any, left: Any) -> tuple[int, int]:
    return taxes.levy(here, invoice | {"automatic_tax": {"enabled": False}}, lines, left)


def inside_of_the_whole(amount: int, rates: Any, reason: str) -> list[dict[str, Any]]:
    found = taxes_of(amount, rates, reason)
    for tax, rate in zip(found, rates, strict=True):
        if rate["inclusive"]:
            tax["amount"] = to_minor(amount * Decimal(str(rate["percentage"])) / 100)
    return found


taxes_of = taxes._taxes


def each_line_rounded(remaining: Sequence[int], percent: Decimal) -> list[int]:
    return [to_minor(amount * percent / 100) for amount in remaining]


def also_its_end(here: Any, meter: str, customer: str, start: int, end: int) -> Any:
    return ledger_between(here, meter, customer, start, end + 1)


ledger_between = ledger.between


def what_is_now(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    return {key: now.get(key) for key in before.keys() | now.keys() if before.get(key) != now[key]}


def over_what_was_parsed(payload: bytes, secrets: Any, at: int) -> str:
    return signature.signature(json.dumps(json.loads(payload)).encode(), secrets, at)


def sources_first(customer: Any, subscription: Any) -> tuple[str | None, ...]:
    method, source, usual, old = in_turn(customer, subscription)
    return source, method, old, usual


in_turn = methods._in_turn


def usage_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [one for one in REACTIONS["invoice.finalizing"] if one != billing.read_usage_again]
    monkeypatch.setitem(REACTIONS, "invoice.finalizing", kept)


def months_of_28_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periods_of_money, "monthrange", lambda *_: (0, 28))


def months_that_slip(anchor: int, interval: str, count: int, n: int) -> int:
    """31 January, 28 February, 28 March: each month from the one before."""
    for _ in range(n):
        anchor = a_boundary(anchor, interval, count, 1)
    return anchor if n >= 0 else a_boundary(anchor, interval, count, n)


a_boundary = periods_of_money.boundary


def at_its_end(self: World, timeline: str, until: int) -> bool:
    """All steps are played at the instant to which time moves, and not at their own."""
    timer = self.timers.next_due(timeline)
    if timer is None or timer.at > until:
        return False
    self.timers.stop(timer.name, timer.ident)
    self._playing[timeline] = until
    try:
        with self.transaction():
            TIMERS[timer.name](self, timer.ident)
    finally:
        del self._playing[timeline]
    return True


def in_no_order(_: Any) -> tuple[int, ...]:
    return ()


def replaces_all(_: Any, sent: Any) -> Any:
    return None if sent is None else details.NO_ADDRESS | dict(sent)


def as_it_would_cost_now(contract: Any, item: Any, debit: Any) -> tuple[int, list[str]]:
    whole = money.exact_amount(contract.price(item), item["quantity"], contract.sub["currency"])
    return to_minor(whole), discounted.billed(contract, item, debit)[1]


def nothing_off(_: Any, __: Any, of: Sequence[Any]) -> list[int]:
    return [0] * len(of)


def volume_as_graduated(tiers: Any, quantity: Decimal) -> Any:
    parts = money._graduated(tiers, quantity)
    return money._charge(sum((one.exact for one in parts), Decimal(0)), quantity, None)


def a_part_of_a_package(price: Any, quantity: Decimal) -> Any:
    unit, package = money.unit_amount_of(price), price["transform_quantity"] or {"divide_by": 1}
    return money._charge(unit * floor(quantity / package["divide_by"]), quantity, unit)
