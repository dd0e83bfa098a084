"""What policy says to a call that the engine asks about, and of every leg that a switch tells of."""

from __future__ import annotations

from dataclasses import replace

from policy.decide import decide
from policy.permissions import may_control
from policy.trunks import direction_of, is_trunk
from policy.types import Conference, Facts, Identity, Media, Policy
from recorder.effects import Decide
from recorder.events import CallEvent, Decided, LegIs, SwitchUp
from recorder.model import Call, CallKind, Leg

# Video never passes through the taps of either switch: what a call offers is audio.
_OFFERED = frozenset({Media.AUDIO})


def decided(asked: Decide, call: Call, policy: Policy, at: float, *, scarce: bool = False) -> Decided:
    """Answer the engine's question.

    Args:
        call: the call that it is about.
        at: when, in seconds since the epoch (UTC).
        scarce: the disk is nearly full.
    """
    caller, callee = asked.caller, asked.callee
    obstacle = next((leg.obstacle for leg in call.parties if leg.obstacle), None)
    conference = Conference(call.conference, call.profile) if call.kind is CallKind.CONFERENCE else None
    facts = Facts(
        direction=direction_of(caller.trunk, callee is not None and callee.trunk),
        caller=_identity(caller), callee=_identity(callee) if callee is not None else Identity(),
        offered=_OFFERED, requested=asked.requested, obstacle=obstacle, scarce=scarce, conference=conference)
    return Decided(switch=call.switch, at=at, call=call.id, decision=decide(facts, policy))


def classified(event: CallEvent, policy: Policy) -> CallEvent:
    """The event with what policy says of the legs in it: whether they are trunks, and whether the party may control
    recordings by phone."""
    match event:
        case LegIs():
            return replace(event, leg=_classified(event.leg, policy))
        case SwitchUp():
            legs = tuple(_classified(leg, policy) for leg in event.snapshot.legs)
            return replace(event, snapshot=replace(event.snapshot, legs=legs))
    return event


def _classified(leg: Leg, policy: Policy) -> Leg:
    trunk = is_trunk(policy.trunks, endpoint=leg.endpoint or None, context=leg.context or None,
                     gateway=leg.gateway or None, profile=leg.profile or None)
    return replace(leg, trunk=trunk, controls=not trunk and may_control(_identity(leg), policy))


def _identity(leg: Leg) -> Identity:
    return Identity(user=leg.party.user, domain=leg.party.domain)
