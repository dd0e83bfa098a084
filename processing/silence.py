"""Silence that is more than it seems: which runs of fill are a tap that heard nothing, and which a party's own.

A tap that hears nothing while packets come is ended, and the next one shows what it was (`recorder.deafness`): sound
from its first moment, or more of the same silence. Where no tap was tried, the switch's count of packets at the leg's
end says whether there was anything to hear. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from media.gaps import FillRun
from recorder.deafness import CAUSES, UNPASSED
from recorder.model import Leg, Segment

TRIED_S = 2.0
"""A tap is ended after some seconds of fill at its file's end; what is shorter is on another track than that was."""

NEXT_WITHIN_S = 1.0
"""Between that tap and the next one, or nobody knows what was heard in between: a pause, say."""

SAME_S = 1.0
"""So long the next tap hears nothing either, if the silence is the party's own."""

BEGINS_S = 0.1
"""A tap may write so much fill before its first sound."""

UNTRIED_S = 8.0
"""A tap is tried after some seven seconds; of a silence that is longer somebody has to know what it was."""

_PACKET_S = 0.02
"""What a packet holds, mostly. Where it is more the count is too low, and nothing is claimed."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What one tap has written of a track: ``samples`` at ``rate`` Hz, and its runs of fill."""

    segment: Segment
    samples: int
    rate: int
    fill: Sequence[FillRun]


@dataclass(frozen=True, slots=True)
class Silence:
    """Seconds of a track that the tap did not hear (``deaf``), in which there was ``nothing`` to hear, as of a muted
    telephone, that the switch passed on to nobody (``dropped``), and of which nobody knows though packets came
    (``unknown``)."""

    deaf: float = 0.0
    nothing: float = 0.0
    dropped: float = 0.0
    unknown: float = 0.0


def silence(files: Sequence[Heard], leg: Leg | None) -> Silence:
    """Sort a track's runs of fill.

    Args:
        files: what each tap has written of the track.
        leg: the one whose voice the track is; None where it is several, or nobody's.
    """
    started = [one for one in files if one.segment.started is not None]
    ordered = sorted(started, key=lambda one: one.segment.started or 0.0)
    deaf = nothing = dropped = untried = 0.0
    for number, one in enumerate(ordered):
        runs = list(one.fill)
        then = _next(ordered[number + 1:], one)
        if then is not None and runs and runs[-1].stop >= one.samples and runs[-1].count >= TRIED_S * one.rate:
            seconds = runs.pop().count / one.rate
            if not _begins_silent(then):
                deaf += seconds
            else:
                if then.segment.cause not in CAUSES:
                    seconds += then.fill[0].count / then.rate
                if one.segment.cause == UNPASSED:
                    dropped += seconds
                else:
                    nothing += seconds
        untried += sum(run.count / one.rate for run in runs if run.count >= UNTRIED_S * one.rate)
    # Who was found to send digital silence is believed the next time, and what was dropped is told once.
    tried = nothing or dropped
    return Silence(deaf, nothing, dropped, untried if not tried and _came(leg, untried) else 0.0)


def _next(later: Sequence[Heard], one: Heard) -> Heard | None:
    """The tap that shows what an unheard one did not hear; None if there is none, or it was hung up too early."""
    ended = one.segment.ended
    if one.segment.cause not in CAUSES or ended is None:
        return None
    return next((then for then in later if then.segment.source == one.segment.source
                 and 0 <= (then.segment.started or 0.0) - ended < NEXT_WITHIN_S
                 and then.samples >= SAME_S * then.rate), None)


def _begins_silent(then: Heard) -> bool:
    first = next(iter(then.fill), None)
    return first is not None and first.start <= BEGINS_S * then.rate and first.count >= SAME_S * then.rate


def _came(leg: Leg | None, seconds: float) -> bool:
    """Whether a leg sent packets in half of so many silent seconds at least: had it sent all the time, but not then,
    there would be fewer."""
    if not seconds or leg is None or leg.counters is None or leg.created is None or leg.gone is None:
        return False
    return leg.counters.received * _PACKET_S > leg.gone - leg.created - seconds / 2
