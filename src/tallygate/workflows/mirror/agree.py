"""What is known of an account once it has been looked at, and what is to be done next?

All in one transaction: what was seen is taken over, and what it comes to is worked out from the
store as it is then. Whoever rolls the transaction back has only asked.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tallygate.adapters.store import Transaction, collections, mirrors
from tallygate.adapters.store import installation as installations
from tallygate.collection.agreement import to_agree
from tallygate.collection.collecting import drafts_to_hold
from tallygate.collection.contracted import WantedSubscription, what_to_have
from tallygate.collection.intents import Intent, MarkCustomer
from tallygate.collection.records import Mirror, Purchase
from tallygate.collection.seen import Seen
from tallygate.subscriptions.model import Subscription
from tallygate.workflows.contracts import find_subscription, terms_at
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.adopt import (
    adopt_invoices,
    adopt_purchase,
    adopt_subscription,
    bought,
)
from tallygate.workflows.mirror.carry_out import Account
from tallygate.workflows.mirror.dues import Due, PriceLists, dues_of
from tallygate.workflows.mirror.purchase import start_of


class Known(NamedTuple):
    """What is known of an account beside what was seen."""

    purchase: Purchase | None
    mirrors: tuple[Mirror, ...]
    wanted: dict[str, WantedSubscription]
    dues: tuple[Due, ...]


def take_in(tx: Transaction, installation: Installation, account: Account, seen: Seen) -> Known:
    """Take over what was seen of an account; gives what is known of it then."""
    purchase = adopt_purchase(tx, installation, account, seen)
    lists = PriceLists.stored(tx)
    linked: list[Mirror] = []
    wishes: dict[str, WantedSubscription] = {}
    for mirror in mirrors.of_account(tx, account.id):
        subscription = find_subscription(tx, mirror.subscription)
        wanted = _wanted(tx, subscription, seen, lists)
        known, changed = adopt_subscription(
            tx, installation, mirror, subscription, wanted=wanted, seen=seen
        )
        if changed is not subscription:
            wanted = _wanted(tx, changed, seen, lists)
        linked.append(known)
        wishes[mirror.subscription] = wanted
    collections.claim_shortfalls(tx, account.id)
    dues = dues_of(tx, account.id, seen, lists, wishes)
    if adopt_invoices(tx, installation, dues, seen.at):
        dues = dues_of(tx, account.id, seen, lists, wishes)
    return Known(purchase, tuple(linked), wishes, dues)


def next_intents(
    tx: Transaction, installation: Installation, account: Account, known: Known, seen: Seen
) -> Iterator[Intent]:
    """What is to be done next on the customer, purchases, subscriptions and drafts."""
    yield from _mark(tx, account, seen)
    purchase = known.purchase
    if purchase and purchase.way == "direct" and bought(purchase, seen) is None:
        yield start_of(tx, installation, purchase, seen.customer.id)
    yield from drafts_to_hold(seen, [mirror.provider_id for mirror in known.mirrors])
    charged = {due.collected.subscription for due in known.dues if due.exchange is not None}
    for mirror in known.mirrors:
        if mirror.subscription not in charged:
            yield from _to_agree(known, mirror, seen)


def lacks_mark(seen: Seen) -> bool:
    """Whether the customer does not say which billing account it is."""
    return seen.customer.account is None and not seen.customer.deleted


def _mark(tx: Transaction, account: Account, seen: Seen) -> Iterator[Intent]:
    """A customer that a payment link has made bears no mark yet."""
    if not lacks_mark(seen):
        return
    identity = installations.identity(tx)
    if identity is not None:
        yield MarkCustomer(seen.customer.id, account.id, identity.id, identity.epoch)


def _to_agree(known: Known, mirror: Mirror, seen: Seen) -> tuple[Intent, ...]:
    theirs = seen.subscription(mirror.provider_id)
    if theirs is None:
        return ()
    open_windows = any(
        due.collected.subscription == mirror.subscription
        and due.collected.state in {"waiting", "held"}
        and due.invoice.reason in {"subscribe", "boundary"}
        for due in known.dues
    )
    return to_agree(
        known.wanted[mirror.subscription],
        theirs,
        seen.at,
        agreed_end=mirror.cancel_at,
        between_windows=not open_windows,
    )


def _wanted(
    tx: Transaction, subscription: Subscription, seen: Seen, lists: PriceLists
) -> WantedSubscription:
    terms = terms_at(tx, subscription, seen.at, lists.applied, lists.catalogs)
    return what_to_have(terms, lists.held, seen.at)
