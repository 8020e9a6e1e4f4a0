"""How are subscriptions and invoices kept?

A billing account has at most one subscription that has not ended. An invoice exists once for
its subscription, instant and reason, so a period that is closed twice is billed once. Invoices and
their lines are written once and never changed.
"""

from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, UniqueConstraint, text

from tallygate.adapters.store.tables.columns import (
    WHOLE,
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

subscriptions = table(
    "subscriptions",
    words("id", primary=True),
    refers("organization", "organizations"),
    refers("billing_account", "billing_accounts"),
    words("currency"),
    instant("started_at"),
    instant("anchor"),
    instant("billed_until"),
    instant("trial_end", null=True),
    instant("cancel_at", null=True),
    instant("ended_at", null=True),
    number("revision"),
    truth("refund"),
    truth("closed"),
    # The boundary or the end that is closed next; none when all is closed.
    instant("due_at", null=True),
    is_truth("refund"),
    is_truth("closed"),
    *present("currency"),
    orderly("started_at", "ended_at"),
    CheckConstraint("revision >= 0", name="revision"),
    Index(None, "organization", "id"),
    Index(None, "due_at"),
    Index(None, "ended_at"),
    Index(
        "uq_subscriptions_live",
        "billing_account",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)

subscription_phases = table(
    "subscription_phases",
    refers("subscription", "subscriptions", primary=True),
    number("position", primary=True),
    refers("organization", "organizations"),
    words("plan"),
    words("interval"),
    Column("catalog_version", WHOLE, ForeignKey("catalogs.version"), nullable=False),
    instant("since"),
    instant("until", null=True),
    # Where its boundaries were counted from another instant than the subscription's today.
    instant("anchor", null=True),
    *present("plan"),
    one_of("interval", "month", "year"),
    orderly("since", "until"),
)

subscription_redemptions = table(
    "subscription_redemptions",
    refers("subscription", "subscriptions", primary=True),
    number("position", primary=True),
    refers("organization", "organizations"),
    words("coupon"),
    instant("redeemed_at"),
    words("spent_by", null=True),
    number("catalog_version"),
    *present("coupon"),
    Index(None, "coupon"),
)

invoices = table(
    "invoices",
    words("id", primary=True),
    refers("organization", "organizations"),
    refers("billing_account", "billing_accounts"),
    refers("subscription", "subscriptions"),
    number("number"),
    words("reason"),
    words("currency"),
    instant("dated"),
    instant("period_start"),
    instant("period_end"),
    number("position"),
    number("subtotal"),
    number("discount"),
    # Keys of coupons as a JSON list.
    words("coupons"),
    instant("created_at"),
    one_of("reason", "subscribe", "boundary", "change", "end", "adjustment"),
    orderly("period_start", "period_end"),
    CheckConstraint("number >= 1", name="number"),
    UniqueConstraint("subscription", "dated", "reason"),
    UniqueConstraint("organization", "number"),
    Index(None, "organization", "id"),
    Index(None, "billing_account", "id"),
)

write_offs = table(
    "write_offs",
    words("id", primary=True),
    refers("organization", "organizations"),
    refers("billing_account", "billing_accounts"),
    refers("subscription", "subscriptions"),
    words("currency"),
    instant("dated"),
    number("position"),
    number("amount"),
    instant("created_at"),
    UniqueConstraint("subscription", "dated"),
    Index(None, "organization", "id"),
)


def _line_columns() -> tuple[Any, ...]:
    return (
        number("position", primary=True),
        refers("organization", "organizations"),
        words("price"),
        words("kind"),
        words("currency"),
        number("amount"),
        number("discount"),
        words("quantity"),
        words("measured"),
        words("included"),
        words("meter", null=True),
        instant("period_start"),
        instant("period_end"),
        # A fraction, "1/2".
        words("share"),
        number("catalog_version"),
        # The invoice that an adjustment corrects, or empty.
        words("corrects"),
        # What is left of the line, as JSON: steps, discounts, bound, note, unit, level.
        words("explanation"),
        *present("price"),
        one_of("kind", "flat", "counted", "metered", "credit", "adjustment"),
        orderly("period_start", "period_end"),
    )


invoice_lines = table(
    "invoice_lines", refers("invoice", "invoices", primary=True), *_line_columns()
)

write_off_lines = table(
    "write_off_lines", refers("write_off", "write_offs", primary=True), *_line_columns()
)
