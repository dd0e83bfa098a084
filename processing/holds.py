"""Gaps that a hold or a queue explains. Pure.

Where no tap listened as the leg to be tapped held the call or waited in a queue (`recorder.holding`), there was nothing
to be recorded. What the next tap then needed to come up is none of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from media.timeline import GAP_MINIMUM_S, Gap, GapCause
from recorder.model import Call

_Span = tuple[float, float]


def spans(call: Call, until: float) -> list[_Span]:
    """The holds of a call: from when to when, in seconds since the Unix epoch, in order.

    Args:
        until: the end of what was not over.
    """
    return [(hold.begun, until if hold.ended is None else hold.ended) for hold in call.holds]


def told_apart(gaps: Iterable[Gap], holds: Sequence[_Span], rate: int, cause: GapCause = "hold") -> list[Gap]:
    """The gaps, with those parts of what was not tapped as ``hold`` in which there was one.

    Args:
        holds: in order.
        rate: samples a second (Hz) of the output.
        cause: where the spans are something else than holds, what they are.
    """
    told: list[Gap] = []
    for gap in gaps:
        if gap.cause != "not-tapped":
            told.append(gap)
            continue
        rest = gap
        for begin, end in holds:
            low, high = max(begin, rest.start), min(end, rest.stop)
            if low < high:
                told += [_part(rest, rest.start, low, rate), replace(_part(rest, low, high, rate), cause=cause)]
                rest = _part(rest, high, rest.stop, rate)
        told.append(rest)
    return [gap for gap in told if gap.count >= GAP_MINIMUM_S * rate]


def _part(gap: Gap, start: float, stop: float, rate: int) -> Gap:
    first, last = (round((moment - gap.start) * rate) for moment in (start, stop))
    return replace(gap, start=start, stop=stop, offset=gap.offset + first, count=last - first)
