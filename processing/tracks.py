"""The tracks of a recording: what they are called, which are expected, whose packets they are made of."""

from __future__ import annotations

from ledger.rows import caller_and_callee
from recorder.model import Call, CallKind, Direction, Leg, Recording, Segment, TrackFile

CALLER = "caller"
CALLEE = "callee"
MIX = "mix"
_OTHER = {CALLER: CALLEE, CALLEE: CALLER}


def track_of(segment: Segment, file: TrackFile) -> str:
    """The track that a file's audio belongs to: ``caller``, ``callee``, ``mix``, or a conference member's leg."""
    if file.direction is Direction.MIX:
        return MIX
    if file.direction is Direction.IN:
        return segment.side
    return _OTHER.get(segment.side, f"{segment.side}/out")


def expected_tracks(call: Call, recording: Recording) -> tuple[str, ...]:
    """The tracks that the recording must have, in the order of the outputs."""
    if call.kind is CallKind.CALL:
        return CALLER, CALLEE
    members = dict.fromkeys(segment.side for segment in recording.segments if segment.source.leg)
    return MIX, *members


def leg_of(call: Call, track: str) -> Leg | None:
    """The one leg whose packets a track is made of; None if there were several, as after a transfer."""
    if call.kind is CallKind.CONFERENCE:
        return call.leg(track)
    if len(call.parties) != 2 or track not in _OTHER:
        return None
    caller, callee = caller_and_callee(call)
    return caller if track == CALLER else callee
