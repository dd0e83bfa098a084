"""What is counted of the ledger, for whoever watches: each a look that stays cheap however much the ledger holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import Connection, String, bindparam, cast, exists, func, select

from ledger.changes import What, what
from ledger.deliveries import Status
from ledger.jobs import JobState
from ledger.tables import deliveries, jobs, recording_states, recordings, segments
from recorder.states import RecordingState

# What is done is never counted: those rows only grow.
_OPEN_JOBS = (JobState.WAITING, JobState.RUNNING, JobState.FAILED)
_OPEN_NOTICES = (Status.WAITING, Status.RUNNING, Status.FAILED)

_JOBS = select(jobs.c.state, func.count()).where(
    jobs.c.state.in_([state.value for state in _OPEN_JOBS])).group_by(jobs.c.state)
_NOTICES = select(deliveries.c.channel, deliveries.c.status, func.count()).where(
    deliveries.c.status.in_([status.value for status in _OPEN_NOTICES])).group_by(
    deliveries.c.channel, deliveries.c.status)
_LAST = select(func.coalesce(func.max(recording_states.c.id), 0))
_SINCE = select(recording_states.c.state, func.count(), func.max(recording_states.c.id)).where(
    recording_states.c.id > bindparam("after")).group_by(recording_states.c.state)


_EARLIER = recording_states.alias()
# Recordings that were processed for the first time: then what servers were sent of them is all written.
_SENT = (select(segments.c.carried, recordings.c.sessions).join(recordings, segments.c.recording == recordings.c.id)
         .join(recording_states, recording_states.c.recording == recordings.c.id)
         .where(recording_states.c.id > bindparam("after"),
                recording_states.c.state == RecordingState.PROCESSING.value,
                cast(segments.c.carried, String) != "[]",
                ~exists().where(_EARLIER.c.recording == recording_states.c.recording,
                                _EARLIER.c.state == RecordingState.PROCESSING.value,
                                _EARLIER.c.id < recording_states.c.id)))


@dataclass(slots=True)
class States:
    """How often recordings came to each state, and were taken by a server or by none, since this was made, by whichever
    service; ``last`` is the newest row that was counted. On PostgreSQL a row that is seen after a newer one is missed:
    this is no bookkeeping.

    ``packets``: what recording servers were ``sent`` of recordings that are over, what was ``lost`` before it came to
    us, and what they say that they have not got (``unheard``); by server.
    """

    last: int
    counts: Counter[What] = field(default_factory=Counter)
    packets: Counter[tuple[str, str]] = field(default_factory=Counter)

    @classmethod
    def from_now(cls, connection: Connection) -> States:
        """Nothing counted yet."""
        return cls(connection.execute(_LAST).scalar_one())

    def go_on(self, connection: Connection) -> None:
        """Count what has come since."""
        for carried, sessions in connection.execute(_SENT, {"after": self.last}).all():
            servers = {session["id"]: session["server"] for session in sessions}
            for one in carried:
                for kind in ("sent", "lost", "unheard"):
                    self.packets[servers.get(one["session"], ""), kind] += max(0, one.get(kind) or 0)
        for state, number, last in connection.execute(_SINCE, {"after": self.last}).all():
            self.counts[what(state)] += number
            self.last = max(self.last, last)


def open_jobs(connection: Connection) -> dict[JobState, int]:
    """How many jobs wait, run and have failed."""
    return {**dict.fromkeys(_OPEN_JOBS, 0), **{JobState(state): number for state, number in connection.execute(_JOBS)}}


def open_notices(connection: Connection) -> dict[tuple[str, Status], int]:
    """How many notices of each channel wait, are being sent and have failed."""
    return {(channel, Status(status)): number for channel, status, number in connection.execute(_NOTICES)}
