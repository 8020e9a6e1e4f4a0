"""What an integration may still change about an open session: its lines and its metadata.

Source: https://docs.stripe.com/api/checkout/sessions/update. The whole list of lines is sent
again: a line with its id stays, one without is new, one that is left out is gone.
"""

from typing import Any

from tallygate_sandbox.api import Call, endpoint
from tallygate_sandbox.checkout.lines import (
    add_lines,
    bounds_of,
    cost,
    is_metered,
    lines_of,
    price_of,
    quantity_of,
)
from tallygate_sandbox.checkout.sessions import open_one, refuse_begun, refuse_wrong_prices
from tallygate_sandbox.checkout.shapes import KIND
from tallygate_sandbox.checkout.totals import set_totals
from tallygate_sandbox.wire.refusals import Refusal, missing_param, no_such
from tallygate_sandbox.world import Obj, Seen, World


@endpoint(
    "POST /v1/checkout/sessions/{id}",
    "checkout.SessionUpdateParams",
    "line_items.id line_items.metadata line_items.price line_items.price_data line_items.quantity "
    "line_items.adjustable_quantity metadata",
)
def update(call: Call) -> Obj:
    session = call.world.edit(KIND, call.path["id"])
    if session["status"] != "open" and call.params.keys() - {"metadata", "expand"}:
        raise Refusal(
            "This Checkout Session can no longer be updated: it has a status of "
            f"`{session['status']}`."
        )
    call.change(session, "metadata")
    if "line_items" in call.params:
        if session["mode"] == "setup":
            raise Refusal("A session in `setup` mode has no line items.", param="line_items")
        refuse_begun(session)
        replace(call.world, session, call.params["line_items"])
    return session


def replace(world: World, owner: Obj, wanted: list[dict[str, Any]]) -> None:
    """Give a session the lines that are listed, in this order.

    Raises:
        Refusal: a line that is not the session's, or a price that does not suit it.
    """
    if not wanted:
        raise missing_param("line_items")
    there = {line["id"] for line in lines_of(world, owner)}
    order = []
    for number, line in enumerate(wanted):
        place = f"line_items[{number}]"
        ident = line.get("id")
        if ident is None:
            _, added = add_lines(world, owner, [line], owner["currency"])
            order += added
            continue
        if ident not in there or ident in order:
            raise no_such("item", ident, f"{place}[id]", status=400)
        change_line(world, ident, line, place)
        order.append(ident)
    for gone in there - set(order):
        world.remove("item", gone)
    owner["_lines"] = order
    refuse_wrong_prices(world, owner)
    set_totals(world, owner)


def change_line(world: World, ident: str, wanted: Seen, place: str) -> Obj:
    """Change a line that stays: its quantity, its price, its metadata."""
    line = world.edit("item", ident)
    if wanted.get("price"):
        line["_price"] = world.get("price", wanted["price"], f"{place}[price]")["id"]
    price = price_of(world, line)
    known = {name: line[name] for name in ("quantity", "adjustable_quantity")}
    asked = (known if not is_metered(price) else {}) | dict(wanted)
    amount = cost(price, quantity_of(asked, price, place))
    line |= {
        "adjustable_quantity": bounds_of(asked.get("adjustable_quantity")),
        "amount_subtotal": amount,
        "amount_total": amount,
        "description": world.get("product", price["product"])["name"],
        "metadata": (asked["metadata"] or {}) if "metadata" in asked else line["metadata"],
        "quantity": asked.get("quantity"),
        "_full": amount,
    }
    return line


def adjust(world: World, session_id: str, quantities: dict[str, int]) -> Obj:
    """The customer chooses quantities, by the ids of the lines that let them.

    Raises:
        Refusal: a quantity out of bounds, or the order has begun.
    """
    session = open_one(world, session_id)
    refuse_begun(session)
    for line in lines_of(world, session):
        if line["adjustable_quantity"] and line["id"] in quantities:
            change_line(
                world, line["id"], {"quantity": quantities[line["id"]]}, line["description"]
            )
    set_totals(world, session)
    return session
