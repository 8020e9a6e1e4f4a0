"""Which plan does a platform mean, that names it in its own way?

By the plan's key in capitals or not, or by one of its flat prices: by its key, or by the id that
the settings give it at the payment provider.
"""

from tallygate.catalog.model import Catalog, Interval
from tallygate.core.errors import Invalid
from tallygate.workflows.contracts import latest
from tallygate.workflows.installation import Installation


def plan_meant(installation: Installation, name: str) -> str:
    """The key of the plan of this name; the name itself where there is none.

    Raises:
        Conflict: there is no price list yet.
    """
    with installation.store.read() as tx:
        _, catalog = latest(tx)
    return _key(catalog, name)


def sold_as(
    installation: Installation, plan: str | None, price: str | None
) -> tuple[str, Interval | None]:
    """The plan that is to be bought, and the interval that a price of it says.

    Raises:
        Invalid: neither is named, the price is no plan's, or the two contradict each other.
        Conflict: there is no price list yet.
    """
    if price is None:
        if plan is None:
            raise Invalid("Say which plan to buy: plan, or priceId.", param="plan")
        return plan_meant(installation, plan), None
    with installation.store.read() as tx:
        _, catalog = latest(tx)
    ids = installation.settings.price_ids
    names = {name for name, id_ in ids.items() if id_ == price}
    for key, one in catalog.plans.items():
        for flat in one.prices:
            named = flat.key == price or names & {flat.key.lower(), key.lower()}
            if flat.kind != "flat" or not named:
                continue
            if plan is not None and _key(catalog, plan) != key:
                raise Invalid(
                    f"priceId is a price of the plan {key}, and plan says otherwise: leave one "
                    "of them out.",
                    param="priceId",
                )
            return key, flat.every
    raise Invalid(f"{price[:128]!r} is the price of no plan: name the plan.", param="priceId")


def _key(catalog: Catalog, name: str) -> str:
    wanted = name.casefold()
    return next((key for key in catalog.plans if key.casefold() == wanted), name)
