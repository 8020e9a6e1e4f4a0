"""${message}."""

# fmt: off
# ruff: noqa: E501, I001, INP001, PLR0915, Q000  # as Alembic wrote it

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Lead to this schema."""
    ${upgrades if upgrades else "pass"}
