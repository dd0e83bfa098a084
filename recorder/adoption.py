"""A conference that the switch recorded by itself: its file becomes a recording of the conference's call.

ConfBridge writes it until the last one has left, which may be long after the conference has ended for us. So the call's
row stays open until then.
"""

from __future__ import annotations

from dataclasses import replace

from recorder.effects import Adopt
from recorder.events import Adopted
from recorder.ids import recording_id, segment_id, segment_recording
from recorder.model import Call, CallKind, Direction, Recording, Segment, Source
from recorder.states import CallState, RecordingState, SegmentState
from recorder.world import World

TIMER = "adopt"
_REASON = "the switch recorded the conference by itself"


def waits(world: World, call: Call) -> bool:
    """Whether nobody has looked yet for a file of the switch's own."""
    return (world.limits.adopts and call.kind is CallKind.CONFERENCE and call.state is CallState.ENDED
            and not call.adopted)


def look(world: World, call: Call, now: float) -> None:
    """Have the file looked for, once the conference's bridge is gone. After a restart it is asked for again."""
    if not waits(world, call) or call.bridge in world.bridges or world.timers.running(call.id, TIMER):
        return
    segment = segment_id(recording_id(call.id, len(call.recordings)), 0)
    world.effects.append(Adopt(call=call.id, segment=segment, name=call.conference, since=call.created))
    world.timers.start(call.id, TIMER, now + world.limits.adopt_within)


def adopted(world: World, event: Adopted) -> None:
    """It was looked for. What was found is a recording of its own, whatever the policy says: the administrator of the
    switch has ordered it there."""
    call = world.calls.get(event.call)
    if call is None or not waits(world, call):
        return
    world.timers.stop(call.id, TIMER)
    call = replace(call, adopted=True)
    if event.files:
        source = Source(leg="", directions=(Direction.MIX,), bridge=call.bridge)
        segment = Segment(id=event.segment, source=source, side="mix", state=SegmentState.DOWN, asked=event.started,
                          started=event.started, ended=event.ended, cause=_REASON, files=event.files)
        recording = Recording(id=segment_recording(event.segment), call=call.id, state=RecordingState.ENDED,
                              created=event.started, started=event.started, ended=event.ended, reason=_REASON,
                              segments=(segment,))
        call = replace(call, recordings=(*call.recordings, recording),
                       reason=call.reason or ("" if call.recordings else _REASON))
    world.put(call)


def given_up(call: Call) -> Call:
    """Nobody answered in time: the row is closed without it, and the file stays where it is."""
    return replace(call, adopted=True)
