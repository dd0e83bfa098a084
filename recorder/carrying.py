"""Recording servers: whether one of them takes what is meant for it, and what goes into files while none does."""

from __future__ import annotations

from dataclasses import replace

from recorder import taps
from recorder.events import SessionIs
from recorder.model import Call, Recording, Session, Sink
from recorder.states import SegmentState, SessionState
from recorder.world import World

TIMER = "uncarried"
RESTARTED = "the service ended"
"""The cause of the end of a session, and of its taps, that an earlier life of the service had."""

_LIVE = (SegmentState.ATTACHING, SegmentState.UP)


def session_is(world: World, event: SessionIs) -> None:
    """A session came, was taken, or is over. What is told of a recording that is closed comes too late to matter."""
    call = world.calls.get(world.recordings.get(event.recording, ""))
    if call is None:
        return
    world.put(replace(call, recordings=tuple(
        _with(recording, event.session) if recording.id == event.recording else recording
        for recording in call.recordings)))


def follow(world: World, call: Call, now: float) -> Call:
    """Count the time in which a server is wanted and none takes the recording; once one does, files are not needed
    any more."""
    recording = call.recording
    carried = recording is not None and recording.carried
    if recording is not None and carried and recording.uncarried:
        call = _put(call, replace(recording, uncarried=False))
    waits = (call.to_server and not carried and not (recording is not None and recording.uncarried)
             and any(source.sink is Sink.SERVER for source in taps.wanted(call, world.limits)))
    if not waits:
        world.timers.stop(call.id, TIMER)
    elif not world.timers.running(call.id, TIMER):
        world.timers.start(call.id, TIMER, now + world.limits.carried_within)
    return call


def expired(call: Call) -> Call:
    """No server has taken the recording in time."""
    return call if call.recording is None else _put(call, replace(call.recording, uncarried=True))


def ended(recording: Recording) -> Recording:
    """A recording that has ended has no session any more, whenever the word of their ends comes."""
    return replace(recording, sessions=tuple(
        session if session.state is SessionState.OVER
        else replace(session, state=SessionState.OVER, ended=recording.ended) for session in recording.sessions))


def restored(call: Call) -> Call:
    """What an earlier life of the service sent to a server went through that process: its sessions are over, and what
    is left of its taps has to go."""
    return replace(call, recordings=tuple(replace(
        recording, uncarried=False,
        sessions=tuple(session if session.state is SessionState.OVER
                       else replace(session, state=SessionState.OVER, cause=RESTARTED)
                       for session in recording.sessions),
        segments=tuple(taps.unwanted(segment, RESTARTED) if segment.source.sink is Sink.SERVER
                       and segment.state in _LIVE else segment for segment in recording.segments))
        for recording in call.recordings))


def _with(recording: Recording, session: Session) -> Recording:
    known = next((one for one in recording.sessions if one.id == session.id), None)
    if known is not None and known.state is SessionState.OVER:
        return recording
    sessions = (*recording.sessions, session) if known is None else tuple(
        session if one.id == session.id else one for one in recording.sessions)
    return replace(recording, sessions=sessions)


def _put(call: Call, recording: Recording) -> Call:
    return replace(call, recordings=(*call.recordings[:-1], recording))
