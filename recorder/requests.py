"""Start, stop, pause and resume: who may ask, and when the answer may be given. `recorder.named` has what concerns one
recording server alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from policy.types import RecordingProfile
from recorder import announcements
from recorder.conference import OPEN
from recorder.conversation import caller_of
from recorder.effects import Answer, Reply
from recorder.events import ActorKind, Asked, Verb, owner_is_valid
from recorder.model import Call, CallKind, Pause, Then
from recorder.orders import Order
from recorder.states import PAUSE, PauseInput, PauseState, step
from recorder.taps import to_be_recorded, unproven_taps
from recorder.world import World

AnyPause = TypeVar("AnyPause", bound=Pause)

_MOST_ORDERS = 100
_ONLY_THE_CALLER = "policy leaves the choice to the caller; this party may not start or stop the recording"


def asked(world: World, event: Asked, now: float) -> None:
    """Somebody asks. What is refused is answered at once; a pause is answered when the switch has confirmed it."""
    calls = meant(world, event.target)
    if event.verb is Verb.PAUSE:
        calls += _still_hearing(world, calls)
    refusal = _refusal(event, calls)
    if refusal:
        reply(world, event.request, Answer.REFUSED, refusal)
        return
    if event.verb is Verb.PAUSE:
        world.requests[event.request] = {call.id for call in calls}
    for call in calls:
        world.put(_carry_out(world, call, event, now))
    if event.verb is not Verb.PAUSE:
        reply(world, event.request, Answer.DONE, _done(world, event, calls))


def settle(world: World, call: Call, at: float) -> Call:
    """Confirm the pauses of a call whose taps are all gone, or were ended by force; answer who waits for it."""
    if not call.paused:
        for request in [request for request, calls in world.requests.items() if call.id in calls]:
            _withdrawn(world, request)
        return call
    waiting = unproven_taps(call)
    forced = bool(waiting) and all(segment.forced for segment in waiting)
    if waiting and not forced:
        return call
    given = PauseInput.FORCE if forced else PauseInput.CONFIRM
    pauses = tuple(
        replace(pause, state=step(PAUSE, pause.state, given), confirmed=None if forced else at)
        if pause.state is PauseState.ASKED else pause for pause in call.pauses)
    call = replace(call, pauses=pauses)
    for request, calls in list(world.requests.items()):
        if call.id in calls:
            _confirm(world, request, call.id, forced=forced)
    return call


def closed(world: World, call: Call) -> None:
    """A call that is over holds up nobody's answer."""
    for request, calls in list(world.requests.items()):
        if call.id in calls:
            _confirm(world, request, call.id, forced=bool(unproven_taps(call)))


def pause_expired(call: Call, owner: str, at: float) -> Call:
    """The longest time of an owner's pause is over: it ends by itself, or the recording does."""
    stops = next((pause for pause in call.pauses
                  if pause.owner == owner and pause.resumed is None and pause.then is Then.STOP), None)
    call = given_back(call, owner, at)
    if stops is None:
        return call
    return noted(replace(without_names(call, at), requested=False, stopped=True),
                 Order(at=at, verb=Verb.STOP.value, actor=stops.actor, reason=over(owner)))


def given_back(call: Call, owner: str, at: float) -> Call:
    """The call without that owner's pause."""
    return replace(call, pauses=tuple(
        resumed(pause, at) if pause.owner == owner and pause.resumed is None else pause for pause in call.pauses))


def without_names(call: Call, at: float) -> Call:
    """The call, no longer for any recording server that somebody named."""
    return replace(call, named=tuple(one if one.ended is not None else replace(one, ended=at) for one in call.named))


def over(owner: str) -> str:
    """Why something stopped by itself."""
    return f"the pause of {owner} was over"


def _still_hearing(world: World, calls: list[Call]) -> list[Call]:
    """The calls that members of a conference came with, while their taps may still be there: they hear it too."""
    members = {leg.id for call in calls if call.kind is CallKind.CONFERENCE for leg in call.live}
    others = {call.id: call for leg in sorted(members) for call in world.conversations(leg)}
    return [call for call in others.values() if call not in calls
            and any(segment.source.leg in members for segment in unproven_taps(call))]


def meant(world: World, target: str) -> list[Call]:
    """The calls that are meant by a call's id, a leg's id, or the name of a leg that is there."""
    if target in world.calls:
        return [world.calls[target]]
    if target not in world.legs:
        target = next((leg.id for leg in world.legs.values() if leg.name == target and leg.gone is None), target)
    return [call for call in world.conversations(target)
            if (leg := call.leg(target)) and leg.gone is None and target not in call.away]


def unheeded(event: Asked, calls: list[Call]) -> str:
    """Why nobody listens to that asker, whatever it wants; empty if that is not so."""
    if not owner_is_valid(event.owner):
        return "an owner is a small letter, then small letters, digits, _ or -; at most 32, no number among them"
    if not calls:
        return "no call or leg of that name is in progress"
    for call in calls:
        leg = call.leg(event.actor_leg) if event.actor_leg is not None else None
        if event.actor is ActorKind.PARTY and (leg is None or not leg.controls):
            return "this party may not control the recording"
    return ""


def _refusal(event: Asked, calls: list[Call]) -> str:
    if refusal := unheeded(event, calls):
        return refusal
    if event.verb is Verb.START:
        return next((text for call in calls if (text := _may_not_start(call, event))), "")
    if event.verb is Verb.STOP:
        return next((text for call in calls if (text := _may_not_stop(call, event))), "")
    if event.verb is Verb.RESUME and not any(call.held_by(event.owner) for call in calls):
        return f"{event.owner} holds no pause here"
    return ""


def _may_not_start(call: Call, event: Asked) -> str:
    return "the call is being recorded already" if call.recording is not None else start_forbidden(call, event)


def start_forbidden(call: Call, event: Asked) -> str:
    """Why policy lets this asker not start a recording of a call; empty if it does."""
    decision = call.decision
    if decision is None:
        return "policy has not decided yet"
    if _optional(call):
        if not _chooses(call, event):
            return _ONLY_THE_CALLER
        return "" if decision.record or not call.requested else f"policy does not allow it: {decision.reason}"
    if not decision.record:
        return f"policy does not allow it: {decision.reason}"
    if call.stopped and event.actor is not ActorKind.OPERATOR:
        return "an operator has stopped it; only an operator can start it again"
    return ""


def _may_not_stop(call: Call, event: Asked) -> str:
    to_come = call.decision is not None and call.decision.record and not call.stopped and call.state in OPEN
    if call.recording is None and not to_come:
        return "the call is not being recorded"
    return stop_forbidden(call, event)


def stop_forbidden(call: Call, event: Asked) -> str:
    """Why policy lets this asker not stop a recording of a call; empty if it does."""
    if event.actor in (ActorKind.OPERATOR, ActorKind.SERVICE):
        return ""
    if not _optional(call):
        return "policy records this call always; only an operator can stop it"
    return "" if _chooses(call, event) else _ONLY_THE_CALLER


def _optional(call: Call) -> bool:
    return call.decision is not None and call.decision.profile is RecordingProfile.OPTIONAL


def _chooses(call: Call, event: Asked) -> bool:
    """Whether a choice that policy leaves open is this asker's: of two parties only the caller has it."""
    caller = caller_of(call)
    return (event.actor is not ActorKind.PARTY or call.kind is CallKind.CONFERENCE
            or (caller is not None and caller.id == event.actor_leg))


def _carry_out(world: World, call: Call, event: Asked, now: float) -> Call:
    if event.verb in (Verb.START, Verb.STOP):
        start = event.verb is Verb.START
        if event.farewell is not None and not start:
            call = announcements.farewell(world, call, event.farewell, event.at)
        if start:
            return started(call, event)
        call = ordered(replace(call, requested=False if _optional(call) else call.requested, stopped=True), event)
        return _with_reason(without_names(call, event.at), event.reason)
    if event.verb is Verb.RESUME:
        world.timers.stop(call.id, f"pause:{event.owner}")
        return given_back(call, event.owner, event.at)
    until = event.at + event.longest if event.longest is not None else None
    world.timers.stop(call.id, f"pause:{event.owner}")
    if event.longest is not None:
        world.timers.start(call.id, f"pause:{event.owner}", now + event.longest)
    if call.held_by(event.owner):
        return replace(call, pauses=tuple(
            replace(pause, actor=event.actor.value, reason=event.reason or pause.reason, until=until,
                    then=event.then)
            if pause.owner == event.owner and pause.resumed is None else pause for pause in call.pauses))
    pause = Pause(owner=event.owner, actor=event.actor.value, reason=event.reason, state=PauseState.ASKED,
                  asked=event.at, until=until, then=event.then)
    return replace(call, pauses=(*call.pauses, pause))


def started(call: Call, event: Asked) -> Call:
    """The call, to be recorded from now on because somebody asked for it."""
    return ordered(replace(call, requested=True if _optional(call) else call.requested, stopped=False), event)


def ordered(call: Call, event: Asked) -> Call:
    """The call, with a note of what was asked for."""
    return noted(call, Order(at=event.at, verb=event.verb.value, actor=event.actor.value, leg=event.actor_leg,
                             reason=event.reason, server=event.server))


def noted(call: Call, order: Order) -> Call:
    """The call with one more order; the oldest ones are forgotten."""
    return replace(call, orders=(*call.orders, order)[-_MOST_ORDERS:])


def _with_reason(call: Call, reason: str) -> Call:
    """Let the recording that is being made say why it was stopped, if somebody gave a reason."""
    if not reason or call.recording is None:
        return call
    return replace(call, recordings=(*call.recordings[:-1],
                                     replace(call.recordings[-1], reason=f"stopped: {reason}")))


def resumed(pause: AnyPause, at: float) -> AnyPause:
    """A pause that is given back."""
    return replace(pause, state=step(PAUSE, pause.state, PauseInput.RESUME), resumed=at)


def _done(world: World, event: Asked, calls: list[Call]) -> str:
    holders = sorted({pause.owner for call in calls for pause in world.calls[call.id].pauses
                      if pause.resumed is None})
    if event.verb is Verb.STOP:
        return "the recording has been stopped"
    if holders:
        return f"still paused by {', '.join(holders)}"
    if event.verb is Verb.START:
        return "the recording starts"
    goes_on = any(to_be_recorded(world.calls[call.id]) for call in calls)
    return "the recording goes on" if goes_on else "the pause is over; the call is not being recorded"


def _confirm(world: World, request: str, call: str, *, forced: bool) -> None:
    if forced:
        world.forced.add(request)
    world.requests[request].discard(call)
    if world.requests[request]:
        return
    del world.requests[request]
    if request in world.forced:
        world.forced.discard(request)
        reply(world, request, Answer.FORCED,
               "the switch did not confirm the pause in time; the taps were ended by force and the segments flagged")
    else:
        reply(world, request, Answer.CONFIRMED, "paused; the switch has confirmed it")


def _withdrawn(world: World, request: str) -> None:
    del world.requests[request]
    world.forced.discard(request)
    reply(world, request, Answer.REFUSED, "the pause was given back before the switch had confirmed it")


def reply(world: World, request: str, answer: Answer, message: str) -> None:
    """Answer who has asked."""
    world.effects.append(Reply(request=request, answer=answer, message=message))
