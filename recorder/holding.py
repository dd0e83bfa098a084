"""The leg to be tapped holds the call, or waits in a queue, where the switch writes nothing (`Limits.ends_at_hold`).

FreeSWITCH does not read a leg that holds, and its mod_fifo keeps all recordings from a leg that waits there: in what is
recorded of it that time has no length. So the tap ends with it, and the next one is asked for when that is over. In
between there is nothing of that leg to be recorded: the call remembers the time, so that nobody takes it for a loss.
"""

from __future__ import annotations

from dataclasses import replace

from recorder import taps
from recorder.model import Call, CallKind, Hold
from recorder.states import SegmentState
from recorder.world import World

HELD = "its leg holds the call"
QUEUED = "its leg waits in a queue"
"""The causes of the end of a tap that was ended for that."""

_LIVE = (SegmentState.ATTACHING, SegmentState.UP)


def follow(world: World, call: Call, at: float, now: float) -> Call:
    """Note when a hold keeps the call from being tapped, and since when not any more; end the tap of who holds.

    The tap's last sample is of the hold's beginning, though the switch's word of its end comes up to 120 ms later.
    """
    if not world.limits.ends_at_hold or call.kind is not CallKind.CALL:
        return call
    leg = taps.anchor(call) if world.up and taps.to_be_recorded(call) and not call.paused else None
    silent = leg.id if leg is not None and leg.silent else None
    cause = QUEUED if leg is not None and leg.queued else HELD
    if [hold.leg for hold in call.holds if hold.ended is None] != [one for one in (silent,) if one is not None]:
        call = _ended(call, at)
        if silent is not None:
            call = replace(call, holds=(*call.holds, Hold(leg=silent, begun=at)))
    for segment in taps.segments(call):
        if silent is not None and segment.source.leg == silent and segment.state in _LIVE:
            ended = at if segment.ended is None else segment.ended
            ending = replace(segment, cause=segment.cause or cause, ended=ended)
            call = taps.unwant(world, taps.put(call, ending), ending, now)
    return call


def switch_down(world: World, at: float) -> None:
    """The switch cannot be seen any more: from now on nobody knows whether a hold goes on."""
    for call in list(world.calls.values()):
        if any(hold.ended is None for hold in call.holds):
            world.put(_ended(call, at))


def switch_up(world: World) -> None:
    """A hold that an earlier life of the service saw begin: nobody knows for how long it went on."""
    for call in [] if world.up else list(world.calls.values()):
        known = tuple(hold for hold in call.holds if hold.ended is not None)
        if known != call.holds:
            world.put(replace(call, holds=known))


def _ended(call: Call, at: float) -> Call:
    return replace(call, holds=tuple(hold if hold.ended is not None else replace(hold, ended=at)
                                     for hold in call.holds))
