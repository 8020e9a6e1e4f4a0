"""How does a billing account buy a plan through the payment provider?

By a checkout on the provider's page, or directly, with a subscription that is incomplete until its
first invoice is paid. Ours begins once the provider's has. What the provider would ask for first
is compared with what we would, before anything is asked of the customer; and an account that has
a subscription there cannot buy a second one by accident.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from tallygate.accounts.model import BillingAccount
from tallygate.adapters.store import (
    Transaction,
    accounts,
    attention,
    customers,
    events,
    outbox,
    purchases,
    subscriptions,
)
from tallygate.catalog.model import Interval
from tallygate.collection.contracted import WantedSubscription, what_to_have
from tallygate.collection.intents import OpenCheckout, OpenCustomer, StartSubscription
from tallygate.collection.provider import Books
from tallygate.collection.records import Purchase, Way
from tallygate.collection.representation import represent
from tallygate.collection.seen import OVER, Seen
from tallygate.collection.totals import Division
from tallygate.collection.two_keys import differences
from tallygate.core.errors import Conflict, Invalid, Refused
from tallygate.core.failpoints import failpoint
from tallygate.invoicing.assemble import first_invoice
from tallygate.invoicing.model import Invoice
from tallygate.subscriptions.calendar import phase_at
from tallygate.subscriptions.life import begin, check_terms, is_live
from tallygate.subscriptions.model import Redemption, Subscription
from tallygate.workflows.accounts import locate_account
from tallygate.workflows.contracts import StoredCatalogs, contract_of, latest
from tallygate.workflows.first_resource import first_priced
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.adopt import bought
from tallygate.workflows.mirror.carry_out import Account, carry_out
from tallygate.workflows.mirror.dues import PriceLists
from tallygate.workflows.mirror.identity import identity_of
from tallygate.workflows.subscribe import currency_of, plan_named, redeem


class Wish(NamedTuple):
    """What to buy, and by which way; `plan` is of the latest price list."""

    plan: str
    interval: Interval | None = None
    currency: str | None = None
    coupons: Sequence[str] = ()
    trial: bool = True
    way: Way = "checkout"
    success_url: str | None = None
    cancel_url: str | None = None
    email: str | None = None


def buy(
    installation: Installation,
    books: Books,
    billing_account: str,
    wish: Wish,
    *,
    tenant: str | None = None,
) -> Purchase:
    """Open a purchase; it has the address of a checkout, or the provider's subscription to pay.

    The same wish again, while it is open, is the same purchase; another wish takes its place.

    Raises:
        NotFound: there is no such billing account.
        Invalid: the plan, the interval, the currency or a coupon cannot be had.
        Conflict: the account has a subscription already, here or there.
        Refused: the provider refuses, or would ask for another sum than we do.
        Unreachable: it does not answer; the same call again goes on where this one stopped.
    """
    purchase, account, former = _open(installation, billing_account, wish, tenant)
    if former is not None and former.session is not None:
        books.expire_session(former.session)
    if purchase.session is not None and books.session(purchase.session).status == "open":
        return purchase
    customer = customer_for(installation, books, Account(account.id, account.organization), wish)
    assert customer is not None, "an open purchase has a customer"
    seen = books.look(customer, installation.now)
    _refuse_second(account, seen)
    begun = bought(purchase, seen)
    if begun is not None and begun.status not in OVER:  # who began it died before noting it
        purchase = replace(purchase, provider_id=begun.id)
    start = start_intent(installation, purchase, customer)
    try:
        _compare_first(installation, books, purchase, start)
        sold = _sell(installation, books, purchase, start, wish)
    except Refused:
        _give_up(installation, purchase)
        raise
    with installation.store.write() as tx:
        purchases.save(tx, sold)
        attention.mark(tx, account.id, account.organization, installation.now, "purchase")
        failpoint("purchase.sold.before")
    failpoint("purchase.sold.after")
    return sold


def customer_for(
    installation: Installation, books: Books, account: Account, wish: Wish | None = None
) -> str | None:
    """The provider's customer of an account; made where a purchase needs one."""
    with installation.store.read() as tx:
        known = customers.customer_of(tx, account.id)
        if known is not None or (wish is None and purchases.open_of(tx, account.id) is None):
            return known
        found = accounts.get_billing_account(tx, account.id, account.organization)
        kind = OpenCustomer.__name__
        made = outbox.last_answer(tx, account.id, kind)  # and whoever made it died before the link
        unsure = any(one.kind == kind for one in outbox.unfinished(tx, account.id))
    identity = identity_of(installation)
    intent = OpenCustomer(
        account.id,
        account.organization,
        found.name,
        None if wish is None else wish.email,
        identity.id,
        identity.epoch,
    )
    there = books.customers_of(account.id) if unsure and made is None else ()
    customer = made or (there[0] if there else carry_out(installation, books, account, intent))
    with installation.store.write() as tx:
        now = installation.now
        customers.link(tx, account.id, account.organization, customer, email=intent.email, at=now)
        failpoint("customer.commit.before")
    failpoint("customer.commit.after")
    return customer


def start_intent(
    installation: Installation, purchase: Purchase, customer: str
) -> StartSubscription:
    """How a purchase begins at the provider, with all items that it is to have."""
    with installation.store.read() as tx:
        return start_of(tx, installation, purchase, customer)


def start_of(
    tx: Transaction, installation: Installation, purchase: Purchase, customer: str
) -> StartSubscription:
    """The same, within a transaction."""
    wanted, _ = _begun(tx, installation, purchase)
    counted = tuple(item for item in wanted.counted if item.quantity)
    return StartSubscription(
        purchase=purchase.id,
        account=purchase.billing_account,
        customer=customer,
        items=(*wanted.flats, *counted, *wanted.metered),
        currency=purchase.currency,
        trial_days=purchase.trial_days,
        coupons=purchase.coupons,
        automatic_tax=installation.settings.automatic_tax,
    )


def _open(
    installation: Installation, billing_account: str, wish: Wish, tenant: str | None
) -> tuple[Purchase, BillingAccount, Purchase | None]:
    """The purchase of a wish, new or open already, its account, and the one that it replaces."""
    with installation.store.write() as tx:
        account = locate_account(tx, billing_account, tenant)
        version, catalog = latest(tx)
        plan = plan_named(catalog, wish.plan)
        if plan.is_free and not _has_priced(tx, installation, account):
            raise Invalid(
                f"The plan {plan.key} costs nothing, and the account pays for no resource that "
                "does: subscribe to it, there is nothing to buy.",
                param="plan",
            )
        had = subscriptions.of_account(tx, account.id)
        refuse_while_subscribed(tx, installation, had)
        interval = wish.interval or plan.intervals[0]
        currency = currency_of(catalog, account.currency, wish.currency)
        check_terms(plan, interval, currency)
        now = installation.now
        coupons = tuple(dict.fromkeys(wish.coupons))
        for coupon in coupons:
            redeem(tx, catalog, version, coupon, at=now, currency=currency)
        tried = any(one.trial_end is not None for one in had)
        wanted = Purchase(
            id=installation.ids.new("pur"),
            organization=account.organization,
            billing_account=account.id,
            plan=plan.key,
            interval=interval,
            currency=currency,
            catalog_version=version,
            way=wish.way,
            created_at=now,
            coupons=coupons,
            trial_days=plan.trial_days if wish.trial and not tried else 0,
        )
        former = purchases.open_of(tx, account.id)
        if former is not None and _same(former, wanted):
            return former, account, None
        if former is not None:
            purchases.save(tx, replace(former, state="expired"))
        purchases.add(tx, wanted)
        failpoint("purchase.commit.before")
    failpoint("purchase.commit.after")
    return wanted, account, former


def _has_priced(tx: Transaction, installation: Installation, account: BillingAccount) -> bool:
    """Whether an account on a free plan pays for a resource with a counted price now."""
    return any(
        first_priced(tx, installation, one) is not None
        for one in subscriptions.of_account(tx, account.id)
        if is_live(one, installation.now)
    )


def _same(one: Purchase, other: Purchase) -> bool:
    """Whether two purchases are of the same terms by the same way."""
    terms = ("plan", "interval", "currency", "catalog_version", "way", "coupons", "trial_days")
    return all(getattr(one, name) == getattr(other, name) for name in terms)


def _sell(
    installation: Installation,
    books: Books,
    purchase: Purchase,
    start: StartSubscription,
    wish: Wish,
) -> Purchase:
    """Have the purchase sold: the address of a checkout, or a subscription that is incomplete."""
    account = Account(purchase.billing_account, purchase.organization)
    if purchase.way == "direct":
        if purchase.provider_id is not None:
            return purchase
        return replace(purchase, provider_id=carry_out(installation, books, account, start))
    items = tuple(item for item in start.items if item.quantity is not None)
    if not items:
        raise Invalid(
            f"The plan {purchase.plan} has nothing to pay in advance, and a checkout sells what "
            "is paid in advance: buy it directly.",
            param="plan",
        )
    settings = installation.settings
    success, cancel = (
        wish.success_url or settings.success_url,
        wish.cancel_url or settings.cancel_url,
    )
    if success is None or cancel is None:
        raise Invalid(
            "Say where the checkout leads back to: success_url and cancel_url, or "
            "TALLYGATE_SUCCESS_URL and TALLYGATE_CANCEL_URL.",
            param="success_url",
        )
    opened = OpenCheckout(
        purchase=purchase.id,
        account=purchase.billing_account,
        customer=start.customer,
        items=items,
        currency=purchase.currency,
        success_url=success,
        cancel_url=cancel,
        trial_days=purchase.trial_days,
        coupons=purchase.coupons,
        automatic_tax=start.automatic_tax,
    )
    session, _, url = carry_out(installation, books, account, opened).partition(" ")
    return replace(purchase, session=session, url=url)


def _compare_first(
    installation: Installation, books: Books, purchase: Purchase, start: StartSubscription
) -> None:
    """Compare the first invoice, which is final at birth there, before it is asked for.

    Raises:
        Refused: the provider would ask for another sum.
    """
    foreseen = books.foresee_start(start)
    with installation.store.read() as tx:
        _, invoice = _begun(tx, installation, purchase)
        if invoice is None or foreseen is None:
            return
        lists = PriceLists.stored(tx)
        keys = [item.price.key for item in start.items]
        shown = represent(invoice, lists.held, Division(), keys, lists.product_of)
    lacking = {one.mark for one in shown.put}
    said = differences(invoice, replace(shown, put=()), [foreseen])
    if said and not lacking:
        raise Refused(
            f"{books.name} would ask for another sum than we do: {'; '.join(said)}. Publish the "
            "price list (`tallygate catalog apply --commit`), then try again.",
            code="provider_differs",
        )


def _begun(
    tx: Transaction, installation: Installation, purchase: Purchase
) -> tuple[WantedSubscription, Invoice | None]:
    """What a purchase would be if it began now: what the provider has, and the first invoice."""
    now = installation.this_second()
    catalogs = StoredCatalogs(tx, [purchase.catalog_version])
    subscription: Subscription = begin(
        id="",
        organization=purchase.organization,
        billing_account=purchase.billing_account,
        currency=purchase.currency,
        plan=catalogs[purchase.catalog_version].plans[purchase.plan],
        interval=purchase.interval,
        catalog_version=purchase.catalog_version,
        at=now,
        trial_days=purchase.trial_days,
        redemptions=tuple(
            Redemption(key, now, None, purchase.catalog_version) for key in purchase.coupons
        ),
    )
    contract = contract_of(tx, installation, subscription, now)
    wanted = what_to_have(contract, PriceLists.stored(tx).held, now)
    return wanted, first_invoice(contract, events.last_position(tx))


def refuse_while_subscribed(
    tx: Transaction, installation: Installation, had: Sequence[Subscription]
) -> None:
    """Make sure that what lives of an account's subscriptions costs nothing.

    Raises:
        Conflict: one of them does.
    """
    for one in had:
        if not is_live(one, installation.now):
            continue
        phase = phase_at(one, installation.now)
        catalog = StoredCatalogs(tx, [phase.catalog_version])[phase.catalog_version]
        if not catalog.plans[phase.plan].is_free:
            raise Conflict(
                f"The billing account {one.billing_account} has the subscription {one.id} on the "
                f"plan {phase.plan} already: change its plan, or end it.",
                code="subscribed_already",
            )


def _refuse_second(account: BillingAccount, seen: Seen) -> None:
    """Make sure that no subscription lives there that we know nothing of.

    Raises:
        Conflict: one does.
    """
    for one in seen.subscriptions:
        if one.lives:
            raise Conflict(
                f"The customer {seen.customer.id} of {account.id} has the subscription {one.id} "
                "at the provider already: let the account be attended (`tallygate reconcile`), "
                "or end it there.",
                code="subscribed_already",
            )


def _give_up(installation: Installation, purchase: Purchase) -> None:
    with installation.store.write() as tx:
        purchases.save(tx, replace(purchase, state="refused"))
