"""How is it kept what is to be done outside, for whom, and whom to tell?

`outbox` holds what was intended at the payment provider, before and after it was carried out.
`attention` holds the billing accounts that are to be looked at: a row goes when its account has
been attended and nothing new has come meanwhile. `notices` are told once for each key.
"""

from sqlalchemy import CheckConstraint, Index, UniqueConstraint

from tallygate.adapters.store.tables.columns import (
    instant,
    number,
    one_of,
    present,
    refers,
    table,
    words,
)

outbox = table(
    "outbox",
    words("id", primary=True),
    refers("organization", "organizations"),
    refers("billing_account", "billing_accounts"),
    words("kind"),
    words("identity"),
    words("body"),
    words("sentence"),
    instant("created_at"),
    words("state"),
    number("attempt"),
    instant("sent_at", null=True),
    words("answer", null=True),
    words("problem", null=True),
    *present("kind", "identity"),
    one_of("state", "waiting", "sent", "done", "refused", "superseded"),
    CheckConstraint("attempt >= 1", name="attempt"),
    Index(None, "organization", "id"),
    Index(None, "billing_account", "kind", "state"),
    Index(None, "state", "created_at"),
)

attention = table(
    "attention",
    refers("billing_account", "billing_accounts", primary=True),
    refers("organization", "organizations"),
    instant("marked_at"),
    instant("not_before"),
    words("reason"),
    number("tries"),
    instant("leased_until", null=True),
    number("lease"),
    # What the marks ask for that came since it was taken.
    instant("again_at", null=True),
    CheckConstraint("tries >= 0", name="tries"),
    Index(None, "not_before"),
)

notices = table(
    "notices",
    words("id", primary=True),
    refers("organization", "organizations"),
    refers("billing_account", "billing_accounts"),
    words("kind"),
    words("key"),
    instant("created_at"),
    refers("invoice", "invoices", null=True),
    # Names and texts as a JSON object.
    words("facts"),
    words("state"),
    *present("kind", "key"),
    one_of("state", "queued", "sent"),
    UniqueConstraint("key"),
    Index(None, "organization", "id"),
    Index(None, "billing_account", "id"),
)
