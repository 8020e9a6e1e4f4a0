"""The price behind an invoice item: a named one, one described inline, or one for a mere amount.

Recorded: an item of a mere amount still shows a price and a product, and the next item of the same
amount shows the same ones.
"""

from decimal import Decimal
from typing import Any

from tallygate_sandbox.money.prices import charges_for
from tallygate_sandbox.money.rounding import to_minor
from tallygate_sandbox.products import prices
from tallygate_sandbox.products.product import add as add_product
from tallygate_sandbox.wire.refusals import Refusal, missing_param
from tallygate_sandbox.world import Obj, Seen, World, index

KIND = "price"
MAX_DECIMALS = 12

index(KIND, "_amount_of")

Costs = tuple[int, Decimal, Seen]


def costs(world: World, params: dict[str, Any], currency: str, quantity: Decimal) -> Costs:
    """What an item comes to (minor units), what one costs, and its price.

    Raises:
        Refusal: no amount and no price, both, or a price that cannot be charged once.
    """
    named = params.get("pricing") or {}
    given = [
        k for k in ("amount", "pricing", "price_data", "unit_amount_decimal") if params.get(k)
    ]
    if len(given) > 1:
        raise Refusal(
            f"You may only specify one of these parameters: {', '.join(given)}.",
            code="parameters_exclusive",
            param=given[1],
        )
    if named.get("price") or params.get("price_data"):
        price = _price(world, params, currency)
        (charge,) = charges_for(price, quantity, currency)
        return charge.amount, charge.unit_amount or Decimal(0), price
    unit = params.get("unit_amount_decimal")
    if unit is not None:
        return _of_unit(world, Decimal(unit), quantity, currency)
    if params.get("amount") is None:
        raise missing_param("amount")
    return _of_amount(world, params["amount"], quantity, currency)


def _of_unit(world: World, unit: Decimal, quantity: Decimal, currency: str) -> Costs:
    if unit != round(unit, MAX_DECIMALS):
        raise Refusal(
            f"Amounts have at most {MAX_DECIMALS} decimal places.", param="unit_amount_decimal"
        )
    return to_minor(unit * quantity), unit, _for_amount(world, unit, currency)


def _of_amount(world: World, amount: int, quantity: Decimal, currency: str) -> Costs:
    if quantity != 1:
        raise Refusal(
            "You can only set `quantity` with a price or `unit_amount_decimal`, not `amount`.",
            code="parameters_exclusive",
            param="quantity",
        )
    return amount, Decimal(amount), _for_amount(world, Decimal(amount), currency)


def _price(world: World, params: dict[str, Any], currency: str) -> Seen:
    if inline := params.get("price_data"):
        return prices.add(world, {**inline, "active": False}, "price_data")
    price = world.get(KIND, params["pricing"]["price"], "pricing[price]")
    if price["recurring"]:
        raise Refusal(
            "The price specified is set to `type=recurring` but this field only accepts prices "
            "with `type=one_time`.",
            param="pricing[price]",
        )
    if not price["active"]:
        raise Refusal(
            "The price specified is inactive. This field only accepts active prices.",
            code="price_inactive",
            param="pricing[price]",
        )
    return prices.in_currency(price, currency)


def _for_amount(world: World, unit: Decimal, currency: str) -> Seen:
    """The price that stands for a mere amount: not for sale, made once for each amount."""
    shown = format(unit.normalize(), "f")
    key = f"{shown} {currency}"
    known = world.where(KIND, "_amount_of", key)
    if known:
        return known[0]
    product = add_product(world)
    product |= {"active": False, "name": "Invoice item"}
    return world.add(_shape(world, product, unit, shown, currency) | {"_amount_of": key})


def _shape(world: World, product: Seen, unit: Decimal, shown: str, currency: str) -> Obj:
    return {
        "id": world.ids.new("price"),
        "object": KIND,
        "active": False,
        "billing_scheme": "per_unit",
        "created": world.now(),
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": product["id"],
        "recurring": None,
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "one_time",
        "unit_amount": int(unit) if unit == unit.to_integral_value() else None,
        "unit_amount_decimal": shown,
        "_tiers": None,
        "_currency_options": {},
    }
