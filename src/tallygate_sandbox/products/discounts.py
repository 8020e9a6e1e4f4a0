"""Discounts: a coupon, redeemed by a customer, for a subscription, an invoice or an item.

Source: https://docs.stripe.com/api/discounts. A discount remembers its coupon's terms: a coupon
may be deleted, and who has redeemed it keeps what was promised.
"""

from dataclasses import dataclass
from typing import Any

from tallygate_sandbox.api import expandable
from tallygate_sandbox.money.calendar import boundary
from tallygate_sandbox.products import coupons, promotion_codes
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, Seen, World, index

KIND = "discount"

index(KIND, "customer", "subscription")
expandable(KIND, customer="customer", promotion_code="promotion_code", source__coupon="coupon")


@dataclass(frozen=True, slots=True)
class Redeemer:
    """Who redeems, when (seconds), and for what: `holder` names a subscription, an invoice ..."""

    customer: str
    at: int
    holder: dict[str, str | None]


def redeem(
    world: World,
    entries: list[dict[str, Any]] | None,
    *,
    customer: str,
    at: int,
    place: str = "discounts",
    **holder: str | None,
) -> list[str]:
    """Redeem coupons and promotion codes, and keep discounts that are named; gives their ids.

    `holder` names what is discounted: subscription, subscription_item, invoice, invoice_item or
    checkout_session.

    Raises:
        Refusal: no such coupon, or one that can no longer be redeemed.
    """
    redeemer = Redeemer(customer, at, holder)
    return [
        _redeem_one(world, entry, redeemer, f"{place}[{number}]")
        for number, entry in enumerate(entries or [])
    ]


def _redeem_one(world: World, entry: dict[str, Any], redeemer: Redeemer, place: str) -> str:
    if kept := entry.get("discount"):
        return str(world.get(KIND, kept, f"{place}[discount]")["id"])
    code = entry.get("promotion_code")
    coupon = _by_code(world, code, redeemer, place) if code else entry.get("coupon")
    if not coupon:
        raise Refusal("Pass a coupon, a promotion_code or a discount.", param=place)
    terms = world.edit("coupon", coupon, f"{place}[coupon]")
    if not coupons.redeemable(terms, redeemer.at):
        raise Refusal(f"Coupon expired: {coupon}", code="coupon_expired", param=f"{place}[coupon]")
    terms["times_redeemed"] += 1
    return _new(world, terms, code, redeemer)


def _by_code(world: World, ident: str, redeemer: Redeemer, place: str) -> str:
    """The coupon behind a promotion code, which is thereby redeemed once."""
    where = f"{place}[promotion_code]"
    code = world.edit("promotion_code", ident, where)
    theirs = code["customer"] in {None, redeemer.customer}
    if not theirs or not promotion_codes.redeemable(code, redeemer.at):
        raise Refusal(f"This promotion code cannot be redeemed: {code['code']}", param=where)
    if code["restrictions"]["first_time_transaction"] and _has_paid(world, redeemer.customer):
        raise Refusal(
            "This promotion code cannot be redeemed because the associated customer has prior "
            "transactions.",
            code="promotion_code_customer_not_first_time",
            param=where,
        )
    code["times_redeemed"] += 1
    return str(code["promotion"]["coupon"])


def _has_paid(world: World, customer: str) -> bool:
    return any(i["status"] == "paid" for i in world.where("invoice", "customer", customer))


def _new(world: World, coupon: Seen, code: str | None, redeemer: Redeemer) -> str:
    months, holder = coupon["duration_in_months"], redeemer.holder
    discount = world.add(
        {
            "id": world.ids.new("di"),
            "object": KIND,
            "checkout_session": holder.get("checkout_session"),
            "customer": redeemer.customer,
            "customer_account": None,
            "end": boundary(redeemer.at, "month", 1, months) if months else None,
            "invoice": holder.get("invoice"),
            "invoice_item": holder.get("invoice_item"),
            "promotion_code": code,
            "source": {"coupon": coupon["id"], "type": "coupon"},
            "start": redeemer.at,
            "subscription": holder.get("subscription"),
            "subscription_item": holder.get("subscription_item"),
            "_duration": coupon["duration"],
            "_percent_off": coupon["percent_off"],
            "_amount_off": amounts_off(coupon),
            "_products": (coupon["_applies_to"] or {}).get("products"),
            "_spent": False,
        }
    )
    world.emit("customer.discount.created", discount)
    return str(discount["id"])


def amounts_off(coupon: Seen) -> Obj:
    """What a coupon of an amount takes off, by currency (minor units)."""
    if coupon["amount_off"] is None:
        return {}
    options = {name: option["amount_off"] for name, option in coupon["_currency_options"].items()}
    return {coupon["currency"].lower(): coupon["amount_off"]} | options


def holds(world: World, discount: str, at: int) -> bool:
    """Does this discount reduce an invoice dated at this instant? `once` holds until spent."""
    found = world.find(KIND, discount)
    if found is None or found["_spent"]:
        return False
    return found["end"] is None or at < found["end"]


def spend(world: World, discount: str) -> bool:
    """Note that an invoice has used a discount; True when it was its only one (`once`)."""
    found = world.find(KIND, discount)
    if found is None or found["_duration"] != "once" or found["_spent"]:
        return False
    world.edit(KIND, discount)["_spent"] = True
    return True


def drop(world: World, discount: str) -> None:
    """Take a discount away from whoever has it."""
    found = world.find(KIND, discount)
    if found is not None and not found.get("_dropped"):
        world.edit(KIND, discount)["_dropped"] = True
        world.emit("customer.discount.deleted", found)
