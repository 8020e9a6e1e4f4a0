"""What follows here from what was seen at the payment provider?

The provider decides what only it can know: that a purchase is paid for, that a subscription has
ended, how a payment went, and what a customer has chosen on its pages. All of it is taken over in
one transaction. What was seen is the state of now, not an event: taking it over twice, or late,
changes nothing, and an old event cannot undo it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from tallygate.adapters.store import Transaction, collections, mirrors, notices, purchases
from tallygate.adapters.store import subscriptions as contracts
from tallygate.collection.agreement import EndWish, whose_end
from tallygate.collection.contracted import WantedSubscription
from tallygate.collection.notices import notices_of, subscription_ended, trial_ends
from tallygate.collection.progress import BEGINNING, come_to
from tallygate.collection.records import Collected, Mirror, Purchase
from tallygate.collection.seen import OVER, Seen, SeenInvoice, SeenSubscription
from tallygate.collection.two_keys import differences, owed_there
from tallygate.core.errors import Conflict
from tallygate.core.period import instant_text
from tallygate.subscriptions import change as changes
from tallygate.subscriptions.calendar import end_of
from tallygate.subscriptions.model import Subscription
from tallygate.workflows.begin import begin_purchased
from tallygate.workflows.installation import Installation
from tallygate.workflows.mirror.carry_out import Account
from tallygate.workflows.mirror.dues import Due
from tallygate.workflows.mirrored import note_change
from tallygate.workflows.record import MIRROR, record

TOLD_BEFORE = timedelta(days=3)
"""How long before its end a trial is announced; the provider hints at it then (Stripe's
`customer.subscription.trial_will_end`)."""


def adopt_purchase(
    tx: Transaction, installation: Installation, account: Account, seen: Seen
) -> Purchase | None:
    """Let a purchase that was paid for begin, and give up one that cannot be paid for any more.

    Gives the one that is still open.
    """
    purchase = purchases.open_of(tx, account.id)
    theirs = None if purchase is None else bought(purchase, seen)
    if purchase is None or theirs is None:
        return purchase
    if theirs.lives or _was_paid_for(theirs, seen):
        subscription = begin_purchased(tx, installation, purchase, theirs, _first(theirs, seen))
        mirrors.add(
            tx,
            Mirror(
                subscription=subscription.id,
                organization=account.organization,
                billing_account=account.id,
                provider_id=theirs.id,
                status=theirs.status,
                looked_at=seen.at,
                cancel_at=None,
            ),
        )
        record(
            tx,
            installation,
            MIRROR,
            "subscription.begun",
            subscription.id,
            organization=account.organization,
            billing_account=account.id,
            purchase=purchase.id,
            plan=purchase.plan,
        )
        begun = replace(purchase, state="begun", subscription=subscription.id)
        purchases.save(tx, replace(begun, provider_id=theirs.id))
        return None
    if theirs.status in OVER:
        purchases.save(tx, replace(purchase, state="expired", provider_id=theirs.id))
        return None
    if purchase.provider_id != theirs.id:
        purchase = replace(purchase, provider_id=theirs.id)
        purchases.save(tx, purchase)
    return purchase


def _was_paid_for(theirs: SeenSubscription, seen: Seen) -> bool:
    """Whether a subscription that is over had begun: it is billed here too, up to its end."""
    return any(one.subscription == theirs.id and one.status == "paid" for one in seen.invoices)


def bought(purchase: Purchase, seen: Seen) -> SeenSubscription | None:
    """The provider's subscription of a purchase, if there is one."""
    found = [
        one
        for one in seen.subscriptions
        if one.purchase == purchase.id or one.id == purchase.provider_id
    ]
    return found[-1] if found else None


def _first(theirs: SeenSubscription, seen: Seen) -> SeenInvoice | None:
    """The invoice that a subscription there began with, if it was seen."""
    its = (one for one in seen.invoices if one.subscription == theirs.id)
    return next((one for one in its if one.reason == BEGINNING), None)


def adopt_subscription(
    tx: Transaction,
    installation: Installation,
    mirror: Mirror,
    subscription: Subscription,
    *,
    wanted: WantedSubscription,
    seen: Seen,
) -> tuple[Mirror, Subscription]:
    """Take over the provider's status of a subscription, its end, and a wish to end it.

    Gives both as they are then; the very same subscription where nothing has changed.
    """
    theirs = seen.subscription(mirror.provider_id)
    if theirs is None:
        return mirror, subscription
    if theirs.status in OVER:
        ended_at = theirs.ended_at or seen.at
        subscription = _end(
            tx, installation, subscription, wanted, ended_at, reason=theirs.end_reason
        )
    wish = _wish(mirror, wanted, theirs)
    if wish is not None and wish.who == "theirs":
        subscription = _end_as_wished(tx, installation, subscription, wish.at, seen.at)
    now_known = _as_seen(mirror, theirs, wish)
    if now_known != mirror:
        mirror = replace(now_known, looked_at=seen.at)
        mirrors.save(tx, mirror)
    if _trial_is_to_be_told(subscription, theirs, seen.at):
        pays = theirs.has_payment_method
        told = trial_ends(subscription, installation.ids.new, seen.at, has_payment_method=pays)
        notices.queue(tx, told)
    return mirror, subscription


def subscription_has_news(
    mirror: Mirror,
    subscription: Subscription,
    *,
    wanted: WantedSubscription,
    seen: Seen,
) -> bool:
    """Whether `adopt_subscription` would change anything, or tell of it."""
    theirs = seen.subscription(mirror.provider_id)
    if theirs is None:
        return False
    wish = _wish(mirror, wanted, theirs)
    return (
        _as_seen(mirror, theirs, wish) != mirror
        or (wish is not None and wish.who == "theirs")
        or _trial_is_to_be_told(subscription, theirs, seen.at)
        or (
            theirs.status in OVER
            and not _has_ended(subscription, wanted, theirs.ended_at or seen.at)
        )
    )


def _wish(mirror: Mirror, wanted: WantedSubscription, theirs: SeenSubscription) -> EndWish | None:
    """Whose end of a subscription holds; None: it lives no more, here or there."""
    if not theirs.lives or wanted.over:
        return None
    return whose_end(wanted.cancel_at, mirror.cancel_at, theirs.cancel_at)


def _as_seen(mirror: Mirror, theirs: SeenSubscription, wish: EndWish | None) -> Mirror:
    """The link as it is known now, but for when we looked."""
    agreed = mirror.cancel_at if wish is None or wish.who == "ours" else wish.at
    return replace(mirror, status=theirs.status, end_reason=theirs.end_reason, cancel_at=agreed)


def _trial_is_to_be_told(
    subscription: Subscription, theirs: SeenSubscription, at: datetime
) -> bool:
    """Whether a trial ends so soon that its end is announced."""
    end = subscription.trial_end
    return theirs.lives and end is not None and at < end <= at + TOLD_BEFORE


def adopt_invoices(
    tx: Transaction, installation: Installation, dues: Sequence[Due], at: datetime
) -> bool:
    """Take over how far each invoice has come, and what the final ones lack or have too much.

    Gives whether any has come further.
    """
    further = False
    for due in dues:
        before = due.collected
        after = come_to(before, due.found, at)
        if after.state not in {"waiting", "held"} and before.state in {"waiting", "held"}:
            after = _compared_once_final(due, after)
        if after != before:
            collections.save(tx, after)
            further = True
        if after.state != before.state:
            record(
                tx,
                installation,
                MIRROR,
                f"invoice.{after.state}",
                after.invoice,
                organization=after.organization,
                billing_account=after.billing_account,
                there=list(after.provider_invoices),
                shortfall=after.shortfall,
            )
        # Why a payment failed may change while nothing else does; a notice is queued once.
        for notice in notices_of(before, after, due.found, installation.ids.new, at):
            notices.queue(tx, notice)
    return further


def _compared_once_final(due: Due, collected: Collected) -> Collected:
    """The second look at an invoice: what is final can be corrected by a later one only."""
    said = differences(due.invoice, due.representation, due.found)
    if collected.state == "void":
        return replace(collected, differences=said)
    there = sum(_counting(one) for one in due.found)
    shortfall = owed_there(due.invoice, due.representation) - there
    return replace(collected, differences=said, shortfall=shortfall)


def _counting(one: SeenInvoice) -> int:
    return 0 if one.status == "void" else one.total


def _end(
    tx: Transaction,
    installation: Installation,
    subscription: Subscription,
    wanted: WantedSubscription,
    ended_at: datetime,
    *,
    reason: str | None,
) -> Subscription:
    """End a subscription of ours that the provider has ended; its usage is billed by us."""
    if _has_ended(subscription, wanted, ended_at):
        return subscription
    when = max(ended_at, subscription.billed_until, subscription.phases[0].since)
    ended = contracts.save(tx, changes.cancel(subscription, when, now=True))
    _record_end(tx, installation, ended, reason=reason or "")
    told = subscription_ended(ended, reason, installation.ids.new, installation.now)
    notices.queue(tx, told)
    note_change(tx, installation, ended.billing_account, ended.organization, "ended")
    return ended


def _has_ended(subscription: Subscription, wanted: WantedSubscription, ended_at: datetime) -> bool:
    """Whether a subscription of ours has ended by then, or its plan costs nothing from then on."""
    end = end_of(subscription)
    return (
        wanted.over
        or (end is not None and end <= ended_at)
        or (wanted.cancel_at is not None and wanted.cancel_at <= ended_at)
    )


def _end_as_wished(
    tx: Transaction,
    installation: Installation,
    subscription: Subscription,
    end: datetime | None,
    at: datetime,
) -> Subscription:
    """End, or go on, as the customer has chosen on the provider's pages."""
    try:
        chosen = (
            changes.resume(subscription, at)
            if end is None
            else changes.end_at(subscription, at, end)
        )
    except Conflict:
        return subscription  # it ended, or was closed, in the meantime: nothing is to be chosen
    chosen = contracts.save(tx, chosen)
    _record_end(tx, installation, chosen, reason="chosen there")
    note_change(tx, installation, chosen.billing_account, chosen.organization, "end")
    return chosen


def _record_end(
    tx: Transaction, installation: Installation, subscription: Subscription, *, reason: str
) -> None:
    end = end_of(subscription)
    record(
        tx,
        installation,
        MIRROR,
        "subscription.end",
        subscription.id,
        organization=subscription.organization,
        billing_account=subscription.billing_account,
        ends=None if end is None else instant_text(end),
        reason=reason,
    )
