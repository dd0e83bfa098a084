"""Composing: alignment to the sample, nothing of a pause, no wrap-around, right hashes, flat memory."""

from __future__ import annotations

import hashlib
import io
import tracemalloc
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from faults import RateMismatch, TrackMissing, WavInvalid
from media import compose as composing
from media import wav
from media.compose import Composed, compose, limited_sum
from media.timeline import Mode, Pause, SegmentFacts, Timeline, TrackFile, plan
from tests.media import wavs

T0 = 1_795_000_000.0
RATE = 8_000
MS = RATE // 1000
Audio = NDArray[np.int16]


def plan_of(files: Mapping[str, Audio], seconds: float, at: float = 0.0, pauses: tuple[Pause, ...] = ()) -> Timeline:
    """A timeline of one segment whose files carry their tracks' names."""
    segment = SegmentFacts("s", T0 + at, None, tuple(
        TrackFile(track, track, len(audio), RATE) for track, audio in files.items()))
    return plan(start=T0, stop=T0 + seconds, tracks=list(files), segments=[segment], pauses=pauses)


class Outputs:
    """Everything that compose can write of a timeline."""

    def __init__(self, timeline: Timeline, files: Mapping[str, bytes]) -> None:
        self.mixed_file, self.stereo_file = io.BytesIO(), io.BytesIO()
        self.party_files = {track: io.BytesIO() for track in timeline.tracks}
        self.facts: Composed = compose(
            timeline, {name: io.BytesIO(file) for name, file in files.items()},
            mixed=self.mixed_file, stereo=self.stereo_file, parties=self.party_files)

    @property
    def mixed(self) -> list[int]:
        return _channel(self.mixed_file)

    @property
    def left(self) -> list[int]:
        return _channel(self.stereo_file)

    @property
    def right(self) -> list[int]:
        return _channel(self.stereo_file, 1)

    def party(self, track: str) -> list[int]:
        return _channel(self.party_files[track])


def _channel(file: io.BytesIO, number: int = 0) -> list[int]:
    info = wav.read_info(file)
    assert info.defect is None
    values: list[int] = []
    for block in wav.read_blocks(file, info, 10_000):
        values += block[:, number].tolist()
    return values


def composed(files: Mapping[str, Audio], seconds: float, at: float = 0.0, pauses: tuple[Pause, ...] = ()) -> Outputs:
    timeline = plan_of(files, seconds, at, pauses)
    return Outputs(timeline, {name: bytes(wavs.whole(audio[:, None])) for name, audio in files.items()})


def samples(*values: int) -> Audio:
    return np.array(values, np.int16)


class TestSums:
    def test_mixed_is_the_sum_and_stereo_keeps_the_sides(self) -> None:
        out = composed({"caller": samples(1, 2, 3), "callee": samples(10, 20, 30)}, 0)
        assert (out.mixed, out.left, out.right) == ([11, 22, 33], [1, 2, 3], [10, 20, 30])
        assert (out.party("caller"), out.party("callee")) == ([1, 2, 3], [10, 20, 30])

    def test_the_level_of_one_who_speaks_alone_is_unchanged(self) -> None:
        speech = samples(-32_768, 32_767, 12_345)
        assert composed({"caller": speech, "callee": samples(0, 0, 0)}, 0).mixed == speech.tolist()

    def test_both_at_full_scale_are_limited_not_wrapped(self) -> None:
        out = composed({"caller": samples(32_767, -32_768, 20_000), "callee": samples(32_767, -32_768, 20_000)}, 0)
        assert out.mixed == [32_767, -32_768, 32_767]

    def test_three_parties_are_limited_once_at_the_end(self) -> None:
        out = composed({"a": samples(30_000), "b": samples(30_000), "c": samples(-30_000)}, 0)
        assert (out.mixed, out.left, out.right) == ([30_000], [30_000], [0])

    def test_one_party_has_the_other_side_silent(self) -> None:
        out = composed({"caller": samples(7, 8)}, 0)
        assert (out.mixed, out.left, out.right) == ([7, 8], [7, 8], [0, 0])

    def test_nobody_is_silence(self) -> None:
        out = composed({}, 0.001)
        assert (out.mixed, out.left, out.right) == ([0] * MS, [0] * MS, [0] * MS)

    @given(st.lists(st.lists(st.integers(-32_768, 32_767), min_size=3, max_size=3), max_size=5))
    def test_the_limited_sum_is_the_sum_within_16_bits(self, tracks: list[list[int]]) -> None:
        out = np.empty(3, np.int16)
        limited_sum([np.array(track, np.int16) for track in tracks], out)
        sums = [sum(column) for column in zip(*tracks, strict=True)] or [0, 0, 0]
        assert out.tolist() == [max(-32_768, min(32_767, one)) for one in sums]


# One sample says when it was spoken: the value is its number on the recording's clock, from BEFORE on.
BEFORE = 300 * MS
MILLISECONDS = st.integers(0, 1_000)
SEGMENTS = st.lists(st.tuples(st.integers(-300, 1_500), MILLISECONDS), max_size=5)
PAUSES = st.lists(st.tuples(st.integers(-100, 1_500), st.none() | st.integers(-100, 1_500)), max_size=4)


class Spoken:
    """Segments whose every sample encodes its time, and what should become of them."""

    def __init__(self, length: int, segments: list[tuple[int, int]], pauses: list[tuple[int, int | None]]) -> None:
        self.length = length
        # Two segments of one start would make it a matter of taste which of them is heard.
        self.segments = {at: ms for at, ms in segments if ms}
        self.pauses = pauses

    def outputs(self, mode: Mode) -> tuple[Timeline, Outputs]:
        files = {str(at): np.arange(at * MS + BEFORE, (at + ms) * MS + BEFORE).astype(np.int16)[:, None] + 1
                 for at, ms in self.segments.items()}
        facts = [SegmentFacts(name, T0 + int(name) / 1000, None, (TrackFile("caller", name, len(audio), RATE),))
                 for name, audio in files.items()]
        pauses = [Pause(T0 + a / 1000, None if b is None else T0 + b / 1000) for a, b in self.pauses]
        timeline = plan(start=T0, stop=T0 + self.length / 1000, tracks=["caller"], segments=facts, pauses=pauses,
                        mode=mode)
        return timeline, Outputs(timeline, {name: bytes(wavs.whole(audio)) for name, audio in files.items()})

    def paused(self, position: int) -> bool:
        for first, last in self.pauses:
            low, high = (first, first + 10**6) if last is None else sorted((first, last))
            if low * MS <= position < (10**9 if high >= self.length else high * MS):
                return True
        return False

    def wanted(self, position: int) -> int:
        covered = any(at * MS <= position < (at + ms) * MS for at, ms in self.segments.items())
        return position + BEFORE + 1 if covered and not self.paused(position) else 0


@given(length=MILLISECONDS, segments=SEGMENTS, pauses=PAUSES)
def test_every_sample_is_where_the_clock_says_and_none_is_from_a_pause(
        length: int, segments: list[tuple[int, int]], pauses: list[tuple[int, int | None]]) -> None:
    spoken = Spoken(length, segments, pauses)
    _, out = spoken.outputs("silence")
    assert out.mixed == [spoken.wanted(position) for position in range(len(out.mixed))]
    assert len(out.mixed) >= length * MS


@given(length=MILLISECONDS, segments=SEGMENTS, pauses=PAUSES)
def test_cut_is_the_same_without_the_pauses(
        length: int, segments: list[tuple[int, int]], pauses: list[tuple[int, int | None]]) -> None:
    spoken = Spoken(length, segments, pauses)
    _, whole = spoken.outputs("silence")
    _, cut = spoken.outputs("cut")
    assert cut.mixed == [value for position, value in enumerate(whole.mixed) if not spoken.paused(position)]


@given(first=st.floats(0, 0.9), length=st.floats(0, 0.5), at=st.floats(-0.01, 0.01))
def test_no_part_of_a_sample_is_from_a_pause_wherever_its_borders_fall(
        first: float, length: float, at: float) -> None:
    place = round(at * RATE)
    audio = np.arange(place + BEFORE, place + BEFORE + RATE).astype(np.int16)
    out = composed({"caller": audio}, 1.0, at, (Pause(T0 + first, T0 + first + length),))
    # A hundredth of a sample is left to the noise of seconds since 1970.
    begin, end = first * RATE + 0.02, (first + length) * RATE - 0.02
    assert not [value for value in out.mixed if value and value - BEFORE + 1 > begin and value - BEFORE < end
                and end > begin]


class TestBlocks:
    @pytest.mark.parametrize("length", [65_535, 65_536, 65_537, 131_072])
    def test_borders_of_blocks_cannot_be_heard(self, length: int) -> None:
        caller, callee = wavs.tone(length)[:, 0], wavs.tone(length)[::-1, 0]
        out = composed({"caller": caller, "callee": callee}, 0, at=3 / RATE)
        assert out.mixed == [0, 0, 0, *np.add(caller, callee, dtype=np.int32).clip(-32_768, 32_767).tolist()]
        assert (out.left[3:], out.right[3:]) == (caller.tolist(), callee.tolist())

    def test_many_segments_in_one_block_and_over_its_border(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(composing, "BLOCK_SAMPLES", 50)
        spoken = Spoken(40, [(0, 2), (3, 1), (4, 9), (13, 4), (20, 10), (25, 20)], [(6, 7), (33, 36)])
        _, out = spoken.outputs("silence")
        assert out.mixed == [spoken.wanted(position) for position in range(45 * MS)]


class TestFiles:
    def test_both_channels_of_a_stereo_file_are_found(self) -> None:
        audio = wavs.tone(500, 2)
        segment = SegmentFacts("s", T0, None, (TrackFile("caller", "f", 500, RATE, 0),
                                               TrackFile("callee", "f", 500, RATE, 1)))
        timeline = plan(start=T0, stop=T0, tracks=["caller", "callee"], segments=[segment])
        out = Outputs(timeline, {"f": bytes(wavs.whole(audio))})
        assert (out.left, out.right) == (audio[:, 0].tolist(), audio[:, 1].tolist())

    def test_a_header_left_at_zero_hides_nothing(self) -> None:
        audio = wavs.tone(500)
        out = Outputs(plan_of({"caller": audio[:, 0]}, 0), {"caller": bytes(wavs.lengths(0, 0)(wavs.whole(audio)))})
        assert out.mixed == audio[:, 0].tolist()

    def test_an_unbuffered_file_that_gives_little_at_a_time(self) -> None:
        audio = wavs.tone(500)
        target = io.BytesIO()
        compose(plan_of({"caller": audio[:, 0]}, 0), {"caller": Dribbling(bytes(wavs.whole(audio)))}, mixed=target)
        assert target.getvalue() == bytes(wavs.whole(audio))

    def test_only_what_was_asked_for_is_written(self) -> None:
        audio = wavs.tone(500)
        target = io.BytesIO()
        facts = compose(plan_of({"caller": audio[:, 0], "callee": audio[:, 0]}, 0),
                        dict.fromkeys(("caller", "callee"), io.BytesIO(bytes(wavs.whole(audio)))),
                        parties={"callee": target})
        assert (facts.mixed, facts.stereo, list(facts.parties)) == (None, None, ["callee"])
        assert target.getvalue() == bytes(wavs.whole(audio))

    def test_the_facts_are_those_of_the_written_files(self) -> None:
        out = composed({"caller": wavs.tone(70_000)[:, 0], "callee": wavs.tone(100)[:, 0]}, 0)
        facts = out.facts
        for artefact, file in ((facts.mixed, out.mixed_file), (facts.stereo, out.stereo_file),
                               (facts.parties["callee"], out.party_files["callee"])):
            info = wav.read_info(file)
            assert artefact == composing.Artefact(
                info.samples, info.rate, info.channels, len(file.getvalue()),
                hashlib.sha256(file.getvalue()).hexdigest())


class Dribbling(io.BytesIO):
    """Gives at most seven bytes at a time, as a raw file may."""

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        return super().readinto(buffer[:7])


class Shrinking(io.BytesIO):
    """Loses its last sample as soon as its audio is read."""

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        self.truncate(len(self.getvalue()) - 2)
        return super().readinto(buffer)


class TestRefusals:
    AUDIO = wavs.tone(500)
    TIMELINE = plan_of({"caller": AUDIO[:, 0]}, 0)

    def refused(self, sources: dict[str, io.BytesIO], timeline: Timeline = TIMELINE) -> io.BytesIO:
        target = io.BytesIO()
        compose(timeline, sources, mixed=target)
        return target

    def test_a_file_that_is_not_there(self) -> None:
        with pytest.raises(TrackMissing, match="file caller of track caller"):
            self.refused({})

    def test_a_file_of_another_rate(self) -> None:
        with pytest.raises(RateMismatch, match="has 16000 Hz, the recording 8000 Hz"):
            self.refused({"caller": io.BytesIO(bytes(wavs.whole(self.AUDIO, 16_000)))})

    def test_a_file_that_became_shorter(self) -> None:
        with pytest.raises(WavInvalid, match="499 samples, 500 are needed"):
            self.refused({"caller": io.BytesIO(bytes(wavs.whole(self.AUDIO[:499])))})

    def test_a_file_that_becomes_shorter_meanwhile(self) -> None:
        with pytest.raises(WavInvalid, match="has become shorter"):
            self.refused({"caller": Shrinking(bytes(wavs.whole(self.AUDIO)))})

    def test_a_channel_that_the_file_has_not(self) -> None:
        segment = SegmentFacts("s", T0, None, (TrackFile("callee", "f", 500, RATE, 1),))
        timeline = plan(start=T0, stop=T0, tracks=["callee"], segments=[segment])
        with pytest.raises(WavInvalid, match="has 1 channels; track callee should be number 2"):
            self.refused({"f": io.BytesIO(bytes(wavs.whole(self.AUDIO)))}, timeline)

    def test_a_party_without_a_track(self) -> None:
        with pytest.raises(TrackMissing, match="no track 'carol'"):
            compose(self.TIMELINE, {}, parties={"carol": io.BytesIO()})

    def test_an_output_over_4_gib_is_refused_before_a_byte_is_written(self) -> None:
        mixed, stereo = io.BytesIO(), io.BytesIO()
        days = plan(start=T0, stop=T0 + 2**31 / RATE - 1, tracks=["caller"], segments=[])
        with pytest.raises(WavInvalid, match="4 GiB"):
            compose(days, {}, mixed=mixed, stereo=stereo)
        assert mixed.getvalue() == stereo.getvalue() == b""


class Nowhere(io.RawIOBase):
    """Takes everything and keeps nothing."""

    def write(self, data: bytes | memoryview, /) -> int:  # type: ignore[override]
        return len(data)


def peak_of_composing(folder: Path, seconds: int) -> int:
    """Bytes of memory at the peak while two tracks of this length are composed from sparse files."""
    names = ("caller", "callee")
    for name in names:
        with (folder / name).open("wb") as file:
            file.write(wav.header(RATE, 1, seconds * RATE))
            file.truncate(wav.HEADER_BYTES + 2 * seconds * RATE)
    segment = SegmentFacts("s", T0, None, tuple(TrackFile(name, name, seconds * RATE, RATE) for name in names))
    timeline = plan(start=T0, stop=T0 + seconds, tracks=names, segments=[segment])
    with (folder / "caller").open("rb") as caller, (folder / "callee").open("rb") as callee:
        tracemalloc.start()
        try:
            compose(timeline, {"caller": caller, "callee": callee}, mixed=Nowhere(), stereo=Nowhere(),
                    parties={"caller": Nowhere(), "callee": Nowhere()})
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


def test_an_hour_needs_no_more_memory_than_a_minute(tmp_path: Path) -> None:
    peak_of_composing(tmp_path, 1)
    minute, hour = peak_of_composing(tmp_path, 60), peak_of_composing(tmp_path, 3_600)
    assert hour <= minute + 16_384
    assert minute < 4 * 2**20
