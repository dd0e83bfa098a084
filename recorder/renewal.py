"""Taps that are renewed while they run: each one after a time, and one whose file stopped growing at once.

A snoop of a sender whose clock runs fast loses audio after some 80 minutes. So the next tap of the same source is
attached while the old one runs, and the old one goes once both have recorded the same for a while: the composed track
goes over from one to the other at a sample that both have.
"""

from __future__ import annotations

import math
from dataclasses import replace

from recorder import taps
from recorder.events import Observed
from recorder.model import Call, Segment
from recorder.states import SegmentState
from recorder.world import World

STALLED = "its file stopped growing"
"""The cause of the end of a tap that the watchdog found dead."""

_LIVE = (SegmentState.ATTACHING, SegmentState.UP)


def watch(world: World, call: Call, at: float, now: float) -> None:
    """See to it that every running tap is renewed in time, those of an earlier life included, and that a tap that has
    a successor goes."""
    for segment in _running(call):
        if segment.source.leg == "" or segment.started is None:
            continue
        newest = _newest(call, segment)
        if newest.id != segment.id and newest.state is SegmentState.UP:
            world.timers.start(call.id, f"overlap:{segment.id}", now + world.limits.overlap)
        elif not (math.isinf(world.limits.renew_after) or world.timers.running(call.id, f"renew:{segment.id}")):
            # Clocks of two hosts may differ: a tap is never older than it may get.
            age = min(max(0.0, at - segment.started), world.limits.renew_after)
            world.timers.start(call.id, f"renew:{segment.id}", now + world.limits.renew_after - age)


def expired(world: World, call: Call, name: str, at: float, now: float) -> Call:
    """A deadline of a tap has come: ``renew:`` or ``overlap:`` and the segment's id."""
    kind, _, identity = name.partition(":")
    segment = taps.find(call, identity)
    if segment is None or segment.state is not SegmentState.UP:
        return call
    if kind == "overlap":
        return taps.unwant(world, call, segment, now)
    # Should the next tap fail, this one goes on and another is tried.
    world.timers.start(call.id, name, now + world.limits.retry_longest)
    return _successor(world, call, segment, at, now)


def observed(world: World, event: Observed, now: float) -> None:
    """The watchdog saw that a tap's file does not grow: the tap is made anew, and what is left of it goes."""
    call = taps.owner(world, event.segment)
    segment = taps.find(call, event.segment) if call is not None else None
    if call is None or segment is None or segment.state is not SegmentState.UP:
        return
    if event.still < world.limits.stalled_after(segment.source):
        return
    call = taps.put(call, replace(segment, cause=STALLED))
    stalled = sum(one.cause == STALLED for one in taps.segments(call))
    if stalled > 1:
        # A full disk stalls every file, and the next one too.
        wait = min(world.limits.retry_first * 2 ** min(stalled, 16), world.limits.retry_longest)
        taps.retry_in(world, call, segment.source, now + wait)
    else:
        call = _successor(world, call, segment, event.at, now)
    dead = taps.find(call, event.segment)
    assert dead is not None, "a segment never leaves its recording"
    world.put(taps.unwant(world, call, dead, now))


def _successor(world: World, call: Call, segment: Segment, at: float, now: float) -> Call:
    """Attach the next tap of a segment's source, unless there is one, or none is wanted."""
    if _newest(call, segment).id != segment.id or not world.up or segment.source not in taps.wanted(call, world.limits):
        return call
    return taps.attach(world, call, segment.source, at, now)


def _newest(call: Call, segment: Segment) -> Segment:
    """The latest tap of the same source that runs or comes up."""
    return next(one for one in reversed(taps.segments(call)) if one.source == segment.source and one.state in _LIVE)


def _running(call: Call) -> list[Segment]:
    return [segment for segment in taps.segments(call) if segment.state is SegmentState.UP]
