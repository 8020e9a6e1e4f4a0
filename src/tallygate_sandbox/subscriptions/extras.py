"""`add_invoice_items`: one-time prices on the subscription's next invoice."""

from typing import Any

from tallygate_sandbox import invoices
from tallygate_sandbox.invoices import NewLine
from tallygate_sandbox.money.prices import charges_for
from tallygate_sandbox.products import discounts, prices
from tallygate_sandbox.subscriptions.lines import product_name
from tallygate_sandbox.subscriptions.subscription import Contract
from tallygate_sandbox.wire.refusals import Refusal, missing_param
from tallygate_sandbox.world import Seen

MOST = 20


def add_extras(contract: Contract, wanted: list[dict[str, Any]] | None) -> None:
    """Have these items wait for the next invoice of the subscription."""
    for line in extra_lines(contract, wanted):
        invoices.add_item(contract.world, customer=contract.sub["customer"], line=line)


def extra_lines(contract: Contract, wanted: list[dict[str, Any]] | None) -> list[NewLine]:
    """The lines of these items.

    Raises:
        Refusal: more than 20, or a price that is none or recurring.
    """
    if len(wanted or []) > MOST:
        raise Refusal(f"You may only pass up to {MOST} items.", param="add_invoice_items")
    entries = enumerate(wanted or [])
    return [_line(contract, one, f"add_invoice_items[{number}]") for number, one in entries]


def _line(contract: Contract, wanted: dict[str, Any], place: str) -> NewLine:
    world, sub = contract.world, contract.sub
    price = _price(contract, wanted, place)
    quantity = wanted.get("quantity", 1)
    charges = charges_for(price, quantity, sub["currency"])
    single = charges[0].unit_amount if len(charges) == 1 else None
    redeemed = discounts.redeem(
        world,
        wanted.get("discounts"),
        customer=sub["customer"],
        at=contract.now(),
        place=f"{place}[discounts]",
    )
    return NewLine(
        amount=sum(charge.amount for charge in charges),
        currency=sub["currency"],
        description=product_name(world, price),
        period=_period(contract, wanted.get("period")),
        price=price,
        quantity=quantity,
        unit_amount=single,
        subscription=sub["id"],
        discountable=wanted.get("discountable", True),
        discounts=redeemed,
        metadata=wanted.get("metadata") or {},
        tax_rates=wanted.get("tax_rates") or [],
    )


def _price(contract: Contract, wanted: dict[str, Any], place: str) -> Seen:
    world = contract.world
    if inline := wanted.get("price_data"):
        return prices.add(world, {**inline, "active": False}, f"{place}[price_data]")
    if not wanted.get("price"):
        raise missing_param(f"{place}[price]")
    price = world.get("price", wanted["price"], f"{place}[price]")
    if price["recurring"] is not None:
        raise Refusal(
            "The price specified is set to `type=recurring` but this field only accepts prices "
            "with `type=one_time`.",
            param=f"{place}[price]",
        )
    return prices.in_currency(price, contract.sub["currency"])


def _period(contract: Contract, wanted: dict[str, Any] | None) -> tuple[int, int]:
    """From the latest start of an item's period to the earliest end, unless told otherwise."""
    start = max(item["current_period_start"] for item in contract.items)
    end = min(item["current_period_end"] for item in contract.items)
    if wanted:
        kinds = {"timestamp": wanted["start"].get("timestamp"), "now": contract.now()}
        start = kinds.get(wanted["start"]["type"], start)
        end = {"timestamp": wanted["end"].get("timestamp")}.get(wanted["end"]["type"], end)
    return start, end
