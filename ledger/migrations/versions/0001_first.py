"""The first tables.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "calls",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("switch", sa.String(), nullable=False),
        sa.Column("boot", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("caller_user", sa.String()),
        sa.Column("caller_domain", sa.String()),
        sa.Column("caller_number", sa.String()),
        sa.Column("callee_user", sa.String()),
        sa.Column("callee_domain", sa.String()),
        sa.Column("callee_number", sa.String()),
        sa.Column("direction", sa.String()),
        sa.Column("recorded", sa.Boolean()),
        sa.Column("media", sa.String()),
        sa.Column("level", sa.String()),
        sa.Column("rule", sa.String()),
        sa.Column("profile", sa.String()),
        sa.Column("subject", sa.String()),
        sa.Column("decision_reason", sa.String()),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("answered", sa.Double()),
        sa.Column("connected", sa.Double()),
        sa.Column("ended", sa.Double()),
        sa.Column("outcome", sa.String()),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("merged_into", sa.String()),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_calls"),
    )
    op.create_index("ix_calls_created_id", "calls", ["created", "id"])
    op.create_index("ix_calls_switch_state", "calls", ["switch", "state"])
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call", sa.String()),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("performed", sa.Double()),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_performed", "outbox", ["performed"])
    op.create_table(
        "pauses",
        sa.Column("call", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("asked", sa.Double(), nullable=False),
        sa.Column("confirmed", sa.Double()),
        sa.Column("resumed", sa.Double()),
        sa.Column("until", sa.Double()),
        sa.Column("followed_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["call"], ["calls.id"], name="fk_pauses_call"),
        sa.PrimaryKeyConstraint("call", "number", name="pk_pauses"),
    )
    op.create_table(
        "recordings",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("call", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("started", sa.Double()),
        sa.Column("ended", sa.Double()),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("result", sa.JSON(none_as_null=True)),
        sa.ForeignKeyConstraint(["call"], ["calls.id"], name="fk_recordings_call"),
        sa.PrimaryKeyConstraint("id", name="pk_recordings"),
    )
    op.create_index("ix_recordings_call", "recordings", ["call"])
    op.create_index("ix_recordings_created_id", "recordings", ["created", "id"])
    op.create_index("ix_recordings_state", "recordings", ["state"])
    op.create_table(
        "jobs",
        sa.Column("recording", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("run_at", sa.Double(), nullable=False),
        sa.Column("lease_until", sa.Double()),
        sa.Column("owner", sa.String()),
        sa.Column("fault", sa.JSON(none_as_null=True)),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["recording"], ["recordings.id"], name="fk_jobs_recording"),
        sa.PrimaryKeyConstraint("recording", name="pk_jobs"),
    )
    op.create_index("ix_jobs_state_run_at", "jobs", ["state", "run_at"])
    op.create_table(
        "notices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("recording", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["recording"], ["recordings.id"], name="fk_notices_recording"),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
        sa.UniqueConstraint("recording", "state", name="uq_notices_recording_state"),
    )
    op.create_table(
        "recording_states",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("recording", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["recording"], ["recordings.id"], name="fk_recording_states_recording"),
        sa.PrimaryKeyConstraint("id", name="pk_recording_states"),
    )
    op.create_index("ix_recording_states_recording", "recording_states", ["recording"])
    op.create_table(
        "segments",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("recording", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("source", sa.JSON(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("asked", sa.Double(), nullable=False),
        sa.Column("started", sa.Double()),
        sa.Column("ended", sa.Double()),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("forced", sa.Boolean(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["recording"], ["recordings.id"], name="fk_segments_recording"),
        sa.PrimaryKeyConstraint("id", name="pk_segments"),
    )
    op.create_index("ix_segments_recording", "segments", ["recording"])
