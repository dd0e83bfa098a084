"""Where the files of recordings are.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "artefacts",
        sa.Column("recording", sa.String(), nullable=False),
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("stored", sa.Double()),
        sa.Column("confirmed", sa.Double()),
        sa.Column("deleted", sa.Double()),
        sa.ForeignKeyConstraint(["recording"], ["recordings.id"], name="fk_artefacts_recording"),
        sa.PrimaryKeyConstraint("recording", "store", "name", name="pk_artefacts"),
    )
    op.create_index("ix_artefacts_store_name", "artefacts", ["store", "name"])
