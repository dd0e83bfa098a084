"""Which leg is a trunk, and which way a call therefore goes."""

from __future__ import annotations

from policy.types import Direction, TrunkNames


def is_trunk(
    trunks: TrunkNames,
    *,
    endpoint: str | None = None,
    context: str | None = None,
    gateway: str | None = None,
    profile: str | None = None,
) -> bool:
    """Whether a leg is a trunk: one of its names is listed in the policy.

    Args:
        trunks: the names listed in the policy.
        endpoint: the name of the leg's endpoint, without technology and channel number (``trunk-a``).
        context: the dialplan context in which the leg came in.
        gateway: the FreeSWITCH gateway of the leg.
        profile: the FreeSWITCH sofia profile of the leg.

    Names compare exactly, as both switches compare them.
    """
    return (
        endpoint in trunks.endpoints
        or context in trunks.contexts
        or gateway in trunks.gateways
        or profile in trunks.profiles
    )


def direction_of(caller_is_trunk: bool, callee_is_trunk: bool) -> Direction:
    """The direction of a call between two legs.

    From trunk to trunk is inbound: the call came in from a trunk, and ``recordIncomingPSTN`` speaks of every
    such call. Were it outbound, a user who forwards calls to a mobile would take them out of that rule.
    """
    if caller_is_trunk:
        return Direction.INBOUND
    return Direction.OUTBOUND if callee_is_trunk else Direction.INTERNAL
