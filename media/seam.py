"""Where one file of a track goes on in the next one: the sample that both of them hold.

A tap of a long call is renewed while it runs: the new one is attached before the old one is taken away, so for a
moment both write the same frames. On Asterisk 22 they write them bit for bit, G.722 included once its resampler has run
for 10 ms. The clock says only to some 50 ms where the second file begins in the first, and each tap has its own queue,
so with jitter the offset between the two changes, in steps of a packet of 20 ms, while both are up. What can be relied
on is a long run of the same samples: the track goes over from one file to the other in the middle of the longest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from media.wav import LITTLE_INT16, Source, read_info

__all__ = ["Seam", "find", "search"]

# How far the clock may be wrong: two events' times by 30 ms each, the queue of a sender whose clock runs 100 millionths
# fast by 60 ms after the 10 minutes that a tap lasts, some packets of jitter.
REACH_S = 0.25
# What is looked at of an overlap that lasted longer.
LONGEST_S = 2.0
# A run of a packet's length, of which so many samples differ from the one before: no two stretches of audio that are
# not the same have that in common by chance, however quiet they are.
RUN_S = 0.020
CHANGES = 40

_Int16 = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Seam:
    """Sample ``before`` of the earlier file is sample ``after`` of the later one: there the later one takes over."""

    before: int
    after: int


def search(earlier: Source, later: Source, *, expected: int, channels: tuple[int, int] = (0, 0)) -> Seam | None:
    """Find the seam of two open WAV files, reading no more than some seconds of each.

    Args:
        expected: the sample of the earlier file at which the later one begins, by the clock.
        channels: which channel of each.

    Returns:
        None if they have nothing recognisable in common, as when the overlap is silent.

    Raises:
        WavInvalid: a file cannot be read.
    """
    rate = read_info(later).rate
    reach, longest = round(REACH_S * rate), round(LONGEST_S * rate)
    first = max(0, expected - reach)
    found = find(_span(earlier, first, expected + longest + reach, channels[0]), _span(later, 0, longest, channels[1]),
                 expected=expected - first, reach=reach, shortest=round(RUN_S * rate))
    return None if found is None else Seam(first + found.before, found.after)


def find(earlier: _Int16, later: _Int16, *, expected: int, reach: int, shortest: int) -> Seam | None:
    """Find the seam of two arrays of samples.

    Of all offsets within ``reach`` samples of ``expected`` the one counts at which the largest part of the samples is
    the same, and of several the one nearest to ``expected``: a tone fits at every period. Samples that repeat the one
    before prove nothing, so silence does not count.

    Args:
        shortest: samples that have to be the same without a break.
    """
    changing = np.empty(len(later), np.bool_)
    changing[:1] = False
    np.not_equal(later[1:], later[:-1], out=changing[1:])
    best, most = expected, 0.0
    for offset in sorted(range(expected - reach, expected + reach + 1), key=lambda one: abs(one - expected)):
        low, high = _common(offset, earlier, later)
        if high - low < shortest:
            continue
        counted = changing[low:high]
        same = np.count_nonzero((earlier[offset + low:offset + high] == later[low:high]) & counted)
        if same >= CHANGES and same / np.count_nonzero(counted) > most:
            best, most = offset, same / np.count_nonzero(counted)
    if not most:
        return None
    low, high = _common(best, earlier, later)
    begun, ended = _longest_run(earlier[best + low:best + high] == later[low:high])
    if ended - begun < shortest or np.count_nonzero(changing[low + begun:low + ended]) < CHANGES:
        return None
    middle = low + (begun + ended) // 2
    return Seam(best + middle, middle)


def _common(offset: int, earlier: _Int16, later: _Int16) -> tuple[int, int]:
    """Which samples of the later array lie on samples of the earlier one, if it begins at ``offset`` of it."""
    return max(0, -offset), min(len(later), len(earlier) - offset)


def _longest_run(same: NDArray[np.bool_]) -> tuple[int, int]:
    """The longest stretch of True: its first sample and the one after its last."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], same, [False]))))
    if len(edges) == 0:
        return 0, 0
    longest = int(np.argmax(edges[1::2] - edges[::2]))
    return int(edges[2 * longest]), int(edges[2 * longest + 1])


def _span(file: Source, first: int, last: int, channel: int) -> _Int16:
    """The samples of one channel from ``first`` to before ``last``, or fewer where the file ends."""
    info = read_info(file)
    count = max(0, min(last, info.samples) - first)
    file.seek(info.data_offset + first * info.frame_bytes)
    data = file.read(count * info.frame_bytes)
    frames = np.frombuffer(data[:len(data) - len(data) % info.frame_bytes], LITTLE_INT16)
    return frames.reshape(-1, info.channels)[:, channel]
