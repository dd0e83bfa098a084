"""The tables of the ledger.

Times are seconds since the Unix epoch (UTC), as in :mod:`recorder.model`. States and other words of the model are
kept as their text. A table that changes needs a migration (``migrations/versions``); a test compares the two.
"""

from __future__ import annotations

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
    UniqueConstraint,
)

# What the JSON columns hold.
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

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
    Column("id", String, primary_key=True),
    Column("switch", String, nullable=False),
    Column("boot", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("state", String, nullable=False),
    Column("caller_user", String),
    Column("caller_domain", String),
    Column("caller_number", String),
    Column("callee_user", String),
    Column("callee_domain", String),
    Column("callee_number", String),
    Column("direction", String),
    Column("recorded", Boolean),
    Column("media", String),
    Column("level", String),
    Column("rule", String),
    Column("profile", String),
    Column("subject", String),
    Column("decision_reason", String),
    Column("created", Double, nullable=False),
    Column("answered", Double),
    Column("connected", Double),
    Column("ended", Double),
    Column("outcome", String),
    Column("reason", String, nullable=False),
    Column("merged_into", String),
    Column("body", JSON, nullable=False),
    Column("lingering", Boolean),
    Index(None, "switch", "state"),
    Index(None, "switch", "lingering"),
    Index(None, "created", "id"),
)

# ``result`` is what the job made of it: the published files, lengths, reasons. ``number`` is its place in the call.
recordings = Table(
    "recordings", metadata,
    Column("id", String, primary_key=True),
    Column("call", ForeignKey("calls.id"), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("created", Double, nullable=False),
    Column("started", Double),
    Column("ended", Double),
    Column("reason", String, nullable=False),
    Column("result", JSON(none_as_null=True)),
    Index(None, "created", "id"),
)

segments = Table(
    "segments", metadata,
    Column("id", String, primary_key=True),
    Column("recording", ForeignKey("recordings.id"), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("source", JSON, nullable=False),
    Column("side", String, nullable=False),
    Column("state", String, nullable=False),
    Column("asked", Double, nullable=False),
    Column("started", Double),
    Column("ended", Double),
    Column("cause", String, nullable=False),
    Column("forced", Boolean, nullable=False),
    Column("files", JSON, nullable=False),
)

pauses = Table(
    "pauses", metadata,
    Column("call", ForeignKey("calls.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("owner", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("state", String, nullable=False),
    Column("asked", Double, nullable=False),
    Column("confirmed", Double),
    Column("resumed", Double),
    Column("until", Double),
    Column("followed_by", String, nullable=False),
)

# Every state that a recording was in, with the time at which it came there.
recording_states = Table(
    "recording_states", metadata,
    Column("id", Integer, primary_key=True),
    Column("recording", ForeignKey("recordings.id"), nullable=False, index=True),
    Column("state", String, nullable=False),
    Column("at", Double, nullable=False),
)

# Effects, stored with the change that caused them; ``performed`` is NULL until they were.
outbox = Table(
    "outbox", metadata,
    Column("id", Integer, primary_key=True),
    Column("call", String),
    Column("kind", String, nullable=False),
    Column("body", JSON, nullable=False),
    Column("created", Double, nullable=False),
    Column("performed", Double, index=True),
)

# What the world is told of a recording: once a final state.
notices = Table(
    "notices", metadata,
    Column("id", Integer, primary_key=True),
    Column("recording", ForeignKey("recordings.id"), nullable=False),
    Column("state", String, nullable=False),
    Column("created", Double, nullable=False),
    UniqueConstraint("recording", "state"),
)

# One job a recording. ``step`` is the next one to run, ``facts`` what the earlier ones found, by step.
jobs = Table(
    "jobs", metadata,
    Column("recording", ForeignKey("recordings.id"), primary_key=True),
    Column("state", String, nullable=False),
    Column("step", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created", Double, nullable=False),
    Column("run_at", Double, nullable=False),
    Column("lease_until", Double),
    Column("owner", String),
    Column("fault", JSON(none_as_null=True)),
    Column("facts", JSON, nullable=False),
    Index(None, "state", "run_at"),
)

# The files that a recording was made into, wherever they are. ``stored`` is NULL where a store told of a file before
# its recording was finished; ``confirmed`` where it has not told yet; ``deleted`` while it is there.
artefacts = Table(
    "artefacts", metadata,
    Column("recording", ForeignKey("recordings.id"), primary_key=True),
    Column("store", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", String, nullable=False),
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
    Column("channel", String, nullable=False),
    Column("change", ForeignKey("recording_states.id"), nullable=False),
    Column("recording", ForeignKey("recordings.id"), nullable=False, index=True),
    Column("state", String, nullable=False),
    Column("created", Double, nullable=False),
    Column("run_at", Double, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("status", String, nullable=False),
    Column("lease_until", Double),
    Column("owner", String),
    Column("note", String, nullable=False),
    Column("fault", JSON(none_as_null=True)),
    Column("progress", JSON, nullable=False),
    UniqueConstraint("channel", "change"),
    Index(None, "channel", "status", "run_at"),
)

# How far each channel has looked through ``recording_states``: it tells of nothing up to ``begins``, and has looked at
# all up to ``position``.
tellers = Table(
    "tellers", metadata,
    Column("channel", String, primary_key=True),
    Column("begins", Integer, nullable=False),
    Column("position", Integer, nullable=False),
)

# One row: which ledger this is.
identity = Table(
    "identity", metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("id", String, nullable=False),
)
