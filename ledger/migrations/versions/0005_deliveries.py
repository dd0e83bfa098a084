"""Who was told of which change of a recording, and how far each channel has looked.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.Column("recording", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("run_at", sa.Double(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("lease_until", sa.Double()),
        sa.Column("owner", sa.String()),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("fault", sa.JSON(none_as_null=True)),
        sa.Column("progress", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["change"], ["recording_states.id"], name="fk_deliveries_change"),
        sa.ForeignKeyConstraint(["recording"], ["recordings.id"], name="fk_deliveries_recording"),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint("channel", "change", name="uq_deliveries_channel_change"),
    )
    op.create_index("ix_deliveries_channel_status_run_at", "deliveries", ["channel", "status", "run_at"])
    op.create_index("ix_deliveries_recording", "deliveries", ["recording"])
    op.create_table(
        "tellers",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("begins", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("channel", name="pk_tellers"),
    )
