"""Where a renewed tap takes over: found by the samples, at the same one in both files, on noise, speech and silence."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from media.seam import Seam, find, search
from media.timeline import MOVED_LIMIT_S, Overlap, Pause, Seams, SegmentFacts, Timeline, TrackFile, overlaps, plan
from tests.media import wavs
from tests.media.test_compose import Outputs

RATE = 8_000
MS = RATE // 1000
T0 = 1_795_000_000.0
Audio = NDArray[np.int16]

VOICE = np.random.default_rng(5).normal(0, 3000, 4 * RATE).astype(np.int16)


def found(earlier: Audio, later: Audio, expected: int) -> Seam | None:
    return find(earlier, later, expected=expected, reach=250 * MS, shortest=20 * MS)


def assert_same_moment(seam: Seam | None, offset: int) -> None:
    assert seam is not None
    assert seam.before - seam.after == offset


class TestFind:
    @given(offset=st.integers(-150 * MS, 150 * MS), overlap=st.integers(100 * MS, 1_500 * MS))
    @settings(deadline=None)
    def test_the_offset_is_exact_wherever_the_clock_has_it(self, offset: int, overlap: int) -> None:
        earlier, later = VOICE[:2 * RATE], VOICE[2 * RATE - overlap:]
        assert_same_moment(found(earlier, later, 2 * RATE - overlap + offset), 2 * RATE - overlap)

    def test_the_join_is_in_the_middle_of_what_both_hold(self) -> None:
        assert found(VOICE[:2 * RATE], VOICE[RATE:], RATE) == Seam(1_500 * MS, 500 * MS)

    def test_silence_matches_nothing(self) -> None:
        silent = np.zeros(2 * RATE, np.int16)
        assert found(silent, silent, RATE) is None

    def test_two_stretches_that_are_not_the_same_match_nothing(self) -> None:
        assert found(VOICE[:RATE], VOICE[2 * RATE:], RATE // 2) is None

    def test_quiet_noise_of_three_values_is_not_taken_for_the_same(self) -> None:
        drawn = np.random.default_rng(1).integers(-1, 2, 4 * RATE).astype(np.int16) * 8
        assert found(drawn[:2 * RATE], drawn[2 * RATE:], RATE) is None
        assert_same_moment(found(drawn[:2 * RATE], drawn[RATE:], RATE + 77), RATE)

    def test_a_word_in_a_silent_overlap_is_enough(self) -> None:
        said = np.zeros(4 * RATE, np.int16)
        said[RATE + 900 * MS:RATE + 930 * MS] = VOICE[:30 * MS]
        assert_same_moment(found(said[:2 * RATE], said[RATE:], RATE - 40), RATE)

    def test_a_tone_fits_at_the_period_that_is_nearest_to_the_clock(self) -> None:
        tone = (8000 * np.sin(2 * np.pi * 1000 * np.arange(4 * RATE) / RATE)).astype(np.int16)
        seam = found(tone[:2 * RATE], tone[RATE:], RATE + 3)
        assert seam is not None
        assert abs(seam.before - seam.after - RATE - 3) <= 4

    def test_jitter_that_moves_the_offset_by_a_packet_is_joined_in_the_longer_part(self) -> None:
        """As it was measured: one tap's queue has 20 ms of silence put in where the other's has none."""
        earlier = np.concatenate((VOICE[:1_300 * MS], np.zeros(20 * MS, np.int16), VOICE[1_300 * MS:2 * RATE]))
        seam = found(earlier, VOICE[RATE:], RATE)
        assert seam == Seam(1_320 * MS + 350 * MS, 300 * MS + 350 * MS)

    @pytest.mark.parametrize("length", [0, 1, 20 * MS - 1])
    def test_less_than_a_packet_is_not_judged(self, length: int) -> None:
        assert found(VOICE[:RATE], VOICE[RATE - length:RATE], RATE - length) is None

    def test_files_are_read_at_the_right_place_and_channel(self) -> None:
        left = np.stack([VOICE[::-1], VOICE], axis=1)
        earlier, later = (io.BytesIO(bytes(wavs.whole(part))) for part in (left[:3 * RATE], VOICE[2 * RATE:, None]))
        seam = search(earlier, later, expected=2 * RATE + 30, channels=(1, 0))
        assert_same_moment(seam, 2 * RATE)


class Counting(io.BytesIO):
    """Counts the bytes that are read."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.taken += len(data)
        return data


def test_of_a_long_file_only_what_lies_around_the_overlap_is_read() -> None:
    minutes = np.tile(VOICE, 60)
    earlier, later = Counting(bytes(wavs.whole(minutes[:, None]))), Counting(bytes(wavs.whole(minutes[-RATE:, None])))
    assert search(earlier, later, expected=len(minutes) - RATE) is not None
    assert earlier.taken + later.taken < 10 * 2 * RATE


def renewed(*starts: float, length: float = 4.0, overlap: float = 0.5, late: float = 0.0) -> tuple[
        list[SegmentFacts], dict[str, Audio]]:
    """Taps of one track, each renewed ``overlap`` seconds before it ends; the clock says each start ``late`` seconds
    too late but the first."""
    facts, files = [], {}
    for number, (start, stop) in enumerate(zip(starts, [*(one + overlap for one in starts[1:]), length], strict=True)):
        name = f"s{number}"
        files[name] = VOICE[round(start * RATE):round(stop * RATE)]
        said = start + (late if number else 0.0)
        facts.append(SegmentFacts(name, T0 + said, T0 + stop, (TrackFile("caller", name, len(files[name]), RATE),)))
    return facts, files


def seams_of(facts: list[SegmentFacts], files: dict[str, Audio]) -> Seams:
    made: dict[tuple[str, str], Seam] = {}
    for one in overlaps(facts):
        seam = found(files[one.earlier.file], files[one.later.file], one.expected)
        assert seam is not None
        made[one.track, one.segment] = seam
    return made


def heard(timeline: Timeline, files: dict[str, Audio]) -> Audio:
    out = Outputs(timeline, {name: bytes(wavs.whole(audio[:, None])) for name, audio in files.items()})
    return np.array(out.mixed, np.int16)


def planned(facts: list[SegmentFacts], seams: Seams | None = None, *pauses: Pause) -> Timeline:
    return plan(start=T0, stop=T0 + 4, tracks=["caller"], segments=facts, seams=seams, pauses=pauses)


class TestTrack:
    @pytest.mark.parametrize("late", [-0.047, -0.001, 0.0, 0.031])
    def test_a_renewed_track_is_the_voice_sample_by_sample(self, late: float) -> None:
        facts, files = renewed(0, 1, 2.25, late=late)
        timeline = planned(facts, seams_of(facts, files))
        assert np.array_equal(heard(timeline, files)[:len(VOICE)], VOICE)
        assert timeline.gaps == ()

    def test_by_the_clock_alone_the_same_track_has_a_seam(self) -> None:
        facts, files = renewed(0, 1, 2.25, late=0.031)
        assert not np.array_equal(heard(planned(facts), files)[:len(VOICE)], VOICE)

    def test_what_both_files_hold_is_in_the_output_once(self) -> None:
        facts, files = renewed(0, 2, late=0.02)
        timeline = planned(facts, seams_of(facts, files))
        first, second = timeline.tracks["caller"]
        assert first.destination + first.count == second.destination
        assert sum(trim.count for trim in timeline.trims) == 0.5 * RATE
        assert {trim.cause for trim in timeline.trims} == {"next-segment"}

    def test_taps_that_do_not_overlap_are_not_compared(self) -> None:
        facts, _ = renewed(0, 2, overlap=-0.05)
        assert overlaps(facts) == []

    def test_a_file_that_is_longer_than_its_tap_by_the_clock_is_no_overlap(self) -> None:
        """The clock was set back while it ran: what the next tap heard is something else."""
        long = SegmentFacts("a", T0, T0 + 1, (TrackFile("caller", "a", 3 * RATE, RATE),))
        following = SegmentFacts("b", T0 + 1, T0 + 2, (TrackFile("caller", "b", RATE, RATE),))
        assert overlaps([long, following]) == []

    def test_each_track_is_compared_by_itself(self) -> None:
        facts = [SegmentFacts(name, T0 + at, T0 + at + 2, (TrackFile("caller", f"{name}-in", 2 * RATE, RATE),
                                                           TrackFile("callee", f"{name}-out", 2 * RATE, RATE, 1)))
                 for name, at in (("a", 0.0), ("b", 1.5))]
        expected = round(1.5 * RATE)
        assert [(one.track, one.earlier.file, one.later.file, one.expected) for one in overlaps(facts)] == [
            ("caller", "a-in", "b-in", expected), ("callee", "a-out", "b-out", expected)]
        assert isinstance(overlaps(facts)[0], Overlap)

    def test_a_fast_sender_cannot_carry_a_track_away_from_the_clock(self) -> None:
        """Each seam moves the next file 60 ms later than the clock has it: twice would be beyond the limit."""
        seam = Seam(1_060 * MS + 250 * MS, 250 * MS)
        facts = [SegmentFacts(f"s{at}", T0 + at, T0 + at + 1.5, (TrackFile("caller", f"s{at}", 1_500 * MS, RATE),))
                 for at in range(4)]
        timeline = planned(facts, {("caller", f"s{at}"): seam for at in (1, 2, 3)})
        moved = [(one.destination - one.source) / RATE - number
                 for number, one in enumerate(timeline.tracks["caller"])]
        assert moved == pytest.approx([0, 0.06, 0, 0.06])
        assert max(moved) <= MOVED_LIMIT_S
        assert timeline.gaps == ()

    def test_a_new_tap_that_died_at_once_leaves_the_old_one_heard(self) -> None:
        old = SegmentFacts("a", T0, T0 + 4, (TrackFile("caller", "a", 4 * RATE, RATE),))
        died = SegmentFacts("b", T0 + 2, T0 + 2.5, (TrackFile("caller", "b", RATE // 2, RATE),))
        timeline = planned([old, died])
        assert [(one.file, one.destination / RATE, one.count / RATE) for one in timeline.tracks["caller"]] == [
            ("a", 0, 2), ("b", 2, 0.5), ("a", 2.5, 1.5)]
        assert (timeline.samples, timeline.gaps) == (4 * RATE, ())

    @pytest.mark.parametrize("late", [-0.047, 0.031])
    def test_a_moved_file_keeps_out_of_a_pause_by_the_clock_and_by_its_place(self, late: float) -> None:
        facts, files = renewed(0, 1, late=late)
        low, high = 3 * RATE, round(3.5 * RATE)
        timeline = planned(facts, seams_of(facts, files), Pause(T0 + 3, T0 + 3.5))
        audio = heard(timeline, files)
        assert not audio[low:high].any()
        # By the clock of the file itself the pause lies beside its place, and nothing of that is heard either.
        off = -round(late * RATE)
        assert not audio[low + off:high + off].any()
        assert np.array_equal(audio[:low - 50 * MS], VOICE[:low - 50 * MS])
