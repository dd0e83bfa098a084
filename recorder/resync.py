"""A snapshot of the switch against what we believed: what appeared, vanished, moved, or goes on."""

from __future__ import annotations

from dataclasses import replace

from recorder import announcements, conversation, taps
from recorder.effects import Detach
from recorder.events import BridgeIs, LegGone, LegIs, SwitchFound, SwitchUp, TapUp
from recorder.model import Bridge, BridgeKind, Call, CallKind, LegState, Segment, Source
from recorder.states import SEGMENT, SegmentInput, SegmentState, step
from recorder.world import World


def switch_up(world: World, event: SwitchUp, now: float) -> None:
    """The connection stands again. A new boot ends everything of the old one; else the snapshot is the truth."""
    world.up = True
    world.seen.clear()
    switch_found(world, event, now)
    legs = {leg.id for leg in event.snapshot.legs}
    for known in [leg for leg in world.legs if leg not in legs]:
        conversation.leg_gone(world, LegGone(switch=event.switch, at=event.at, leg=known,
                                             cause="gone while the switch could not be seen"), now)
    for leg in event.snapshot.legs:
        conversation.leg_is(world, LegIs(switch=event.switch, at=event.at, leg=leg), now)
    world.seen.update(event.snapshot.read)
    _bridges(world, event, now)
    for bridge in world.conferences - set(world.bridges):
        world.gone.setdefault(bridge, (now, event.at))
    world.looked = True
    _taps(world, event, now)
    announcements.looked(world, event, now)
    for call in list(world.calls.values()):
        world.time_pauses(call, event.at, now)
        world.touch(call.id)


def switch_found(world: World, event: SwitchFound | SwitchUp, now: float) -> None:
    """What follows is of this boot; a new one ends everything of the old one."""
    if world.boot and event.boot != world.boot:
        _restarted(world, event, now)
    world.boot = event.boot


def _restarted(world: World, event: SwitchFound | SwitchUp, now: float) -> None:
    for known in list(world.legs):
        conversation.leg_gone(world, LegGone(switch=event.switch, at=event.at, leg=known,
                                             cause="the switch restarted"), now)
    world.bridges.clear()
    world.inside.clear()
    for call in list(world.calls.values()):
        for segment in taps.open_taps(call):
            call = taps.put(call, _lost(segment, "the switch restarted"))
        world.put(replace(call, legs=tuple(
            leg if leg.state is LegState.GONE else replace(leg, state=LegState.GONE, gone=event.at)
            for leg in call.legs)))


def _bridges(world: World, event: SwitchUp, now: float) -> None:
    present = {bridge.id for bridge in event.snapshot.bridges}
    known = {bridge.id: bridge.kind for bridge in world.bridges.values()}
    known |= {call.bridge: BridgeKind.CONFERENCE for call in world.calls.values() if call.kind is CallKind.CONFERENCE}
    gone = [Bridge(id=identity, kind=kind) for identity, kind in known.items() if identity not in present]
    for bridge in (*gone, *event.snapshot.bridges):
        conversation.bridge_is(world, BridgeIs(switch=event.switch, at=event.at, bridge=bridge), now)


def _taps(world: World, event: SwitchUp, now: float) -> None:
    there = {tap.segment: tap for tap in event.snapshot.taps}
    for call in list(world.calls.values()):
        for segment in taps.open_taps(call):
            if segment.id in there:
                if segment.state is SegmentState.DETACHING:
                    call = taps.again(world, call, segment, now)
            elif segment.id in event.snapshot.coming:
                continue
            elif segment.started is None:
                # The request for it may still be on its way.
                call = taps.unwant(world, call, segment, now)
            else:
                call = _vanished(world, call, segment)
            world.put(call)
    for tap in event.snapshot.taps:
        if taps.owner(world, tap.segment) is None:
            # No call of ours has it: another ledger's, and no pause of ours would end it.
            source = tap.source or Source(leg="", directions=tuple(file.direction for file in tap.files))
            world.effects.append(Detach(call="", segment=tap.segment, source=source))
            continue
        started = tap.started if tap.started is not None else event.at
        taps.tap_event(world, TapUp(switch=event.switch, at=event.at, segment=tap.segment, started=started,
                                    files=tap.files), now)


def _vanished(world: World, call: Call, segment: Segment) -> Call:
    for name in ("attach", "detach", "lose"):
        world.timers.stop(call.id, f"{name}:{segment.id}")
    return taps.put(call, _lost(segment, "ended while the switch could not be seen"))


def _lost(segment: Segment, cause: str) -> Segment:
    return replace(segment, state=step(SEGMENT, segment.state, SegmentInput.LOSE), cause=cause)
