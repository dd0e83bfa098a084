"""Calls as rows and back: what each table holds of a :class:`recorder.model.Call`. No SQL here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import RowMapping

from policy import types as policy
from policy.trunks import direction_of
from recorder import records
from recorder.model import Call, Direction, Leg, Pause, Recording, Segment, Sink, Source, Then, TrackFile
from recorder.states import PauseState, RecordingState, SegmentState

Row = dict[str, Any]


def caller_and_callee(call: Call) -> tuple[Leg | None, Leg | None]:
    """Who calls and who is called: the pair that the decision was made for, else the first two parties."""
    if call.decided_for:
        caller, callee = (call.leg(leg) if leg else None for leg in call.decided_for[:2])
        return caller, callee
    first, second, *_ = (*call.parties, None, None)
    return first, second


def call_direction(call: Call) -> policy.Direction | None:
    """The way a call goes, once it is decided and its trunks are known."""
    caller, callee = caller_and_callee(call)
    if call.decision is None or caller is None:
        return None
    return direction_of(caller.trunk, callee is not None and callee.trunk)


def call_row(call: Call) -> Row:
    """The row of ``calls``."""
    caller, callee = caller_and_callee(call)
    decision = call.decision
    direction = call_direction(call)
    return {
        "id": call.id, "switch": call.switch, "boot": call.boot, "kind": call.kind.value,
        "state": call.state.value,
        "caller_user": caller.party.user if caller else None,
        "caller_domain": caller.party.domain if caller else None,
        "caller_number": caller.party.number if caller else None,
        "callee_user": callee.party.user if callee else None,
        "callee_domain": callee.party.domain if callee else None,
        "callee_number": (callee.party.number or callee.dialled) if callee else None,
        "direction": direction.value if direction else None,
        "recorded": decision.record if decision else None,
        "media": ",".join(sorted(decision.media)) if decision else None,
        "level": decision.level.value if decision else None,
        "rule": decision.rule if decision else None,
        "profile": decision.profile.value if decision and decision.profile else None,
        "subject": decision.subject.value if decision and decision.subject else None,
        "decision_reason": decision.reason if decision else None,
        "created": call.created, "answered": call.answered, "connected": call.connected, "ended": call.ended,
        "outcome": call.outcome.value if call.outcome else None,
        "reason": call.reason, "merged_into": call.merged_into,
        "lingering": any(leg.gone is None for leg in call.legs),
        "body": records.of_call(replace(call, pauses=(), recordings=())),
    }


def recording_row(number: int, recording: Recording) -> Row:
    """The row of ``recordings``, without the job's result."""
    return {"id": recording.id, "call": recording.call, "number": number, "state": recording.state.value,
            "created": recording.created, "started": recording.started, "ended": recording.ended,
            "reason": recording.reason,
            "sessions": [records.of_session(session) for session in recording.sessions],
            "uncarried": recording.uncarried}


def segment_row(recording: str, number: int, segment: Segment) -> Row:
    """The row of ``segments``."""
    return {"id": segment.id, "recording": recording, "number": number, "source": _source_row(segment.source),
            "side": segment.side, "state": segment.state.value, "asked": segment.asked,
            "started": segment.started, "ended": segment.ended, "cause": segment.cause,
            "forced": segment.forced, "files": [
                {"direction": file.direction.value, "path": file.path, "channel": file.channel}
                for file in segment.files],
            "carried": [records.of_carried(carried) for carried in segment.carried]}


def pause_row(call: str, number: int, pause: Pause) -> Row:
    """The row of ``pauses``."""
    return {"call": call, "number": number, "owner": pause.owner, "actor": pause.actor, "reason": pause.reason,
            "state": pause.state.value, "asked": pause.asked, "confirmed": pause.confirmed,
            "resumed": pause.resumed, "until": pause.until, "followed_by": pause.then.value}


def build_call(row: RowMapping, pauses: Sequence[Pause], recordings: Sequence[Recording]) -> Call:
    """The call of a row of ``calls``."""
    return replace(records.call(row["body"]), pauses=tuple(pauses), recordings=tuple(recordings))


def build_recordings(rows: Iterable[RowMapping],
                     segments: Iterable[RowMapping]) -> dict[str, list[Recording]]:
    """The recordings of rows that come in order, by call."""
    within: defaultdict[str, list[Segment]] = defaultdict(list)
    for row in segments:
        within[row["recording"]].append(_segment(row))
    built: defaultdict[str, list[Recording]] = defaultdict(list)
    for row in rows:
        built[row["call"]].append(Recording(
            id=row["id"], call=row["call"], state=RecordingState(row["state"]), created=row["created"],
            started=row["started"], ended=row["ended"], reason=row["reason"], segments=tuple(within[row["id"]]),
            sessions=tuple(records.session(one) for one in row["sessions"]), uncarried=row["uncarried"]))
    return built


def _segment(row: RowMapping) -> Segment:
    return Segment(
        id=row["id"], source=_source(row["source"]), side=row["side"], state=SegmentState(row["state"]),
        asked=row["asked"], started=row["started"], ended=row["ended"], cause=row["cause"], forced=row["forced"],
        files=tuple(TrackFile(direction=Direction(file["direction"]), path=file["path"], channel=file["channel"])
                    for file in row["files"]),
        carried=tuple(records.carried(one) for one in row["carried"]))


def _source_row(source: Source) -> Row:
    return {"leg": source.leg, "directions": [direction.value for direction in source.directions],
            "bridge": source.bridge, "sink": source.sink.value}


def _source(row: Row) -> Source:
    return Source(leg=row["leg"], directions=tuple(Direction(word) for word in row["directions"]),
                  bridge=row["bridge"], sink=Sink(row.get("sink", Sink.FILE)))


def build_pauses(rows: Iterable[RowMapping]) -> dict[str, list[Pause]]:
    """The pauses of rows that come in order, by call."""
    built: defaultdict[str, list[Pause]] = defaultdict(list)
    for row in rows:
        built[row["call"]].append(Pause(
            owner=row["owner"], actor=row["actor"], reason=row["reason"], state=PauseState(row["state"]),
            asked=row["asked"], confirmed=row["confirmed"], resumed=row["resumed"], until=row["until"],
            then=Then(row["followed_by"])))
    return built
