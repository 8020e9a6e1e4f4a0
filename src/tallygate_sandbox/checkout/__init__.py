"""What a person buys and manages by themselves: checkout sessions, payment links, the portal.

Owns: sessions with their lines, totals, expiry and completion, where their buyers are taxed, and
what Managed Payments demand; payment links; the portal's configurations and sessions, and what a
customer does there as far as a configuration allows.

Does not own: subscriptions, invoices and payments, which it asks for as a client of the API would;
nor what the pages look like.

Laws: a session is completed once; what a declined card leaves behind is paid by the next try;
nothing is sold that the API would refuse to create.
"""

from tallygate_sandbox.checkout import configurations, payment_links, portal, sessions, updates
from tallygate_sandbox.checkout.completion import Person, authenticate, complete

__all__ = [
    "Person",
    "authenticate",
    "complete",
    "configurations",
    "payment_links",
    "portal",
    "sessions",
    "updates",
]
