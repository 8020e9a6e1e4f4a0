"""How do platforms whose documents name their own paths see a subscription, and buy and change it?

The container platform's paths, names and statuses (`/api/v1/billing/...`), and the path on which
the developer platform's usage dashboard opens the portal. They stand over the same workflows as
ours. A person alone is an organization of one: `userId` and `organizationId` mean the same.
"""

from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field

from tallygate.accounts.model import BillingAccount
from tallygate.adapters.store import collections, invoices
from tallygate.collection.platform_rows import SubscriptionStatus, subscription_row
from tallygate.collection.records import Collected
from tallygate.core.errors import NotFound
from tallygate.interfaces.api.billing_accounts import portal_of
from tallygate.interfaces.api.callers import By, Caller, Here
from tallygate.interfaces.api.named_paths import CamelShape, Organization, User, whose
from tallygate.interfaces.api.payments import Provided, recorded
from tallygate.interfaces.api.purchases import located, record_purchase
from tallygate.interfaces.api.routes import BUYS, CHANGES_BILLING, SEES_BILLING, guarded_router
from tallygate.interfaces.api.wire import Instant, Interval, Key, Reference, Shape, Text
from tallygate.invoicing.model import Invoice
from tallygate.subscriptions.model import Subscription
from tallygate.workflows import change
from tallygate.workflows.account_known import account_known
from tallygate.workflows.mirror.purchase import Wish, buy
from tallygate.workflows.mirror.ways_back import way_back
from tallygate.workflows.plans_meant import plan_meant, sold_as

router = guarded_router("/api", "billing")

MOST_INVOICES = 100

PAID_STATES = {"waiting": "draft", "held": "draft", "nothing": "paid"}
"""The provider's statuses of an invoice, for states of ours that are named otherwise."""

AtOnce = Annotated[
    Literal["true", "false"], Query(description="Now, and not at the period's end.")
]


class Standpoint(CamelShape):
    """A subscription, with the fields that the container platform stores."""

    id: str
    user_id: str | None = Field(description="What the request named as a user.")
    organization_id: str
    billing_account_id: str
    stripe_customer_id: str | None
    stripe_subscription_id: str | None
    plan: str = Field(examples=["FREE", "STARTER", "PRO", "ENTERPRISE"])
    status: SubscriptionStatus
    current_period_start: Instant
    current_period_end: Instant
    cancel_at: Instant | None


class CheckoutWish(CamelShape):
    """A plan by its key in capitals or not, or by the id or the key of its price."""

    plan: Key | None = None
    price_id: Key | None = None
    interval: Interval | None = None
    coupons: Annotated[list[Key], Field(max_length=10)] = Field(default_factory=list)
    success_url: Text | None = None
    cancel_url: Text | None = None
    organization_id: Reference | None = None
    user_id: Reference | None = None


class CheckoutShape(CamelShape):
    """Where the customer pays."""

    session_id: str
    url: str


class PortalWish(CamelShape):
    """The page of the platform's own that the portal leads back to; left out: the settings'."""

    return_url: Text | None = None
    organization_id: Reference | None = None
    user_id: Reference | None = None


class AddressShape(Shape):
    """Where to send the browser; it opens the account to whoever has it."""

    url: str


class PaidShape(Shape):
    """An invoice, named as the provider names it; amounts in minor units, with tax."""

    id: str
    number: str | None
    status: Literal["draft", "open", "paid", "uncollectible", "void"] | None = Field(
        description="null: it is not collected through the payment provider."
    )
    created: Instant
    period_start: Instant
    period_end: Instant
    currency: str
    amount_due: int
    amount_paid: int
    hosted_invoice_url: str | None
    invoice_pdf: str | None


class PaidList(Shape):
    """The newest invoices, at most 100, the newest first."""

    invoices: list[PaidShape]


class ChangeWish(CamelShape):
    """Another plan. With `dryRun` nothing changes; sent again with its `at`, it comes to that."""

    plan: Key
    interval: Interval | None = None
    dry_run: bool = False
    at: Instant | None = None
    organization_id: Reference | None = None
    user_id: Reference | None = None


class ChangedStandpoint(CamelShape):
    """The subscription after a change, when it comes, and what is charged for it at once."""

    applied: bool
    at: Instant
    effective: Instant
    amount: int = Field(description="In minor units, before tax; 0: nothing is charged at once.")
    currency: str
    subscription: Standpoint


@router.get(
    "/v1/billing/subscription", summary="Read the subscription", openapi_extra=SEES_BILLING
)
def get_billing_subscription(
    here: Here, caller: By, organization: Organization = None, user: User = None
) -> Standpoint:
    """The one that lives, or the last one that has ended."""
    account = _account(here, caller, organization, user)
    return _standpoint(here, account, user)


@router.patch("/v1/billing/subscription", summary="Change the plan", openapi_extra=CHANGES_BILLING)
def change_billing_subscription(body: ChangeWish, here: Here, caller: By) -> ChangedStandpoint:
    """An upgrade comes and is charged at once, anything else waits for the period's end."""
    account = _account(here, caller, body.organization_id, body.user_id)
    mine = _subscription(here, account)
    changed = change.change_plan(
        here,
        mine.id,
        plan_meant(here, body.plan),
        body.interval,
        previewed=body.at,
        commit=not body.dry_run,
        tenant=caller.tenant(),
    )
    if not body.dry_run:
        _record(here, caller, "subscription.change", mine, plan=body.plan)
    return ChangedStandpoint(
        applied=not body.dry_run,
        at=changed.at,
        effective=changed.effective,
        amount=0 if changed.invoice is None else changed.invoice.total,
        currency=mine.currency,
        subscription=_standpoint(here, account, body.user_id, changed.subscription),
    )


@router.delete(
    "/v1/billing/subscription", summary="End the subscription", openapi_extra=CHANGES_BILLING
)
def cancel_billing_subscription(
    here: Here,
    caller: By,
    organization: Organization = None,
    user: User = None,
    now: AtOnce = "false",
) -> Standpoint:
    """At the end of what is paid for, or now; its last usage is billed then."""
    account = _account(here, caller, organization, user)
    mine = _subscription(here, account)
    ended = change.cancel(here, mine.id, now=now == "true", tenant=caller.tenant())
    _record(here, caller, "subscription.cancel", ended, now=now)
    return _standpoint(here, account, user, ended)


@router.post("/v1/billing/checkout", summary="Buy on a page", openapi_extra=BUYS)
def open_billing_checkout(
    body: CheckoutWish, here: Here, caller: By, books: Provided
) -> CheckoutShape:
    """Send the customer to `url`. The subscription begins once it is paid for."""
    account = _account(here, caller, body.organization_id, body.user_id)
    plan, interval = sold_as(here, body.plan, body.price_id)
    wish = Wish(
        plan,
        interval=body.interval or interval,
        coupons=body.coupons,
        success_url=way_back(here.settings, body.success_url, "successUrl"),
        cancel_url=way_back(here.settings, body.cancel_url, "cancelUrl"),
    )
    bought = buy(here, books(), account.id, wish, tenant=caller.tenant())
    record_purchase(here, caller, bought)
    assert bought.session is not None, "a checkout has a session"
    assert bought.url is not None, "a checkout has an address"
    return CheckoutShape(session_id=bought.session, url=bought.url)


@router.post("/v1/billing/portal", summary="Open the portal", openapi_extra=CHANGES_BILLING)
def open_billing_portal(
    here: Here, caller: By, books: Provided, body: PortalWish | None = None
) -> AddressShape:
    """The provider's page where the customer changes the card, or ends the subscription."""
    wish = body or PortalWish()
    account = _account(here, caller, wish.organization_id, wish.user_id)
    return AddressShape(url=portal_of(here, caller, account, wish.return_url, books))


@router.post("/billing/portal-session", summary="Open the portal", openapi_extra=CHANGES_BILLING)
def open_portal_session(
    here: Here, caller: By, books: Provided, organization: Organization = None, user: User = None
) -> AddressShape:
    """What the button of the developer platform's usage dashboard asks for."""
    account = _account(here, caller, organization, user)
    return AddressShape(url=portal_of(here, caller, account, None, books))


@router.get("/v1/billing/invoices", summary="List invoices", openapi_extra=SEES_BILLING)
def list_billing_invoices(
    here: Here, caller: By, organization: Organization = None, user: User = None
) -> PaidList:
    """With where each can be seen, paid, and taken away as a PDF."""
    account = _account(here, caller, organization, user)
    with here.store.read() as tx:
        found = invoices.newest(tx, account.id, MOST_INVOICES)
        collected = collections.of_invoices(tx, [one.id for one in found])
    return PaidList(invoices=[_paid(one, collected.get(one.id)) for one in found])


def _account(
    here: Here, caller: Caller, organization: str | None, user: str | None
) -> BillingAccount:
    """The account that a request is about: what it names, or the caller's own.

    Raises:
        Invalid: it names two, or the platform names none.
        NotFound: the caller has no such account.
    """
    return located(here, caller, whose(caller, organization, user))


def _subscription(here: Here, account: BillingAccount) -> Subscription:
    found = account_known(here, account).subscription
    if found is None:
        raise _nothing_yet(account)
    return found


def _nothing_yet(account: BillingAccount) -> NotFound:
    return NotFound(f"The billing account {account.id} has no subscription: buy a plan.")


def _standpoint(
    here: Here,
    account: BillingAccount,
    user: str | None,
    changed: Subscription | None = None,
) -> Standpoint:
    """How an account's subscription stands, or would, as `changed` has it."""
    known = account_known(here, account, user)
    if changed is not None:
        known = replace(known, subscription=changed)
    row = subscription_row(known)
    if row is None or known.subscription is None:
        raise _nothing_yet(account)
    return Standpoint(
        id=row.id,
        user_id=row.user_id,
        organization_id=row.organization_id,
        billing_account_id=account.id,
        stripe_customer_id=row.stripe_customer_id,
        stripe_subscription_id=row.stripe_subscription_id,
        plan=row.plan.upper(),
        status=row.status,
        current_period_start=row.current_period_start,
        current_period_end=row.current_period_end,
        cancel_at=known.subscription.cancel_at,
    )


def _paid(invoice: Invoice, collected: Collected | None) -> PaidShape:
    state: Any = None
    if collected is not None:
        state = PAID_STATES.get(collected.state, collected.state)
    final = collected is not None and collected.number is not None
    return PaidShape(
        id=invoice.id,
        number=None if collected is None else collected.number,
        status=state,
        created=invoice.dated,
        period_start=invoice.period.start,
        period_end=invoice.period.end,
        currency=invoice.currency,
        amount_due=collected.amount_due if collected is not None and final else invoice.total,
        amount_paid=0 if collected is None else collected.amount_paid,
        hosted_invoice_url=None if collected is None else collected.hosted_url,
        invoice_pdf=None if collected is None else collected.pdf_url,
    )


def _record(
    here: Here, caller: Caller, operation: str, changed: Subscription, **detail: object
) -> None:
    recorded(
        here,
        caller,
        operation,
        changed.id,
        organization=changed.organization,
        billing_account=changed.billing_account,
        **detail,
    )
