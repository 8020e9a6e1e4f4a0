"""How do the payment provider and we come to agree on one billing account?

Look at what is there; take over what the provider decides; work out what is missing; have it
done; and look again, until nothing is missing. Nothing of it depends on how the account came to be
as it is, so a crash between any two steps, a lost answer, a webhook that never came and a restored
backup are all mended by the next look.
"""

import logging
from datetime import datetime, timedelta
from typing import NamedTuple

from tallygate.adapters.store import Transaction, attention, collections, customers
from tallygate.adapters.store.attention import Marked
from tallygate.collection.collecting import Nothing, Ready, next_alone, next_of_draft
from tallygate.collection.intents import ChangeFlats, GiveCredit, Intent
from tallygate.collection.provider import Books
from tallygate.collection.seen import Seen
from tallygate.core.errors import Refused, Unreachable
from tallygate.core.failpoints import failpoint
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.agree import Known, next_intents, take_in
from tallygate.workflows.mirror.carry_out import Account, carry_out, supersede
from tallygate.workflows.mirror.charge import (
    charge_change,
    credited_on,
    finish_draft,
    give_credit,
    nothing_to_collect,
)
from tallygate.workflows.mirror.dues import Due
from tallygate.workflows.mirror.glance import AtRest, at_rest, has_news
from tallygate.workflows.mirror.purchase import customer_for
from tallygate.workflows.mirror.witness import refuse_where_shut

LEASE = timedelta(minutes=5)
AT_ONCE = 20
"""So many accounts are taken together: their lease must outlast all of them."""

MOST_LOOKS = 20
PAGE = 100
SOON = timedelta(minutes=1)
LATEST_RETRY = timedelta(hours=1)

log = logging.getLogger("tallygate.mirror")

Following = tuple[Intent, ...] | ChangeFlats | Ready | Nothing | GiveCredit
"""What comes next for an invoice: intents, or what needs more than to be carried out."""


class Step(NamedTuple):
    """What came of one look: whether something was done, and when to look again if not."""

    moved: bool
    again_at: datetime | None = None


def attend_due(installation: Installation, books: Books, most: int = 100) -> int:
    """Attend the accounts that are marked, the longest waiting first; gives how many.

    Raises:
        Conflict: the sender is shut; nobody was attended.
    """
    refuse_where_shut(installation)
    attended = 0
    while attended < most:
        with installation.store.write() as tx:
            taken = attention.take(tx, installation.now, min(AT_ONCE, most - attended), LEASE)
        resting = at_rest(installation, [one.billing_account for one in taken])
        again = [
            (one, _attend_once(installation, books, one, resting.get(one.billing_account)))
            for one in taken
        ]
        with installation.store.write() as tx:
            attention.finish_all(tx, again, installation.now)
        attended += len(taken)
        if len(taken) < AT_ONCE:
            break
    return attended


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


def attend(
    installation: Installation, books: Books, account: Account, rest: AtRest | None = None
) -> datetime | None:
    """Bring both sides of an account to agree; gives when to look again, if something is open.

    `rest` is what is known of it where nothing is open here: a look without news is all then.

    Raises:
        Refused: the provider refuses a step; the account's other steps are done.
        Unreachable: it does not answer.
    """
    for _ in range(MOST_LOOKS):
        customer = customer_for(installation, books, account) if rest is None else rest.customer
        if customer is None:
            return None
        there = () if rest is not None else _provider_invoices(installation, account)
        seen = books.look(customer, installation.now, there)
        failpoint("attend.looked")
        if rest is not None and not has_news(rest, seen):
            return None
        rest = None
        step = _move(installation, books, account, customer, seen)
        if not step.moved:
            return step.again_at
    log.warning("%s does not agree after %d looks; it is tried again.", account.id, MOST_LOOKS)
    return installation.now + LATEST_RETRY


def _provider_invoices(installation: Installation, account: Account) -> list[str]:
    """The provider's invoices that those still to be collected stand on."""
    with installation.store.read() as tx:
        unsettled = collections.unsettled_of(tx, account.id)
    return [id_ for one in unsettled for id_ in one.provider_invoices]


def _move(
    installation: Installation, books: Books, account: Account, customer: str, seen: Seen
) -> Step:
    """Take over what was seen, and have done what is missing then."""
    with installation.store.write() as tx:
        known = take_in(tx, installation, account, seen)
        intents = list(next_intents(tx, installation, account, known, seen))
        following = [(due, _following(tx, due, customer)) for due in known.dues]
        intents += [step for _, steps in following if isinstance(steps, tuple) for step in steps]
        supersede(tx, account, intents)
        failpoint("adopt.commit.before")
    failpoint("adopt.commit.after")
    moved, again = False, _next_look(known, seen)
    for due, what in following:
        if not isinstance(what, tuple):
            done = _finish(installation, books, account, due, what)
            moved |= done.moved
            again = _earlier(again, done.again_at)
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


def _following(tx: Transaction, due: Due, customer: str) -> Following:
    """What comes next for an invoice."""
    if due.collected.state not in {"waiting", "held"}:
        return ()
    if due.exchange is not None:
        return due.exchange
    if due.alone:
        return next_alone(
            due.invoice,
            due.representation,
            due.found,
            customer,
            credited=credited_on(tx, due),
            payment_method=None if due.there is None else due.there.payment_method,
        )
    if any(not one.is_final for one in due.found):
        return next_of_draft(due.representation, due.found, customer)
    return ()


def _finish(
    installation: Installation,
    books: Books,
    account: Account,
    due: Due,
    what: ChangeFlats | Ready | Nothing | GiveCredit,
) -> Step:
    """Do what needs more than an intent: a comparison before it, or a note after it."""
    match what:
        case ChangeFlats():
            return Step(charge_change(installation, books, account, due, what))
        case Ready():
            return Step(*finish_draft(installation, books, account, due, what))
        case GiveCredit():
            return Step(give_credit(installation, books, account, due, what))
        case Nothing():
            return Step(nothing_to_collect(installation, due))


def _next_look(known: Known, seen: Seen) -> datetime | None:
    """When to look again although nothing is to be done: the provider has yet to do something."""
    waits = any(due.collected.state == "waiting" for due in known.dues)
    return seen.at + SOON if waits else None


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    known = [instant for instant in (one, other) if instant is not None]
    return min(known, default=None)


def _attend_once(
    installation: Installation, books: Books, marked: Marked, rest: AtRest | None
) -> datetime | None:
    """Attend an account and tell the log what stands in the way; gives when to try again."""
    account = Account(marked.billing_account, marked.organization)
    try:
        again = attend(installation, books, account, rest)
    except Unreachable as error:
        log.warning("%s: %s", account.id, error)
        again = installation.now + _backoff(installation, marked.tries)
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
