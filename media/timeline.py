"""Where each sample of a recording belongs: segments, pauses and gaps -> positions in the output.

Three clocks meet here.

* The switch's clock gives ``start``, ``stop``, ``started`` and ``ended``: seconds since 1970 in UTC, so
  daylight saving does not touch them. It can be stepped by NTP.
* Our monotonic clock never steps and means nothing after a restart. It decides deadlines while the call
  lasts; none of its values come here.
* The sample clock is the count of samples in a file, at the nominal rate. It may drift from the others by
  some parts in a million.

Between segments the switch's clock decides: a segment is placed at ``round((started - start) * rate)``, and
all its tracks share that place, because they were made together. Inside a segment the sample clock decides: a
file is neither stretched nor cut to fit ``ended``, which only serves to say why something is missing. So
drift never adds up over more than one segment.

Segments of one track may overlap: a tap of a long call is renewed while the old one still runs. The later one then
takes over from where it begins, or, where a :class:`media.seam.Seam` says which sample both files hold, at that sample:
the later file is moved to where the samples go on, for each track by itself, by at most ``MOVED_LIMIT_S``. What is left
of the earlier one is not used, unless its tap outlived the later one's file. If the clock is stepped

* forwards during a segment, the next one comes later by the step: a gap is listed in between;
* backwards during a segment, the file is longer than ``ended - started``, even if that is negative; what then
  lies behind the next segment's start is trimmed and listed, so nothing is mixed twice;
* backwards during a pause, its ``stop`` may come before its ``start``: all between the two counts as pause.

Nothing of a file is placed inside a pause, whatever the file holds: taps are removed at a pause, and this is
the second barrier. Where a clock leaves a doubt, the pause is taken wider: its borders are rounded outwards,
and a pause that was never ended, or ended with the recording, covers all that follows.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from faults import RateMismatch
from media.seam import Seam
from media.spans import merged, subtracted

__all__ = [
    "Gap", "GapCause", "Mode", "Overlap", "Pause", "PlacedPause", "Placement", "Seams", "SegmentFacts", "Timeline",
    "TrackFile", "Trim", "TrimCause", "overlaps", "plan",
]

Mode = Literal["silence", "cut"]
# not-tapped: no segment of the track covers it. file-short: the segment lasted longer than its file.
# file-empty: the segment has no sample of the track. The others are said by the caller of `plan`, who knows it. hold:
# not tapped, as the tapped leg held the call. carried: a recording server was sent it. uncarried: it should have
# been sent to one, and was not.
GapCause = Literal["not-tapped", "file-short", "file-empty", "hold", "carried", "uncarried"]
TrimCause = Literal["before-start", "next-segment", "pause"]

# The rate of a recording that has not one sample.
RATE_WITHOUT_FILES = 8_000
# What is missing between two segments for less than one packet of 20 ms is the grid of the switch, not a gap.
GAP_MINIMUM_S = 0.020
# How far a seam may move a file from where the clock has it. A sender whose clock runs fast moves it by up to 60 ms in
# each 10 minutes; without a limit its track would fall behind the others by as much each time.
MOVED_LIMIT_S = 0.1
# Seconds since 1970 as a float are exact to 0.24 us: a border this near to a whole sample is meant to be one.
_SAMPLE_TOLERANCE = 0.01

_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class TrackFile:
    """A track of one segment: ``channel`` (0 = left) of ``file``, any name by which the caller knows it.

    ``samples`` and ``rate`` (Hz) are those found in the file. A missing file is listed with 0 samples.
    """

    track: str
    file: str
    samples: int
    rate: int
    channel: int = 0


@dataclass(frozen=True, slots=True)
class SegmentFacts:
    """An unbroken stretch of tracks that were made together; ``ended`` is None if nobody saw the end."""

    id: str
    started: float
    ended: float | None
    files: tuple[TrackFile, ...]


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause from ``start`` to ``stop`` on the switch's clock; ``stop`` is None if it was never ended."""

    start: float
    stop: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two files of a track that, by the clock, both hold some time: ``later`` begins at sample ``expected`` of
    ``earlier``. ``segment`` is the later one's."""

    track: str
    segment: str
    earlier: TrackFile
    later: TrackFile
    expected: int


Seams = Mapping[tuple[str, str], Seam]
"""Where a track goes over into the file of a segment, by the track's and the later segment's name."""


@dataclass(frozen=True, slots=True)
class Placement:
    """``count`` samples of a file's channel, from ``source`` on, belong at ``destination`` of the output."""

    segment: str
    file: str
    channel: int
    source: int
    destination: int
    count: int


@dataclass(frozen=True, slots=True)
class PlacedPause:
    """A pause, and its place in the output: ``count`` samples of silence at ``offset``; 0 of them if cut."""

    start: float
    stop: float
    reason: str
    offset: int
    count: int


@dataclass(frozen=True, slots=True)
class Gap:
    """``count`` samples at ``offset`` of the output that a track should have and has not.

    ``start`` and ``stop`` say the same on the switch's clock.
    """

    track: str
    start: float
    stop: float
    cause: GapCause
    offset: int
    count: int


@dataclass(frozen=True, slots=True)
class Trim:
    """``count`` samples of a file from ``source`` on that are not in the output."""

    track: str
    segment: str
    file: str
    source: int
    count: int
    cause: TrimCause


@dataclass(frozen=True, slots=True)
class Timeline:
    """The plan of an output.

    Attributes:
        rate: samples a second (Hz), of all files and of the output.
        samples: length of the output, of every track.
        tracks: for each track, in the order asked for, its placements by destination, never overlapping.
        pauses: as given, with their places. In mode ``cut`` they have none of the output's samples.
        gaps: what is missing for 20 ms or more, by track and time.
        trims: what the files hold and the output does not.
    """

    rate: int
    samples: int
    tracks: Mapping[str, tuple[Placement, ...]]
    pauses: tuple[PlacedPause, ...]
    gaps: tuple[Gap, ...]
    trims: tuple[Trim, ...]


def plan(
    *,
    start: float,
    stop: float,
    tracks: Sequence[str],
    segments: Sequence[SegmentFacts],
    pauses: Sequence[Pause] = (),
    seams: Seams | None = None,
    mode: Mode = "silence",
) -> Timeline:
    """Place the files of a recording that lasted from ``start`` to ``stop`` on the switch's clock.

    Args:
        tracks: the expected tracks, in the order of the output, such as ("caller", "callee"). Tracks that
            only files name follow in the order of their first file.
        segments: in any order.
        seams: what was found at the :func:`overlaps`.
        mode: ``silence`` keeps the time of pauses, ``cut`` removes it.

    Raises:
        RateMismatch: files that have samples have different sample rates.
    """
    rate = _one_rate(segments)
    span = max(0, round((stop - start) * rate))
    borders = [_borders(pause, start, rate, span) for pause in pauses]
    paused = merged(borders)
    names = dict.fromkeys([*tracks, *(file.track for segment in segments for file in segment.files)])
    pieces = {track: _pieces(track, start, rate, segments, seams or {}) for track in names}

    placed: dict[str, list[Placement]] = {}
    trims: list[Trim] = []
    for track in names:
        placed[track] = _place(track, pieces[track], paused, trims)
    samples = max([span, *(one.destination + one.count for ones in placed.values() for one in ones)])
    paused = [(low, min(high, samples)) for low, high in paused if low < samples]
    gaps = [
        Gap(track, start + low / rate, start + high / rate, cause, low, high - low)
        for track in names
        for low, high, cause in _missing(pieces[track], placed[track], paused, samples)
        if high - low >= GAP_MINIMUM_S * rate
    ]
    silences = [
        PlacedPause(pause.start, stop if pause.stop is None else pause.stop, pause.reason,
                    min(low, samples), max(0, min(high, samples) - low))
        for pause, (low, high) in zip(pauses, borders, strict=True)
    ]
    if mode == "cut":
        placed = {track: [replace(one, destination=_without(paused, one.destination)) for one in ones]
                  for track, ones in placed.items()}
        gaps = [replace(gap, offset=_without(paused, gap.offset)) for gap in gaps]
        silences = [replace(one, offset=_without(paused, one.offset), count=0) for one in silences]
        samples = _without(paused, samples)
    return Timeline(rate, samples, {track: tuple(ones) for track, ones in placed.items()}, tuple(silences),
                    tuple(gaps), tuple(trims))


def overlaps(segments: Sequence[SegmentFacts]) -> list[Overlap]:
    """Where the files of a track overlap by the clock, so that a seam can be looked for.

    Raises:
        RateMismatch: as :func:`plan`.
    """
    if not segments:
        return []
    rate, start = _one_rate(segments), min(segment.started for segment in segments)
    found = []
    for track in dict.fromkeys(file.track for segment in segments for file in segment.files):
        pieces = [piece for piece in _pieces(track, start, rate, segments, {}) if piece.file.samples > 0]
        found += [Overlap(track, later.segment, earlier.file, later.file, later.place - earlier.place)
                  for earlier, later in pairwise(pieces)
                  if later.place < min(earlier.place + earlier.file.samples, max(earlier.ended, earlier.place))]
    return found


@dataclass(frozen=True, slots=True)
class _Piece:
    """A track of a segment on the output's samples.

    Attributes:
        place: where its first sample belongs. clock: where the clock alone would have it.
        begins: where it takes over from the piece before it.
        ended: where the clock says that it ended.
    """

    segment: str
    file: TrackFile
    place: int
    clock: int
    begins: int
    ended: int

    @property
    def end(self) -> int:
        return self.place + self.file.samples


def _one_rate(segments: Iterable[SegmentFacts]) -> int:
    rates: dict[int, str] = {}
    for segment in segments:
        for file in segment.files:
            if file.samples > 0:
                rates.setdefault(file.rate, f"{file.file} ({file.track}) has {file.rate} Hz")
    if len(rates) > 1:
        raise RateMismatch(f"The files have different sample rates: {', '.join(rates.values())}.",
                           rates=sorted(rates))
    return next(iter(rates), RATE_WITHOUT_FILES)


def _borders(pause: Pause, start: float, rate: int, span: int) -> _Span:
    """A pause in samples, rounded outwards."""
    first = (pause.start - start) * rate
    last = math.inf if pause.stop is None else (pause.stop - start) * rate
    low, high = min(first, last), max(first, last)
    high = sys.maxsize if high > span - 1 else math.ceil(high - _SAMPLE_TOLERANCE)
    low = max(0, math.floor(low + _SAMPLE_TOLERANCE))
    return low, max(low, high)


def _pieces(track: str, start: float, rate: int, segments: Iterable[SegmentFacts], seams: Seams) -> list[_Piece]:
    pieces = []
    for segment in segments:
        place = round((segment.started - start) * rate)
        for file in segment.files:
            if file.track == track:
                unseen = place + file.samples
                ended = unseen if segment.ended is None else round((segment.ended - start) * rate)
                pieces.append(_Piece(segment.id, file, place, place, place, ended))
    joined: list[_Piece] = []
    earlier: _Piece | None = None
    for piece in sorted(pieces, key=lambda one: one.place):
        seam = seams.get((track, piece.segment))
        if seam is not None and earlier is not None:
            place = earlier.place + seam.before - seam.after
            if abs(place - piece.clock) > MOVED_LIMIT_S * rate:
                place = piece.clock
            begins = max(place, min(place + seam.after, earlier.end))
            piece = replace(piece, place=place, begins=begins, ended=piece.ended + place - piece.clock)
        joined.append(piece)
        if piece.file.samples > 0:
            earlier = piece
    return joined


def _place(track: str, pieces: Iterable[_Piece], paused: Sequence[_Span],
           trims: list[Trim]) -> list[Placement]:
    """Place the pieces of a track, sorted by their place; what cannot be placed goes to ``trims``."""
    audible = [piece for piece in pieces if piece.file.samples > 0]
    placements: list[Placement] = []
    for number, piece in enumerate(audible):
        place, file, end = piece.place, piece.file, piece.end
        low = min(max(place, 0), end)
        heard = _heard(piece, audible[number + 1:], max(low, min(piece.begins, end)))
        # A file that a seam has moved keeps out of the pause by the clock, too.
        moved = place - piece.clock
        silent = paused if moved == 0 else merged([*paused, *((a + moved, b + moved) for a, b in paused)])
        kept = [span for whole in heard for span in subtracted(whole, silent)]
        placements += [Placement(piece.segment, file.file, file.channel, a - place, a, b - a)
                       for a, b in kept]
        lost: list[tuple[_Span, TrimCause]] = [((place, low), "before-start")]
        lost += [(span, "next-segment") for span in subtracted((low, end), heard)]
        lost += [(span, "pause") for whole in heard for span in subtracted(whole, kept)]
        trims += [Trim(track, piece.segment, file.file, a - place, b - a, cause)
                  for (a, b), cause in lost if a < b]
    return sorted(placements, key=lambda one: one.destination)


def _heard(piece: _Piece, later: Sequence[_Piece], begins: int) -> list[_Span]:
    """What of a piece is not the others': it goes on until a later one takes over, and behind that one's end only if
    its own tap was still up by the clock."""
    until = min([piece.end, *(one.begins for one in later)])
    behind = merged((one.begins, one.end) for one in later)
    spans = [(begins, until), *subtracted((max(begins, until), min(piece.end, piece.ended)), behind)]
    return merged(span for span in spans if span[0] < span[1])


def _missing(pieces: Sequence[_Piece], placed: Iterable[Placement], paused: Sequence[_Span],
             samples: int) -> list[tuple[int, int, GapCause]]:
    """What a track lacks, with its cause; in order, pauses left out."""
    covered = merged([*((one.destination, one.destination + one.count) for one in placed), *paused])
    missing: list[tuple[int, int, GapCause]] = []
    for low, high in subtracted((0, samples), covered):
        for piece, following in _each_with_next(pieces, samples):
            first, last = max(low, piece.place), min(high, piece.ended, following)
            if first < last:
                missing.append((low, first, "not-tapped"))
                missing.append((first, last, "file-short" if piece.file.samples else "file-empty"))
                low = last
        missing.append((low, high, "not-tapped"))
    return [one for one in missing if one[0] < one[1]]


def _each_with_next(pieces: Sequence[_Piece], end: int) -> Iterable[tuple[_Piece, int]]:
    """Each piece with the place of the next one; ``end`` for the last."""
    for number, piece in enumerate(pieces, 1):
        yield piece, pieces[number].place if number < len(pieces) else end


def _without(paused: Iterable[_Span], position: int) -> int:
    """A position after the pauses before it have been cut out."""
    return position - sum(min(high, position) - low for low, high in paused if low < position)
