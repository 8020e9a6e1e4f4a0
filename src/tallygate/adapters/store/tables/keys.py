"""How are API keys kept, and the answers to requests that may come twice?

Of a key there is a hash, never the key. An answer is kept under the caller and the
`Idempotency-Key` that came with the request; without a status the request is still in flight.
"""

from sqlalchemy import CheckConstraint, Index, UniqueConstraint

from tallygate.adapters.store.tables.columns import (
    instant,
    number,
    present,
    refers,
    table,
    words,
)

api_keys = table(
    "api_keys",
    words("id", primary=True),
    refers("organization", "organizations", null=True),
    words("name"),
    words("digest"),
    words("tail"),
    # Scopes parted by spaces.
    words("scopes"),
    instant("created_at"),
    instant("expires_at", null=True),
    instant("revoked_at", null=True),
    *present("digest", "scopes"),
    UniqueConstraint("digest"),
)

idempotency_keys = table(
    "idempotency_keys",
    words("caller", primary=True),
    words("key", primary=True),
    words("request"),
    number("status", null=True),
    words("answer", null=True),
    instant("created_at"),
    *present("key", "request"),
    CheckConstraint("(status IS NULL) = (answer IS NULL)", name="answered"),
    Index(None, "created_at"),
)
