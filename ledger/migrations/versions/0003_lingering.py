"""Closed calls with a leg that was not told gone.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("calls", sa.Column("lingering", sa.Boolean()))
    op.create_index("ix_calls_switch_lingering", "calls", ["switch", "lingering"])
