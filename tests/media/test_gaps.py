"""Runs of fill, and what makes a track incomplete."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from media.gaps import FillRun, SegmentEvidence, TrackEvidence, Verdict, fill_runs, judge, shortfall_ms

RATE = 8_000


def runs_of(audio: NDArray[np.int16], block: int, minimum_ms: float = 100.0) -> list[tuple[int, int, int]]:
    blocks = (audio[at:at + block] for at in range(0, len(audio), block))
    return [(run.start, run.stop, run.value) for run in fill_runs(blocks, rate=RATE, minimum_ms=minimum_ms)]


def audio_of(*parts: tuple[int, int]) -> NDArray[np.int16]:
    """Stretches of (value, samples)."""
    return np.concatenate([np.full(count, value, np.int16) for value, count in parts])


class TestFill:
    def test_a_run_of_zeros_is_found_where_it_is(self) -> None:
        assert runs_of(audio_of((5, 1_000), (0, 900), (5, 10)), 65_536) == [(1_000, 1_900, 0)]

    def test_a_run_of_minus_one_is_found_too(self) -> None:
        assert runs_of(audio_of((-1, 900), (5, 10)), 65_536) == [(0, 900, -1)]

    @pytest.mark.parametrize(("samples", "found"), [(799, 0), (800, 1)])
    def test_a_run_counts_from_100_ms_on(self, samples: int, found: int) -> None:
        assert len(runs_of(audio_of((5, 10), (0, samples), (5, 10)), 65_536)) == found

    def test_zeros_and_minus_ones_are_not_one_run(self) -> None:
        assert runs_of(audio_of((0, 500), (-1, 500)), 65_536) == []

    def test_other_steady_values_are_not_fill(self) -> None:
        assert runs_of(audio_of((1, 9_000), (-2, 9_000)), 65_536) == []

    @pytest.mark.parametrize("block", [1, 7, 800, 900, 1_000, 65_536])
    def test_a_run_may_cross_any_number_of_blocks(self, block: int) -> None:
        audio = audio_of((0, 900), (3, 100), (-1, 2_000), (0, 800), (3, 1))
        assert runs_of(audio, block) == [(0, 900, 0), (1_000, 3_000, -1), (3_000, 3_800, 0)]

    def test_a_run_may_reach_the_end(self) -> None:
        assert runs_of(audio_of((3, 100), (0, 900)), 500) == [(100, 1_000, 0)]

    def test_nothing_has_no_runs(self) -> None:
        assert fill_runs([], rate=RATE) == ()

    @given(st.lists(st.tuples(st.sampled_from([0, -1, 1]), st.integers(1, 30)), max_size=12), st.integers(1, 40))
    def test_the_same_runs_are_found_whatever_the_blocks(self, parts: list[tuple[int, int]], block: int) -> None:
        audio = audio_of((1, 1), *parts)
        wanted, position = [], 0
        for value, same in itertools.groupby(audio.tolist()):
            count = len(list(same))
            if value in (0, -1) and count >= 16:
                wanted.append((position, position + count, value))
            position += count
        assert runs_of(audio, block, minimum_ms=2) == wanted


def test_the_shortfall_is_clock_minus_samples() -> None:
    assert shortfall_ms(7_200, RATE, 1.0) == pytest.approx(100)
    assert shortfall_ms(8_800, RATE, 1.0) == pytest.approx(-100)


def heard(seconds: float = 10, *, clock: float | None = None, fill: tuple[FillRun, ...] = ()) -> SegmentEvidence:
    """A segment whose file has ``seconds`` of audio."""
    return SegmentEvidence(seconds if clock is None else clock, round(seconds * RATE), fill)


def verdict(*segments: SegmentEvidence, received: int | None = 500, lost: int | None = 0, deaf: float = 0.0,
            nothing: float = 0.0, dropped: float = 0.0, unknown: float = 0.0) -> Verdict:
    return judge(TrackEvidence("caller", RATE, segments, received, lost, deaf, nothing, dropped, unknown))


SILENT = heard(fill=(FillRun(0, 10 * RATE, 0),))


class TestVerdict:
    def test_a_whole_track_is_complete(self) -> None:
        assert verdict(heard()) == Verdict("caller", (), 0.0)
        assert verdict(heard()).complete

    def test_whole_without_counters_is_complete(self) -> None:
        assert verdict(heard(), received=None, lost=None).complete

    @pytest.mark.parametrize(("lacking", "complete"), [(0.139, True), (0.141, False)])
    def test_short_is_more_than_100_ms_after_the_allowance_of_40(self, lacking: float, complete: bool) -> None:
        assert verdict(heard(10 - lacking, clock=10)).complete is complete

    def test_short_says_how_much(self) -> None:
        found = verdict(heard(9, clock=10))
        assert found.reasons == ("short",)
        assert found.shortfall_ms == pytest.approx(960)
        assert found.findings[0].sentence == "Track caller is 960 ms shorter than the clock says."

    def test_every_segment_has_its_allowance(self) -> None:
        assert verdict(*[heard(9.961, clock=10)] * 10).complete

    def test_what_segments_lack_adds_up(self) -> None:
        assert verdict(heard(9.9, clock=10), heard(9.9, clock=10)).reasons == ("short",)

    def test_a_long_segment_does_not_make_up_for_a_short_one(self) -> None:
        assert verdict(heard(11, clock=10), heard(9, clock=10)).reasons == ("short",)

    def test_a_clock_that_went_backwards_makes_nothing_short(self) -> None:
        assert verdict(heard(10, clock=-50)).complete

    def test_no_segment_at_all_is_missing(self) -> None:
        assert verdict().reasons == ("missing",)

    def test_a_segment_without_a_file_is_missing(self) -> None:
        found = verdict(heard(), SegmentEvidence(10, None))
        assert found.reasons == ("missing",)
        assert found.findings[0].sentence == "Track caller lacks 1 of 2 files."

    def test_a_file_of_44_bytes_is_empty(self) -> None:
        assert verdict(heard(), SegmentEvidence(0.1, 0)).reasons == ("empty",)

    def test_a_tap_that_was_hardly_there_may_be_empty(self) -> None:
        assert verdict(heard(), SegmentEvidence(0.03, 0)).complete

    def test_an_empty_file_of_a_long_segment_is_short_as_well(self) -> None:
        assert verdict(SegmentEvidence(10, 0)).reasons == ("empty", "short")

    def test_runs_of_fill_alone_do_not_make_it_incomplete(self) -> None:
        assert verdict(heard(fill=(FillRun(0, 5 * RATE, 0), FillRun(5 * RATE, 4 * RATE, -1)))).complete

    def test_nothing_but_fill_although_packets_came_is_not_believed(self) -> None:
        found = verdict(SILENT)
        assert found.reasons == ("only-fill",)
        assert "500 packets came" in found.findings[0].sentence

    def test_a_click_does_not_hide_that_all_else_is_fill(self) -> None:
        assert verdict(heard(fill=(FillRun(400, 10 * RATE - 400, -1),))).reasons == ("only-fill",)

    def test_nothing_but_fill_that_nobody_can_explain_is_not_believed(self) -> None:
        assert verdict(SILENT, received=None, lost=None).reasons == ("only-fill",)

    def test_nothing_but_fill_is_right_if_no_packet_came(self) -> None:
        found = verdict(SILENT, received=0)
        assert found.complete
        assert [finding.id for finding in found.findings] == ["no-media"]

    def test_one_audible_segment_is_enough_to_believe_a_silent_one(self) -> None:
        assert verdict(heard(), SILENT).complete

    def test_what_a_tap_did_not_hear_is_missing(self) -> None:
        found = verdict(heard(), deaf=6.02)
        assert found.reasons == ("deaf",)
        assert "6.0 s" in found.findings[0].sentence

    def test_a_silence_that_was_tried_is_noted(self) -> None:
        found = verdict(heard(), nothing=30.0)
        assert found.complete
        assert [finding.id for finding in found.findings] == ["silence"]

    def test_what_the_switch_dropped_is_missing(self) -> None:
        assert verdict(heard(), dropped=30.0).reasons == ("dropped",)

    def test_a_silence_that_nobody_can_explain_is_not_believed(self) -> None:
        assert verdict(heard(), unknown=12.0).reasons == ("unknown-silence",)

    def test_one_silence_is_told_once(self) -> None:
        assert verdict(SILENT, unknown=10.0).reasons == ("only-fill",)

    def test_packets_lost_before_the_switch_are_noted(self) -> None:
        found = verdict(heard(), received=450, lost=50)
        assert found.complete
        assert found.findings[0].sentence == "The network lost 50 of 500 packets of track caller before the switch."
