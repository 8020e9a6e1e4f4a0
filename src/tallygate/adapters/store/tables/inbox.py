"""How are the payment provider's hints kept?

One row for each of its events, under the event's own id, with the bytes as they came. It may come
several times: the first bytes stay, and all deliveries are counted, as are those that had other
bytes. It belongs to no tenant: whom it is about is found when it is settled.
"""

from sqlalchemy import CheckConstraint, Index

from tallygate.adapters.store.tables.columns import (
    instant,
    is_truth,
    number,
    octets,
    one_of,
    present,
    table,
    truth,
    words,
)

inbox = table(
    "inbox",
    words("id", primary=True),
    words("type"),
    # Thin events name what changed and do not show it.
    truth("thin"),
    # By the provider's clock.
    instant("created"),
    words("api_version", null=True),
    instant("received_at"),
    words("state"),
    number("deliveries"),
    number("variants"),
    octets("body"),
    # By our clock; hints that came as foreign never have one.
    instant("settled_at", null=True),
    words("problem", null=True),
    *present("id", "type"),
    is_truth("thin"),
    one_of("state", "waiting", "settled", "foreign", "other_version"),
    CheckConstraint("deliveries >= 1", name="deliveries"),
    CheckConstraint("variants >= 0 AND variants < deliveries", name="variants"),
    Index(None, "state", "received_at"),
)
