"""Which types of resources can be rented, at which price, and how is another one added?"""

from typing import Any, Literal

from fastapi import Response
from pydantic import Field

from tallygate.catalog.model import (
    Amounts,
    Catalog,
    Flat,
    Graduated,
    Package,
    PerUnit,
    Price,
    ResourceType,
    Tier,
    Volume,
)
from tallygate.core.quantity import plain
from tallygate.interfaces.api.callers import By, Here
from tallygate.interfaces.api.catalog import PublishedShape, published
from tallygate.interfaces.api.routes import PLATFORM_WRITES, READS, guarded_router
from tallygate.interfaces.api.wire import Exact, Key, Page, Shape
from tallygate.workflows import contracts
from tallygate.workflows.resource_types import NewType, text_with_type

router = guarded_router("/v1/resource_types", "resource types")

Rates = dict[str, str]
"""A rate in the main unit, by currency."""


class TierShape(Shape):
    """A step of a curve, up to and with `up_to` (null: without end)."""

    up_to: Exact | None
    unit: Rates
    flat: Rates


class TypePriceShape(Shape):
    """What a resource of a type costs: `per_unit`, `package`, `graduated` or `volume`.

    A counted price asks how many there are; a metered one what was used. `included` is the
    allowance.
    """

    key: str
    kind: Literal["flat", "counted", "metered"]
    every: Literal["month", "year"] | None
    meter: str | None
    included: Exact
    curve: Literal["flat", "per_unit", "package", "graduated", "volume"]
    unit: Rates | None = None
    size: Exact | None = None
    tiers: list[TierShape] | None = None


class ResourceTypeShape(Shape):
    """A type of resource; without a price of its own it is free, or priced by meters alone."""

    object: Literal["resource_type"] = "resource_type"
    key: str
    description: str
    price: TypePriceShape | None
    spec: dict[str, Exact | str]


class NewResourceType(Shape):
    """A type as the catalog file would say it.

    `price` names a price that is there. `new_price` is one that is not, in the file's words:
    `{"per_unit": "25.00", "every": "month"}`; its key is the type's unless it says another.
    """

    key: Key
    description: str = ""
    price: Key | None = None
    new_price: dict[str, Any] | None = None
    spec: dict[str, Exact | str] = Field(default_factory=dict)
    cost: dict[str, Any] | None = None
    dry_run: bool = False


@router.get("", summary="List the resource types", openapi_extra=READS)
def list_resource_types(here: Here, caller: By) -> Page[ResourceTypeShape]:
    """Those of the price list in force, in its order."""
    del caller
    with here.store.read() as tx:
        _, catalog = contracts.latest(tx)
    types = [_shape(catalog, one) for one in catalog.resources.values()]
    return Page[ResourceTypeShape](data=types, has_more=False)


@router.post("", summary="Add a resource type", openapi_extra=PLATFORM_WRITES)
def add_resource_type(body: NewResourceType, here: Here, answer: Response) -> PublishedShape:
    """Puts it into the price list, which comes into force as its next version."""
    new = NewType(
        key=body.key,
        description=body.description,
        price=body.price,
        new_price=body.new_price,
        spec=body.spec,
        cost=body.cost,
    )
    return published(here, text_with_type(here, new), answer, dry_run=body.dry_run)


def _shape(catalog: Catalog, found: ResourceType) -> ResourceTypeShape:
    price = None if found.price is None else _price(catalog.prices[found.price])
    return ResourceTypeShape(
        key=found.key, description=found.description, price=price, spec=dict(found.spec)
    )


def _price(price: Price) -> TypePriceShape:
    told: dict[str, Any] = {
        "key": price.key,
        "kind": price.kind,
        "every": price.every,
        "meter": price.meter,
        "included": price.included,
    }
    match price.curve:
        case Flat(amount):
            return TypePriceShape(**told, curve="flat", unit=_rates(amount))
        case PerUnit(unit):
            return TypePriceShape(**told, curve="per_unit", unit=_rates(unit))
        case Package(size, rate):
            return TypePriceShape(**told, curve="package", size=size, unit=_rates(rate))
        case Graduated(tiers):
            return TypePriceShape(**told, curve="graduated", tiers=list(map(_tier, tiers)))
        case Volume(tiers):
            return TypePriceShape(**told, curve="volume", tiers=list(map(_tier, tiers)))


def _tier(tier: Tier) -> TierShape:
    return TierShape(up_to=tier.up_to, unit=_rates(tier.unit), flat=_rates(tier.flat))


def _rates(amounts: Amounts) -> Rates:
    return {currency: plain(rate) for currency, rate in amounts.items()}
