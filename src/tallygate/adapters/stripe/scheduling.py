"""How are a subscription's flat items exchanged at a boundary to come?

By a schedule of two phases: what is there until the boundary, and from then on the same with other
flats. Stripe makes a schedule from a subscription in one request and plans its phases in another.
Whatever stops in between leaves a schedule that changes nothing, and is found and planned by the
next try.
Source: https://docs.stripe.com/billing/subscriptions/subscription-schedules.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import stripe
from stripe import StripeClient

from tallygate.adapters.stripe import asking, seeing
from tallygate.adapters.stripe.prices import Prices, Said
from tallygate.adapters.stripe.writing import Params
from tallygate.collection.intents import ReleaseSchedule, ScheduleFlats

TRIALING = "trialing"
A_DAY: Params = {"interval": "day", "interval_count": 1}
"""So long the second phase lasts: then the subscription is its own again, with the new items."""


class Scheduling:
    """Plans and releases schedules."""

    def __init__(self, client: StripeClient, prices: Prices) -> None:
        self._v1: Any = client.v1
        self._prices = prices

    def carry_out(self, intent: ScheduleFlats | ReleaseSchedule, key: str) -> str:
        """Plan an exchange, or let go of one; gives the schedule's id."""
        if isinstance(intent, ScheduleFlats):
            return self._schedule(intent, key)
        return self._release(intent)

    def _schedule(self, intent: ScheduleFlats, key: str) -> str:
        schedules = self._v1.subscription_schedules
        expand = {"expand": ["schedule"]}
        there = self._v1.subscriptions.retrieve(intent.subscription, expand).to_dict()
        schedule = there["schedule"]
        if schedule is None or schedule["status"] not in seeing.ALIVE:
            origin = {"from_subscription": intent.subscription}
            schedule = schedules.create(origin, {"idempotency_key": key}).to_dict()
        sent = self._phases(intent, there, schedule)

        def plan(end: str) -> str:
            # The items may have changed since a try before, and a key stands for what was sent.
            options = {"idempotency_key": f"{key}-{_digest(sent)}{end}"}
            return str(schedules.update(schedule["id"], sent, options).id)

        items = [item for phase in sent["phases"] for item in phase["items"]]
        return self._prices.sold(asking.prices_in(items), plan)

    def _release(self, intent: ReleaseSchedule) -> str:
        """One that was let go of, or is over, stays as it is."""
        schedules = self._v1.subscription_schedules
        try:
            # An end that somebody has set there is theirs.
            schedules.release(intent.schedule, {"preserve_cancel_date": True})
        except stripe.InvalidRequestError:
            if schedules.retrieve(intent.schedule).status in seeing.ALIVE:
                raise
        return intent.schedule

    def _phases(self, intent: ScheduleFlats, there: Said, schedule: Said) -> Params:
        at = asking.seconds(intent.at)
        begun = (schedule["current_phase"] or {}).get("start_date", there["start_date"])
        kept = {"discounts": [{"discount": seeing.id_of(one)} for one in there["discounts"] or ()]}
        trial = {"trial_end": there["trial_end"]} if there["status"] == TRIALING else {}
        return {
            "end_behavior": "release",
            "proration_behavior": "none",
            "phases": [
                {
                    "start_date": begun,
                    "end_date": at,
                    "items": [_as_it_is(item) for item in there["items"]["data"]],
                    "proration_behavior": "none",
                    **kept,
                    **trial,
                },
                {
                    "start_date": at,
                    "duration": A_DAY,
                    "items": list(self._items(intent, there)),
                    "proration_behavior": "none",
                    **kept,
                    **_anchored(intent, there),
                },
            ],
        }

    def _items(self, intent: ScheduleFlats, there: Said) -> Iterator[Params]:
        """The new flats, and what stays; an item that is among both stands once."""
        new = [asking.priced(one, self._prices) for one in intent.items]
        yield from new
        among = {one["price"] for one in new}
        for item in there["items"]["data"]:
            if item["price"]["id"] not in among and item["id"] not in intent.remove:
                yield _as_it_is(item)


def _anchored(intent: ScheduleFlats, there: Said) -> Params:
    """A year that begins at the boundary counts from it, and not from the anchor's month.

    Stripe's anchor sets the month of yearly periods too: a first year that begins in another month
    would be a part of one. On a shorter month's last day it stays, lest later months end there.
    Source: https://docs.stripe.com/billing/subscriptions/billing-cycle.
    """
    former = [item["price"] for item in there["items"]["data"] if item["id"] in intent.remove]
    yearly = any(one.price.every == "year" for one in intent.items)
    if not yearly or any(price["recurring"]["interval"] == "year" for price in former):
        return {}
    anchor = datetime.fromtimestamp(there["billing_cycle_anchor"], UTC)
    return {"billing_cycle_anchor": "phase_start"} if anchor.day == intent.at.day else {}


def _as_it_is(item: Said) -> Params:
    quantity = item.get("quantity")
    counted = {} if quantity is None else {"quantity": quantity}
    return {"price": item["price"]["id"], **counted}


def _digest(sent: Mapping[str, Any]) -> str:
    text = json.dumps(sent, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
