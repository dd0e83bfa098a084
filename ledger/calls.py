"""Calls in the ledger: saved on every change, loaded whole, listed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, exists, or_, select, tuple_

from faults import NotFound
from ledger import rows
from ledger.open import saved_calls
from ledger.tables import calls, pauses, recording_states, recordings, segments
from ledger.upsert import upsert
from policy.types import Direction
from recorder.model import Call, Outcome, Recording
from recorder.states import CallState, Carrying, RecordingState

JOB_STATES = frozenset({RecordingState.PROCESSING, RecordingState.READY, RecordingState.INCOMPLETE,
                        RecordingState.FAILED, RecordingState.EXPIRED})

# What stands in a row of ``calls``, of ``recordings``.
_CALL = attrgetter(*(field.name for field in fields(Call) if field.name not in ("pauses", "recordings")))
_RECORDING = attrgetter(*(field.name for field in fields(Recording) if field.name != "segments"))


def save(connection: Connection, changed: Iterable[Call], now: float) -> None:
    """Write calls as they are now, with their pauses, recordings and segments.

    Only what differs from the last saved value of a call is written. A recording whose job has begun keeps the state
    that the job gave it. Nothing is taken away.

    Args:
        now: the time of the change, for the history of a recording's states.
    """
    saved = saved_calls(connection)
    new_calls: list[rows.Row] = []
    new_recordings: list[rows.Row] = []
    new_segments: list[rows.Row] = []
    new_pauses: list[rows.Row] = []
    moved: list[tuple[RecordingState | None, Recording]] = []
    carrying: list[Recording] = []
    for call in changed:
        before = saved.get(call.id)
        if before is None or _CALL(before) != _CALL(call):
            new_calls.append(rows.call_row(call))
        held = before.pauses if before is not None else ()
        new_pauses += [rows.pause_row(call.id, number, pause) for number, pause in enumerate(call.pauses)
                       if number >= len(held) or held[number] != pause]
        known = {recording.id: recording for recording in before.recordings} if before is not None else {}
        for number, recording in enumerate(call.recordings):
            old = known.get(recording.id)
            if old is None or _RECORDING(old) != _RECORDING(recording):
                new_recordings.append(rows.recording_row(number, recording))
                if old is None or old.state is not recording.state:
                    was = old.state if old is not None else None
                    moved.append((RecordingState.ENDED if before is None else was, recording))
                if _carrying(recording) is not (None if old is None else _carrying(old)):
                    carrying.append(recording)
            written = old.segments if old is not None else ()
            new_segments += [rows.segment_row(recording.id, place, segment)
                             for place, segment in enumerate(recording.segments)
                             if place >= len(written) or written[place] != segment]
        if call.state is CallState.CLOSED:
            saved.pop(call.id, None)
        else:
            saved[call.id] = call
    upsert(connection, calls, new_calls)
    steps = (_steps(connection, moved, now) if moved else []) + _news(connection, carrying, now)
    upsert(connection, recordings, new_recordings, sticky=("state", JOB_STATES))
    if steps:
        connection.execute(recording_states.insert(), steps)
    upsert(connection, segments, new_segments)
    upsert(connection, pauses, new_pauses)


def _steps(connection: Connection, moved: Sequence[tuple[RecordingState | None, Recording]],
           now: float) -> list[rows.Row]:
    """The rows for the history of recordings that came to a new state; asked before the states are written.

    Where a job may have begun (the recording had ended, or we do not know) the table is looked at.
    """
    unsure = [recording.id for was, recording in moved if was is RecordingState.ENDED]
    stood = {row.id: row.state for row in connection.execute(
        select(recordings.c.id, recordings.c.state).where(recordings.c.id.in_(unsure)).with_for_update())
    } if unsure else {}
    return [{"recording": recording.id, "state": recording.state.value, "at": now} for _, recording in moved
            if stood.get(recording.id) not in {recording.state, *JOB_STATES}]


def _carrying(recording: Recording) -> Carrying | None:
    """Whether a recording server takes it; None where nothing is said of that, as before one was waited for."""
    if recording.uncarried:
        return Carrying.UNCARRIED
    return Carrying.CARRIED if recording.carried else None


def _news(connection: Connection, changed: Sequence[Recording], now: float) -> list[rows.Row]:
    """The rows for the history of recordings that no server takes, or one does again. The table knows what was said
    last, in this life of the service or in an earlier one."""
    found = []
    for recording in changed:
        last = connection.execute(_LAST_NEWS, {"recording": recording.id}).scalar_one_or_none()
        said = _carrying(recording)
        if said is not None and said.value != last and (last or said is Carrying.UNCARRIED):
            found.append({"recording": recording.id, "state": said.value, "at": now})
    return found


_LAST_NEWS = (select(recording_states.c.state).where(
    recording_states.c.recording == bindparam("recording"),
    recording_states.c.state.in_([each.value for each in Carrying])).order_by(recording_states.c.id.desc()).limit(1))


def load(connection: Connection, call_id: str) -> Call:
    """A call with everything that belongs to it.

    Raises:
        NotFound: there is none of that id.
    """
    found = _whole(connection, _ONE, id=call_id)
    if not found:
        raise NotFound("No call has that id.", call=call_id)
    return found[0]


def load_all(connection: Connection, call_ids: Iterable[str]) -> dict[str, Call]:
    """The calls of those ids that exist, by id."""
    found = _whole(connection, select(calls).where(calls.c.id.in_(sorted(set(call_ids)))))
    return {call.id: call for call in found}


def open_calls(connection: Connection, switch: str, *, since: float) -> list[Call]:
    """What the engine is started with again, oldest first: the calls of a switch that are not closed, and the closed
    ones of which a leg may still be there.

    Args:
        since: closed calls that ended then or later.
    """
    lingering = and_(calls.c.lingering.is_(True), calls.c.ended >= since)
    return _whole(connection, select(calls).where(
        calls.c.switch == switch, or_(calls.c.state != CallState.CLOSED.value, lingering))
        .order_by(calls.c.created, calls.c.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """Which calls are listed; None means all.

    Attributes:
        party: a user, ``user@domain``, or a number, of the caller or the callee, exactly.
        recorded: what was decided.
        since, until: from when and before when the call began.
    """

    switch: str | None = None
    state: CallState | None = None
    direction: Direction | None = None
    party: str | None = None
    recorded: bool | None = None
    rule: str | None = None
    outcome: Outcome | None = None
    since: float | None = None
    until: float | None = None


def listing(connection: Connection, wanted: CallFilter, *, limit: int = 100, after: str | None = None) -> list[Call]:
    """Calls, newest first.

    Args:
        limit: how many at most.
        after: the id of the last call of the page before.

    Raises:
        NotFound: ``after`` is no call.
    """
    query = select(calls).where(*_conditions(wanted))
    if after is not None:
        last = connection.execute(select(calls.c.created).where(calls.c.id == after)).scalar_one_or_none()
        if last is None:
            raise NotFound("No call has that id.", call=after)
        query = query.where(tuple_(calls.c.created, calls.c.id) < (last, after))
    return _whole(connection, query.order_by(calls.c.created.desc(), calls.c.id.desc()).limit(limit))


def _conditions(wanted: CallFilter) -> list[ColumnElement[bool]]:
    plain: dict[str, bool | str | None] = {
        "switch": wanted.switch, "state": wanted.state, "direction": wanted.direction, "recorded": wanted.recorded,
        "rule": wanted.rule, "outcome": wanted.outcome}
    conditions: list[ColumnElement[bool]] = [
        calls.c[name] == (value if isinstance(value, bool) else str(value))
        for name, value in plain.items() if value is not None]
    if wanted.party is not None:
        user, at, domain = wanted.party.rpartition("@")
        conditions.append(or_(*(
            and_(calls.c[f"{side}_user"] == user, calls.c[f"{side}_domain"] == domain) if at
            else or_(calls.c[f"{side}_user"] == wanted.party, calls.c[f"{side}_number"] == wanted.party)
            for side in ("caller", "callee"))))
    if wanted.since is not None:
        conditions.append(calls.c.created >= wanted.since)
    if wanted.until is not None:
        conditions.append(calls.c.created < wanted.until)
    return conditions


def without_recording(connection: Connection, *, since: float, until: float) -> list[Call]:
    """Closed calls that began in that time, were to be recorded, were answered, and have no recording with audio."""
    kept = exists().where(recordings.c.call == calls.c.id, recordings.c.state != RecordingState.EMPTY.value)
    return _whole(connection, select(calls).where(
        calls.c.created >= since, calls.c.created < until, calls.c.state == CallState.CLOSED.value,
        calls.c.recorded.is_(True), calls.c.connected.is_not(None), calls.c.merged_into.is_(None), ~kept)
        .order_by(calls.c.created, calls.c.id))


# Statements that every job runs are built once: building one costs more than running it.
_ONE = select(calls).where(calls.c.id == bindparam("id"))
_PAUSES = select(pauses).where(pauses.c.call.in_(bindparam("calls", expanding=True))).order_by(pauses.c.number)
_RECORDINGS = (select(recordings).where(recordings.c.call.in_(bindparam("calls", expanding=True)))
               .order_by(recordings.c.number))
_SEGMENTS = (select(segments).where(segments.c.recording.in_(bindparam("recordings", expanding=True)))
             .order_by(segments.c.number))


def _whole(connection: Connection, query: Select[Any], **values: object) -> list[Call]:
    """The calls of a query on ``calls``, with their pauses, recordings and segments."""
    found = connection.execute(query, values).mappings().all()
    ids = [row["id"] for row in found]
    if not ids:
        return []
    held = rows.build_pauses(connection.execute(_PAUSES, {"calls": ids}).mappings().all())
    kept = connection.execute(_RECORDINGS, {"calls": ids}).mappings().all()
    parts = connection.execute(_SEGMENTS, {"recordings": [row["id"] for row in kept]}).mappings().all()
    made = rows.build_recordings(kept, parts)
    return [rows.build_call(row, held.get(row["id"], ()), made.get(row["id"], ())) for row in found]
