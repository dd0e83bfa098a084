"""Pauses that the dialplan marks on a leg itself, in a variable that every look at the leg shows.

The mark is set before anybody is asked and outlives us: a pause that was asked for while we were dead, or could not see
the switch, is found with the first look, before anything is tapped. A mark that appears opens a pause of its owner, one
that is taken off gives that pause back. A leg that leaves or hangs up with its mark on gives nothing back: what it kept
out may go on without it. A leg that is away marks only the call in which it talks.
"""

from __future__ import annotations

from dataclasses import replace

from recorder.events import ActorKind, owner_is_valid
from recorder.model import Call, Leg, Pause
from recorder.requests import given_back
from recorder.states import PauseState

_MOST_OWNERS = 8


def follow(call: Call, at: float) -> Call:
    """Open and give back the pauses of a call as its legs' marks say."""
    seen = {(leg.id, owner) for leg in call.legs if leg.gone is None and leg.id not in call.away
            for owner in owners(leg)}
    kept = {(leg, owner) for leg, owner in call.marks if leg in call.away or _left(call.leg(leg))}
    marks = tuple(sorted(seen | kept))
    if marks == call.marks:
        return call
    new = {owner for leg, owner in marks if (leg, owner) not in call.marks}
    gone = {owner for _, owner in call.marks} - {owner for _, owner in marks}
    call = replace(call, marks=marks)
    for owner in sorted(gone):
        call = given_back(call, owner, at)
    for owner in sorted(new):
        if not call.held_by(owner):
            call = replace(call, pauses=(*call.pauses, Pause(
                owner=owner, actor=ActorKind.DIALPLAN.value, reason="", state=PauseState.ASKED, asked=at)))
    return call


def owners(leg: Leg) -> tuple[str, ...]:
    """Whose pauses are marked on a leg. A mark that is no owner's name is a pause all the same: the dialplan's."""
    found = [owner for owner in leg.pausing.split("&") if owner.strip()][:_MOST_OWNERS]
    return tuple(owner if owner_is_valid(owner) else "dialplan" for owner in found)


def _left(leg: Leg | None) -> bool:
    return leg is None or leg.gone is not None
