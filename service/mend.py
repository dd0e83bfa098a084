"""Mends what :mod:`service.reconcile` has found and what can be mended without a person.

Each mend is a short transaction of its own that looks again before it writes, so doing it twice changes nothing. No
file is changed, overwritten or deleted: a recording that is finished anew gets files of another name beside the old
ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection

from ledger import Ledger, calls, jobs, recordings
from processing.step import Places
from recorder.ids import segment_recording
from recorder.model import Call, Outcome, Recording, Segment, TrackFile
from recorder.states import SEGMENT, RecordingInput, RecordingState, SegmentInput, step
from service.reconcile import Discrepancy, Remedy, audio_of, files_of, gone, job_is_missing, may_be_linked

_FOUND = "found in the spool"


def mend(ledger: Ledger, places: Places, found: Discrepancy, now: float) -> str:
    """Mend one discrepancy.

    Args:
        now: seconds since the Unix epoch (UTC).

    Returns:
        What was done, as a sentence; empty if there was nothing to do any more.

    Raises:
        LedgerUnavailable: the ledger refused.
    """
    if found.remedy is None:
        return ""
    mends: dict[Remedy, Callable[[Connection, Places, str, float], str]] = {
        Remedy.LINK: _link, Remedy.BEGIN: _begin, Remedy.MARK: _mark}
    with ledger.transaction() as connection:
        return mends[found.remedy](connection, places, found.what, now)


def _link(connection: Connection, places: Places, segment_id: str, now: float) -> str:
    kept = recordings.get(connection, segment_recording(segment_id))
    spool = places.spools.get(kept.call.switch)
    segment = next((one for one in kept.recording.segments if one.id == segment_id), None)
    if spool is None or segment is None:
        return ""
    found = _tap_in(spool, segment)
    if found is None or found.ended is None or may_be_linked(kept, segment, found.ended, spool):
        return ""
    calls.save(connection, [_with_segment(kept.call, kept.recording, found)], now)
    recordings.move(connection, kept.recording.id, RecordingInput.AGAIN, now)
    jobs.again(connection, kept.recording.id, now, places.node)
    return f"{segment_id}: its audio is in the recording, whose job begins."


def _tap_in(spool: Path, segment: Segment) -> Segment | None:
    """The segment as its files tell of it: the last of them was written when the tap ended."""
    heard = {direction: (file, info) for direction, file in files_of(spool, segment.id).items()
             if (info := audio_of(file)) is not None}
    if not heard:
        return None
    ended = max(file.stat().st_mtime for file, _ in heard.values())
    files = tuple(TrackFile(direction=direction, path=heard[direction][0].relative_to(spool).as_posix())
                  for direction in segment.source.directions if direction in heard)
    return replace(segment, state=step(SEGMENT, segment.state, SegmentInput.TAP_DOWN), files=files, ended=ended,
                   started=ended - max(info.seconds for _, info in heard.values()),
                   cause=f"{segment.cause}; {_FOUND}" if segment.cause else _FOUND)


def _with_segment(call: Call, recording: Recording, segment: Segment) -> Call:
    segments = tuple(segment if one.id == segment.id else one for one in recording.segments)
    starts = [one.started for one in segments if one.started is not None]
    ends = [one.ended for one in segments if one.ended is not None]
    changed = replace(recording, segments=segments, started=min(starts), ended=max(ends),
                      reason="" if recording.state is RecordingState.EMPTY else recording.reason)
    made = tuple(changed if one.id == recording.id else one for one in call.recordings)
    missed = call.outcome is Outcome.MISSED
    return replace(call, recordings=made, outcome=Outcome.RECORDED if missed else call.outcome,
                   reason="" if missed else call.reason)


def _begin(connection: Connection, places: Places, recording: str, now: float) -> str:
    kept = recordings.get(connection, recording)
    if not job_is_missing(connection, kept):
        return ""
    given = RecordingInput.PROCESS if kept.recording.state is RecordingState.ENDED else RecordingInput.AGAIN
    recordings.move(connection, recording, given, now)
    jobs.again(connection, recording, now, places.node)
    return f"{recording}: its job begins."


def _mark(connection: Connection, places: Places, recording: str, now: float) -> str:
    kept = recordings.get(connection, recording)
    paths = gone(kept, places)
    if not paths or kept.result is None:
        return ""
    told, reasons = kept.result.get("gone"), kept.result.get("reasons")
    result = {**kept.result, "gone": [*(told if isinstance(told, list) else []), *paths],
              "reasons": [*(reasons if isinstance(reasons, list) else []),
                          *(f"The finished file {path} is gone." for path in paths)]}
    recordings.finish(connection, recording, RecordingInput.GONE, now, result=result)
    return f"{recording}: marked incomplete, because {' and '.join(paths)} {'is' if len(paths) == 1 else 'are'} gone."
