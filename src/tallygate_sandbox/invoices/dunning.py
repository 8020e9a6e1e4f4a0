"""How long a draft waits, when an unpaid invoice is tried again, and what follows the last time.

Stripe keeps this in the account's settings; here they are `{"id": "invoices", "object":
"_settings", "grace_seconds": 3600, "retry_days": [3, 5, 7], "first": "retry", "then": "cancel"}`.
Source: https://docs.stripe.com/billing/revenue-recovery/smart-retries (schedule, hard declines).
"""

from dataclasses import dataclass

from tallygate_sandbox.world import Seen, World

KIND = "_settings"
NAME = "invoices"
MAX_GRACE = 72 * 3600
FIRSTS = ("retry", "pause")
ENDS = ("cancel", "mark_unpaid", "leave_past_due", "pause")
DAY = 86_400
HARD = frozenset(
    {
        "authentication_required",
        "highest_risk_level",
        "incorrect_number",
        "lost_card",
        "pickup_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "stolen_card",
    }
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The account's: days between one attempt and the next, and the hour of grace in seconds.

    `first` is what follows a first failure: retry, or pause the subscription too. `then`, after
    the last, is cancel, mark_unpaid, leave_past_due or pause.
    """

    retry_days: tuple[int, ...] = (3, 5, 7)
    then: str = "cancel"
    grace_seconds: int = 3600
    first: str = "retry"


def settings(world: World) -> Settings:
    """The settings that hold."""
    kept = world.find(KIND, NAME) or {}
    usual = Settings()
    return Settings(
        tuple(kept.get("retry_days", usual.retry_days)),
        kept.get("then", usual.then),
        kept.get("grace_seconds", usual.grace_seconds),
        kept.get("first", usual.first),
    )


def configure(world: World, chosen: Settings) -> None:
    """Choose other settings, inside a transaction."""
    assert chosen.then in ENDS, chosen.then
    assert 0 <= chosen.grace_seconds <= MAX_GRACE, chosen.grace_seconds
    if world.find(KIND, NAME) is None:
        world.add({"id": NAME, "object": KIND})
    world.edit(KIND, NAME).update(
        retry_days=list(chosen.retry_days),
        then=chosen.then,
        grace_seconds=chosen.grace_seconds,
        first=chosen.first,
    )


def next_attempt(world: World, invoice: Seen) -> int | None:
    """When an invoice that was just attempted is tried again; None when it no longer is."""
    days = settings(world).retry_days
    done = invoice["attempt_count"]
    if not invoice["auto_advance"] or invoice["billing_reason"] == "subscription_create":
        return None
    return world.now(invoice) + days[done - 1] * DAY if 0 < done <= len(days) else None


def is_hard(intent: Seen) -> bool:
    """Does this decline forbid another attempt with the same card?"""
    error = intent["last_payment_error"] or {}
    return error.get("decline_code") in HARD or error.get("code") in HARD
