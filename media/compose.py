"""Tracks -> mixed, stereo and one-party WAV, all in one pass over the files, in blocks.

Memory is a few arrays of one block, however long the call was. The length is known from the timeline, so each
header is right from its first byte and the SHA-256 is taken on the way out: no file is read again.

The mix is the sum of the tracks as 32-bit numbers, then limited to 16 bits by clipping. Nothing is scaled:
who speaks alone is as loud, to the bit, as on the own track. Only where the sum passes full scale is it
flattened there, instead of wrapping around to the other sign.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faults import RateMismatch, TrackMissing, WavInvalid
from media.timeline import Placement, Timeline
from media.wav import LITTLE_INT16, Source, Target, WavInfo, header, read_info

__all__ = ["Artefact", "Composed", "compose", "limited_sum"]

# The arrays of one block stay in the processor's cache: larger blocks were not faster.
BLOCK_SAMPLES = 65_536

_Int16 = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Artefact:
    """A WAV file that was written: ``samples`` a channel, ``bytes`` and ``sha256`` (hex) with the header."""

    samples: int
    rate: int
    channels: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Composed:
    """What :func:`compose` wrote; None, or absent from ``parties``, is what was not asked for."""

    mixed: Artefact | None
    stereo: Artefact | None
    parties: Mapping[str, Artefact]


def compose(
    timeline: Timeline,
    sources: Mapping[str, Source],
    *,
    mixed: Target | None = None,
    stereo: Target | None = None,
    parties: Mapping[str, Target] | None = None,
) -> Composed:
    """Write the outputs of a timeline, 16-bit PCM at its rate, into open, empty, buffered files.

    Args:
        sources: the files that the timeline names, open for reading. Headers left at zero are read rightly.
        mixed: gets all tracks in one channel.
        stereo: gets the first track left and the second right; of more than two, the others mixed right.
        parties: get one track each, by the track's name.

    Raises:
        TrackMissing: a file of the timeline is not among the sources, or a party not among the tracks.
        RateMismatch: a file has another rate than the timeline.
        WavInvalid: a file cannot be read, has lost samples or channels, or an output would exceed 4 GiB.
            All of these are found before the first byte is written, except a file that shrinks meanwhile.
    """
    parties = {} if parties is None else parties
    names = list(timeline.tracks)
    for name in parties:
        if name not in timeline.tracks:
            raise TrackMissing(f"There is no track {name!r} to write.", track=name)
    infos = _checked(timeline, sources)
    readers = [_TrackReader(timeline.tracks[name], sources, infos) for name in names]
    mixed_output = None if mixed is None else _Output(mixed, timeline, 1)
    stereo_output = None if stereo is None else _Output(stereo, timeline, 2)
    party_outputs = {name: _Output(target, timeline, 1) for name, target in parties.items()}
    outputs = [one for one in (mixed_output, stereo_output, *party_outputs.values()) if one is not None]
    for output in outputs:
        output.begin()

    block = max(1, min(BLOCK_SAMPLES, timeline.samples))
    tracks = [np.zeros(block, LITTLE_INT16) for _ in names]
    work = np.empty(block, np.int32)
    mono = np.zeros(block, LITTLE_INT16)
    both = np.zeros((block, 2), LITTLE_INT16)
    for position in range(0, timeline.samples, block):
        count = min(block, timeline.samples - position)
        blocks = [track[:count] for track in tracks]
        for reader, samples in zip(readers, blocks, strict=True):
            reader.read(position, samples)
        if mixed_output is not None:
            limited_sum(blocks, mono[:count], work)
            mixed_output.write(mono[:count])
        if stereo_output is not None:
            both[:count, 0] = blocks[0] if blocks else 0
            limited_sum(blocks[1:], mono[:count], work)
            both[:count, 1] = mono[:count]
            stereo_output.write(both[:count])
        for name, samples in zip(names, blocks, strict=True):
            if name in party_outputs:
                party_outputs[name].write(samples)
    return Composed(
        None if mixed_output is None else mixed_output.artefact(),
        None if stereo_output is None else stereo_output.artefact(),
        {name: output.artefact() for name, output in party_outputs.items()},
    )


def limited_sum(tracks: Sequence[_Int16], out: _Int16, work: NDArray[np.int32] | None = None) -> None:
    """Put the sum of int16 arrays of one length into ``out``, limited to 16 bits; zeros if there is none.

    ``work`` is scratch space, at least as long, to be used again from block to block.
    """
    if len(tracks) < 2:
        out[...] = tracks[0] if tracks else 0
        return
    total = np.empty(len(out), np.int32) if work is None else work[: len(out)]
    np.add(tracks[0], tracks[1], out=total, dtype=np.int32)
    for track in tracks[2:]:
        np.add(total, track, out=total)
    np.clip(total, -32_768, 32_767, out=total)
    np.copyto(out, total, casting="unsafe")


def _checked(timeline: Timeline, sources: Mapping[str, Source]) -> dict[str, WavInfo]:
    """The headers of all files that the timeline needs, found to hold what it needs."""
    infos: dict[str, WavInfo] = {}
    for track, placements in timeline.tracks.items():
        for one in placements:
            if one.file not in sources:
                raise TrackMissing(f"The file {one.file} of track {track} is not there.",
                                   file=one.file, track=track)
            if one.file not in infos:
                infos[one.file] = read_info(sources[one.file])
            info = infos[one.file]
            if info.rate != timeline.rate:
                raise RateMismatch(
                    f"The file {one.file} has {info.rate} Hz, the recording {timeline.rate} Hz.",
                    file=one.file, rate=info.rate, wanted=timeline.rate)
            if one.channel >= info.channels:
                raise WavInvalid(f"The file {one.file} has {info.channels} channels; track {track} should be "
                                 f"number {one.channel + 1}.", file=one.file, channels=info.channels)
            if one.source + one.count > info.samples:
                raise _shrunk(one, info.samples)
    return infos


def _shrunk(one: Placement, samples: int) -> WavInvalid:
    return WavInvalid(f"The file {one.file} has become shorter: {samples} samples, "
                      f"{one.source + one.count} are needed.", file=one.file, samples=samples)


class _TrackReader:
    """Reads one track of the output, block after block; what no file covers is silence."""

    def __init__(self, placements: Sequence[Placement], sources: Mapping[str, Source],
                 infos: Mapping[str, WavInfo]) -> None:
        self._placements = placements
        self._sources = sources
        self._infos = infos
        self._next = 0
        self._frames = np.empty(0, LITTLE_INT16)

    def read(self, position: int, out: _Int16) -> None:
        """Fill ``out`` with the track's samples from ``position`` on; positions never go back."""
        end = position + len(out)
        filled = position
        while self._next < len(self._placements):
            one = self._placements[self._next]
            low, high = max(one.destination, position), min(one.destination + one.count, end)
            if low < high:
                out[filled - position:low - position] = 0
                self._load(one, one.source + low - one.destination, out[low - position:high - position])
                filled = high
            if one.destination + one.count > end:
                break
            self._next += 1
        out[filled - position:] = 0

    def _load(self, one: Placement, first: int, out: _Int16) -> None:
        source, info = self._sources[one.file], self._infos[one.file]
        source.seek(info.data_offset + first * info.frame_bytes)
        if info.channels == 1:
            _fill(source, out, one, first)
            return
        wanted = len(out) * info.channels
        if len(self._frames) < wanted:
            self._frames = np.empty(wanted, LITTLE_INT16)
        frames = self._frames[:wanted]
        _fill(source, frames, one, first)
        out[:] = frames[one.channel::info.channels]


def _fill(source: Source, samples: _Int16, one: Placement, first: int) -> None:
    """Read until the array is full; an unbuffered file may give less at a time."""
    view = samples.data.cast("B")
    while view:
        got = source.readinto(view)
        if not got:
            raise _shrunk(one, first)
        view = view[got:]


class _Output:
    """A WAV file of known length being written, and its hash."""

    def __init__(self, target: Target, timeline: Timeline, channels: int) -> None:
        self._target = target
        self._timeline = timeline
        self._channels = channels
        self._header = header(timeline.rate, channels, timeline.samples)
        self._bytes = 0
        self._hash = hashlib.sha256()

    def begin(self) -> None:
        self._put(memoryview(self._header))

    def write(self, samples: _Int16) -> None:
        self._put(samples.data.cast("B"))

    def _put(self, data: memoryview) -> None:
        self._hash.update(data)
        self._target.write(data)
        self._bytes += len(data)

    def artefact(self) -> Artefact:
        return Artefact(self._timeline.samples, self._timeline.rate, self._channels, self._bytes,
                        self._hash.hexdigest())
