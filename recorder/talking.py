"""Who talks to whom in a call between parties, as the bridges tell it. Local channels are seen through.

A tap has to be made anew before it hears somebody else: Asterisk 22 turns what goes to a tapped leg into samples by one
translator a direction, which remembers the last RTP sequence number and drops every packet whose number is up to
half the range behind it, as one that is late. After a transfer the numbers are another phone's: in one case of two,
nothing would be recorded until they have come round, up to eleven minutes later. The translator goes with the last
tap of its leg.
"""

from __future__ import annotations

from dataclasses import replace

from recorder import taps
from recorder.model import BridgeKind, Call, CallKind, Leg, LegKind, LegState, Visit
from recorder.states import SegmentState
from recorder.world import World

_LIVE = (SegmentState.ATTACHING, SegmentState.UP)


def peers(world: World, leg_id: str) -> frozenset[str]:
    """The parties that a leg hears: those in its bridge, and those behind the Local channels in it."""
    found: set[str] = set()
    seen = {leg_id}
    ahead = [leg_id]
    while ahead:
        bridge = world.bridges.get(world.inside.get(ahead.pop(), ""))
        if bridge is None or bridge.kind is not BridgeKind.MIXING:
            continue
        for leg in (world.legs[one] for one in bridge.members - seen if one in world.legs and one not in world.gone):
            seen.add(leg.id)
            if leg.kind is LegKind.PARTY:
                found.add(leg.id)
            elif leg.kind is LegKind.LOCAL and (twin := _twin(world, leg)) is not None and twin not in seen:
                seen.add(twin)
                ahead.append(twin)
    return frozenset(found)


def visits(world: World, call: Call, at: float) -> Call:
    """The call with who talks to somebody noted, and since when; and who no longer does."""
    if call.kind is not CallKind.CALL:
        return call
    known = {visit.leg for visit in call.visits if visit.left is None}
    # Who waits alone in the bridge, while the other one asks somebody, has not left.
    there = [leg.id for leg in call.up if leg.id not in world.gone
             and (peers(world, leg.id) or (leg.id in known and world.inside.get(leg.id) in world.bridges))]
    if known == set(there):
        return call
    kept = tuple(visit if visit.left is not None or visit.leg in there else replace(visit, left=_left(call, visit, at))
                 for visit in call.visits)
    return replace(call, visits=(*kept, *(Visit(leg=one, joined=at) for one in there if one not in known)))


def renew(world: World, call: Call, now: float) -> Call:
    """Have the taps end whose leg no longer hears whom they have heard; the next one follows when they are gone."""
    if call.kind is not CallKind.CALL or not world.limits.renew_for_next_party:
        return call
    for segment in taps.segments(call):
        if segment.state not in _LIVE or not segment.source.leg:
            continue
        heard, hears = world.heard.get(segment.id), peers(world, segment.source.leg) - {call.transferred_by}
        if heard is None and hears:
            world.heard[segment.id] = hears
        elif heard and not heard & hears and (hears or call.transferred_by in heard):
            del world.heard[segment.id]
            call = taps.unwant(world, call, segment, now)
    return call


def _twin(world: World, leg: Leg) -> str | None:
    """The other half of a Local channel."""
    if not leg.twin:
        return None
    return next((one.id for call in world.conversations(leg.id) for one in call.legs if one.name == leg.twin), None)


def _left(call: Call, visit: Visit, at: float) -> float:
    leg = call.leg(visit.leg)
    return leg.gone if leg is not None and leg.state is LegState.GONE and leg.gone is not None else at
