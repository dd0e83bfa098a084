"""What the dialplan is told of a call's decision: by variables of the caller's leg, and of a leg that waits for it."""

from __future__ import annotations

from collections.abc import Mapping

from recorder import conversation
from recorder.conference import OPEN
from recorder.effects import Mark, Release
from recorder.events import Held
from recorder.ids import recording_id
from recorder.model import Call, CallKind, LegState
from recorder.world import World


def held(world: World, event: Held, now: float) -> None:
    """A leg waits for its decision. One that stayed after its last call had ended asks about the next one."""
    leg = world.legs.get(event.leg)
    if leg is None or leg.state is LegState.GONE:
        return
    call = world.conversation(leg.id)
    if call is None:
        call = conversation.home(world, leg, event.at, again=True)
    if call.leg(leg.id) is None:
        conversation.put_leg(world, call, leg)
        call = world.calls[call.id]
    world.put(conversation.choose(call, leg.id, event.choice))
    world.held[leg.id] = event.inside
    world.timers.start(call.id, f"held:{leg.id}", now + world.limits.decide_within)


def let_go(world: World, call: Call) -> None:
    """Let go of the legs that wait, once policy has answered, or its time is over."""
    if call.id in world.asking:
        return
    for leg in call.legs:
        if leg.id not in world.held:
            continue
        world.timers.stop(call.id, f"held:{leg.id}")
        inside = world.held.pop(leg.id)
        if leg.state is LegState.GONE:
            continue
        variables = variables_of(call)
        world.effects.append(Release(call=call.id, leg=leg.id, channel=leg.name, variables=variables, inside=inside))
        if leg.id == call.first_leg and not inside:
            world.marked[call.id] = variables


def mark(world: World, call: Call) -> None:
    """Tell the caller's dialplan what was decided, and again what has changed of it."""
    leg = call.leg(call.first_leg)
    if call.decision is None or leg is None or leg.state is LegState.GONE or call.kind is CallKind.CONFERENCE:
        return
    # The variables of who asks somebody by keys are those of the call that waits.
    if call.state not in OPEN or call.consults is not None:
        return
    variables = variables_of(call)
    if world.marked.get(call.id) == variables:
        return
    world.marked[call.id] = variables
    world.effects.append(Mark(call=call.id, leg=leg.id, channel=leg.name, variables=variables))


def variables_of(call: Call) -> Mapping[str, str]:
    """The decision as the dialplan reads it. They are set in this order: who waits for the last one has them all."""
    decision = call.decision
    if decision is None:
        return {"RECORDER_RULE": "", "RECORDER_ID": "", "RECORDER_DECISION": "unknown"}
    records = decision.record and not call.stopped
    number = len(call.recordings) - (call.recording is not None)
    return {"RECORDER_RULE": decision.rule, "RECORDER_ID": recording_id(call.id, number) if records else "",
            "RECORDER_DECISION": "record" if records else "skip"}
