"""Who is on which plan, and how does that begin, change and end?"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from tallygate.adapters.store import mirrors, subscriptions
from tallygate.collection.seen import SeenInvoice
from tallygate.core.errors import Invalid
from tallygate.interfaces.api.callers import By, Caller, Here
from tallygate.interfaces.api.invoice_shapes import InvoiceShape, invoice_shape
from tallygate.interfaces.api.pages import DEFAULT_LIMIT, Cursor, Limit, check_cursor, page
from tallygate.interfaces.api.payments import PerhapsProvided, recorded
from tallygate.interfaces.api.routes import CREATES_BILLING, SEES_BILLING, guarded_router
from tallygate.interfaces.api.subscription_shapes import SubscriptionShape, subscription_shape
from tallygate.interfaces.api.wire import (
    Currency,
    Id,
    Instant,
    Interval,
    Key,
    Page,
    PeriodShape,
    Reference,
    Shape,
    period_shape,
)
from tallygate.subscriptions.model import Subscription
from tallygate.workflows import change, subscribe
from tallygate.workflows.contracts import find_subscription
from tallygate.workflows.mirror.upcoming import upcoming

router = guarded_router("/v1/subscriptions", "subscriptions")


COLLECT = (
    "False, by the platform: the account is billed elsewhere, where a payment provider is set."
)
PREVIEWED = (
    "The `at` of a preview that was agreed to: it is done as of then, and comes to what the "
    "preview said. A preview holds for 15 minutes, and as long as the price list stays."
)


class NewSubscription(Shape):
    """A billing account and a plan of the price list in force.

    Left out, `interval` is the plan's first and `currency` the account's, or the only one.
    `starts_at` (default: now) may lie in the past, for a platform that moves in; then `close`
    bills what has passed since.
    """

    billing_account: Reference
    plan: Key
    interval: Interval | None = None
    currency: Currency | None = None
    coupons: Annotated[list[Key], Field(max_length=10)] = Field(default_factory=list)
    anchor_day: Annotated[int, Field(ge=1, le=31)] | None = None
    trial: bool = True
    starts_at: Instant | None = None
    collect: bool = Field(default=True, description=COLLECT)


class SubscribedShape(Shape):
    """The subscription that began, and the invoice of what is billed in advance."""

    object: Literal["subscribed"] = "subscribed"
    subscription: SubscriptionShape
    invoice: InvoiceShape | None


class Change(Shape):
    """Another plan. `when` is by default: an upgrade at once, else at the period's end."""

    plan: Key
    interval: Interval | None = None
    when: Literal["default", "now", "period_end"] = "default"
    dry_run: bool = False
    at: Instant | None = Field(default=None, description=PREVIEWED)
    collect: bool = Field(default=True, description=COLLECT)


class ChangedShape(Shape):
    """The subscription after a change, when it comes, and the invoice that it gives at once.

    With `dry_run` nothing was changed, and the invoice has no id: the same change with this `at`
    comes to just that.
    """

    object: Literal["changed"] = "changed"
    applied: bool
    at: Instant
    effective: Instant
    subscription: SubscriptionShape
    invoice: InvoiceShape | None


class Cancellation(Shape):
    """An end: at the end of the base's period, or now; then with or without a refund."""

    now: bool = False
    refund: bool = False
    dry_run: bool = False
    at: Instant | None = Field(default=None, description=PREVIEWED)


class EndedShape(Shape):
    """The subscription with its end, and the last invoice so far of one that ends now.

    The close makes it, which waits for late events: until then it has no id. With `dry_run`
    nothing was changed.
    """

    object: Literal["ended"] = "ended"
    applied: bool
    at: Instant
    subscription: SubscriptionShape
    invoice: InvoiceShape | None


class ForeseenLineShape(Shape):
    """A line of the provider's own preview: in minor units, after discounts."""

    kind: Literal["flat", "metered", "proration", "item"]
    price: str | None
    amount: int
    period: PeriodShape


class ForeseenShape(Shape):
    """The provider's own preview: usage as far as it was reported there."""

    total: int = Field(description="After discounts and before tax, in minor units.")
    amount_due: int
    currency: str
    lines: list[ForeseenLineShape]


class UpcomingShape(Shape):
    """The next invoice, with the usage so far: ours, and beside it the provider's own preview."""

    object: Literal["upcoming"] = "upcoming"
    subscription: str
    invoice: InvoiceShape
    provider: ForeseenShape | None
    provider_problem: str | None = Field(description="Why the provider shows none.")


def check_start(here: Here, at: datetime) -> None:
    """Make sure that a subscription's beginning lies where events may lie.

    Raises:
        Invalid: it lies in the future, or too far in the past.
    """
    if at > here.now:
        raise Invalid("starts_at lies in the future.", param="starts_at")
    if at < here.now - here.settings.accept_past:
        days = here.settings.accept_past.days
        raise Invalid(f"starts_at lies more than {days} days ago.", param="starts_at")


@router.post("", status_code=201, summary="Subscribe", openapi_extra=CREATES_BILLING)
def create_subscription(body: NewSubscription, here: Here, caller: By) -> SubscribedShape:
    """Begins a subscription and invoices what is billed in advance, in one step."""
    if body.starts_at is not None:
        caller.require_platform()
        check_start(here, body.starts_at)
    if not body.collect:
        caller.require_platform()
    made, invoice = subscribe.subscribe(
        here,
        body.billing_account,
        body.plan,
        interval=body.interval,
        currency=body.currency,
        coupons=body.coupons,
        at=body.starts_at,
        anchor_day=body.anchor_day,
        trial=body.trial,
        collect=body.collect,
        tenant=caller.tenant(),
    )
    _record(here, caller, "subscription.begin", made, plan=body.plan)
    return SubscribedShape(
        subscription=subscription_shape(made, here.now),
        invoice=None if invoice is None else invoice_shape(invoice),
    )


@router.get("", summary="List subscriptions", openapi_extra=SEES_BILLING)
def list_subscriptions(
    here: Here,
    caller: By,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    organization: Reference | None = None,
    billing_account: Reference | None = None,
) -> Page[SubscriptionShape]:
    """In the order of their making, ended ones too."""
    tenant = caller.tenant(organization)
    with here.store.read() as tx:
        found = subscriptions.page(
            tx,
            tenant,
            billing_account=billing_account,
            after=check_cursor(cursor, "sub"),
            limit=limit + 1,
        )
        linked = mirrors.of_subscriptions(tx, [one.id for one in found])
    return page(found, limit, lambda one: subscription_shape(one, here.now, linked.get(one.id)))


@router.get("/{subscription}", summary="Read a subscription", openapi_extra=SEES_BILLING)
def get_subscription(subscription: Id, here: Here, caller: By) -> SubscriptionShape:
    """One subscription, by its id."""
    with here.store.read() as tx:
        found = find_subscription(tx, subscription, caller.tenant())
        mirror = mirrors.of_subscription(tx, found.id)
    return subscription_shape(found, here.now, mirror)


@router.get(
    "/{subscription}/upcoming", summary="Preview the next invoice", openapi_extra=SEES_BILLING
)
def get_upcoming(
    subscription: Id, here: Here, caller: By, books: PerhapsProvided
) -> UpcomingShape:
    """Ours, with metered charges so far, and what the payment provider would invoice now."""
    found = upcoming(here, books, subscription, tenant=caller.tenant())
    return UpcomingShape(
        subscription=subscription,
        invoice=invoice_shape(found.invoice),
        provider=None if found.provider is None else _foreseen_shape(found.provider),
        provider_problem=found.problem,
    )


@router.post("/{subscription}/change", summary="Change the plan", openapi_extra=CREATES_BILLING)
def change_subscription(subscription: Id, body: Change, here: Here, caller: By) -> ChangedShape:
    """An upgrade comes and is invoiced at once; anything else waits for the period's end.

    `dry_run` shows the very invoice that the change would give, and `at`: sent with the change,
    that is what it comes to.
    """
    if not body.collect:
        caller.require_platform()
    changed = change.change_plan(
        here,
        subscription,
        body.plan,
        body.interval,
        when=body.when,
        previewed=body.at,
        collect=body.collect,
        commit=not body.dry_run,
        tenant=caller.tenant(),
    )
    if not body.dry_run:
        _record(here, caller, "subscription.change", changed.subscription, plan=body.plan)
    return ChangedShape(
        applied=not body.dry_run,
        at=changed.at,
        effective=changed.effective,
        subscription=subscription_shape(changed.subscription, here.now),
        invoice=None if changed.invoice is None else invoice_shape(changed.invoice),
    )


@router.post("/{subscription}/cancel", summary="End a subscription", openapi_extra=CREATES_BILLING)
def cancel_subscription(
    subscription: Id, here: Here, caller: By, body: Cancellation | None = None
) -> EndedShape:
    """Its last invoice is made by the close, which waits for late events.

    `dry_run` shows that invoice as it would be now, a refund too, and changes nothing.
    """
    wish, tenant = body or Cancellation(), caller.tenant()
    foreseen = change.foresee_end(
        here, subscription, now=wish.now, refund=wish.refund, previewed=wish.at, tenant=tenant
    )
    ended = foreseen.subscription
    if not wish.dry_run:
        ended = change.cancel(
            here, subscription, now=wish.now, refund=wish.refund, at=foreseen.at, tenant=tenant
        )
        _record(here, caller, "subscription.cancel", ended, now=wish.now, refund=wish.refund)
    return EndedShape(
        applied=not wish.dry_run,
        at=foreseen.at,
        subscription=subscription_shape(ended, here.now),
        invoice=None if foreseen.invoice is None else invoice_shape(foreseen.invoice),
    )


@router.post("/{subscription}/resume", summary="Take back an end", openapi_extra=CREATES_BILLING)
def resume_subscription(subscription: Id, here: Here, caller: By) -> SubscriptionShape:
    """A scheduled end is taken back; the subscription goes on as before."""
    resumed = change.resume(here, subscription, tenant=caller.tenant())
    _record(here, caller, "subscription.resume", resumed)
    return subscription_shape(resumed, here.now)


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


def _foreseen_shape(foreseen: SeenInvoice) -> ForeseenShape:
    return ForeseenShape(
        total=foreseen.total,
        amount_due=foreseen.amount_due,
        currency=foreseen.currency,
        lines=[
            ForeseenLineShape(
                kind=one.kind, price=one.key, amount=one.net, period=period_shape(one.period)
            )
            for one in foreseen.lines
        ],
    )
