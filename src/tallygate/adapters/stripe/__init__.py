"""What Stripe holds, and how it is changed: the only room that imports the Stripe SDK.

Owns: the client with its time limits, which of Stripe's objects a value of `collection` is, the
reading of both directions, idempotency keys, and Stripe's errors as our sentences.

Does not own: what Stripe should hold (collection), when it is changed (workflows), or a key
(settings).

Laws: look before creating, and look again after an answer that was lost or that is an old one; an
idempotency key is made of all that is sent and of what it replaces, or is the one that an intent
comes with; amounts travel as plain decimal text, never as a float; no secret and no raw answer of
Stripe's reaches a sentence.
"""

from tallygate.adapters.stripe.books import StripeBooks
from tallygate.adapters.stripe.client import open_client, open_paced_client
from tallygate.adapters.stripe.publishing import StripeCatalog

__all__ = ["StripeBooks", "StripeCatalog", "open_client", "open_paced_client"]
