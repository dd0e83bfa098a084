"""Recordings in the ledger: their states after the call, their results, their history, lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, RowMapping, bindparam, select, tuple_

from faults import NotFound
from ledger.calls import load, load_all
from ledger.changes import What, what
from ledger.tables import Json, calls, recording_states, recordings
from recorder.model import Call, Recording
from recorder.states import RECORDING, RecordingInput, RecordingState, step


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A recording with the call that it is of, and what its job made: published files, lengths, reasons."""

    call: Call
    recording: Recording
    result: dict[str, Json] | None


    @property
    def files(self) -> dict[str, str]:
        """The finished files, by kind, as names below their store."""
        return files_of(self.result)


def files_of(result: Mapping[str, Json] | None) -> dict[str, str]:
    """The finished files of a result, by kind, as names below their store. Older results have
    the three kinds that there were."""
    made = (result or {}).get("files") or {kind: (result or {}).get(kind) for kind in ("mixed", "stereo", "manifest")}
    return {kind: name for kind, name in made.items() if isinstance(name, str)} if isinstance(made, dict) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFilter:
    """Which recordings are listed; None means all. ``since``, ``until``: from when and before when it was made."""

    switch: str | None = None
    state: RecordingState | None = None
    since: float | None = None
    until: float | None = None


def get(connection: Connection, recording_id: str) -> Kept:
    """A recording.

    Raises:
        NotFound: there is none of that id.
    """
    row = _row(connection, recording_id)
    return _kept(row, load(connection, row["call"]))


def find(connection: Connection, recording_id: str) -> Kept | None:
    """A recording, or None if there is none of that id."""
    row = connection.execute(_ONE, {"recording": recording_id}).mappings().one_or_none()
    return _kept(row, load(connection, row["call"])) if row is not None else None


def listing(connection: Connection, wanted: RecordingFilter, *, limit: int = 100,
            after: str | None = None) -> list[Kept]:
    """Recordings, newest first.

    Args:
        limit: how many at most.
        after: the id of the last recording of the page before.

    Raises:
        NotFound: ``after`` is no recording.
    """
    conditions: list[ColumnElement[bool]] = []
    if wanted.switch is not None:
        conditions.append(calls.c.switch == wanted.switch)
    if wanted.state is not None:
        conditions.append(recordings.c.state == wanted.state.value)
    if wanted.since is not None:
        conditions.append(recordings.c.created >= wanted.since)
    if wanted.until is not None:
        conditions.append(recordings.c.created < wanted.until)
    if after is not None:
        last = _row(connection, after)
        conditions.append(tuple_(recordings.c.created, recordings.c.id) < (last["created"], after))
    found = connection.execute(
        select(recordings).join(calls).where(*conditions)
        .order_by(recordings.c.created.desc(), recordings.c.id.desc()).limit(limit)).mappings().all()
    of = load_all(connection, (row["call"] for row in found))
    return [_kept(row, of[row["call"]]) for row in found]


_ONE = select(recordings).where(recordings.c.id == bindparam("recording"))


def _row(connection: Connection, recording_id: str) -> RowMapping:
    row = connection.execute(_ONE, {"recording": recording_id}).mappings().one_or_none()
    if row is None:
        raise NotFound("No recording has that id.", recording=recording_id)
    return row


def _kept(row: RowMapping, call: Call) -> Kept:
    recording = next(each for each in call.recordings if each.id == row["id"])
    return Kept(call=call, recording=recording, result=row["result"])


_STATE = select(recordings.c.state).where(recordings.c.id == bindparam("recording")).with_for_update()
_CHANGE = recordings.update().where(recordings.c.id == bindparam("recording"))


def move(connection: Connection, recording_id: str, given: RecordingInput, now: float) -> RecordingState:
    """Take a recording one step further, by the table of states, and remember it. A step to the same state is none.

    Raises:
        NotFound: there is no recording of that id.
        TransitionForbidden: the table has no such step.
    """
    row = connection.execute(_STATE, {"recording": recording_id}).one_or_none()
    if row is None:
        raise NotFound("No recording has that id.", recording=recording_id)
    state = RecordingState(row.state)
    reached = step(RECORDING, state, given)
    if reached is not state:
        connection.execute(_CHANGE, {"recording": recording_id, "state": reached.value})
        connection.execute(recording_states.insert(),
                           {"recording": recording_id, "state": reached.value, "at": now})
    return reached


def finish(connection: Connection, recording_id: str, given: RecordingInput, now: float, *,
           result: dict[str, Json] | None = None) -> None:
    """Move a recording to its final state, and keep what was made.

    Raises:
        NotFound, TransitionForbidden: as :func:`move`.
    """
    move(connection, recording_id, given, now)
    if result is not None:
        connection.execute(_CHANGE, {"recording": recording_id, "result": result})


def history(connection: Connection, recording_id: str) -> list[tuple[What, float]]:
    """Every state that a recording was in, in order, with the time at which it came there; and when no recording server
    took it, and one did again."""
    table = recording_states.c
    return [(what(state), at) for state, at in connection.execute(
        select(table.state, table.at).where(table.recording == recording_id).order_by(table.id))]
