"""What is to be told to a customer, or to the operator?

A notice is written down in the transaction in which its cause is taken over, once for its key, and
told afterwards by whoever delivers. What is told follows from a state, not from a change: finding
the same state again gives the same keys.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from tallygate.collection.declines import explain
from tallygate.collection.records import Collected
from tallygate.collection.seen import Decline, SeenInvoice
from tallygate.core.period import instant_text
from tallygate.rating.words import amount_text
from tallygate.subscriptions.model import Subscription

NoticeKind = Literal[
    "payment_failed",
    "payment_needs_action",
    "payment_recovered",
    "trial_ends",
    "invoice_held",  # for the operator alone
    "subscription_ended",
]
NoticeState = Literal["queued", "sent"]
NewId = Callable[[str], str]

END_REASONS = {
    "payment_failed": "because its invoice was not paid",
    "payment_disputed": "because a payment was disputed",
    "cancellation_requested": "as it was asked for",
}
"""Stripe's `cancellation_details.reason`, for the customer."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to be told once: two notices of the same `key` are the same one.

    `invoice` is ours that it is about. `facts` are texts, instants as RFC 3339: `sentence` is for
    the customer, who is told nothing where there is none; the others are for the operator and for
    the platform's own code.
    """

    id: str
    organization: str
    billing_account: str
    kind: NoticeKind
    key: str
    created_at: datetime
    invoice: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    state: NoticeState = "queued"


def notices_of(
    before: Collected,
    after: Collected,
    found: Sequence[SeenInvoice],
    new_id: NewId,
    at: datetime,
) -> tuple[Notice, ...]:
    """What is to be told of an invoice: a payment that failed, or went through after all.

    `found` are the provider's invoices that stand for it. `new_id` makes an id with a prefix.
    """
    if after.state == "open":
        return tuple(
            _payment_failed(after, one, new_id, at)
            for one in found
            if one.status == "open" and (one.attempts or one.needs_action)
        )
    if after.state == "paid" and before.overdue_since is not None:
        return (_payment_recovered(after, new_id, at),)
    return ()


def trial_ends(
    subscription: Subscription, new_id: NewId, at: datetime, *, has_payment_method: bool
) -> Notice:
    """A trial will end, and payment begin."""
    assert subscription.trial_end is not None, "it has a trial"
    end = subscription.trial_end
    said = f"Your trial ends on {end.date().isoformat()}, and your subscription goes on."
    if not has_payment_method:
        said += " No card is on file yet: please enter one in the customer portal before then."
    facts = {"sentence": said, "trial_end": instant_text(end)}
    about = f"{subscription.id}:{instant_text(end)}"
    return _notice(subscription, "trial_ends", about, facts, new_id=new_id, at=at)


def subscription_ended(
    subscription: Subscription, reason: str | None, new_id: NewId, at: datetime
) -> Notice:
    """A subscription has ended; `reason` is the provider's word for why, if it gave one."""
    ended_at = subscription.ended_at or at
    why = END_REASONS.get(reason or "", "")
    said = f"Your subscription ended on {ended_at.date().isoformat()} {why}".rstrip()
    facts = {"sentence": f"{said}.", "ended_at": instant_text(ended_at)}
    if reason is not None:
        facts["reason"] = reason
    about = subscription.id
    return _notice(subscription, "subscription_ended", about, facts, new_id=new_id, at=at)


def invoice_held(
    collected: Collected, differences: Sequence[str], new_id: NewId, at: datetime
) -> Notice:
    """An invoice differs from the provider's, line by line; an operator is to decide."""
    facts = {"differences": "\n".join(differences)}
    about = f"{collected.invoice}:{instant_text(at)}"
    return _notice(collected, "invoice_held", about, facts, new_id=new_id, at=at)


def _payment_failed(collected: Collected, one: SeenInvoice, new_id: NewId, at: datetime) -> Notice:
    failed = explain(
        one.decline, one.next_attempt, needs_action=one.needs_action, hosted_url=one.hosted_url
    )
    kind: NoticeKind = (
        "payment_needs_action" if failed.step == "authenticate" else "payment_failed"
    )
    words = {} if one.decline is None else _words(one.decline)
    amount = amount_text(one.amount_due, one.currency)
    whose = f" for the invoice {one.number}" if one.number else ""
    facts = {
        "sentence": f"Your payment of {amount}{whose} did not go through: {failed.cause}. "
        f"{failed.advice}",
        "step": failed.step,
        "amount": amount,
        "attempts": str(one.attempts),
        **words,
    }
    if failed.next_attempt is not None:
        facts["next_attempt"] = instant_text(failed.next_attempt)
    if failed.url is not None:
        facts["url"] = failed.url
    # After a hard decline attempts are counted on, though nothing is charged: it is told once.
    which = str(one.attempts) if failed.next_attempt else ":".join(("last", *words.values()))
    return _notice(collected, kind, f"{one.id}:{which}", facts, new_id=new_id, at=at)


def _words(decline: Decline) -> dict[str, str]:
    """The provider's words for a decline, for the operator."""
    words = {"code": decline.code, "reason": decline.reason, "network_advice": decline.advice}
    return {name: word for name, word in words.items() if word is not None}


def _payment_recovered(collected: Collected, new_id: NewId, at: datetime) -> Notice:
    amount = amount_text(collected.amount_paid, collected.currency)
    said = f"Your payment of {amount} has come through after all. Thank you."
    facts = {"sentence": said, "amount": amount}
    about = collected.invoice
    return _notice(collected, "payment_recovered", about, facts, new_id=new_id, at=at)


def _notice(
    whose: Collected | Subscription,
    kind: NoticeKind,
    about: str,
    facts: Mapping[str, str],
    *,
    new_id: NewId,
    at: datetime,
) -> Notice:
    """A notice of a kind; `about` tells it from others of the kind."""
    return Notice(
        id=new_id("ntc"),
        organization=whose.organization,
        billing_account=whose.billing_account,
        kind=kind,
        key=f"{kind}:{about}",
        created_at=at,
        invoice=whose.invoice if isinstance(whose, Collected) else None,
        facts=facts,
    )
