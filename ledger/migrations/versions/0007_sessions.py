"""Sessions with recording servers, and what those were sent.

Revision ID: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("recordings", sa.Column("sessions", sa.JSON(), nullable=False, server_default=sa.text("'[]'")))
    op.add_column("recordings", sa.Column("uncarried", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("segments", sa.Column("carried", sa.JSON(), nullable=False, server_default=sa.text("'[]'")))
