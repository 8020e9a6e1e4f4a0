"""What was used: meters, their events, and totals over a window.

Owns: meters, meter events on each of Stripe's three ways in, adjustments, the queue with its lag,
error reports, summaries, alerts, and usage as a signed total.

Does not own: what a quantity costs (money) and when a period ends (subscriptions).

Laws: an event is counted once and for its own instant, not for its arrival's; windows are
half-open; only what was processed counts.
"""

from tallygate_sandbox.meters import adjustments, alerts, events, stream, summaries
from tallygate_sandbox.meters.meters import meter_of
from tallygate_sandbox.meters.usage import usage

__all__ = ["adjustments", "alerts", "events", "meter_of", "stream", "summaries", "usage"]
