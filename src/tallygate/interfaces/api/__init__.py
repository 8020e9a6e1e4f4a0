"""How does a platform's code speak with Tallygate? Over HTTP, under `/v1`.

Owns: the paths, the shapes on the wire beside the handlers that use them, keys and scopes at the
door, pages, idempotency, and the answer that each error is given.

Does not own: rules, transactions, SQL. A handler translates, calls a workflow or the store, and
answers.

Laws: every request but the health checks needs a key; a key sees its own tenant only, and what
belongs to another is a 404; unknown fields are refused; every error is `application/problem+json`;
bodies, pages and texts have limits.
"""

from tallygate.interfaces.api.application import create_app

__all__ = ["create_app"]
