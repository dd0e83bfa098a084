"""The tracks of a recording: what they are called, which are expected, whose packets they are made of."""

from __future__ import annotations

from ledger.rows import caller_and_callee
from recorder.model import Call, CallKind, Direction, Leg, Recording, Segment

CALLER = "caller"
CALLEE = "callee"
MIX = "mix"
_OTHER = {CALLER: CALLEE, CALLEE: CALLER}
# A tap that began later than this after it was wanted has missed something: the output then begins where it should
# have begun. What is less is the time that a switch needs.
LATE_S = 0.5


def began(recording: Recording) -> float:
    """When the output begins, on the switch's clock (s): with the first audio, unless that came late."""
    started = recording.started if recording.started is not None else recording.created
    return recording.created if started - recording.created > LATE_S else started


def track_of(segment: Segment, direction: Direction) -> str:
    """The track that a direction's audio belongs to: ``caller``, ``callee``, ``mix``, or a conference member's leg."""
    if direction is Direction.MIX:
        return MIX
    if direction is Direction.IN:
        return segment.side
    return _OTHER.get(segment.side, f"{segment.side}/out")


def expected_tracks(call: Call, recording: Recording) -> tuple[str, ...]:
    """The tracks that the recording must have, in the order of the outputs."""
    if call.kind is CallKind.CALL:
        return CALLER, CALLEE
    members = dict.fromkeys(segment.side for segment in recording.segments if segment.source.leg)
    return MIX, *members


def packets_of(call: Call, track: str) -> tuple[int, int] | None:
    """The RTP packets that a track is made of, received and lost; None if they are not known, or of several legs, as
    after a transfer. With one party alone the other track is what the switch itself has sent to that party."""
    one = leg_of(call, track)
    if one is None and track in _OTHER and len(call.parties) < 2:
        other = leg_of(call, _OTHER[track])
        if other is not None and other.counters is not None:
            return other.counters.sent, 0
    return _received(one)


def leg_of(call: Call, track: str) -> Leg | None:
    """The leg whose voice a track is; None if there is none, or several share it, as after a transfer."""
    if call.kind is CallKind.CONFERENCE:
        return call.leg(track)
    if len(call.parties) > 2 or track not in _OTHER:
        return None
    caller, callee = caller_and_callee(call)
    return caller if track == CALLER else callee


def _received(leg: Leg | None) -> tuple[int, int] | None:
    if leg is None or leg.counters is None:
        return None
    return leg.counters.received, leg.counters.lost


def voice_of(call: Call, recording: Recording, leg: Leg) -> str | None:
    """The track that a party's voice is on: who stays through a transfer keeps it, and the others share the other one.

    Returns:
        The track; None for a party that nobody heard.
    """
    if call.kind is CallKind.CONFERENCE:
        return leg.id
    for segment in recording.segments:
        if segment.source.leg == leg.id:
            return segment.side
    for segment in recording.segments:
        if segment.started is not None and any(
                visit.leg == leg.id and (segment.ended is None or visit.joined < segment.ended)
                and (visit.left is None or visit.left > segment.started) for visit in call.visits):
            return _OTHER.get(segment.side)
    if call.visits or leg.answered is None:
        return None
    return CALLER if leg.id == call.first_leg else CALLEE
