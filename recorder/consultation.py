"""Consultations by feature keys: a party of a call asks somebody on the same channel, while the others wait.

By REFER a consultation comes on a channel of its own, and is a call like any other. With the keys of ``features.conf``
Asterisk takes the asking party out of the call's bridge and puts it with one half of a new Local channel into another
one; whoever the other half dials has the linkedid of the first call. So the call is opened here, when that is seen: the
asking party belongs to both calls, and is `Call.away` from the one that it does not talk in.
"""

from __future__ import annotations

from dataclasses import replace

from recorder.conference import OPEN, departed
from recorder.ids import call_id
from recorder.model import Bridge, BridgeKind, Call, CallKind, Leg, LegKind, LegState
from recorder.states import CallState
from recorder.world import World


def follow(world: World, bridge: Bridge, at: float) -> None:
    """A bridge has these members now: who asks somebody has a second call, and goes to and fro between the two."""
    members = [world.legs[one] for one in sorted(bridge.members) if one in world.legs and one not in world.gone]
    for leg in members:
        _goes(world, leg, members)
    people = [leg for leg in members if leg.kind is LegKind.PARTY]
    if len(people) == 1 and len(members) > 1:
        _begins(world, people[0], frozenset(leg.id for leg in members), at)


def gather(world: World, leg: Leg) -> None:
    """A leg was told of: if it comes from a consultation, it is no part of the call that has to wait for that one."""
    if leg.kind is LegKind.LOCAL or leg.dialled_by:
        for call in world.conversations(leg.id):
            if call.consults is None:
                for other in _of(world, call):
                    asked = frozenset(one.id for one in other.legs if one.id != other.first_leg)
                    _move(world, call, other, _kin((*call.legs, *other.legs), asked) - asked)


def inherit(world: World, keeper: Call, other: Call) -> None:
    """A call became part of another one: who asks somebody in between comes back to that one."""
    for call in _of(world, other):
        if call.id != keeper.id:
            world.put(replace(call, consults=keeper.id))


def over(world: World, call: Call, at: float) -> Call:
    """A call that has ended holds nobody: who was away has left it, and who asked is back in the call that waits."""
    for leg in call.legs:
        for other in world.conversations(leg.id):
            if other.id != call.id and leg.id in other.away and not _talks_elsewhere(world, leg.id, other, call):
                world.put(replace(other, away=other.away - {leg.id}))
    legs = tuple(departed(leg, at) if leg.id in call.away else leg for leg in call.legs)
    return replace(call, legs=legs, away=frozenset())


def _begins(world: World, leg: Leg, together: frozenset[str], at: float) -> None:
    """Open the consultation's call, if this is one: with a Local half, and without the party that waits."""
    call = world.conversation(leg.id)
    if call is None or call.connected is None:
        return
    moved = _kin(call.legs, together - {leg.id})
    theirs = {one for one in moved if (own := world.conversation(one)) is None or own.id != call.id}
    known = {leg.id, *(visit.leg for visit in call.visits)}
    if theirs or moved & known or not _somebody_waits(world, call, moved | {leg.id}):
        return
    # One leg may ask twice, and come to one Local channel twice.
    identity = call_id(world.switch, world.boot, f"{leg.id}/{min(together - {leg.id})}", at)
    opened = Call(id=identity, switch=world.switch, boot=world.boot, first_leg=leg.id, state=CallState.SETUP,
                  created=at, consults=call.id, legs=(leg,), requested=leg.choice)
    world.put(replace(call, away=call.away | {leg.id}))
    _move(world, call, opened, moved)


def _somebody_waits(world: World, call: Call, apart: frozenset[str]) -> bool:
    """Whether a party that has talked in the call is where it was, without those who are apart."""
    there = {visit.leg for visit in call.visits if visit.left is None} - apart
    bridges = [world.bridges.get(world.inside.get(leg.id, "")) for leg in call.up if leg.id in there]
    return any(bridge is not None and bridge.kind is BridgeKind.MIXING for bridge in bridges)


def _kin(known: tuple[Leg, ...], legs: frozenset[str]) -> frozenset[str]:
    """Those legs, the other halves of the Local channels among them, and whom they have dialled.

    Args:
        known: the legs that may be kin.
    """
    found = legs
    while True:
        names = {leg.name for leg in known if leg.id in found}
        more = found | {leg.id for leg in known if leg.dialled_by in found or leg.twin in names}
        if more == found:
            return found
        found = more


def _move(world: World, call: Call, to: Call, moved: frozenset[str]) -> None:
    """Have those legs in one call and not in the other: there they never were anything."""
    known = world.calls.get(call.id, call)
    legs = tuple(leg for leg in known.legs if leg.id in moved)
    for leg in legs:
        world.calls_of.get(leg.id, set()).discard(call.id)
    if legs:
        world.put(replace(known, legs=tuple(leg for leg in known.legs if leg.id not in moved)))
    world.put(replace(to, legs=(*to.legs, *legs)))


def _of(world: World, call: Call) -> list[Call]:
    """The open calls in which parties of a call ask somebody."""
    found = {other.id: other for leg in call.legs for other in world.conversations(leg.id)
             if other.consults == call.id and other.state in OPEN}
    return list(found.values())


def _goes(world: World, leg: Leg, members: list[Leg]) -> None:
    """A party of two calls talks in the one whose other parties it is with."""
    mine = _open(world, leg.id)
    if not any(call.consults in [other.id for other in mine] for call in mine):
        return
    there = {call.id for other in members if other.id != leg.id and (call := world.conversation(other.id)) is not None}
    here = [call for call in mine if call.id in there]
    if len(here) != 1:
        return
    for call in mine:
        away = call.away - {leg.id} if call.id == here[0].id else call.away | {leg.id}
        if away != call.away:
            world.put(replace(call, away=away))


def _open(world: World, leg_id: str) -> list[Call]:
    return [call for call in world.conversations(leg_id) if call.kind is CallKind.CALL and call.state in OPEN
            and (leg := call.leg(leg_id)) is not None and leg.state is not LegState.GONE]


def _talks_elsewhere(world: World, leg_id: str, *but: Call) -> bool:
    return any(leg_id not in call.away for call in _open(world, leg_id) if call.id not in [one.id for one in but])
