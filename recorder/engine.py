"""The engine: events in, changed calls and effects out. It has no clock, no network, no database.

It is level-triggered: after every event the calls that it touched are compared with what policy, pauses and legs ask
for, and the difference becomes effects. A pause, a transfer, a snapshot and a retry are all the same mechanism.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from recorder import (
    adoption,
    announcements,
    carrying,
    consultation,
    conversation,
    deafness,
    decision,
    holding,
    marks,
    named,
    renewal,
    requests,
    resync,
    talking,
    taps,
)
from recorder.effects import Effect, Finish
from recorder.events import (
    Adopted,
    Announced,
    Asked,
    BridgeIs,
    CallEvent,
    Decided,
    Held,
    LegGone,
    LegIs,
    LegReplaced,
    Observed,
    SessionIs,
    Silenced,
    SwitchDown,
    SwitchFound,
    SwitchUp,
    TapDown,
    TapFailed,
    TapUp,
    Tick,
    Transferred,
    Unheard,
)
from recorder.model import Call, CallKind, LegState, Outcome, Recording, Segment
from recorder.states import (
    CALL,
    FINAL_SEGMENT,
    RECORDING,
    CallInput,
    CallState,
    RecordingInput,
    RecordingState,
    SegmentState,
    step,
)
from recorder.world import Limits, World

__all__ = ["Engine", "Limits", "Step"]


@dataclass(frozen=True, slots=True)
class Step:
    """What one event led to: the calls that changed, whole, and the effects to perform, in order."""

    changed: tuple[Call, ...]
    effects: tuple[Effect, ...]


class Engine:
    """The life of every call of one switch.

    Args:
        switch: the switch's name; events of other switches are refused.
        limits: the times that it works by.
    """

    def __init__(self, switch: str, limits: Limits | None = None) -> None:
        self._world = World(switch=switch, limits=limits or Limits())

    def restore(self, calls: Iterable[Call]) -> None:
        """Take over what an earlier life has stored, before the first event.

        Policy is asked again for calls of which nothing was recorded: its answer may have been lost.

        Args:
            calls: the open calls; and of the closed ones those with a leg that was not told gone. Such a leg may still
                be there, and is no new call.
        """
        world = self._world
        for call in calls:
            world.boot = call.boot
            if call.kind is CallKind.CONFERENCE:
                world.conferences.add(call.first_leg)
            for leg in call.legs:
                known = world.legs.get(leg.id)
                if known is None or known.state is LegState.GONE:
                    world.legs[leg.id] = leg
            if call.state is not CallState.CLOSED:
                world.calls[call.id] = replace(call, decided_for=()) if call.untouched else carrying.restored(call)
                world.index(call)

    def calls(self) -> tuple[Call, ...]:
        """The calls that are not closed."""
        return tuple(self._world.calls.values())

    def next_deadline(self) -> float | None:
        """When to send the next ``Tick``, on the clock of ``now``; None when nothing waits."""
        return self._world.timers.next()

    def receive(self, event: CallEvent, now: float) -> Step:
        """Take one event.

        Args:
            now: seconds on a monotonic clock; deadlines are counted on it.

        Returns:
            The changed calls and the effects.

        Raises:
            ValueError: the event is of another switch.
        """
        world = self._world
        if event.switch != world.switch:
            raise ValueError(f"event of switch {event.switch} for the engine of {world.switch}")
        before = dict(world.calls)
        world.touched = {}
        world.effects = []
        self._apply(event, now)
        settled: dict[str, Call] = {}
        while world.touched:
            identity = next(iter(world.touched))
            del world.touched[identity]
            if (one := self._settle(identity, event.at, now)) is not None:
                settled[identity] = one
        changed = tuple(call for call in settled.values() if before.get(call.id) != call)
        effects = tuple(world.effects)
        for call in changed:
            if call.state is CallState.CLOSED:
                world.forget(call)
        world.prune(now)
        return Step(changed, effects)

    def _apply(self, event: CallEvent, now: float) -> None:
        world = self._world
        match event:
            case LegIs():
                conversation.leg_is(world, event, now)
            case Held():
                decision.held(world, event, now)
            case LegGone():
                conversation.leg_gone(world, event, now)
            case BridgeIs():
                conversation.bridge_is(world, event, now)
            case TapUp() | TapDown() | TapFailed():
                taps.tap_event(world, event, now)
            case Observed():
                renewal.observed(world, event, now)
            case Unheard():
                deafness.unheard(world, event, now)
            case Announced():
                announcements.announced(world, event, now)
            case Adopted():
                adoption.adopted(world, event)
            case SessionIs():
                carrying.session_is(world, event)
            case Silenced():
                named.silenced(world, event)
            case Decided():
                _decided(world, event)
            case Asked():
                (named if event.server else requests).asked(world, event, now)
            case SwitchUp():
                holding.switch_up(world)
                resync.switch_up(world, event, now)
            case SwitchFound():
                resync.switch_found(world, event, now)
            case SwitchDown():
                world.up = False
                holding.switch_down(world, event.at)
            case Transferred():
                conversation.transferred(world, event)
            case LegReplaced():
                conversation.leg_replaced(world, event, now)
            case Tick():
                self._tick(event, now)

    def _tick(self, event: Tick, now: float) -> None:
        world = self._world
        for identity, name in world.timers.due(now):
            kind, _, rest = name.partition(":")
            if kind == "stray":
                conversation.stray(world, rest, event.at)
            call = world.calls.get(identity)
            if call is None:
                continue
            if kind == "quiet":
                call = conversation.quiet(call, event.at)
            elif kind == "pause":
                call = requests.pause_expired(call, rest, event.at)
            elif kind == named.TIMER:
                call = named.expired(call, rest, event.at)
            elif kind == carrying.TIMER:
                call = carrying.expired(call)
            elif kind == adoption.TIMER:
                call = adoption.given_up(call)
            elif kind == "settle":
                call = _close(call)
            elif kind == "held":
                world.asking.discard(call.id)
            elif kind in ("renew", "overlap"):
                call = renewal.expired(world, call, name, event.at, now)
            else:
                call = taps.expired(world, call, name, now)
            world.put(call)

    def _settle(self, identity: str, at: float, now: float) -> Call | None:
        world = self._world
        call = world.calls.get(identity)
        if call is None:
            return None
        if call.state is not CallState.CLOSED:
            call = talking.visits(world, call, at)
            call = conversation.look(world, call, at, now)
            if call.state is CallState.ENDED:
                call = consultation.over(world, call, at)
            call = marks.follow(call, at)
            decision.let_go(world, call)
            decision.mark(world, call)
            call = talking.renew(world, call, now)
            call = holding.follow(world, call, at, now)
            call = carrying.follow(world, call, now)
            call = taps.converge(world, call, at, now)
            renewal.watch(world, call, at, now)
            call = announcements.converge(world, call, at)
            call = requests.settle(world, call, at)
            named.settle(world, call)
            call = _finish(world, call)
            adoption.look(world, call, now)
            if call.state is CallState.ENDED and not _open(call) and not adoption.waits(world, call):
                call = _row_is_final(world, call, now)
        if call.state is CallState.CLOSED:
            requests.closed(world, call)
            named.settle(world, call)
        world.calls[identity] = call
        world.index(call)
        return call


def _decided(world: World, event: Decided) -> None:
    call = world.calls.get(event.call)
    world.asking.discard(event.call)
    if call is None or not call.untouched:
        world.touch(event.call)
        return
    world.put(replace(call, decision=event.decision))


def _open(call: Call) -> bool:
    """Whether some recording's media may still change."""
    return any(recording.ended is None or (recording.state is RecordingState.ENDED and not _at_rest(recording))
               for recording in call.recordings)


def _at_rest(recording: Recording) -> bool:
    return all(segment.state in FINAL_SEGMENT for segment in recording.segments)


def _finish(world: World, call: Call) -> Call:
    """A recording that ended and whose taps are all gone is complete: its job begins, or there is nothing in it.

    ``PROCESSING`` and what follows belong to the job; here the mark that Finish was given is the state itself.
    """
    done = []
    for recording in call.recordings:
        if recording.state is RecordingState.ENDED and _at_rest(recording):
            recording = carrying.ended(
                replace(recording, segments=tuple(_begun(segment) for segment in recording.segments)))
            if _way_in(call, recording, world.limits.way_in):
                recording = replace(recording, state=step(RECORDING, recording.state, RecordingInput.NO_MEDIA),
                                    reason=call.reason)
            elif any(segment.started is not None for segment in recording.segments):
                # A segment whose end nobody saw may have gone on to the end of the call.
                ends = [end for segment in recording.segments if segment.started is not None
                        if (end := recording.ended if segment.ended is None else segment.ended) is not None]
                state = step(RECORDING, recording.state, RecordingInput.PROCESS)
                recording = replace(recording, state=state, ended=max(ends, default=recording.ended))
                world.effects.append(Finish(call=call.id, recording=recording.id))
            else:
                causes = [segment.cause for segment in recording.segments if segment.cause]
                recording = replace(recording, state=step(RECORDING, recording.state, RecordingInput.NO_MEDIA),
                                    reason=causes[-1] if causes else "it ended before the tap was attached")
        done.append(recording)
    return replace(call, recordings=tuple(done))


def _way_in(call: Call, recording: Recording, seconds: float) -> bool:
    """Whether it holds no more than the moment between a leg's answer and what it joins, a conference or a call."""
    return (call.merged_into is not None and call.connected is None
            and recording.ended is not None and recording.ended - recording.created < seconds)


def _begun(segment: Segment) -> Segment:
    """A tap that the switch has ended was up, though the word of it was lost: from about when it was asked for."""
    if segment.state is SegmentState.DOWN and segment.started is None:
        return replace(segment, started=segment.asked)
    return segment


def _row_is_final(world: World, call: Call, now: float) -> Call:
    """A recorded call closes at once; the row of another one stays open a moment for events that come late."""
    if any(recording.state is not RecordingState.EMPTY for recording in call.recordings):
        world.timers.stop(call.id, "settle")
        return _close(call)
    world.timers.start(call.id, "settle", now + world.limits.settle)
    return call


def _close(call: Call) -> Call:
    if call.state is not CallState.ENDED:
        return call
    recorded = [recording for recording in call.recordings if recording.state is not RecordingState.EMPTY]
    empty = [recording.reason for recording in call.recordings if recording.state is RecordingState.EMPTY]
    if recorded:
        outcome, reason = Outcome.RECORDED, call.reason
    elif call.decision is not None and not call.decision.record:
        outcome, reason = Outcome.NOT_WANTED, call.reason or call.decision.reason
    elif call.stopped:
        outcome, reason = Outcome.NOT_WANTED, "it was stopped before anything was recorded"
    elif call.merged_into is not None:
        outcome, reason = Outcome.NOT_WANTED, call.reason
    elif call.kind is CallKind.CONFERENCE and call.connected is None:
        outcome, reason = Outcome.UNANSWERED, "nobody else came into the conference"
    elif call.answered is None:
        outcome, reason = Outcome.UNANSWERED, "nobody answered"
    elif call.decision is None:
        outcome, reason = Outcome.MISSED, "the call ended before policy had decided"
    else:
        outcome, reason = Outcome.MISSED, empty[-1] if empty else "the call ended before its tap was attached"
    return replace(call, state=step(CALL, call.state, CallInput.CLOSE), outcome=outcome, reason=reason)
