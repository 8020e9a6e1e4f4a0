"""How are our dealings with the payment provider kept?

A billing account is linked to at most one customer there, and has at most one purchase that is
open. What was collected of an invoice is one row beside the invoice, which itself never changes.
Of a running total every revision is a row.
"""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, UniqueConstraint, text

from tallygate.adapters.store.tables.columns import (
    WHOLE,
    WORDS,
    instant,
    is_truth,
    number,
    one_of,
    orderly,
    present,
    refers,
    table,
    truth,
    words,
)

provider_customers = table(
    "provider_customers",
    refers("billing_account", "billing_accounts", primary=True),
    refers("organization", "organizations"),
    words("customer"),
    words("email", null=True),
    instant("created_at"),
    *present("customer"),
    UniqueConstraint("customer"),
)

purchases = table(
    "purchases",
    words("id", primary=True),
    refers("organization", "organizations"),
    refers("billing_account", "billing_accounts"),
    words("plan"),
    words("interval"),
    words("currency"),
    Column("catalog_version", WHOLE, ForeignKey("catalogs.version"), nullable=False),
    words("way"),
    instant("created_at"),
    # Keys of coupons as a JSON list.
    words("coupons"),
    number("trial_days"),
    words("state"),
    refers("subscription", "subscriptions", null=True),
    words("provider_id", null=True),
    words("session", null=True),
    words("url", null=True),
    *present("plan", "currency"),
    one_of("interval", "month", "year"),
    one_of("way", "checkout", "direct", "link"),
    one_of("state", "open", "begun", "expired", "refused"),
    CheckConstraint("trial_days >= 0", name="trial_days"),
    UniqueConstraint("provider_id"),
    UniqueConstraint("session"),
    Index(None, "organization", "id"),
    Index(None, "billing_account", "id"),
    Index(
        "uq_purchases_open",
        "billing_account",
        unique=True,
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
)

mirrors = table(
    "mirrors",
    refers("subscription", "subscriptions", primary=True),
    refers("organization", "organizations"),
    refers("billing_account", "billing_accounts"),
    words("provider_id"),
    # The provider's word, whatever it is.
    words("status"),
    instant("looked_at"),
    instant("cancel_at", null=True),
    words("end_reason", null=True),
    *present("provider_id", "status"),
    UniqueConstraint("provider_id"),
    Index(None, "billing_account", "subscription"),
)

collections = table(
    "collections",
    refers("invoice", "invoices", primary=True),
    refers("organization", "organizations"),
    refers("billing_account", "billing_accounts"),
    refers("subscription", "subscriptions"),
    words("currency"),
    instant("dated"),
    number("total"),
    words("state"),
    instant("since"),
    # Ids at the provider as a JSON list; `provider_invoices` finds the row by any of them.
    words("provider_invoices"),
    number("attempts"),
    instant("next_attempt", null=True),
    instant("overdue_since", null=True),
    instant("paid_at", null=True),
    number("amount_due"),
    number("amount_paid"),
    number("tax"),
    words("number", null=True),
    words("hosted_url", null=True),
    words("pdf_url", null=True),
    # Sentences as a JSON list.
    words("differences"),
    truth("approved"),
    number("shortfall"),
    # The later invoice that makes up for it.
    Column("carried_by", WORDS, ForeignKey("invoices.id")),
    one_of("state", "waiting", "held", "open", "paid", "uncollectible", "void", "nothing"),
    CheckConstraint("attempts >= 0", name="attempts"),
    is_truth("approved"),
    Index(None, "billing_account", "dated"),
    Index(None, "state", "invoice"),
    Index(None, "carried_by"),
)

provider_invoices = table(
    "provider_invoices",
    words("provider_id", primary=True),
    refers("invoice", "invoices", primary=True),
    refers("organization", "organizations"),
    *present("provider_id"),
    Index(None, "invoice"),
)

reported_totals = table(
    "reported_totals",
    refers("subscription", "subscriptions", primary=True),
    words("price", primary=True),
    instant("period_start", primary=True),
    number("revision", primary=True),
    refers("organization", "organizations"),
    refers("billing_account", "billing_accounts"),
    words("customer"),
    words("event"),
    instant("period_end"),
    number("total"),
    instant("stamp"),
    words("identifier"),
    instant("created_at"),
    words("state"),
    instant("sent_at", null=True),
    words("problem", null=True),
    *present("price", "customer", "event", "identifier"),
    one_of("state", "waiting", "sent", "confirmed", "failed"),
    orderly("period_start", "period_end"),
    CheckConstraint("revision >= 1", name="revision"),
    UniqueConstraint("identifier"),
    Index(None, "state", "created_at"),
    Index(None, "billing_account", "state"),
)
