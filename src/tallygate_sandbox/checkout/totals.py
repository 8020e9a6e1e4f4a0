"""What a session comes to: its lines, less the discount, from what is due today.

A trial or an anchor changes what is due today: recurring lines wait for the trial's end, and run
only until the anchor. Sources: https://docs.stripe.com/payments/checkout/free-trials,
https://docs.stripe.com/payments/checkout/billing-cycle.
"""

from calendar import monthrange
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from tallygate_sandbox.checkout.lines import lines_of, price_of
from tallygate_sandbox.invoices.taxes import levy
from tallygate_sandbox.money.calendar import boundary, next_boundary
from tallygate_sandbox.money.discounts import amount_of, percent_of
from tallygate_sandbox.money.proration import prorated
from tallygate_sandbox.products.discounts import amounts_off
from tallygate_sandbox.world import Obj, Seen, World

DAY = 86_400


def set_totals(world: World, session: Obj) -> None:
    """Compute the amounts of a session and of its lines anew."""
    if session["mode"] == "setup":
        return
    lines = [world.edit("item", line["id"]) for line in lines_of(world, session)]
    for line in lines:
        line["amount_subtotal"] = due_today(world, session, line)
    discount = _spread(world, session, lines)
    for line, off in zip(lines, discount, strict=True):
        line["amount_discount"] = off
    _tax(world, session, lines)
    session["amount_subtotal"] = sum(line["amount_subtotal"] for line in lines)
    session["amount_total"] = sum(line["amount_total"] for line in lines)
    session["total_details"] = {
        "amount_discount": sum(discount),
        "amount_shipping": 0,
        "amount_tax": sum(line["amount_tax"] for line in lines),
    }


def _tax(world: World, session: Seen, lines: Sequence[Obj]) -> None:
    """Tax each line after its discount, as its invoice will."""
    rows: list[Obj] = [
        {
            "id": line["id"],
            "pricing": {"price_details": {"price": line["_price"]}},
            "_tax_rates": line["_tax_rates"],
        }
        for line in lines
    ]
    left = {line["id"]: line["amount_subtotal"] - line["amount_discount"] for line in lines}
    standing = session["_subscription_data"].get("default_tax_rates") or []
    bill = {
        "automatic_tax": session["automatic_tax"],
        "customer": session["customer"],
        "customer_tax_exempt": (session["customer_details"] or {}).get("tax_exempt"),
        "_place": session.get("_place"),
        "_tax_rates": standing,
    }
    levy(world, bill, rows, left)
    for line, row in zip(lines, rows, strict=True):
        added = [t["amount"] for t in row["taxes"] if t["tax_behavior"] == "exclusive"]
        line["amount_tax"] = sum(tax["amount"] for tax in row["taxes"])
        line["amount_total"] = left[line["id"]] + sum(added)


def due_today(world: World, session: Seen, line: Seen) -> int:
    """What a line costs today (minor units), before discounts."""
    price, full = price_of(world, line), int(line["_full"])
    rhythm = price["recurring"]
    if rhythm is None:
        return full
    if trial_end(session, world.now(session)) is not None:
        return 0
    now = world.now(session)
    anchor = anchor_of(session, now)
    if anchor is None:
        return full
    if session["_subscription_data"].get("proration_behavior") == "none":
        return 0
    every = (rhythm["interval"], rhythm["interval_count"])
    end = next_boundary(anchor, *every, now)
    start = boundary(end, *every, -1)
    return prorated(full, start, end, now)


def trial_end(session: Seen, now: int) -> int | None:
    """When the trial of what is bought now would end (seconds); None without one."""
    data = session["_subscription_data"]
    if data.get("trial_end"):
        return int(data["trial_end"])
    days = data.get("trial_period_days")
    return now + days * DAY if days else None


def anchor_of(session: Seen, now: int) -> int | None:
    """The instant (seconds) to which the billing cycle is anchored, where one was asked for."""
    data = session["_subscription_data"]
    if data.get("billing_cycle_anchor"):
        return int(data["billing_cycle_anchor"])
    config = data.get("billing_cycle_anchor_config")
    return _configured(config, now) if config else None


def _configured(config: dict[str, int], now: int) -> int:
    """The next instant with this day of the month, and month and time where they are given."""
    today = datetime.fromtimestamp(now, UTC)
    hour, minute, second = (
        config.get(name, getattr(today, name)) for name in ("hour", "minute", "second")
    )
    for ahead in range(13):
        years, month = divmod(today.month - 1 + ahead, 12)
        year, month = today.year + years, month + 1
        day = min(config["day_of_month"], monthrange(year, month)[1])
        at = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        if at > today and config.get("month", month) == month:
            return int(at.timestamp())
    raise AssertionError("each month comes within a year")


def _spread(world: World, session: Seen, lines: Sequence[Seen]) -> list[int]:
    coupon = coupon_of(world, session)
    if coupon is None:
        return [0] * len(lines)
    products = (coupon["_applies_to"] or {}).get("products")
    of = [price_of(world, line)["product"] for line in lines]
    amounts = [
        line["amount_subtotal"] if not products or product in products else 0
        for line, product in zip(lines, of, strict=True)
    ]
    return taken(coupon, amounts, session["currency"])


def coupon_of(world: World, session: Seen) -> Seen | None:
    """The coupon by which a session is reduced."""
    for discount in session["discounts"] or []:
        ident = discount["coupon"]
        if discount["promotion_code"]:
            ident = world.get("promotion_code", discount["promotion_code"])["promotion"]["coupon"]
        return world.find("coupon", ident)
    return None


def taken(coupon: Seen, amounts: Sequence[int], currency: str) -> list[int]:
    """What a coupon takes off each amount: a percentage, or a share of a fixed sum."""
    if coupon["percent_off"] is not None:
        return percent_of(amounts, Decimal(str(coupon["percent_off"])))
    return amount_of(amounts, amounts_off(coupon).get(currency, 0))
