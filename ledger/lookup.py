"""Many rows at once, for whoever compares the ledger with something else: which ids are known, and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, select

from ledger.tables import calls as _calls
from ledger.tables import recording_states as _states
from ledger.tables import recordings as _recordings
from ledger.tables import segments as _segments
from recorder.states import CallState, Carrying, RecordingState, SegmentState

__all__ = ["Counts", "Known", "counts", "recordings", "segments"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A segment that has a row. ``linked``: whether the row names its files."""

    id: str
    state: SegmentState
    linked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Calls that began in some time.

    Attributes:
        calls: all of them. open: those that go on. wanted: those that are over, were answered, and that policy wanted
            recorded.
        recordings: their recordings, by state. uncarried: those that for a while no recording server took.
    """

    calls: int
    open: int
    wanted: int
    recordings: Mapping[RecordingState, int]
    uncarried: int


def segments(connection: Connection, ids: Collection[str]) -> dict[str, Known]:
    """The segments of those ids that exist."""
    found = connection.execute(select(_segments.c.id, _segments.c.state, _segments.c.files)
                               .where(_segments.c.id.in_(sorted(ids))))
    return {row.id: Known(id=row.id, state=SegmentState(row.state), linked=bool(row.files)) for row in found}


def recordings(connection: Connection, ids: Collection[str]) -> set[str]:
    """The recordings of those ids that exist."""
    return set(connection.execute(select(_recordings.c.id).where(_recordings.c.id.in_(sorted(ids)))).scalars())


def counts(connection: Connection, *, since: float, until: float) -> Counts:
    """Count the calls that began from ``since`` to before ``until``, and their recordings."""
    within = (_calls.c.created >= since, _calls.c.created < until)
    closed = _calls.c.state == CallState.CLOSED.value

    def number(*conditions: ColumnElement[bool]) -> int:
        return connection.execute(select(func.count()).select_from(_calls).where(*within, *conditions)).scalar_one()

    states = connection.execute(select(_recordings.c.state, func.count()).join(_calls).where(*within)
                                .group_by(_recordings.c.state)).all()
    uncarried = connection.execute(
        select(func.count(_states.c.recording.distinct())).select_from(_states.join(_recordings).join(_calls))
        .where(*within, _states.c.state == Carrying.UNCARRIED.value)).scalar_one()
    return Counts(
        uncarried=uncarried,
        calls=number(), open=number(~closed),
        wanted=number(closed, _calls.c.recorded.is_(True), _calls.c.connected.is_not(None),
                      _calls.c.merged_into.is_(None)),
        recordings=Counter({RecordingState(state): count for state, count in states}))
