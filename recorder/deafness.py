"""A tap that hears nothing while its leg's packets go on is made anew. That is the cure, and the test.

A party whose device starts its RTP stream anew with a lower sequence number is played by Asterisk 22, and no tap hears
it (`recorder.talking` says why). Where the parties' codecs differ, and in conferences, Asterisk drops what that party
sends, and a new tap seldom helps. A muted telephone that sends digital silence looks the same from here. Only the next
tap tells them apart: it hears the party again, or the same silence. It costs both tracks 10 to 30 ms, so that it is
tried less and less often.
"""

from __future__ import annotations

from dataclasses import replace

from recorder import taps
from recorder.events import Unheard
from recorder.model import Call, Segment
from recorder.states import SegmentState
from recorder.world import World

UNHEARD = "it heard nothing while packets came"
"""The cause of the end of a tap that was ended for that."""

UNPASSED = "it heard nothing, as the switch passed none of the packets on that came"
"""The same, where the other party heard nothing either."""

CAUSES = (UNHEARD, UNPASSED)

_LIVE = (SegmentState.ATTACHING, SegmentState.UP)
_TESTS_BEFORE_LONGER = 3


def unheard(world: World, event: Unheard, now: float) -> None:
    """End the taps of the leg, all of them: the next one hears only when nobody else holds on to the leg. It follows
    when they are gone."""
    call = taps.owner(world, event.segment)
    segment = taps.find(call, event.segment) if call is not None else None
    if call is None or segment is None or segment.state is not SegmentState.UP:
        return
    if not world.up or segment.source not in taps.wanted(call, world.limits):
        return
    if event.seconds < world.limits.unheard_after * _patience(call, segment, event.heard):
        return
    call = taps.put(call, replace(segment, cause=UNHEARD if event.passed else UNPASSED))
    for one in taps.segments(call):
        if one.source.leg == segment.source.leg and one.state in _LIVE:
            call = taps.unwant(world, call, one, now)
    world.put(call)


def _patience(call: Call, segment: Segment, heard: bool) -> int:
    """How many times longer than the first time a track has to be silent before its tap is ended.

    Who mutes now and then is tried three times, then at twice the length, and so on. Where the taps before heard
    nothing either, it is the party's own silence most likely: four times the length of the time before.
    """
    earlier = [one for one in taps.segments(call) if one.source.leg == segment.source.leg and one.id != segment.id]
    tried = sum(one.cause in CAUSES for one in earlier)
    longer = 1 << min(tried // _TESTS_BEFORE_LONGER, 16)
    if heard:
        return longer
    in_vain = 0
    for one in reversed(earlier):
        if one.cause not in CAUSES:
            break
        in_vain += 1
    return max(longer, 1 << min(2 * in_vain, 16))
