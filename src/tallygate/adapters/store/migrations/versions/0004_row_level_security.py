"""row_level_security."""

# ruff: noqa: INP001  # as Alembic names it

from alembic import op

from tallygate.adapters.store.walls import protect

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OWNED = (
    "api_keys",
    "attention",
    "audit_log",
    "billing_accounts",
    "collections",
    "invoice_lines",
    "invoices",
    "life_events",
    "members",
    "mirrors",
    "notices",
    "origins",
    "outbox",
    "payer_changes",
    "projects",
    "provider_customers",
    "provider_invoices",
    "purchases",
    "reported_totals",
    "resource_states",
    "resources",
    "streams",
    "subjects",
    "subscription_phases",
    "subscription_redemptions",
    "subscriptions",
    "write_off_lines",
    "write_offs",
)
"""The tables of 0003 that have a column `organization`."""

KNOWN = (
    "EXISTS (SELECT FROM subjects s WHERE s.organization = {tenant} AND s.alias = {table}.subject)"
)


def upgrade() -> None:
    """On Postgres, each table that holds tenants' rows gets a policy."""
    tx = op.get_bind()
    for table in OWNED:
        protect(tx, table, "organization = {tenant}")
    protect(tx, "organizations", "id = {tenant}")
    for table in ("cells", "marked_values"):
        protect(tx, table, KNOWN)
