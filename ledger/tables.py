"""The tables of the ledger.

Times are seconds since the Unix epoch (UTC), as in :mod:`recorder.model`. States and other words of the model are
kept as their text. A table that changes needs a migration (``migrations/versions``); a test compares the two.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)

# What the JSON columns hold.
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class _WithoutNul(TypeDecorator[str]):
    """Text on PostgreSQL, which has no NUL in it: U+FFFD stands there instead. A caller may choose such a name."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """What is written."""
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if value is not None else None


Text = String().with_variant(_WithoutNul(), "postgresql")

metadata = MetaData(naming_convention={
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
})

# One row a call, recorded or not. ``body`` is the whole call but for its pauses and recordings; the other columns
# repeat, for queries, what stands in it. ``recorded`` to ``decision_reason`` are the decision, NULL before it is made.
# ``lingering`` says whether some leg was not told gone.
calls = Table(
    "calls", metadata,
    Column("id", Text, primary_key=True),
    Column("switch", Text, nullable=False),
    Column("boot", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("caller_user", Text),
    Column("caller_domain", Text),
    Column("caller_number", Text),
    Column("callee_user", Text),
    Column("callee_domain", Text),
    Column("callee_number", Text),
    Column("direction", Text),
    Column("recorded", Boolean),
    Column("media", Text),
    Column("level", Text),
    Column("rule", Text),
    Column("profile", Text),
    Column("subject", Text),
    Column("decision_reason", Text),
    Column("created", Double, nullable=False),
    Column("answered", Double),
    Column("connected", Double),
    Column("ended", Double),
    Column("outcome", Text),
    Column("reason", Text, nullable=False),
    Column("merged_into", Text),
    Column("body", JSON, nullable=False),
    Column("lingering", Boolean),
    Index(None, "switch", "state"),
    Index(None, "switch", "lingering"),
    Index(None, "created", "id"),
)

# ``result`` is what the job made of it: the published files, lengths, reasons. ``number`` is its place in the call.
# ``sessions`` are those with recording servers; ``uncarried`` says that none of them takes it now.
recordings = Table(
    "recordings", metadata,
    Column("id", Text, primary_key=True),
    Column("call", ForeignKey("calls.id"), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("state", Text, nullable=False, index=True),
    Column("created", Double, nullable=False),
    Column("started", Double),
    Column("ended", Double),
    Column("reason", Text, nullable=False),
    Column("result", JSON(none_as_null=True)),
    Column("sessions", JSON, nullable=False, server_default=text("'[]'")),
    Column("uncarried", Boolean, nullable=False, server_default=false()),
    Index(None, "created", "id"),
)

segments = Table(
    "segments", metadata,
    Column("id", Text, primary_key=True),
    Column("recording", ForeignKey("recordings.id"), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("source", JSON, nullable=False),
    Column("side", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("asked", Double, nullable=False),
    Column("started", Double),
    Column("ended", Double),
    Column("cause", Text, nullable=False),
    Column("forced", Boolean, nullable=False),
    Column("files", JSON, nullable=False),
    Column("carried", JSON, nullable=False, server_default=text("'[]'")),
)

pauses = Table(
    "pauses", metadata,
    Column("call", ForeignKey("calls.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("owner", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("asked", Double, nullable=False),
    Column("confirmed", Double),
    Column("resumed", Double),
    Column("until", Double),
    Column("followed_by", Text, nullable=False),
)

# Every state that a recording was in, with the time at which it came there; ``uncarried`` and ``carried`` among them,
# which are no states: that no recording server takes it, and that one does after all.
recording_states = Table(
    "recording_states", metadata,
    Column("id", Integer, primary_key=True),
    Column("recording", ForeignKey("recordings.id"), nullable=False, index=True),
    Column("state", Text, nullable=False),
    Column("at", Double, nullable=False),
)

# Effects, stored with the change that caused them; ``performed`` is NULL until they were.
outbox = Table(
    "outbox", metadata,
    Column("id", Integer, primary_key=True),
    Column("call", Text),
    Column("kind", Text, nullable=False),
    Column("body", JSON, nullable=False),
    Column("created", Double, nullable=False),
    Column("performed", Double, index=True),
)

# One job a recording. ``step`` is the next one to run, ``facts`` what the earlier ones found, by step. ``node`` is the
# machine that has the recorded files (NULL: every one that shares the ledger), ``anywhere`` says that the next step
# needs none of them. At ``publish_at`` the queue is told of the job; NULL when it is over.
jobs = Table(
    "jobs", metadata,
    Column("recording", ForeignKey("recordings.id"), primary_key=True),
    Column("state", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created", Double, nullable=False),
    Column("run_at", Double, nullable=False),
    Column("lease_until", Double),
    Column("owner", Text),
    Column("fault", JSON(none_as_null=True)),
    Column("facts", JSON, nullable=False),
    Column("node", Text),
    Column("anywhere", Boolean, nullable=False, server_default=false()),
    Column("publish_at", Double, index=True),
    Index(None, "state", "run_at"),
)

# The files that a recording was made into, wherever they are. ``stored`` is NULL where a store told of a file before
# its recording was finished; ``confirmed`` where it has not told yet; ``deleted`` while it is there.
artefacts = Table(
    "artefacts", metadata,
    Column("recording", ForeignKey("recordings.id"), primary_key=True),
    Column("store", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("stored", Double),
    Column("confirmed", Double),
    Column("deleted", Double),
    Index(None, "store", "name"),
)

# One row for each change (a row of ``recording_states``) that a channel tells of. ``note`` says how it went,
# ``progress`` is what the channel needs to go on after a break.
deliveries = Table(
    "deliveries", metadata,
    Column("id", Integer, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("change", ForeignKey("recording_states.id"), nullable=False),
    Column("recording", ForeignKey("recordings.id"), nullable=False, index=True),
    Column("state", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("run_at", Double, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("lease_until", Double),
    Column("owner", Text),
    Column("note", Text, nullable=False),
    Column("fault", JSON(none_as_null=True)),
    Column("progress", JSON, nullable=False),
    UniqueConstraint("channel", "change"),
    Index(None, "channel", "status", "run_at"),
)

# How far each channel has looked through ``recording_states``: it tells of nothing up to ``begins``, and has looked at
# all up to ``position``.
tellers = Table(
    "tellers", metadata,
    Column("channel", Text, primary_key=True),
    Column("begins", Integer, nullable=False),
    Column("position", Integer, nullable=False),
)

# One row: which ledger this is.
identity = Table(
    "identity", metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
)
