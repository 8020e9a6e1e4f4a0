"""Do the payment provider and we agree, on every account, and what is to be done where we do not?

A plan first; `commit` carries it out, account by account, by attending it, and reports usage anew
where another total is shown than the one that was reported. What neither mends is for an operator.

After a restore `adopt` takes the provider's state as known: what it holds is what was sent. A new
epoch begins, so that nothing that is sent from now on is mistaken for something that was sent
before the restore, and the sender is opened. Totals of usage need no taking over: the next one
comes with a later stamp, and says what the event log comes to.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from tallygate.adapters.store import (
    Transaction,
    accounts,
    attention,
    audit_log,
    collections,
    customers,
    mirrors,
    purchases,
    totals,
)
from tallygate.adapters.store import installation as installations
from tallygate.adapters.store.audit_log import Entry
from tallygate.collection.provider import Books
from tallygate.collection.records import Purchase
from tallygate.collection.seen import Seen, SeenSubscription
from tallygate.core.errors import Refused
from tallygate.core.failpoints import failpoint
from tallygate.core.period import Period
from tallygate.workflows.contracts import latest
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.agree import take_in
from tallygate.workflows.mirror.attend import attend
from tallygate.workflows.mirror.carry_out import Account, carry_out
from tallygate.workflows.mirror.examine import Findings, examine, mark_of
from tallygate.workflows.mirror.identity import identity_of
from tallygate.workflows.mirror.sync import sync_account
from tallygate.workflows.mirror.sync_view import Standing
from tallygate.workflows.mirror.welcome import plan_sold
from tallygate.workflows.mirror.witness import renew

PAGE = 200
SETTLES_WITHIN = timedelta(minutes=10)
"""How long what was reported may take until the provider shows it."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """An account, what differed, and what still does once it was repaired (None: only asked)."""

    findings: Findings
    left: Findings | None = None


def reconcile(
    installation: Installation,
    books: Books,
    *,
    billing_account: str | None = None,
    period: Period | None = None,
    commit: bool = False,
    told: Callable[[Reconciled], None] = lambda _one: None,
) -> list[Reconciled]:
    """Compare accounts that are customers of the provider's, and repair them with `commit`.

    Gives those that differ. `told` hears of every account that was looked at.

    Raises:
        NotFound: there is no such billing account.
        Refused: the provider refuses to show an account, or to be changed as planned.
        Unreachable: it does not answer; the same call goes on where this one stopped.
    """
    differing = []
    for account in _accounts(installation, billing_account):
        findings = examine(installation, books, account, period)
        left = None
        if commit and findings.differ:
            repair(installation, books, findings)
            left = examine(installation, books, account, period)
        one = Reconciled(findings, left)
        told(one)
        if findings.differ:
            differing.append(one)
    return differing


def repair(installation: Installation, books: Books, findings: Findings) -> None:
    """Do what can be done about what was found on an account."""
    account = findings.account
    seen = books.look(findings.customer, installation.now)
    marked = mark_of(installation, account, seen)
    if marked is not None:
        carry_out(installation, books, account, marked)
    _report_anew(installation, findings.usage)
    attend(installation, books, account)
    sync_account(installation, books, account.id)


def adopt(
    installation: Installation, books: Books, *, commit: bool, told: Callable[[str], None]
) -> int:
    """Take the provider's state as known, after a restore; gives how many accounts it concerns.

    Without `commit`, `told` only hears what would be taken over.

    Raises:
        Refused: the provider refuses to show something.
        Unreachable: it does not answer. Nothing is sent until a later call has come to its end.
    """
    unknown = _link_customers(installation, books, commit=commit, told=told)
    if commit:
        with installation.store.write() as tx:
            installations.shut_sender(tx)
            installations.raise_epoch(tx)
            failpoint("adopt.epoch.before")
    count = 0
    for account in _accounts(installation, None):
        count += 1
        _adopt_account(installation, books, account, commit=commit, told=told)
    if not commit:
        return count
    identity = identity_of(installation)
    with installation.store.write() as tx:
        installations.open_sender(tx)
        audit_log.append(
            tx,
            Entry(
                at=installation.now,
                actor="reconcile",
                operation="adopted",
                subject=f"{identity.id}:{identity.epoch}",
                detail={"accounts": count, "unknown_customers": unknown},
            ),
        )
    renew(installation, books, books.witness())
    for account in _accounts(installation, None):
        seen = books.look(_customer(installation, account), installation.now)
        marked = mark_of(installation, account, seen)
        if marked is not None:
            carry_out(installation, books, account, marked)
        with installation.store.write() as tx:
            attention.mark(tx, account.id, account.organization, installation.now, "adopted")
    return count


def _accounts(installation: Installation, billing_account: str | None) -> Iterator[Account]:
    """The accounts that are customers, all or one, a page at a time."""
    after: str | None = None
    while True:
        with installation.store.read() as tx:
            page = customers.linked(tx, after, PAGE)
        for one in page:
            if billing_account in {None, one.billing_account}:
                yield Account(one.billing_account, one.organization)
        if len(page) < PAGE:
            return
        after = page[-1].billing_account


def _customer(installation: Installation, account: Account) -> str:
    with installation.store.read() as tx:
        customer = customers.customer_of(tx, account.id)
    assert customer is not None, "only customers are asked for"
    return customer


def _report_anew(installation: Installation, usage: tuple[Standing, ...]) -> None:
    """Let totals be reported again of which the provider shows another than was reported."""
    now = installation.now
    with installation.store.write() as tx:
        for one in usage:
            if one.reported is None or one.reported == one.shown:
                continue
            last = totals.latest(tx, one.subscription, one.price, one.period.start)
            if last is None or last.sent_at is None or now - last.sent_at < SETTLES_WITHIN:
                continue
            shown = "none" if one.shown is None else str(one.shown)
            problem = f"the provider shows {shown} instead"
            totals.save(tx, replace(last, state="failed", problem=problem))


def _link_customers(
    installation: Installation, books: Books, *, commit: bool, told: Callable[[str], None]
) -> int:
    """Link customers there that are marked with accounts of ours; gives how many are nobody's."""
    unknown = 0
    for there in books.customers():
        account = there.account or ""
        with installation.store.read() as tx:
            owner = accounts.owner_of(tx, account)
            known = customers.customer_of(tx, account)
        if owner is None:
            unknown += 1
            told(f"The customer {there.id} is marked with {account}, which is not here.")
        elif known is None:
            told(f"The customer {there.id} is {account}'s.")
            if commit:
                with installation.store.write() as tx:
                    customers.link(
                        tx, account, owner[0], there.id, email=there.email, at=installation.now
                    )
        elif known != there.id:
            told(f"The customer {there.id} is marked with {account}, whose customer is {known}.")
    return unknown


def _adopt_account(
    installation: Installation,
    books: Books,
    account: Account,
    *,
    commit: bool,
    told: Callable[[str], None],
) -> None:
    """Take over an account's subscriptions, invoices and totals as they are there."""
    seen = books.look(_customer(installation, account), installation.now)
    with installation.store.write() as tx:
        for theirs in _not_here(tx, account, seen):
            try:
                purchase = _bought_before(tx, installation, account, theirs)
            except Refused as refusal:
                told(str(refusal))
                continue
            told(f"The subscription {theirs.id} of {account.id} is on {purchase.plan}.")
            if commit:
                purchases.add(tx, purchase)
        if not commit:
            return
        take_in(tx, installation, account, seen)
        for collected in collections.of_account(tx, account.id):
            # What was final there before the restore was compared then; events that were lost
            # with the database are sent again by whoever sent them, or are for an operator.
            if collected.shortfall and collected.carried_by is None:
                collections.save(tx, replace(collected, shortfall=0, approved=True))
                told(f"The invoice {collected.invoice} differs: {collected.differences}")
        failpoint("adopt.account.before")


def _not_here(tx: Transaction, account: Account, seen: Seen) -> Iterator[SeenSubscription]:
    """The subscriptions that live there and are linked to none of ours."""
    if purchases.open_of(tx, account.id) is not None:
        return
    for one in seen.subscriptions:
        if one.lives and mirrors.by_provider_id(tx, one.id) is None:
            yield one


def _bought_before(
    tx: Transaction, installation: Installation, account: Account, theirs: SeenSubscription
) -> Purchase:
    """The purchase that a subscription must have come from, which the database has forgotten.

    Raises:
        Refused: what it sells is none of our plans.
    """
    version, catalog = latest(tx)
    plan, interval = plan_sold(catalog, version, theirs)
    owner = accounts.get_billing_account(tx, account.id, account.organization)
    return Purchase(
        id=installation.ids.new("pur"),
        organization=account.organization,
        billing_account=account.id,
        plan=plan,
        interval=interval,
        currency=owner.currency or catalog.currencies[0],
        catalog_version=version,
        way="direct",
        created_at=installation.now,
        coupons=theirs.coupons,
        provider_id=theirs.id,
    )
