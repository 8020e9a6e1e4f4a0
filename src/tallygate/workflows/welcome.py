"""What becomes of somebody who has bought through a payment link?

The link knows nobody: whoever opens it can change the reference that it carries, so a reference
binds an account only where we have signed it. Without one, the buyer becomes an organization of
one with a billing account of its own; with one, the purchase is the account's.
"""

import hashlib
import hmac

from tallygate.accounts.model import BillingAccount
from tallygate.adapters.store import accounts, attention, customers, purchases
from tallygate.catalog.model import Catalog, Interval
from tallygate.collection.contracted import HeldPrices
from tallygate.collection.provider import Books
from tallygate.collection.records import Purchase
from tallygate.collection.seen import SeenSession, SeenSubscription
from tallygate.core.errors import Refused
from tallygate.workflows.accounts import create_organization
from tallygate.workflows.contracts import latest
from tallygate.workflows.identity import identity_of
from tallygate.workflows.installation import Installation

SIGNED_CHARACTERS = 32


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
        owner = customers.account_of(tx, session.customer)
        version, catalog = latest(tx)
    seen = books.look(session.customer, installation.now)
    theirs = seen.subscription(session.subscription)
    if theirs is None:
        return None
    plan, interval = plan_sold(catalog, version, theirs)
    account = _account_of(installation, session, owner)
    with installation.store.write() as tx:
        if purchases.by_session(tx, session.id) is not None:
            return None
        now = installation.now
        if customers.customer_of(tx, account.id) is None:
            owner_of = account.organization
            customers.link(tx, account.id, owner_of, session.customer, email=session.email, at=now)
        purchase = Purchase(
            id=installation.ids.new("pur"),
            organization=account.organization,
            billing_account=account.id,
            plan=plan,
            interval=interval,
            currency=seen.customer.currency or catalog.currencies[0],
            catalog_version=version,
            way="link",
            created_at=now,
            coupons=theirs.coupons,
            provider_id=theirs.id,
            session=session.id,
        )
        purchases.add(tx, purchase)
        attention.mark(tx, account.id, account.organization, now, "link")
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


def _account_of(
    installation: Installation, session: SeenSession, owner: tuple[str, str] | None
) -> BillingAccount:
    """The account of a buyer: the customer's, the one that was signed for, or a new one."""
    if owner is None and session.reference is not None:
        owner = _signed_for(installation, session.reference)
    if owner is None:
        made = create_organization(installation, session.name or session.email or session.id)
        owner = made.id, made.billing_account
    with installation.store.read() as tx:
        organization, account = owner
        return accounts.get_billing_account(tx, account, organization)


def _signed_for(installation: Installation, reference: str) -> tuple[str, str] | None:
    account, _, signature = reference.rpartition("_")
    if not hmac.compare_digest(signature, _signature(installation, account)):
        return None
    with installation.store.read() as tx:
        return accounts.owner_of(tx, account)


def _signature(installation: Installation, billing_account: str) -> str:
    secret = installation.settings.secret or identity_of(installation).secret
    message = f"client reference {billing_account}".encode()
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()[:SIGNED_CHARACTERS]
