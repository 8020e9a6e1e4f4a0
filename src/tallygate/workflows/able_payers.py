"""Can an account pay for what is in a project, and since when may that change?

What costs something must not be anybody's to pay for: the account needs a subscription, and the
prices an amount in its currency. What has been billed stays with whoever it was billed to.
"""

from datetime import datetime

from tallygate.adapters.store import Transaction, resources, subscriptions
from tallygate.adapters.store.catalogs import latest_catalog, load_catalog
from tallygate.catalog.model import Catalog, Price
from tallygate.core.errors import Conflict
from tallygate.core.period import instant_text
from tallygate.subscriptions import phase_at
from tallygate.subscriptions.life import is_live
from tallygate.subscriptions.model import Subscription
from tallygate.subscriptions.prices import price_amounts


def refuse_unable(
    tx: Transaction, account: str, project: str, at: datetime, *, former: str
) -> None:
    """Make sure that an account can pay for the resources of a project from an instant on.

    Where the former payer has no subscription either, they wait for one with the new payer, too.

    Raises:
        Conflict: some cost something, and the account has no subscription then, or their price
            has no amount in its currency.
    """
    types = sorted(resources.types_in(tx, project, at))
    newest = latest_catalog(tx)
    if newest is None or not types:
        return
    mine = _live_of(tx, account, at)
    if mine is None and _live_of(tx, former, at) is None:
        return
    own = newest[1] if mine is None else load_catalog(tx, phase_at(mine, at).catalog_version)
    for key in types:
        price = _price_of(key, own) or _price_of(key, newest[1])
        if price is None:
            continue
        if mine is None:
            raise Conflict(
                f"{project} has resources of the type {key}, which costs something, and {account} "
                f"has no subscription on {instant_text(at)}: let it subscribe first.",
                param="billing_account",
                code="no_subscription",
            )
        lacking = [amounts for amounts in price_amounts(price) if mine.currency not in amounts]
        if lacking:
            raise Conflict(
                f"{project} has resources of the type {key}, whose price {price.key} is given in "
                f"{', '.join(sorted(lacking[0]))} and not in {mine.currency}, in which {account} "
                "pays: use another billing account for it.",
                param="billing_account",
                code="currency_mismatch",
            )


def billed_until(tx: Transaction, *accounts: str) -> dict[str, datetime]:
    """Up to when each of some accounts has been billed; those that never were are left out."""
    found: dict[str, datetime] = {}
    for account in accounts:
        until = [one.billed_until for one in subscriptions.of_account(tx, account)]
        if until:
            found[account] = max(until)
    return found


def _live_of(tx: Transaction, account: str, at: datetime) -> Subscription | None:
    theirs = subscriptions.of_account(tx, account)
    return next((one for one in theirs if one.started_at <= at and is_live(one, at)), None)


def _price_of(key: str, catalog: Catalog) -> Price | None:
    """The price of a resource type in a catalog, if it has one there."""
    known = catalog.resources.get(key)
    return None if known is None or known.price is None else catalog.prices.get(known.price)
