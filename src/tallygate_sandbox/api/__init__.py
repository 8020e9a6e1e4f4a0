"""A call and its endpoint.

Owns: the table of endpoints, a call's typed parameters, list pages, expansion, idempotency keys.

Does not own: HTTP itself (app) and what an endpoint does (the rooms above).
"""

from tallygate_sandbox.api.call import Call
from tallygate_sandbox.api.endpoints import Evidence, endpoint
from tallygate_sandbox.api.expansion import expandable, only_expanded
from tallygate_sandbox.api.pages import page

__all__ = ["Call", "Evidence", "endpoint", "expandable", "only_expanded", "page"]
