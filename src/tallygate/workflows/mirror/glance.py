"""Does a look at an account that has nothing open find any news?

Most looks find none: a webhook told of what we did ourselves, or seven more of the same. What such
an account should have is therefore worked out for many accounts together, before they are looked
at, out of one snapshot; and where what is then seen is just that, nothing is written. An account
that is changed here in the meantime bears another mark by then, and is attended again.

An account is at rest while nothing of it is to be bought, collected or made up for, and the
outcome of every intent is known. All others, and those with news, are attended as `attend` says.
"""

import logging
from collections.abc import Collection, Mapping
from typing import NamedTuple

from tallygate.adapters.store import (
    Transaction,
    collections,
    customers,
    mirrors,
    outbox,
    purchases,
    subscriptions,
)
from tallygate.collection.agreement import to_agree
from tallygate.collection.collecting import drafts_to_hold
from tallygate.collection.contracted import WantedSubscription, what_to_have
from tallygate.collection.records import Mirror
from tallygate.collection.seen import Seen
from tallygate.core.errors import TallygateError
from tallygate.subscriptions.model import Subscription
from tallygate.workflows.contracts import day_of, terms_at
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.adopt import subscription_has_news
from tallygate.workflows.mirror.agree import lacks_mark
from tallygate.workflows.mirror.dues import PriceLists
from tallygate.workflows.usage_known import read_shared

log = logging.getLogger("tallygate.mirror")


class Linked(NamedTuple):
    """A subscription of ours, the provider's of it, and what the provider's should have."""

    mirror: Mirror
    subscription: Subscription
    wanted: WantedSubscription


class AtRest(NamedTuple):
    """An account of which nothing is open here: its customer, and what it should have there."""

    customer: str
    linked: tuple[Linked, ...]


def at_rest(installation: Installation, accounts: Collection[str]) -> Mapping[str, AtRest]:
    """Those of some accounts of which nothing is open, by id.

    What cannot be worked out for one of them must not keep the others from being attended.
    """
    try:
        with installation.store.read() as tx:
            return _at_rest(tx, installation, accounts)
    except TallygateError:
        return {}
    except Exception:
        log.exception("Accounts could not be read together: each is attended by itself.")
        return {}


def has_news(rest: AtRest, seen: Seen) -> bool:
    """Whether something of what was seen is to be taken over, or is not as it should be."""
    return (
        lacks_mark(seen)
        or any(drafts_to_hold(seen, [one.mirror.provider_id for one in rest.linked]))
        or any(_differs(one, seen) for one in rest.linked)
    )


def _at_rest(
    tx: Transaction, installation: Installation, accounts: Collection[str]
) -> dict[str, AtRest]:
    linked = customers.customers_of(tx, accounts)
    busy = collections.having_open(tx, linked) | outbox.having_unfinished(tx, linked)
    busy |= purchases.having_open(tx, linked)
    resting = sorted(linked.keys() - busy)
    known = mirrors.of_accounts(tx, resting)
    ids = [mirror.subscription for one in known.values() for mirror in one]
    ours = subscriptions.by_ids(tx, ids)
    at, lists = installation.now, PriceLists.stored(tx)
    asked = [(subscription, day_of(at)) for subscription in ours.values()]
    shared = read_shared(tx, asked) if asked else None

    def wanted(mirror: Mirror) -> Linked:
        installation.store.give_way()
        subscription = ours[mirror.subscription]
        terms = terms_at(tx, subscription, at, lists.applied, lists.catalogs, shared=shared)
        return Linked(mirror, subscription, what_to_have(terms, lists.held, at))

    return {
        account: AtRest(linked[account], tuple(map(wanted, known.get(account, ()))))
        for account in resting
    }


def _differs(one: Linked, seen: Seen) -> bool:
    theirs = seen.subscription(one.mirror.provider_id)
    if theirs is None:
        return False
    return subscription_has_news(
        one.mirror, one.subscription, wanted=one.wanted, seen=seen
    ) or bool(to_agree(one.wanted, theirs, seen.at, agreed_end=one.mirror.cancel_at))
