"""Free trials: how long they last. Source: https://docs.stripe.com/billing/subscriptions/trials."""

from typing import Any

from tallygate_sandbox.subscriptions.subscription import Contract
from tallygate_sandbox.wire.refusals import Refusal

DAY = 86_400
MOST_DAYS = 730


def trial_wanted(contract: Contract, params: dict[str, Any], at: int) -> int | None:
    """When the trial ends that was asked for (seconds); None where there is none.

    Raises:
        Refusal: an end in the past, or more than two years away.
    """
    end: Any = params.get("trial_end")
    if end == "now":
        return None
    if end is not None:
        check_end(end, at)
        return int(end)
    days = params.get("trial_period_days")
    if days is None and params.get("trial_from_plan"):
        rhythms = (contract.price(item)["recurring"] for item in contract.items)
        days = max((rhythm["trial_period_days"] or 0 for rhythm in rhythms), default=0)
    if not days:
        return None
    if not 0 < days <= MOST_DAYS:
        raise Refusal(
            f"Invalid trial_period_days: it must be between 1 and {MOST_DAYS}.",
            code="parameter_invalid_integer",
            param="trial_period_days",
        )
    return at + int(days) * DAY


def check_end(end: int, at: int) -> None:
    if end <= at:
        raise Refusal(
            "Invalid timestamp: must be an integer Unix timestamp in the future.",
            param="trial_end",
        )
    if end > at + MOST_DAYS * DAY:
        raise Refusal(
            "Invalid timestamp: a trial can end at most two years from now.", param="trial_end"
        )
