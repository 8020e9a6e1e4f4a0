"""How do the payment provider and we come to agree on one billing account?

Look at what is there; take over what the provider decides; work out what is missing; have it
done; and look again, until nothing is missing. Nothing of it depends on how the account came to be
as it is, so a crash between any two steps, a lost answer, a webhook that never came and a restored
backup are all mended by the next look.
"""

import logging
from datetime import datetime, timedelta
from typing import NamedTuple

from tallygate.adapters.store import attention, collections, customers, mirrors, purchases
from tallygate.collection.agreement import to_agree
from tallygate.collection.collecting import (
    Nothing,
    Ready,
    drafts_to_hold,
    next_alone,
    next_of_draft,
)
from tallygate.collection.contracted import WantedSubscription, what_to_have
from tallygate.collection.intents import GiveCredit, Intent
from tallygate.collection.provider import Books
from tallygate.collection.records import Mirror, Purchase
from tallygate.collection.seen import Seen
from tallygate.core.errors import Refused, Unreachable
from tallygate.core.failpoints import failpoint
from tallygate.workflows.adopt import adopt_invoices, adopt_purchase, adopt_subscription, bought
from tallygate.workflows.carry_out import Account, carry_out, supersede
from tallygate.workflows.charge import (
    charge_change,
    credited_on,
    finish_draft,
    give_credit,
    nothing_to_collect,
)
from tallygate.workflows.contracts import contract_of, find_subscription
from tallygate.workflows.dues import Due, PriceLists, dues_of
from tallygate.workflows.installation import Installation
from tallygate.workflows.purchase import customer_for, start_intent

LEASE = timedelta(minutes=5)
MOST_LOOKS = 20
PAGE = 1000
SOON = timedelta(minutes=1)
LATEST_RETRY = timedelta(hours=1)

log = logging.getLogger("tallygate.mirror")


class Known(NamedTuple):
    """What is known of an account beside what was seen."""

    purchase: Purchase | None
    mirrors: tuple[Mirror, ...]
    wanted: dict[str, WantedSubscription]
    dues: tuple[Due, ...]


class Step(NamedTuple):
    """What came of one look: whether something was done, and when to look again if not."""

    moved: bool
    again_at: datetime | None = None


def attend_due(installation: Installation, books: Books, most: int = 100) -> int:
    """Attend the accounts that are marked, the longest waiting first; gives how many."""
    with installation.store.write() as tx:
        taken = attention.take(tx, installation.now, most, LEASE)
    for marked in taken:
        account = Account(marked.billing_account, marked.organization)
        again = _attend_once(installation, books, account, marked.tries)
        with installation.store.write() as tx:
            attention.finish(tx, marked, installation.now, again)
    return len(taken)


def mark_all(installation: Installation, _books: Books | None = None) -> int:
    """Let every account that is a customer of the provider's be attended; gives how many."""
    after: str | None = None
    marked = 0
    while True:
        with installation.store.write() as tx:
            page = customers.linked(tx, after, PAGE)
            accounts = {one.billing_account: one.organization for one in page}
            attention.mark_many(tx, accounts, installation.now, "all")
        marked += len(page)
        if len(page) < PAGE:
            return marked
        after = page[-1].billing_account


def attend(installation: Installation, books: Books, account: Account) -> datetime | None:
    """Bring both sides of an account to agree; gives when to look again, if something is open.

    Raises:
        Refused: the provider refuses a step; the account's other steps are done.
        Unreachable: it does not answer.
    """
    for _ in range(MOST_LOOKS):
        customer = customer_for(installation, books, account)
        if customer is None:
            return None
        step = _look_and_move(installation, books, account, customer)
        if not step.moved:
            return step.again_at
    log.warning("%s does not agree after %d looks; it is tried again.", account.id, MOST_LOOKS)
    return installation.now + LATEST_RETRY


def take_in(installation: Installation, account: Account, seen: Seen) -> Known:
    """Take over what was seen of an account; gives what is known of it then."""
    with installation.store.write() as tx:
        adopt_purchase(tx, installation, account, seen)
        lists = PriceLists.stored(tx)
        linked = mirrors.of_account(tx, account.id)
        for mirror in linked:
            subscription = find_subscription(tx, mirror.subscription)
            contract = contract_of(tx, installation, subscription, seen.at)
            wanted = what_to_have(contract, lists.held, seen.at)
            adopt_subscription(tx, installation, mirror, wanted, seen)
        linked = mirrors.of_account(tx, account.id)
        wishes = {
            mirror.subscription: what_to_have(
                contract_of(tx, installation, find_subscription(tx, mirror.subscription), seen.at),
                lists.held,
                seen.at,
            )
            for mirror in linked
        }
        collections.claim_shortfalls(tx, account.id)
        dues = dues_of(tx, account.id, seen, lists, wishes)
        adopt_invoices(tx, installation, dues, seen.at)
        known = Known(
            purchases.open_of(tx, account.id),
            linked,
            wishes,
            dues_of(tx, account.id, seen, lists, wishes),
        )
        failpoint("adopt.commit.before")
    failpoint("adopt.commit.after")
    return known


def _look_and_move(
    installation: Installation, books: Books, account: Account, customer: str
) -> Step:
    with installation.store.read() as tx:
        unsettled = collections.unsettled_of(tx, account.id)
    ids = [id_ for one in unsettled for id_ in one.provider_invoices]
    seen = books.look(customer, installation.now, ids)
    failpoint("attend.looked")
    known = take_in(installation, account, seen)
    intents = [*_to_begin(installation, known, seen, customer), *_to_hold(known, seen)]
    charged = _changed_flats(known)
    for mirror in known.mirrors:
        if mirror.subscription not in charged:
            intents += _to_agree(known, mirror, seen)
    moved, again = False, _next_look(known, seen)
    for due in known.dues:
        step = _collect(installation, books, account, due, customer)
        if isinstance(step, Step):
            moved |= step.moved
            again = _earlier(again, step.again_at)
        else:
            intents += step
    with installation.store.write() as tx:
        supersede(tx, account, intents)
    problem: Refused | None = None
    for intent in intents:
        try:
            carry_out(installation, books, account, intent)
            moved = True
        except Refused as refusal:
            log.warning("%s: %s %s", account.id, intent, refusal)
            problem = refusal
    if problem is not None and not moved:
        raise problem
    return Step(moved, again)


def _collect(
    installation: Installation, books: Books, account: Account, due: Due, customer: str
) -> tuple[Intent, ...] | Step:
    """The next steps of one invoice; what needs more than an intent is done right here."""
    following: tuple[Intent, ...] | Ready | Nothing | GiveCredit = ()
    if due.collected.state not in {"waiting", "held"}:
        return ()
    if due.alone:
        credited = credited_on(installation, due)
        following = next_alone(due.invoice, due.representation, due.found, customer, credited)
    elif due.invoice.reason == "change" and not due.found:
        return Step(charge_change(installation, books, account, due))
    elif any(not one.is_final for one in due.found):
        following = next_of_draft(due.representation, due.found, customer)
    match following:
        case Nothing():
            return Step(nothing_to_collect(installation, due))
        case Ready():
            return Step(*finish_draft(installation, books, account, due, following))
        case GiveCredit():
            return Step(give_credit(installation, books, account, due, following))
        case _:
            return following


def _to_begin(
    installation: Installation, known: Known, seen: Seen, customer: str
) -> tuple[Intent, ...]:
    """A direct purchase whose beginning was lost on the way."""
    purchase = known.purchase
    if purchase is None or purchase.way != "direct" or bought(purchase, seen) is not None:
        return ()
    return (start_intent(installation, purchase, customer),)


def _to_hold(known: Known, seen: Seen) -> tuple[Intent, ...]:
    return tuple(drafts_to_hold(seen, [mirror.provider_id for mirror in known.mirrors]))


def _changed_flats(known: Known) -> set[str]:
    """The subscriptions whose flats change by a plan change that is about to be charged."""
    return {
        due.collected.subscription
        for due in known.dues
        if due.invoice.reason == "change" and not due.found and not due.alone
    }


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


def _next_look(known: Known, seen: Seen) -> datetime | None:
    """When to look again although nothing is to be done: the provider has yet to do something."""
    waits = any(due.collected.state == "waiting" for due in known.dues)
    return seen.at + SOON if waits else None


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    known = [instant for instant in (one, other) if instant is not None]
    return min(known, default=None)


def _attend_once(
    installation: Installation, books: Books, account: Account, tries: int
) -> datetime | None:
    """Attend an account and tell the log what stands in the way; gives when to try again."""
    try:
        again = attend(installation, books, account)
    except Unreachable as error:
        log.warning("%s: %s", account.id, error)
        again = installation.now + _backoff(installation, tries)
    except Refused as refusal:
        log.warning("%s has something that is refused: %s", account.id, refusal)
        again = installation.now + LATEST_RETRY
    except Exception:
        log.exception("The account %s broke off by a mistake of ours.", account.id)
        again = installation.now + LATEST_RETRY
    return again


def _backoff(installation: Installation, tries: int) -> timedelta:
    """A minute, doubling to an hour, of which a random half is left out."""
    longest = min(SOON * (1 << min(tries, 10)), LATEST_RETRY)
    return longest / 2 + longest * installation.random_bits(10) // 2048
