"""The taps of a call: what is wanted, what the switch has confirmed, and the effects that close the difference."""

from __future__ import annotations

from dataclasses import replace
from itertools import takewhile

from policy.types import Media, RecordingTarget
from recorder.conference import OPEN
from recorder.conversation import alone
from recorder.effects import Attach, Detach, Resync
from recorder.events import TapDown, TapFailed, TapUp
from recorder.ids import recording_id, segment_id, segment_recording
from recorder.model import Call, CallKind, Direction, Leg, Recording, Segment, Sink, Source
from recorder.states import (
    FINAL_SEGMENT,
    RECORDING,
    SEGMENT,
    RecordingInput,
    RecordingState,
    SegmentInput,
    SegmentState,
    step,
)
from recorder.world import Limits, World

UNREAD = "the switch no longer reads the media of its call"
"""The cause of the end of a tap that was ended for that."""

_BOTH = (Direction.IN, Direction.OUT)
_LIVE = (SegmentState.ATTACHING, SegmentState.UP)
_EARLY_KEPT = 1000
_DRAIN, _DRAIN_MIX = "drain", "drain-mix"


def to_be_recorded(call: Call) -> bool:
    """Whether policy and people want this call recorded now, pauses left aside, and the switch can do it."""
    decision = call.decision
    return (decision is not None and decision.record and Media.AUDIO in decision.media and not call.stopped
            and call.state in OPEN and not alone(call) and not _unread(call))


def _unread(call: Call) -> bool:
    return any(leg.obstacle for leg in call.up)


def wanted(call: Call, limits: Limits) -> frozenset[Source]:
    """The taps that policy, pauses and the legs' state ask for.

    A call between parties is tapped in both directions on one leg, for recording servers perhaps as their mix; a
    conference on each member (what they say) and on the mix, while two or more are in it.
    """
    if not to_be_recorded(call) or call.paused or (call.consults is not None and call.answered is None):
        return frozenset()
    if call.kind is CallKind.CONFERENCE:
        if len(call.up) < 2:
            return frozenset()
        members = {Source(leg=leg.id, directions=(Direction.IN,)) for leg in call.up}
        return frozenset(members | {Source(leg="", directions=(Direction.MIX,), bridge=call.bridge)})
    leg = anchor(call)
    if leg is None or (leg.silent and limits.ends_at_hold):
        return frozenset()
    to_server = (Direction.MIX,) if limits.mixed_for_servers else _BOTH
    return frozenset(Source(leg=leg.id, directions=to_server if sink is Sink.SERVER else _BOTH, sink=sink)
                     for sink in _sinks(call))


def _sinks(call: Call) -> frozenset[Sink]:
    """Where policy wants the audio, and who asked for it; a file as well while no recording server takes it."""
    target = call.decision.target if call.decision is not None else RecordingTarget.WAV
    if target is RecordingTarget.WAV:
        return frozenset({Sink.FILE, Sink.SERVER}) if call.names else frozenset({Sink.FILE})
    to_file = target is RecordingTarget.BOTH or (call.recording is not None and call.recording.uncarried)
    return frozenset({Sink.SERVER, Sink.FILE}) if to_file else frozenset({Sink.SERVER})


def anchor(call: Call) -> Leg | None:
    """The leg to tap: the tapped one while it is there, else the trunk's, else the caller's, else whoever is left.

    Who hands the call on, or is apart while others of the call talk, is there no longer: the tap moves before that leg
    hangs up. While the caller's leg waits for its answer no other user's leg is tapped in its place: the caller's comes
    up within milliseconds, and a tap that stays beats one that moves. Of a consultation by keys it is rather the leg of
    who is asked: that of who asks has been tapped for the other call, or will be.
    """
    up = call.up
    talking = {visit.leg for visit in call.visits if visit.left is None}
    stay = [leg for leg in up if leg.id != call.transferred_by]
    together = [leg for leg in stay if leg.id in talking]
    there = together if len(together) > 1 else stay or list(up)
    tapped = {segment.source.leg for segment in segments(call) if segment.state in _LIVE}
    for leg in there:
        if leg.id in tapped:
            return leg
    if call.consults is not None:
        asked = [leg for leg in call.live if leg.id != call.first_leg]
        return next((leg for leg in asked if leg in there), None) if asked else next(iter(there), None)
    trunks = [leg for leg in there if leg.trunk]
    caller = call.leg(call.first_leg)
    if caller is not None and caller in call.live and caller not in up and (caller.trunk or not trunks):
        return None
    if caller is not None and caller in there and caller.trunk:
        return caller
    if trunks:
        return trunks[0]
    return caller if caller in there else next(iter(there), None)


def converge(world: World, call: Call, at: float, now: float) -> Call:
    """Ask for the taps that are wanted and not there; end those that are there and not wanted."""
    sources = wanted(call, world.limits)
    for segment in segments(call):
        if segment.state in _LIVE and segment.source not in sources:
            if _unread(call):
                segment = replace(segment, cause=segment.cause or UNREAD)
            call = unwant(world, put(call, segment), segment, now)
    _let_drain(world, call, now)
    if sources and world.up and not world.timers.running(call.id, _DRAIN):
        call = _attach_missing(world, call, sources, at, now)
    return _recording_follows(call, at)


def _let_drain(world: World, call: Call, now: float) -> None:
    """What was said in a pause may still be on its way after it: no tap before that is gone."""
    if call.paused:
        world.quieted.add(call.id)
        for name in (_DRAIN, _DRAIN_MIX):
            world.timers.stop(call.id, name)
    elif call.id in world.quieted:
        world.quieted.discard(call.id)
        for name, after in ((_DRAIN, world.limits.resume_after), (_DRAIN_MIX, world.limits.mix_resume_after)):
            if after:
                world.timers.start(call.id, name, now + after)


def expired(world: World, call: Call, name: str, now: float) -> Call:
    """A deadline of a segment has come: ``attach:``, ``detach:`` or ``lose:`` and the segment's id."""
    kind, _, identity = name.partition(":")
    segment = find(call, identity)
    if segment is None or segment.state in FINAL_SEGMENT:
        return call
    if kind == "attach" and segment.state is SegmentState.ATTACHING:
        call = unwant(world, call, segment, now)
    elif kind == "detach":
        call = put(call, replace(segment, forced=True))
        world.effects.append(Detach(call=call.id, segment=segment.id, source=segment.source, destroy=True))
        world.timers.start(call.id, f"lose:{segment.id}", now + world.limits.lose_after)
    elif kind == "lose" and not world.up:
        # An unreachable switch may still be recording; only its snapshot can say.
        world.timers.start(call.id, name, now + world.limits.lose_after)
    elif kind == "lose":
        call = put(call, replace(segment, state=step(SEGMENT, segment.state, SegmentInput.LOSE),
                                 cause="the switch never confirmed the end of the tap"))
        world.effects.append(Resync(reason="a tap's end was never confirmed"))
    return call


def tap_event(world: World, event: TapUp | TapDown | TapFailed, now: float) -> None:
    """The switch tells of a tap. Facts that come before their segment wait for it."""
    call = owner(world, event.segment)
    if call is None:
        kept = world.early.setdefault(event.segment, [])
        if type(event) not in map(type, kept):
            kept.append(event)
        while len(world.early) > _EARLY_KEPT:
            del world.early[next(iter(world.early))]
        return
    call = _apply(world, call, event, now)
    world.put(call)
    segment = find(call, event.segment)
    if segment is not None and segment.state in FINAL_SEGMENT and segment.source.leg:
        for other in world.conversations(segment.source.leg):
            world.touch(other.id)


def find(call: Call, identity: str) -> Segment | None:
    """The call's segment of that id, or None."""
    return next((segment for segment in segments(call) if segment.id == identity), None)


def put(call: Call, segment: Segment) -> Call:
    """The call with the segment's new value."""
    def in_recording(recording: Recording) -> Recording:
        if recording.id != segment_recording(segment.id):
            return recording
        known = any(one.id == segment.id for one in recording.segments)
        segments = (tuple(segment if one.id == segment.id else one for one in recording.segments) if known
                    else (*recording.segments, segment))
        return replace(recording, segments=segments)

    return replace(call, recordings=tuple(in_recording(recording) for recording in call.recordings))


def open_taps(call: Call) -> tuple[Segment, ...]:
    """The segments whose taps the switch may still be feeding."""
    return tuple(segment for segment in segments(call) if segment.state not in FINAL_SEGMENT)


def unproven_taps(call: Call) -> tuple[Segment, ...]:
    """The segments that may still get audio: the open ones, and those that were given up without the switch's word."""
    return tuple(segment for segment in segments(call) if segment.state not in FINAL_SEGMENT
                 or (segment.state is SegmentState.LOST and segment.forced))


def again(world: World, call: Call, segment: Segment, now: float) -> Call:
    """Ask once more for the end of a tap that a snapshot still shows."""
    world.effects.append(Detach(call=call.id, segment=segment.id, source=segment.source))
    world.timers.start(call.id, f"detach:{segment.id}", now + world.limits.confirm_within)
    return call


def unwant(world: World, call: Call, segment: Segment, now: float) -> Call:
    """Nobody wants that tap any more: have it ended, and see to it that its end is confirmed.

    A tap ends with its leg, by itself; then only its end is waited for. A hundred calls that end at once are no time
    for requests that nobody needs.
    """
    world.timers.stop(call.id, f"attach:{segment.id}")
    up = segment.state is SegmentState.UP
    call = put(call, unwanted(segment))
    if up and segment.source.leg in world.gone:
        world.timers.start(call.id, f"detach:{segment.id}", now + world.limits.lose_after)
        return call
    return again(world, call, segment, now)


def unwanted(segment: Segment, cause: str = "") -> Segment:
    """The segment, once nobody wants it any more."""
    return replace(segment, state=step(SEGMENT, segment.state, SegmentInput.UNWANTED), cause=segment.cause or cause)


def segments(call: Call) -> list[Segment]:
    """Every segment of a call, in order."""
    return [segment for recording in call.recordings for segment in recording.segments]


def owner(world: World, segment: str) -> Call | None:
    """The open call that has a segment of that id, or None."""
    call = world.calls.get(world.recordings.get(segment_recording(segment), ""))
    return call if call is not None and find(call, segment) is not None else None


def attach(world: World, call: Call, source: Source, at: float, now: float) -> Call:
    """Ask for a tap; its segment begins, and a recording if there is none."""
    recording = call.recording
    if recording is None:
        recording = Recording(id=recording_id(call.id, len(call.recordings)), call=call.id, created=at,
                              state=RecordingState.ARMED)
        call = replace(call, recordings=(*call.recordings, recording))
    segment = Segment(id=segment_id(recording.id, len(recording.segments)), source=source, side=_side(call, source),
                      state=SegmentState.ATTACHING, asked=at)
    call = put(call, segment)
    world.timers.start(call.id, f"attach:{segment.id}", now + world.limits.attach_within)
    world.effects.append(Attach(call=call.id, segment=segment.id, source=source))
    for early in sorted(world.early.pop(segment.id, []), key=lambda event: event.sequence):
        call = _apply(world, call, early, now)
    return call


def _attach_missing(world: World, call: Call, sources: frozenset[Source], at: float, now: float) -> Call:
    busy = {segment.source for segment in open_taps(call)} | world.hopeless.get(call.id, set())
    for source in sorted(sources - busy, key=lambda one: (one.leg, one.bridge, one.sink)):
        waits = [_retry(source), *([_DRAIN_MIX] if source.bridge else [])]
        if _left_behind(world, call, source.leg) or any(world.timers.running(call.id, name) for name in waits):
            continue
        call = attach(world, call, source, at, now)
    return call


def _left_behind(world: World, call: Call, leg: str) -> bool:
    """Whether the tap of another call is still on its way out of a leg: the next one would be as deaf (`talking`)."""
    return call.kind is CallKind.CALL and any(
        segment.source.leg == leg and segment.state is SegmentState.DETACHING
        for other in world.conversations(leg) if other.id != call.id and other.kind is CallKind.CALL
        for segment in segments(other))


def _side(call: Call, source: Source) -> str:
    if call.kind is CallKind.CONFERENCE:
        return source.leg or "mix"
    for segment in reversed(segments(call)):
        if segment.source.leg == source.leg:
            return segment.side
    if source.leg == call.first_leg:
        return "caller"
    # Who stays keeps the track: it was the other one of the tap that moves here.
    before = [segment.side for segment in segments(call) if segment.started is not None]
    return "caller" if before and before[-1] == "callee" else "callee"


def _apply(world: World, call: Call, event: TapUp | TapDown | TapFailed, now: float) -> Call:
    segment = find(call, event.segment)
    if segment is None:
        return call
    before = segment.state
    world.timers.stop(call.id, f"attach:{segment.id}")
    if isinstance(event, TapUp):
        segment = replace(segment, state=step(SEGMENT, before, SegmentInput.TAP_UP), files=event.files or segment.files,
                          started=event.started if segment.started is None else segment.started)
    elif isinstance(event, TapDown):
        segment = replace(segment, state=step(SEGMENT, before, SegmentInput.TAP_DOWN),
                          files=() if event.empty else segment.files or event.files,
                          started=event.started if segment.started is None else segment.started,
                          ended=event.ended if segment.ended is None else segment.ended,
                          cause=segment.cause or event.cause, carried=segment.carried or event.carried)
    else:
        segment = replace(segment, state=step(SEGMENT, before, SegmentInput.TAP_FAILED),
                          cause=segment.cause or event.cause)
    call = put(call, segment)
    if segment.state is SegmentState.DETACHING and before in FINAL_SEGMENT:
        return again(world, call, segment, now)
    if segment.state in FINAL_SEGMENT and before not in FINAL_SEGMENT:
        for name in ("detach", "lose"):
            world.timers.stop(call.id, f"{name}:{segment.id}")
        if isinstance(event, TapFailed) and event.hopeless:
            world.hopeless.setdefault(call.id, set()).add(segment.source)
        elif before in _LIVE:
            _wait_before_retry(world, call, segment.source, now)
    return call


def retry_in(world: World, call: Call, source: Source, when: float) -> None:
    """Ask for no other tap of that source until then, on our clock. What else the call has is none the later for it."""
    world.timers.start(call.id, _retry(source), when)


def _retry(source: Source) -> str:
    return f"retry:{source.sink}:{source.leg or source.bridge}"


def _wait_before_retry(world: World, call: Call, source: Source, now: float) -> None:
    """A tap that ended by itself is mostly a leg about to hang up: look again a moment later, later each time."""
    of_source = reversed([segment for segment in segments(call) if segment.source == source])
    failures = sum(1 for _ in takewhile(lambda segment: segment.state is SegmentState.FAILED, of_source))
    wait = min(world.limits.retry_first * 2 ** min(failures, 16), world.limits.retry_longest)
    retry_in(world, call, source, now + wait)


def _recording_follows(call: Call, at: float) -> Call:
    """The recording's state follows from its segments and the call's pauses."""
    recording = call.recording
    if recording is None:
        return call
    starts = [segment.started for segment in recording.segments if segment.started is not None]
    state = recording.state
    if starts:
        state = step(RECORDING, state, RecordingInput.AUDIO)
    if call.paused:
        state = step(RECORDING, state, RecordingInput.PAUSE)
    elif state is RecordingState.PAUSED:
        state = step(RECORDING, state, RecordingInput.RESUME)
        if any(segment.state is SegmentState.UP for segment in recording.segments):
            state = step(RECORDING, state, RecordingInput.AUDIO)
    ended = None
    if call.state not in OPEN or call.stopped:
        state = step(RECORDING, state, RecordingInput.END)
        ended = call.ended if call.ended is not None else at
    new = replace(recording, state=state, started=min(starts, default=None), ended=ended)
    return replace(call, recordings=(*call.recordings[:-1], new))
