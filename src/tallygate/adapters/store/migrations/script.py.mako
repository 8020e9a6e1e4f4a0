"""${message}."""

# fmt: off
# ruff: noqa: E501, INP001, Q000 as Alembic wrote it

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Lead to this schema."""
    ${upgrades if upgrades else "pass"}
