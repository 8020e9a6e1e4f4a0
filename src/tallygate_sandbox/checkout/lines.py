"""The lines of a checkout session or a payment link: a price, a quantity, an amount.

Source: https://docs.stripe.com/api/checkout/sessions/line_items. What a price costs is money's
arithmetic; a metered price costs nothing until its usage is known.
"""

from typing import Any

from tallygate_sandbox.api import Call, page
from tallygate_sandbox.api.pages import list_of
from tallygate_sandbox.money.prices import charges_for
from tallygate_sandbox.products import prices
from tallygate_sandbox.wire.refusals import Refusal, missing_param
from tallygate_sandbox.world import Obj, Seen, World, index, view_of
from tallygate_sandbox.world.world import public

KIND = "item"
MAX_LINES = 100
SHOWN_AT_ONCE = 10
ON_AN_INVOICE = 250

index(KIND, "_owner")


def add_lines(
    world: World, owner: Seen, wanted: list[dict[str, Any]], currency: str | None
) -> tuple[str, list[str]]:
    """Make the lines of a session or link; gives their currency and their ids.

    `currency` is what was asked for, where a price has several.

    Raises:
        Refusal: no such price, one that cannot be bought, a wrong quantity, mixed currencies.
    """
    if len(wanted) > MAX_LINES:
        raise Refusal(f"At most {MAX_LINES} line items are allowed.", param="line_items")
    found = [_price(world, line, f"line_items[{n}]") for n, line in enumerate(wanted)]
    currency = (currency or found[0]["currency"]).lower()
    added = []
    for number, (line, price) in enumerate(zip(wanted, found, strict=True)):
        place = f"line_items[{number}]"
        quantity = quantity_of(line, price, place)
        for at, rate in enumerate(line.get("tax_rates") or []):
            world.get("tax_rate", rate, f"{place}[tax_rates][{at}]")
        made = _add_line(world, owner, line, _in_currency(price, currency, place), quantity)
        added.append(made["id"])
    return currency, added


def _add_line(
    world: World, owner: Seen, line: dict[str, Any], price: Seen, quantity: int | None
) -> Obj:
    """Make one line of a price, which is given in the line's currency."""
    product = world.get("product", price["product"])
    amount = cost(price, quantity)
    return world.add(
        {
            "id": world.ids.new("li"),
            "object": KIND,
            "adjustable_quantity": bounds_of(line.get("adjustable_quantity")),
            "amount_discount": 0,
            "amount_subtotal": amount,
            "amount_tax": 0,
            "amount_total": amount,
            "currency": price["currency"],
            "description": product["name"],
            "metadata": line.get("metadata") or {},
            "quantity": quantity,
            "_owner": owner["id"],
            "_price": price["id"],
            "_full": amount,
            "_tax_rates": line.get("tax_rates") or [],
        }
    )


def cost(price: Seen, quantity: int | None) -> int:
    """What a line costs (minor units); nothing yet when it is metered."""
    if quantity is None:
        return 0
    return sum(charge.amount for charge in charges_for(price, quantity, price["currency"]))


def lines_of(world: World, owner: Seen) -> list[Seen]:
    """The lines of a session or link, in the order in which they were given."""
    found = {line["id"]: line for line in world.where(KIND, "_owner", owner["id"])}
    return [found[ident] for ident in owner["_lines"]]


def price_of(world: World, line: Seen) -> Seen:
    """The price of a line, in the line's currency."""
    return prices.in_currency(world.get("price", line["_price"]), line["currency"])


def shown_lines(world: World, owner: Seen, url: str) -> Obj:
    """The list that stands inside a session or link when it is expanded."""
    lines = lines_of(world, owner)
    shown = [world.view(line) for line in lines[:SHOWN_AT_ONCE]]
    return list_of(url, shown, more=len(lines) > SHOWN_AT_ONCE)


def page_of_lines(call: Call, owner: Seen) -> Obj:
    return page(call, KIND, among=lines_of(call.world, owner))


@view_of(KIND)
def show(world: World, line: Seen) -> Obj:
    """A line with its whole price; its discounts and taxes come only when asked for."""
    return public(line) | {"price": world.view(world.get("price", line["_price"]))}


def is_metered(price: Seen) -> bool:
    return (price["recurring"] or {}).get("usage_type") == "metered"


def _in_currency(price: Seen, currency: str, place: str) -> Seen:
    """The price in the currency of all the lines. Raises: Refusal, when it has none."""
    try:
        return prices.in_currency(price, currency)
    except Refusal as refusal:
        raise Refusal(refusal.message, param=f"{place}[price]") from None


def _price(world: World, line: dict[str, Any], place: str) -> Seen:
    given, inline = line.get("price"), line.get("price_data")
    if given and inline:
        raise Refusal(
            "You may only specify one of these parameters: price, price_data.",
            code="parameters_exclusive",
            param=f"{place}[price]",
        )
    if inline:
        # Stripe keeps what was priced inline out of the catalog: it is not active.
        return prices.add(world, {**inline, "active": False}, f"{place}[price_data]")
    if not given:
        raise missing_param(f"{place}[price]")
    price = world.get("price", given, f"{place}[price]")
    if not price["active"]:
        raise Refusal(
            "The price specified is inactive. This field only accepts active prices.",
            param=f"{place}[price]",
        )
    return price


def quantity_of(line: dict[str, Any], price: Seen, place: str) -> int | None:
    """The quantity of a line as it was sent. Raises: Refusal, when it is wrong for the price."""
    quantity: int | None = line.get("quantity")
    if is_metered(price):
        if quantity is not None:
            raise Refusal(
                "Quantity should not be specified where usage_type is `metered`. "
                f"Remove `quantity` from `{place}`",
                param=f"{place}[quantity]",
            )
        return None
    if quantity is None:
        raise Refusal(
            f"Quantity is required. Add `quantity` to `{place}`",
            code="parameter_missing",
            param=f"{place}[quantity]",
        )
    bounds = bounds_of(line.get("adjustable_quantity")) or {}
    least, most = bounds.get("minimum") or 1, bounds.get("maximum") or 999_999_999
    if not least <= quantity <= most:
        raise Refusal(
            f"This value must be at least {least} and at most {most}.",
            code="parameter_invalid_integer",
            param=f"{place}[quantity]",
        )
    return quantity


def bounds_of(given: Seen | None) -> Obj | None:
    """Between which quantities a customer may choose on the page, where they may."""
    if not given or not given["enabled"]:
        return None
    return {
        "enabled": True,
        "maximum": given.get("maximum", 99),
        "minimum": given.get("minimum", 0),
    }
