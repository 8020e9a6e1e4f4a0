"""What an integration may still change about an open session: its lines and its metadata.

Source: https://docs.stripe.com/api/checkout/sessions/update. The whole list of lines is sent
again: a line with its id stays, one without is new, one that is left out is gone.
"""

from typing import Any

from tallygate_sandbox.api import Call, endpoint
from tallygate_sandbox.checkout.lines import add_lines, cost, lines_of, price_of, quantity_of
from tallygate_sandbox.checkout.sessions import refuse_wrong_prices
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
    asked = {"quantity": line["quantity"]} | dict(wanted)
    line["quantity"] = quantity_of(asked, price, place)
    line["description"] = world.get("product", price["product"])["name"]
    if "metadata" in wanted:
        line["metadata"] = wanted["metadata"] or {}
    line["_full"] = cost(price, line["quantity"])
    return line
