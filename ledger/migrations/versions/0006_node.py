"""Whose files a job needs, and when a queue is told of it.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("node", sa.String()))
    op.add_column("jobs", sa.Column("anywhere", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("jobs", sa.Column("publish_at", sa.Double()))
    op.create_index("ix_jobs_publish_at", "jobs", ["publish_at"])
    op.execute("UPDATE jobs SET publish_at = run_at WHERE state = 'waiting'")
    op.execute("UPDATE jobs SET publish_at = lease_until WHERE state = 'running'")
