"""What is told to others: events, who wants which, and every attempt to deliver them.

Owns: webhook endpoints and event destinations, the lists of events, signatures, deliveries with
their attempts and retries, and the ways in which a delivery can go wrong on request.

Does not own: which events happen.

Laws: an event and its deliveries are made in one transaction, so none is lost by a crash; each
attempt is signed anew; an endpoint sees one attempt at a time unless told otherwise.
"""

from tallygate_sandbox.webhooks import destinations, endpoints, events, thin
from tallygate_sandbox.webhooks.sender import Sender

__all__ = ["Sender", "destinations", "endpoints", "events", "thin"]
