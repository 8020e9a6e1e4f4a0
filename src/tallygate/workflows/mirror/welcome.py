"""What becomes of somebody who has bought through a payment link?

The link knows nobody: whoever opens it can change the reference that it carries, so a reference
binds an account only where we have signed it. Without one, the buyer becomes an organization of
one with a billing account of its own; with one, the purchase is the account's. But a link makes a
customer of each buyer, and an account is one customer: where it has bought already, or is buying,
what comes by a link is a new account's too, and the operator is told.
"""

import hashlib
import hmac
import logging
from dataclasses import replace

from tallygate.accounts.model import BillingAccount
from tallygate.adapters.store import (
    Transaction,
    accounts,
    attention,
    customers,
    mirrors,
    purchases,
    subscriptions,
)
from tallygate.catalog.model import Catalog, Interval
from tallygate.collection.contracted import HeldPrices
from tallygate.collection.provider import Books
from tallygate.collection.records import Purchase
from tallygate.collection.seen import SeenSession, SeenSubscription
from tallygate.core.errors import Conflict, Refused
from tallygate.core.failpoints import failpoint
from tallygate.workflows.accounts import MAX_NAME, add_organization
from tallygate.workflows.contracts import latest
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.identity import identity_of
from tallygate.workflows.mirror.purchase import refuse_while_subscribed
from tallygate.workflows.record import MIRROR, record

SIGNED_CHARACTERS = 32

log = logging.getLogger("tallygate.mirror")


def reference_for(installation: Installation, billing_account: str) -> str:
    """What a payment link's `client_reference_id` has to be for an account to be bound by it."""
    return f"{billing_account}_{_signature(installation, billing_account)}"


def welcome(installation: Installation, books: Books, session: SeenSession) -> Purchase | None:
    """Note the purchase of a link's checkout that was paid for; None: it was not, or is known.

    Raises:
        Refused: what was sold is none of our plans.
    """
    if session.customer is None or session.subscription is None or not session.paid:
        return None
    with installation.store.read() as tx:
        if purchases.by_session(tx, session.id) is not None:
            return None
        version, catalog = latest(tx)
    seen = books.look(session.customer, installation.now)
    theirs = seen.subscription(session.subscription)
    if theirs is None:
        return None
    plan, interval = plan_sold(catalog, version, theirs)
    named = None if session.reference is None else _signed_for(installation, session.reference)
    expired = None if named is None else _expire_checkout(installation, books, named)
    with installation.store.write() as tx:
        if purchases.by_session(tx, session.id) is not None:
            return None
        account = _account_of(tx, installation, session, named, expired)
        purchase = Purchase(
            id=installation.ids.new("pur"),
            organization=account.organization,
            billing_account=account.id,
            plan=plan,
            interval=interval,
            currency=seen.customer.currency or catalog.currencies[0],
            catalog_version=version,
            way="link",
            created_at=installation.now,
            coupons=theirs.coupons,
            provider_id=theirs.id,
            session=session.id,
        )
        purchases.add(tx, purchase)
        _note(tx, installation, purchase, named)
        failpoint("welcome.commit.before")
    failpoint("welcome.commit.after")
    return purchase


def plan_sold(catalog: Catalog, version: int, theirs: SeenSubscription) -> tuple[str, Interval]:
    """The plan and the interval whose flats are exactly those that a subscription there has.

    Raises:
        Refused: there is no such plan.
    """
    held = HeldPrices({version: catalog})
    there = {item.key for item in theirs.items if item.key in held.flat_keys}
    for plan in catalog.plans.values():
        for interval in plan.intervals:
            flats = {one.key for one in plan.prices_for(interval) if one.kind == "flat"}
            if flats and flats == there:
                return plan.key, interval
    raise Refused(
        f"The subscription {theirs.id} has the flat prices {', '.join(map(str, there)) or 'none'},"
        " which are those of no plan: publish the price list that its link was made from.",
        code="no_such_plan",
    )


def _expire_checkout(installation: Installation, books: Books, account: str) -> str | None:
    """Let nobody pay an open checkout of an account that has bought by a link; gives its session.

    None: there is none, or it is paid for, too.
    """
    with installation.store.read() as tx:
        former = purchases.open_of(tx, account)
    if former is None or former.session is None or former.provider_id is not None:
        return None
    books.expire_session(former.session)
    return former.session if books.session(former.session).status == "expired" else None


def _account_of(
    tx: Transaction,
    installation: Installation,
    session: SeenSession,
    named: str | None,
    expired: str | None,
) -> BillingAccount:
    """The account of a buyer: the customer's, the one that was signed for, or a new one."""
    assert session.customer is not None, "somebody has bought"
    owner = customers.account_of(tx, session.customer)
    if owner is not None:
        return accounts.get_billing_account(tx, owner[1], owner[0])
    if named is not None and _takes_another_customer(tx, installation, named, expired):
        account = accounts.get_billing_account(tx, named)
        former = purchases.open_of(tx, named)
        if former is not None:
            purchases.save(tx, replace(former, state="expired"))
        customers.unlink(tx, named)
    else:
        _, account = add_organization(tx, installation, _name(session))
    customers.link(
        tx,
        account.id,
        account.organization,
        session.customer,
        email=session.email,
        at=installation.now,
    )
    return account


def _takes_another_customer(
    tx: Transaction, installation: Installation, account: str, expired: str | None
) -> bool:
    """Whether an account has neither bought nor is buying; each buyer by a link is a new customer.

    One that has bought keeps its customer, whose credit and invoices are its own.
    """
    former = purchases.open_of(tx, account)
    if former is not None and former.session != expired:
        return False
    try:
        refuse_while_subscribed(tx, installation, subscriptions.of_account(tx, account))
    except Conflict:
        return False
    return not mirrors.of_account(tx, account)


def _note(
    tx: Transaction, installation: Installation, purchase: Purchase, named: str | None
) -> None:
    """Have the purchase begin, and record it; with the account that it could not be bound to."""
    owner, account = purchase.organization, purchase.billing_account
    attention.mark(tx, account, owner, installation.now, "link")
    detail = {"plan": purchase.plan, "interval": purchase.interval}
    if named not in {None, account}:
        log.warning(
            "%s has a subscription or is buying one, so what was bought for it by a payment link "
            "belongs to a new billing account, %s.",
            named,
            account,
        )
        detail["not_bound_to"] = str(named)
    record(
        tx,
        installation,
        MIRROR,
        "purchase.link",
        purchase.id,
        organization=owner,
        billing_account=account,
        **detail,
    )


def _name(session: SeenSession) -> str:
    """What to call a buyer: a name that somebody typed, as far as it is one."""
    typed = "".join(one for one in session.name or session.email or "" if one.isprintable())
    return typed.strip()[:MAX_NAME] or session.id


def _signed_for(installation: Installation, reference: str) -> str | None:
    """The account that a reference binds; None: we have not signed it, or it is there no more."""
    account, _, signature = reference.rpartition("_")
    expected = _signature(installation, account)
    if not hmac.compare_digest(signature.encode(), expected.encode()):
        return None
    with installation.store.read() as tx:
        return account if accounts.owner_of(tx, account) is not None else None


def _signature(installation: Installation, billing_account: str) -> str:
    secret = installation.settings.secret or identity_of(installation).secret
    message = f"client reference {billing_account}".encode()
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()[:SIGNED_CHARACTERS]
