"""How does a billing account come to a subscription?

It names a plan of the latest price list. The first subscription fixes the account's currency; an
account has one that lives at a time. What is billed in advance is invoiced in the same
transaction.
"""

from collections.abc import Sequence
from datetime import datetime

from tallygate.adapters.store import Transaction, customers, subscriptions
from tallygate.catalog.model import Catalog, Coupon, Interval, Plan
from tallygate.core.errors import Conflict, Invalid
from tallygate.core.failpoints import failpoint
from tallygate.core.period import instant_text
from tallygate.invoicing.model import Invoice
from tallygate.subscriptions.life import begin, is_live
from tallygate.subscriptions.model import Redemption, Subscription
from tallygate.workflows.accounts import locate_account
from tallygate.workflows.begin import enter, make_room
from tallygate.workflows.contracts import StoredCatalogs, latest
from tallygate.workflows.installation import Installation


def subscribe(
    installation: Installation,
    billing_account: str,
    plan: str,
    *,
    interval: Interval | None = None,
    currency: str | None = None,
    coupons: Sequence[str] = (),
    at: datetime | None = None,
    anchor_day: int | None = None,
    trial: bool = True,
    collect: bool = True,
    tenant: str | None = None,
) -> tuple[Subscription, Invoice | None]:
    """Begin a subscription; gives it, and the invoice of what is billed in advance.

    `billing_account` is our id of it or the platform's own, or an organization's name for its own.
    Left out, `interval` is the plan's first (month before year), and `currency` the account's or
    the only one of the price list. `trial=False` forgoes the plan's trial. A free plan has no
    invoice, and makes room for a plan that costs something. `collect=False` says that the account
    is billed elsewhere, where there is a payment provider.

    Raises:
        NotFound: there is no such billing account.
        Invalid: the plan, the interval, the currency or a coupon cannot be had.
        Conflict: the account has a subscription that lives, or another currency; or nobody would
            collect what the plan costs (code `purchase_needed`).
    """
    at = at or installation.this_second()
    with installation.store.write() as tx:
        account = locate_account(tx, billing_account, tenant)
        version, catalog = latest(tx)
        wanted = plan_named(catalog, plan)
        refuse_uncollected(tx, installation, account.id, wanted, collect=collect)
        _retire(tx, account.id, wanted, at)
        chosen = currency_of(catalog, account.currency, currency)
        subscription = begin(
            id=installation.ids.new("sub"),
            organization=account.organization,
            billing_account=account.id,
            currency=chosen,
            plan=wanted,
            interval=interval or wanted.intervals[0],
            catalog_version=version,
            at=at,
            trial_days=wanted.trial_days if trial and not wanted.is_free else 0,
            anchor_day=anchor_day,
            redemptions=tuple(
                redeem(tx, catalog, version, coupon, at=at, currency=chosen)
                for coupon in dict.fromkeys(coupons)
            ),
        )
        subscription, invoice = enter(tx, installation, subscription)
        failpoint("subscribe.commit.before")
    failpoint("subscribe.commit.after")
    return subscription, invoice


def refuse_uncollected(
    tx: Transaction, installation: Installation, billing_account: str, plan: Plan, *, collect: bool
) -> None:
    """Make sure that somebody collects what a plan costs, and nobody does it twice.

    Raises:
        Conflict: it has to be bought through the payment provider (code `purchase_needed`); or
            the account is to be billed elsewhere, and is a customer of the provider's.
    """
    if plan.is_free:
        return
    if collect and installation.settings.collects:
        raise Conflict(
            f"The plan {plan.key} is paid for through the payment provider, and nobody would "
            "collect it so: buy it through a checkout (POST /v1/checkouts). Where the account is "
            "billed elsewhere, the platform says so: `collect: false`.",
            param="plan",
            code="purchase_needed",
        )
    customer = None if collect else customers.customer_of(tx, billing_account)
    if customer is not None:
        raise Conflict(
            f"The billing account {billing_account} is the customer {customer} at the payment "
            "provider, who would pay there too: bill elsewhere by another billing account.",
            param="collect",
            code="collected_already",
        )


def plan_named(catalog: Catalog, key: str) -> Plan:
    """A plan of a price list.

    Raises:
        Invalid: it has no such plan; the sentence lists those that it has.
    """
    plan = catalog.plans.get(key)
    if plan is None:
        offered = ", ".join(catalog.plans) or "none"
        raise Invalid(f"There is no plan {key[:128]!r}. There are: {offered}.", param="plan")
    return plan


def redeem(
    tx: Transaction, catalog: Catalog, version: int, key: str, *, at: datetime, currency: str
) -> Redemption:
    """A coupon, redeemed at an instant, if it still can be.

    Redemptions are counted over the whole installation. The transaction is the only writer, so
    that nobody else redeems the last one at the same time.

    Raises:
        Invalid: there is no such coupon, or it takes nothing off in this currency.
        Conflict: it is too late, or it was redeemed as often as it may be.
    """
    coupon = catalog.coupons.get(key)
    if coupon is None:
        raise Invalid(f"There is no coupon {key[:128]!r}: check its spelling.", param="coupons")
    _check_coupon(coupon, at=at, currency=currency)
    limit = coupon.max_redemptions
    if limit is not None and subscriptions.redemptions_of(tx, key) >= limit:
        times = f"{limit} time{'s' if limit > 1 else ''}"
        raise Conflict(
            f"The coupon {key} was redeemed {times}, as often as it may be.", param="coupons"
        )
    return Redemption(key, at, None, version)


def _check_coupon(coupon: Coupon, *, at: datetime, currency: str) -> None:
    if coupon.redeem_by is not None and at > coupon.redeem_by:
        raise Conflict(
            f"The coupon {coupon.key} could be redeemed until {instant_text(coupon.redeem_by)}.",
            param="coupons",
        )
    if coupon.amount_off is not None and currency not in coupon.amount_off:
        offered = ", ".join(sorted(coupon.amount_off))
        raise Invalid(
            f"The coupon {coupon.key} takes off an amount in {offered}, not in {currency}.",
            param="coupons",
        )


def _retire(tx: Transaction, billing_account: str, wanted: Plan, at: datetime) -> None:
    """Make room: what has ended is noted, and what costs nothing ends for what costs something.

    Raises:
        Conflict: the account has a subscription that lives, and stays.
    """
    for subscription in subscriptions.of_account(tx, billing_account):
        if not is_live(subscription, at):
            continue
        if wanted.is_free or not costs_nothing(tx, subscription, at):
            raise Conflict(
                f"The billing account {billing_account} has the subscription {subscription.id} on "
                f"the plan {subscription.phases[-1].plan} already: change its plan, or end it."
            )
    make_room(tx, billing_account, at)


def costs_nothing(tx: Transaction, subscription: Subscription, at: datetime) -> bool:
    """Whether all plans that a subscription has from an instant on are free."""
    catalogs = StoredCatalogs(tx, {phase.catalog_version for phase in subscription.phases})
    phases = [one for one in subscription.phases if one.until is None or one.until > at]
    return all(catalogs[one.catalog_version].plans[one.plan].is_free for one in phases)


def currency_of(catalog: Catalog, fixed: str | None, asked: str | None) -> str:
    """The currency of a new subscription.

    Raises:
        Conflict: the account has another one.
        Invalid: the price list has several, and none was asked for; or it lacks the one asked for.
    """
    if fixed is not None and asked not in (None, fixed):
        raise Conflict(
            f"The billing account pays in {fixed}, as its first subscription did: another "
            "currency is another billing account.",
            param="currency",
        )
    offered = ", ".join(catalog.currencies)
    chosen = fixed or asked
    if chosen is None:
        if len(catalog.currencies) > 1:
            raise Invalid(f"Say in which currency: {offered}.", param="currency")
        return catalog.currencies[0]
    if chosen not in catalog.currencies:
        raise Invalid(
            f"The price list has no prices in {chosen}, only in {offered}.", param="currency"
        )
    return chosen
