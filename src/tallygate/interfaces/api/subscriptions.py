"""Who is on which plan, and how does that begin, change and end?"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from tallygate.adapters.store import subscriptions
from tallygate.core.errors import Invalid
from tallygate.interfaces.api.callers import By, Here
from tallygate.interfaces.api.invoice_shapes import InvoiceShape, invoice_shape
from tallygate.interfaces.api.pages import DEFAULT_LIMIT, Cursor, Limit, check_cursor, page
from tallygate.interfaces.api.routes import CREATES, READS, guarded_router
from tallygate.interfaces.api.subscription_shapes import SubscriptionShape, subscription_shape
from tallygate.interfaces.api.wire import (
    Currency,
    Id,
    Instant,
    Interval,
    Key,
    Page,
    Reference,
    Shape,
)
from tallygate.workflows import change, subscribe
from tallygate.workflows.contracts import find_subscription

router = guarded_router("/v1/subscriptions", "subscriptions")


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


class ChangedShape(Shape):
    """The subscription after a change, when it comes, and the invoice that it gives at once.

    With `dry_run` nothing was changed, and the invoice has no id.
    """

    object: Literal["changed"] = "changed"
    applied: bool
    effective: Instant
    subscription: SubscriptionShape
    invoice: InvoiceShape | None


class Cancellation(Shape):
    """An end: at the end of the base's period, or now; then with or without a refund."""

    now: bool = False
    refund: bool = False


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


@router.post("", status_code=201, summary="Subscribe", openapi_extra=CREATES)
def create_subscription(body: NewSubscription, here: Here, caller: By) -> SubscribedShape:
    """Begins a subscription and invoices what is billed in advance, in one step."""
    if body.starts_at is not None:
        caller.require_platform()
        check_start(here, body.starts_at)
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
        tenant=caller.tenant(),
    )
    return SubscribedShape(
        subscription=subscription_shape(made, here.now),
        invoice=None if invoice is None else invoice_shape(invoice),
    )


@router.get("", summary="List subscriptions", openapi_extra=READS)
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
    return page(found, limit, lambda one: subscription_shape(one, here.now))


@router.get("/{subscription}", summary="Read a subscription", openapi_extra=READS)
def get_subscription(subscription: Id, here: Here, caller: By) -> SubscriptionShape:
    """One subscription, by its id."""
    with here.store.read() as tx:
        found = find_subscription(tx, subscription, caller.tenant())
    return subscription_shape(found, here.now)


@router.post("/{subscription}/change", summary="Change the plan", openapi_extra=CREATES)
def change_subscription(subscription: Id, body: Change, here: Here, caller: By) -> ChangedShape:
    """An upgrade comes and is invoiced at once; anything else waits for the period's end.

    `dry_run` shows the very invoice that the change would give.
    """
    changed = change.change_plan(
        here,
        subscription,
        body.plan,
        body.interval,
        when=body.when,
        commit=not body.dry_run,
        tenant=caller.tenant(),
    )
    return ChangedShape(
        applied=not body.dry_run,
        effective=changed.effective,
        subscription=subscription_shape(changed.subscription, here.now),
        invoice=None if changed.invoice is None else invoice_shape(changed.invoice),
    )


@router.post("/{subscription}/cancel", summary="End a subscription", openapi_extra=CREATES)
def cancel_subscription(
    subscription: Id, here: Here, caller: By, body: Cancellation | None = None
) -> SubscriptionShape:
    """Its last invoice is made by the close, which waits for late events."""
    wish = body or Cancellation()
    ended = change.cancel(
        here, subscription, now=wish.now, refund=wish.refund, tenant=caller.tenant()
    )
    return subscription_shape(ended, here.now)


@router.post("/{subscription}/resume", summary="Take back an end", openapi_extra=CREATES)
def resume_subscription(subscription: Id, here: Here, caller: By) -> SubscriptionShape:
    """A scheduled end is taken back; the subscription goes on as before."""
    resumed = change.resume(here, subscription, tenant=caller.tenant())
    return subscription_shape(resumed, here.now)
