"""Conferences: who is in them, what becomes of the calls that their members came with, and of members who leave.

A leg is in one conversation at a time. Its own call ends where it comes into a conference and says which one; a leg
that leaves a conference and stays on the switch is a call of its own again.
"""

from __future__ import annotations

from dataclasses import replace

from recorder.ids import call_id
from recorder.model import Bridge, Call, CallKind, Leg, LegKind, LegState, Visit
from recorder.states import CallState, PauseState
from recorder.world import World

OPEN = (CallState.SETUP, CallState.ANSWERED)


def follow(world: World, bridge: Bridge, at: float, now: float) -> None:
    """A conference has these members now. Channels that we made ourselves do not count."""
    members = sorted((world.legs[one] for one in bridge.members if one in world.legs and one not in world.gone),
                     key=lambda leg: (leg.created or at, leg.id))
    again = bridge.id in world.conferences
    for known in world.conversations(bridge.id):
        world.touch(known.id)
    call = next((call for call in world.conversations(bridge.id) if call.state in OPEN), None)
    if call is None:
        # Who stays after a conference has ended is no conference; a second one makes it another.
        if len(members) < (2 if again else 1):
            return
        world.conferences.add(bridge.id)
        identity = call_id(world.switch, world.boot, bridge.id, at if again or not world.looked else None)
        call = Call(id=identity, switch=world.switch, boot=world.boot, kind=CallKind.CONFERENCE, first_leg=bridge.id,
                    bridge=bridge.id, state=CallState.SETUP, created=at)
    present = {leg.id for leg in members}
    for leg in call.legs:
        if leg.id not in present and leg.state is not LegState.GONE and leg.id not in world.gone:
            world.timers.start("", stray_timer(leg.id), now + world.limits.quiet)
    kept = tuple(_member(world.legs.get(leg.id, leg)) if leg.id in present else departed(leg, at) for leg in call.legs)
    new = tuple(_member(leg) for leg in members if call.leg(leg.id) is None)
    call = replace(call, legs=(*kept, *new), visits=_visits(call, [leg.id for leg in members], at),
                   conference=call.conference or bridge.name, profile=call.profile or bridge.profile)
    for leg in members:
        world.timers.stop("", stray_timer(leg.id))
        for other in world.conversations(leg.id):
            mine = other.leg(leg.id)
            if other.kind is CallKind.CALL and mine is not None and mine.gone is None:
                call = _taken_from(world, call, other, leg, at)
    world.put(call)
    world.time_pauses(call, at, now)


def departed(leg: Leg, at: float) -> Leg:
    """A leg that left a call, as that call keeps it."""
    return leg if leg.state is LegState.GONE else replace(leg, state=LegState.GONE, gone=at)


def in_conference(world: World, leg_id: str) -> bool:
    """Whether a leg is or was in a conference that is not over."""
    return any(call.kind is CallKind.CONFERENCE and call.leg(leg_id) is not None
               for call in world.conversations(leg_id))


def is_stray(world: World, leg_id: str) -> bool:
    """Whether a leg has left a conference, is still there, and has no conversation."""
    return (leg_id in world.legs and leg_id not in world.gone and world.conversation(leg_id) is None
            and not any(leg_id in bridge.members for bridge in world.bridges.values()))


def stray_timer(leg_id: str) -> str:
    """The deadline after which a leg that left a conference is a call of its own. It belongs to no call."""
    return f"stray:{leg_id}"


def _visits(call: Call, present: list[str], at: float) -> tuple[Visit, ...]:
    there = {visit.leg for visit in call.visits if visit.left is None}
    kept = tuple(visit if visit.left is not None or visit.leg in present else replace(visit, left=at)
                 for visit in call.visits)
    return (*kept, *(Visit(leg=leg, joined=at) for leg in present if leg not in there))


def _member(leg: Leg) -> Leg:
    """Behind a Local channel that is not ours there is somebody, whose own device is not in the conference."""
    return replace(leg, kind=LegKind.PARTY) if leg.kind is LegKind.LOCAL else leg


def _taken_from(world: World, conference: Call, other: Call, leg: Leg, at: float) -> Call:
    """The conference, with what it takes over of a member's own call. Who stays behind goes on with that call."""
    legs = tuple(departed(one, at) if one.id == leg.id else one for one in other.legs)
    left = replace(other, legs=legs)
    if not left.live:
        left = replace(left, merged_into=conference.id, transferred_by=None,
                       reason=f"became part of conference {conference.id}")
    world.put(left)
    opened = conference.parties[0].id == leg.id and conference.decision is None
    if other.requested or opened:
        conference = replace(conference, requested=conference.requested or other.requested,
                             stopped=conference.stopped or (opened and other.stopped))
    # What a pause of the member's call keeps out, the conference's taps would hear.
    for pause in other.pauses:
        if pause.resumed is None and not conference.held_by(pause.owner):
            conference = replace(conference, pauses=(*conference.pauses, replace(
                pause, state=PauseState.ASKED, asked=at, confirmed=None)))
    return conference
