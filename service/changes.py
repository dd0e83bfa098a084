"""What became of a call, for the log: one line for each thing that an operator would ask about."""

from __future__ import annotations

import structlog

from recorder.model import Call, Recording, Segment
from recorder.playback import Playback
from recorder.states import CallState, PlaybackState, RecordingState, SegmentState

log = structlog.get_logger("calls")

_RECORDING = {
    RecordingState.RECORDING: "recording started", RecordingState.PAUSED: "recording paused",
    RecordingState.EMPTY: "recording has no audio",
    RecordingState.PROCESSING: "recording ended, its job begins",
}


def tell(before: Call | None, after: Call) -> None:
    """Log how a call differs from what it was."""
    if before is None:
        log.debug("call seen", call=after.id, switch=after.switch, first_leg=after.first_leg, kind=after.kind.value)
    decision = after.decision
    if decision is not None and (before is None or before.decision != decision):
        log.info("call decided", call=after.id, record=decision.record, rule=decision.rule, reason=decision.reason)
    earlier = {recording.id: recording for recording in before.recordings} if before is not None else {}
    for recording in after.recordings:
        _recording(after, earlier.get(recording.id), recording)
    played = {playback.id: playback for playback in before.playbacks} if before is not None else {}
    for playback in after.playbacks:
        _playback(after, played.get(playback.id), playback)
    if after.state is CallState.CLOSED and (before is None or before.state is not CallState.CLOSED):
        log.info("call over", call=after.id, outcome=after.outcome.value if after.outcome else None,
                 reason=after.reason)


def _recording(call: Call, before: Recording | None, after: Recording) -> None:
    if (before is None or before.state is not after.state) and after.state in _RECORDING:
        resumed = after.state is RecordingState.RECORDING and before is not None and before.started is not None
        log.info("recording resumed" if resumed else _RECORDING[after.state], call=call.id, recording=after.id,
                 reason=after.reason or None)
    earlier = {segment.id: segment for segment in before.segments} if before is not None else {}
    for segment in after.segments:
        _segment(call, earlier.get(segment.id), segment)


def _playback(call: Call, before: Playback | None, after: Playback) -> None:
    if before is not None and before.state is after.state:
        return
    if after.state is PlaybackState.PLAYING:
        log.info("announcement heard", call=call.id, announcement=after.id, parties=len(after.hearers))
    elif after.state is PlaybackState.FAILED:
        log.warning("announcement failed", call=call.id, announcement=after.id, cause=after.cause)
    else:
        log.debug("announcement", call=call.id, announcement=after.id, state=after.state.value)


def _segment(call: Call, before: Segment | None, after: Segment) -> None:
    if after.forced and (before is None or not before.forced):
        log.warning("tap ended by force", call=call.id, segment=after.id)
    if before is not None and before.state is after.state:
        return
    if after.state in (SegmentState.FAILED, SegmentState.LOST):
        log.warning("tap failed" if after.state is SegmentState.FAILED else "tap lost", call=call.id,
                    segment=after.id, cause=after.cause)
    else:
        log.debug("tap", call=call.id, segment=after.id, state=after.state.value)
