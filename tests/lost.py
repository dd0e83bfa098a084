"""How much of the wanted audio is missing around pauses: what a phone sent, against what is in the files."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.hearing import locate
from tests.phone import Call
from tests.phonograph import Json
from tests.sounds import PACKET, RATE, Samples, Sound

_LOOK = RATE // 4
"""Samples of a voice that are looked for at the ends of a file."""

_AROUND = 3 * RATE
"""Samples: how far from where it is expected a piece is looked for. In all that was said that takes many times as long,
and even on a busy machine nothing is further off."""

_RECOGNISED = 0.7
_NEAR = 0.5
"""Seconds between an end of a file and the request that caused it."""


@dataclass
class Lost:
    """Seconds, one for each seam whose files are long enough to be recognised. The grain is a packet.

    Attributes:
        before: of what had been sent when the pause was asked for. Negative: what was kept until it was confirmed.
        after: of what was sent after the pause had been given back.
    """

    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)


def lost_at_seams(call: Call, voice: Sound, row: Json,
                  files: Sequence[tuple[float, Samples]]) -> Lost:
    """What is missing of the caller's voice.

    Args:
        row: the call, as the service tells it.
        files: when each of its segments was started, and its incoming track, in order.
    """
    lost = Lost()
    said = voice.cycle(0, call.stream.sent.samples[-1] + PACKET)
    pauses = row["pauses"]
    for (before, ended), (after, begun) in pairwise(files):
        last = _place(ended[-_LOOK:], said, _sent_by(call, before) + len(ended) - _LOOK)
        first = _place(begun[:_LOOK], said, _sent_by(call, after))
        if last is not None:
            end = last + _LOOK
            at = _left_at(call, end - 1)
            asked = min((pause["asked"] for pause in pauses if pause["asked"] > at - _NEAR), default=None)
            if asked is not None and asked < at + _NEAR:
                lost.before.append((_sent_by(call, asked) - end) / RATE)
        if first is not None:
            at = _left_at(call, first)
            resumed = max((pause["resumed"] for pause in pauses if pause["resumed"] and pause["resumed"] < at),
                          default=None)
            if resumed is not None and resumed > at - _NEAR:
                lost.after.append((first - _sent_by(call, resumed)) / RATE)
    return lost


def _place(piece: Samples, said: Samples, expected: int) -> int | None:
    """Where a piece begins in what was said; None when it cannot be told."""
    if len(piece) < _LOOK:
        return None
    first = max(0, expected - _AROUND)
    found = locate(piece, said[first : expected + _AROUND])
    return first + found.offset if found.confidence > _RECOGNISED else None


def _sent_by(call: Call, moment: float) -> int:
    """How many samples had left the phone by then, on its own clock."""
    sent = call.stream.sent
    return max((first + PACKET for first, at in zip(sent.samples, sent.at, strict=True) if at <= moment), default=0)


def _left_at(call: Call, sample: int) -> float:
    """When the packet left the phone that holds a sample."""
    sent = call.stream.sent
    return max(at for first, at in zip(sent.samples, sent.at, strict=True) if first <= max(0, sample))
