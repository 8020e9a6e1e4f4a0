"""What a part of a period costs: by the second.

Source: https://docs.stripe.com/billing/subscriptions/prorations; observed invoices agree.
"""

from tallygate_sandbox.money.rounding import ratio


def prorated(amount: int, period_start: int, period_end: int, at: int) -> int:
    """The amount for what is left of a period at an instant; all of it before the start.

    A credit is the prorated amount with its sign changed.
    """
    left = period_end - min(max(at, period_start), period_end)
    return ratio(amount, left, period_end - period_start)
