"""What happens to an invoice that was not paid: when it is tried again, and what follows the last.

Stripe keeps this in the account's settings, so the sandbox does too.
Source: https://docs.stripe.com/billing/revenue-recovery/smart-retries (schedule, hard declines).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tallygate_sandbox.world import Seen, World

KIND = "_setting"
NAME = "dunning"
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
class Dunning:
    """Days between one attempt and the next; then: cancel, mark_unpaid or leave_past_due."""

    retry_days: tuple[int, ...] = (3, 5, 7)
    then: str = "cancel"


def settings(world: World) -> Dunning:
    """The schedule that holds, and what follows its end."""
    kept = world.find(KIND, NAME)
    return Dunning(tuple(kept["retry_days"]), kept["then"]) if kept else Dunning()


def configure(world: World, retry_days: Sequence[int], then: str) -> None:
    """Choose the schedule (days, each after the attempt before) and what follows its end."""
    assert then in {"cancel", "mark_unpaid", "leave_past_due"}, then
    chosen = {"retry_days": list(retry_days), "then": then}
    if world.find(KIND, NAME):
        world.edit(KIND, NAME).update(chosen)
    else:
        world.add({"id": NAME, "object": KIND, "created": world.now(), **chosen})


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
