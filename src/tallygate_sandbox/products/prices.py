"""Prices: their amounts never change, a lookup key may move from one to the next.

Source: https://docs.stripe.com/api/prices. Refusals whose words are not documented are assumed.
"""

from decimal import Decimal
from typing import Any

from tallygate_sandbox.api import Call, Evidence, endpoint, expandable, only_expanded, page
from tallygate_sandbox.api.search import TOKEN, search
from tallygate_sandbox.products.product import add as add_product
from tallygate_sandbox.wire.refusals import Refusal, absent, missing_param
from tallygate_sandbox.world import Obj, Seen, World, index

KIND = "price"
UNIT_AMOUNTS = ("unit_amount", "unit_amount_decimal")
MAX_DECIMALS = 12
MAX_LOOKUP_KEYS = 10
LONGEST = {"day": 1095, "week": 156, "month": 36, "year": 3}

index(KIND, "product", "lookup_key")
expandable(KIND, product="product")


@endpoint(
    "POST /v1/prices",
    "PriceCreateParams",
    "active billing_scheme currency currency_options lookup_key metadata nickname product "
    "product_data recurring tax_behavior tiers tiers_mode transfer_lookup_key "
    "transform_quantity unit_amount unit_amount_decimal",
)
def create(call: Call) -> Obj:
    return add(call.world, call.params)


def add(world: World, wanted: dict[str, Any], place: str = "") -> Obj:
    """A price from parameters like those of create; `place` is where they stood."""
    product = _product(world, wanted)
    recurring = _recurring(world, wanted.get("recurring"))
    tiers = _tiers(wanted)
    amounts = _amounts(wanted, place, needed=not tiers)
    price: Obj = {
        "id": world.ids.new("price"),
        "object": KIND,
        "active": wanted.get("active", True),
        "billing_scheme": "tiered" if tiers else "per_unit",
        "created": world.now(),
        "currency": wanted["currency"].lower(),
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": wanted.get("lookup_key"),
        "metadata": wanted.get("metadata") or {},
        "nickname": wanted.get("nickname"),
        "product": product,
        "recurring": recurring,
        "tax_behavior": wanted.get("tax_behavior", "unspecified"),
        "tiers_mode": wanted.get("tiers_mode"),
        "transform_quantity": wanted.get("transform_quantity"),
        "type": "recurring" if recurring else "one_time",
        **amounts,
        "_tiers": tiers,
        "_currency_options": _options(wanted),
    }
    _take_lookup_key(world, price, transfer=bool(wanted.get("transfer_lookup_key")))
    world.add(price)
    world.emit("price.created", price)
    return price


@endpoint("GET /v1/prices/{id}", "PriceRetrieveParams")
def retrieve(call: Call) -> Obj:
    return dict(call.world.get(KIND, call.path["id"]))


@endpoint(
    "POST /v1/prices/{id}",
    "PriceUpdateParams",
    "active currency_options lookup_key metadata nickname tax_behavior transfer_lookup_key",
)
def update(call: Call) -> Obj:
    """Change what may change; other currencies may be added, not changed."""
    price = call.world.edit(KIND, call.path["id"])
    _refuse_other_behavior(price, call.sent("tax_behavior"))
    call.change(price, "active", "lookup_key", "metadata", "nickname", "tax_behavior")
    if "lookup_key" in call.params:
        transfer = bool(call.sent("transfer_lookup_key"))
        _take_lookup_key(call.world, price, transfer=transfer)
    price["_currency_options"] |= _options(call.params)
    call.world.updated(price)
    return price


def _refuse_other_behavior(price: Seen, wanted: str | None) -> None:
    """How a price is taxed is fixed once it is said: https://docs.stripe.com/api/prices/update."""
    said = price["tax_behavior"]
    if wanted not in {None, said} and said != "unspecified":
        raise Refusal(
            "You cannot change the `tax_behavior` of a price once it is `inclusive` or "
            "`exclusive`.",
            param="tax_behavior",
        )


@endpoint(
    "GET /v1/prices",
    "PriceListParams",
    "active created currency lookup_keys product recurring type",
)
def list_(call: Call) -> Obj:
    world, recurring = call.world, call.sent("recurring", {})
    keys = call.sent("lookup_keys")
    if keys and len(keys) > MAX_LOOKUP_KEYS:
        raise Refusal(f"You can pass at most {MAX_LOOKUP_KEYS} lookup_keys.", param="lookup_keys")
    wanted = {k: call.params[k] for k in ("active", "currency", "type") if k in call.params}

    def keep(price: Seen) -> bool:
        rhythm = price["recurring"] or {}
        return all(price[k] == v for k, v in wanted.items()) and all(
            rhythm.get(k) == v for k, v in recurring.items()
        )

    among = None
    if product := call.sent("product"):
        among = reversed(world.where(KIND, "product", product))
    elif keys:
        found = [price for key in keys for price in world.where(KIND, "lookup_key", key)]
        among = iter(sorted(found, key=lambda price: price["created"], reverse=True))
    return page(call, KIND, keep, among)


@endpoint("GET /v1/prices/search", "PriceSearchParams", "query page", Evidence.DOCUMENTED)
def search_(call: Call) -> Obj:
    fields = dict.fromkeys(("active", "currency", "lookup_key", "product", "type"), TOKEN)
    return search(call, KIND, fields)


@only_expanded(KIND, "tiers")
def tiers_of(world: World, price: Seen) -> list[Obj] | None:  # noqa: ARG001  # as computed fields are
    """A price's tiers; `up_to` null is the last one."""
    tiers: list[Obj] | None = price["_tiers"]
    return tiers


@only_expanded(KIND, "currency_options")
def currency_options_of(world: World, price: Seen) -> Obj:  # noqa: ARG001  # as computed fields are
    others: Obj = price["_currency_options"]
    return {price["currency"]: _option(price, price["_tiers"])} | others


def in_currency(price: Seen, currency: str) -> Seen:
    """The price as it is in one of its currencies.

    Raises:
        Refusal: it has no amount in that currency.
    """
    if currency == price["currency"]:
        return price
    option = price["_currency_options"].get(currency)
    if option is None:
        raise Refusal(
            f"The price specified only supports `{price['currency']}`. This doesn't match the "
            f"expected currency: `{currency}`.",
            param="currency",
        )
    amounts = {name: option[name] for name in UNIT_AMOUNTS}
    return {**price, **amounts, "currency": currency, "_tiers": option["tiers"]}


def _product(world: World, wanted: dict[str, Any]) -> str:
    if inline := wanted.get("product_data"):
        product = add_product(world, inline.get("id"))
        product |= {k: v for k, v in inline.items() if k != "id"}
        world.emit("product.created", product)
        return str(product["id"])
    if not wanted.get("product"):
        raise missing_param("product")
    found = world.get("product", wanted["product"], "product")
    return str(found["id"])


def _recurring(world: World, wanted: dict[str, Any] | None) -> Obj | None:
    if wanted is None:
        return None
    count, meter = wanted.get("interval_count", 1), wanted.get("meter")
    metered = wanted.get("usage_type") == "metered"
    if not 1 <= count <= LONGEST[wanted["interval"]]:
        raise Refusal(
            "Subscription billing cycles cannot be longer than 3 years.",
            param="recurring[interval_count]",
        )
    if metered and not meter:
        raise Refusal(
            "Metered prices must be backed by meters: pass recurring[meter].",
            code="parameter_missing",
            param="recurring[meter]",
        )
    if meter and not metered:
        raise Refusal(
            "A meter needs recurring[usage_type] to be metered.", param="recurring[meter]"
        )
    if meter:
        world.get("billing.meter", meter, "recurring[meter]")
    return {
        "interval": wanted["interval"],
        "interval_count": count,
        "meter": meter,
        "trial_period_days": wanted.get("trial_period_days"),
        "usage_type": "metered" if metered else "licensed",
    }


def _tiers(wanted: dict[str, Any]) -> list[Obj] | None:
    given = wanted.get("tiers")
    if wanted.get("billing_scheme") != "tiered":
        if given or wanted.get("tiers_mode"):
            raise Refusal("Tiers need billing_scheme=tiered.", param="tiers")
        return None
    if not given:
        raise missing_param("tiers")
    if not wanted.get("tiers_mode"):
        raise missing_param("tiers_mode")
    if wanted.get("transform_quantity"):
        raise Refusal(
            "`transform_quantity` cannot be combined with tiers.", param="transform_quantity"
        )
    return _checked_tiers(given, "tiers")


def _checked_tiers(given: list[dict[str, Any]], place: str) -> list[Obj]:
    bounds = [tier["up_to"] for tier in given]
    finite = bounds[:-1]
    if bounds[-1] != "inf" or "inf" in finite or finite != sorted(set(finite)):
        raise Refusal("Tiers need rising `up_to` values, and `inf` in the last tier.", param=place)
    tiers = []
    for number, tier in enumerate(given):
        tiers.append(
            {
                **_pair(tier, "flat_amount", f"{place}[{number}]"),
                **_pair(tier, "unit_amount", f"{place}[{number}]"),
                "up_to": None if tier["up_to"] == "inf" else tier["up_to"],
            }
        )
        if not (tiers[-1]["flat_amount_decimal"] or tiers[-1]["unit_amount_decimal"]):
            raise missing_param(f"{place}[{number}][unit_amount]")
    return tiers


def _amounts(wanted: dict[str, Any], place: str, *, needed: bool) -> Obj:
    amounts = _pair(wanted, "unit_amount", place)
    if needed and amounts["unit_amount_decimal"] is None:
        raise missing_param(f"{place}[unit_amount]" if place else "unit_amount")
    return amounts


def _pair(given: dict[str, Any], name: str, place: str) -> Obj:
    """An amount as an integer, null when it is none, and as a decimal string."""
    whole, exact = given.get(name), given.get(f"{name}_decimal")
    where = f"{place}[{name}]" if place else name
    if whole is not None and exact is not None:
        raise Refusal(
            f"You may only specify one of these parameters: {name}, {name}_decimal.",
            code="parameters_exclusive",
            param=where,
        )
    given_amount = exact if whole is None else whole
    if given_amount is None:
        return {name: None, f"{name}_decimal": None}
    amount = Decimal(given_amount)
    if amount < 0:
        raise Refusal("Invalid non-negative integer", param=where)
    exponent = amount.normalize().as_tuple().exponent
    if isinstance(exponent, int) and exponent < -MAX_DECIMALS:
        raise Refusal(f"Amounts have at most {MAX_DECIMALS} decimal places.", param=where)
    shown = format(amount.normalize(), "f")
    return {
        name: int(amount) if amount == amount.to_integral_value() else None,
        f"{name}_decimal": shown,
    }


def _options(wanted: dict[str, Any]) -> dict[str, Obj]:
    options = {}
    for currency, given in (wanted.get("currency_options") or {}).items():
        place = f"currency_options[{currency}]"
        if given.get("custom_unit_amount"):
            raise absent(f"the parameter {place}[custom_unit_amount]")
        tiers = _checked_tiers(given["tiers"], f"{place}[tiers]") if given.get("tiers") else None
        options[currency] = _option(given | _pair(given, "unit_amount", place), tiers)
    return options


def _option(given: Seen, tiers: list[Obj] | None) -> Obj:
    return {
        "custom_unit_amount": None,
        "tax_behavior": given.get("tax_behavior", "unspecified"),
        "tiers": tiers,
        "unit_amount": given["unit_amount"],
        "unit_amount_decimal": given["unit_amount_decimal"],
    }


def _take_lookup_key(world: World, price: Obj, *, transfer: bool) -> None:
    key = price["lookup_key"]
    if not key:
        return
    for other in world.where(KIND, "lookup_key", key):
        if other["id"] == price["id"]:
            continue
        if not transfer:
            raise Refusal(
                f"A price (`{other['id']}`) already uses that lookup key.", param="lookup_key"
            )
        loser = world.edit(KIND, other["id"])
        loser["lookup_key"] = None
        world.updated(loser)
