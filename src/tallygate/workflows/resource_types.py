"""How does an operator sell another type of resource, without opening the file?

The price list stays one text: the type, and its price where that is new, are written into it, and
the whole is checked and comes into force as the next version. Who wants the file again asks for
the text that is in force.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from tallygate.adapters.store.catalogs import latest_text
from tallygate.catalog.addition import Written, with_entry, with_item
from tallygate.core.errors import Conflict
from tallygate.workflows.contracts import latest
from tallygate.workflows.installation import Installation


@dataclass(frozen=True, slots=True)
class NewType:
    """A resource type as the file would say it. `new_price` has the price's own words.

    `price` is the key of a price that is there, or of `new_price`; None: free of charge, or priced
    by meters alone.
    """

    key: str
    description: str = ""
    price: str | None = None
    new_price: Mapping[str, Written] | None = None
    spec: Mapping[str, Decimal | str] = field(default_factory=dict)
    cost: Mapping[str, Written] | None = None


def text_with_type(installation: Installation, new: NewType) -> str:
    """The price list in force, with another type; nothing is stored: `publish` does that.

    Raises:
        Conflict: there is no price list yet, it has the type or the price already, or its text
            cannot be added to.
    """
    with installation.store.read() as tx:
        written = latest_text(tx)
        _, catalog = latest(tx)
    assert written is not None, "a price list that is in force has a text"
    text = written[1]
    if new.key in catalog.resources:
        raise Conflict(f"The price list has the resource type {new.key} already.", param="key")
    price = new.price
    if new.new_price is not None:
        given = new.new_price.get("key", new.price or new.key)
        price = given if isinstance(given, str) else None
        if price in catalog.prices:
            raise Conflict(f"The price list has the price {price} already.", param="new_price")
        text = with_item(text, "prices", {"key": given, **new.new_price})
    entry: dict[str, Written] = {}
    if new.description:
        entry["description"] = new.description
    if price is not None:
        entry["price"] = price
    if new.spec:
        entry["spec"] = dict(new.spec)
    if new.cost is not None:
        entry["cost"] = new.cost
    return with_entry(text, "resources", new.key, entry)
