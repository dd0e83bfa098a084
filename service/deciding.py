"""What policy says to a call that the engine asks about."""

from __future__ import annotations

from policy.decide import decide
from policy.trunks import direction_of, is_trunk
from policy.types import Facts, Identity, Media, Policy, TrunkNames
from recorder.effects import Decide
from recorder.events import Decided
from recorder.model import Call, Leg

# Video never passes through the taps of either switch: what a call offers is audio.
_OFFERED = frozenset({Media.AUDIO})


def decided(asked: Decide, call: Call, policy: Policy, at: float) -> Decided:
    """Answer the engine's question.

    Args:
        call: the call that it is about.
        at: when, in seconds since the epoch (UTC).
    """
    caller, callee = asked.caller, asked.callee
    obstacle = next((leg.obstacle for leg in call.parties if leg.obstacle), None)
    facts = Facts(
        direction=direction_of(trunk(policy.trunks, caller), callee is not None and trunk(policy.trunks, callee)),
        caller=_identity(caller), callee=_identity(callee) if callee is not None else Identity(),
        offered=_OFFERED, requested=asked.requested, obstacle=obstacle)
    trunks = frozenset(leg.id for leg in (*call.parties, caller, *([callee] if callee is not None else []))
                       if trunk(policy.trunks, leg))
    return Decided(switch=call.switch, at=at, call=call.id, decision=decide(facts, policy), trunks=trunks)


def trunk(names: TrunkNames, leg: Leg) -> bool:
    """Whether the policy calls a leg a trunk. A name that the switch did not tell matches nothing."""
    return is_trunk(names, endpoint=leg.endpoint or None, context=leg.context or None, gateway=leg.gateway or None,
                    profile=leg.profile or None)


def _identity(leg: Leg) -> Identity:
    return Identity(user=leg.party.user, domain=leg.party.domain)
