"""A product as it begins."""

from tallygate_sandbox.api import expandable
from tallygate_sandbox.wire.refusals import Refusal
from tallygate_sandbox.world import Obj, World

KIND = "product"

expandable(KIND, default_price="price", tax_code="tax_code")


def add(world: World, ident: str | None = None) -> Obj:
    """A new product without a name; its id may be chosen."""
    if ident and world.find(KIND, ident):
        raise Refusal("Product already exists.", code="resource_already_exists", param="id")
    now = world.now()
    return world.add(
        {
            "id": ident or world.ids.new("prod", 14),
            "object": KIND,
            "active": True,
            "created": now,
            "default_price": None,
            "description": None,
            "images": [],
            "livemode": False,
            "marketing_features": [],
            "metadata": {},
            "name": "",
            "package_dimensions": None,
            "shippable": None,
            "statement_descriptor": None,
            "tax_code": None,
            "type": "service",
            "unit_label": None,
            "updated": now,
            "url": None,
        }
    )
