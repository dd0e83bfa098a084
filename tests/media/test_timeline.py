"""Where samples belong: every rule of the timeline by a scenario of its own, then all of them by properties."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faults import RateMismatch
from media.timeline import Mode, Pause, Placement, SegmentFacts, Timeline, TrackFile, plan

T0 = 1_795_000_000.0
RATE = 8_000
SECOND = RATE


def segment(name: str, started: float, seconds: float, *tracks: str, file_seconds: float | None = None,
            rate: int = RATE) -> SegmentFacts:
    """A segment at ``started`` seconds after the recording's start, with a file a track."""
    samples = round((seconds if file_seconds is None else file_seconds) * rate)
    files = tuple(TrackFile(track, f"{name}-{track}", samples, rate) for track in tracks or ("caller", "callee"))
    return SegmentFacts(name, T0 + started, T0 + started + seconds, files)


def planned(length: float, *segments: SegmentFacts, pauses: tuple[Pause, ...] = (),
            tracks: tuple[str, ...] = ("caller", "callee"), mode: Mode = "silence") -> Timeline:
    return plan(start=T0, stop=T0 + length, tracks=tracks, segments=segments, pauses=pauses, mode=mode)


def pause(start: float, stop: float | None, reason: str = "card") -> Pause:
    return Pause(T0 + start, None if stop is None else T0 + stop, reason)


class Placed(NamedTuple):
    """A placement in seconds."""

    file: str
    source: float
    destination: float
    length: float


def placed(timeline: Timeline, track: str = "caller") -> list[Placed]:
    return [Placed(one.file, one.source / timeline.rate, one.destination / timeline.rate, one.count / timeline.rate)
            for one in timeline.tracks[track]]


def gaps(timeline: Timeline) -> list[tuple[str, float, float, str]]:
    return [(gap.track, gap.offset / timeline.rate, gap.count / timeline.rate, gap.cause)
            for gap in timeline.gaps]


def trims(timeline: Timeline, track: str = "caller") -> list[tuple[str, float, float, str]]:
    return [(trim.segment, trim.source / timeline.rate, trim.count / timeline.rate, trim.cause)
            for trim in timeline.trims if trim.track == track]


class TestPlaces:
    def test_one_segment_fills_the_recording(self) -> None:
        timeline = planned(10, segment("a", 0, 10))
        assert timeline.tracks["callee"] == (Placement("a", "a-callee", 0, 0, 0, 10 * SECOND),)
        assert (timeline.samples, timeline.gaps, timeline.trims) == (10 * SECOND, (), ())

    def test_tracks_of_one_segment_share_its_start(self) -> None:
        timeline = planned(10, segment("a", 0.5125, 9))
        assert placed(timeline, "caller")[0].destination == placed(timeline, "callee")[0].destination == 0.5125

    def test_a_start_is_rounded_to_the_nearest_sample(self) -> None:
        timeline = planned(10, segment("a", 1 + 0.6 / RATE, 9))
        assert timeline.tracks["caller"][0].destination == SECOND + 1

    def test_a_stereo_file_gives_each_track_its_channel(self) -> None:
        both = SegmentFacts("a", T0, T0 + 1, (TrackFile("caller", "f", SECOND, RATE, 0),
                                              TrackFile("callee", "f", SECOND, RATE, 1)))
        timeline = planned(1, both)
        assert [timeline.tracks[track][0].channel for track in ("caller", "callee")] == [0, 1]

    def test_tracks_come_in_the_order_asked_for_and_then_as_found(self) -> None:
        timeline = planned(1, segment("a", 0, 1, "carol", "callee"))
        assert list(timeline.tracks) == ["caller", "callee", "carol"]

    def test_a_file_longer_than_the_space_before_the_next_is_trimmed(self) -> None:
        timeline = planned(4, segment("a", 0, 2, file_seconds=2.5), segment("b", 2, 2))
        assert placed(timeline) == [("a-caller", 0, 0, 2), ("b-caller", 0, 2, 2)]
        assert trims(timeline) == [("a", 2, 0.5, "next-segment")]

    def test_a_segment_of_another_track_trims_nothing(self) -> None:
        timeline = planned(4, segment("a", 0, 4, "caller"), segment("b", 2, 2, "callee"))
        assert placed(timeline) == [("a-caller", 0, 0, 4)]

    def test_an_empty_file_trims_nothing(self) -> None:
        timeline = planned(4, segment("a", 0, 4), segment("b", 2, 2, file_seconds=0))
        assert placed(timeline) == [("a-caller", 0, 0, 4)]

    def test_segments_may_come_in_any_order(self) -> None:
        a, b = segment("a", 0, 2), segment("b", 2, 2)
        assert planned(4, b, a) == planned(4, a, b)

    def test_what_was_recorded_before_the_start_is_left_out(self) -> None:
        timeline = planned(2, segment("a", -0.5, 2.5))
        assert placed(timeline) == [("a-caller", 0.5, 0, 2)]
        assert trims(timeline) == [("a", 0, 0.5, "before-start")]

    def test_audio_behind_the_stop_is_kept(self) -> None:
        assert planned(2, segment("a", 0, 2, file_seconds=2.02)).samples == round(2.02 * RATE)

    def test_a_recording_without_files_is_as_long_as_the_clock_says(self) -> None:
        timeline = planned(3)
        assert (timeline.samples, timeline.rate) == (3 * SECOND, RATE)
        assert gaps(timeline) == [("caller", 0, 3, "not-tapped"), ("callee", 0, 3, "not-tapped")]

    def test_different_rates_are_refused_by_name(self) -> None:
        with pytest.raises(RateMismatch, match=r"a-caller \(caller\) has 8000 Hz, b-callee \(callee\) has 16000"):
            planned(4, segment("a", 0, 2, "caller"), segment("b", 0, 2, "callee", rate=16_000))

    def test_the_rate_of_an_empty_file_is_nobodys(self) -> None:
        empty = SegmentFacts("b", T0, T0, (TrackFile("callee", "f", 0, 0),))
        assert planned(4, segment("a", 0, 2, "caller", rate=16_000), empty).rate == 16_000


class TestPauses:
    def test_a_pause_is_silence_of_its_length(self) -> None:
        timeline = planned(10, segment("a", 0, 3), segment("b", 7, 3), pauses=(pause(3, 7),))
        assert placed(timeline) == [("a-caller", 0, 0, 3), ("b-caller", 0, 7, 3)]
        one, = timeline.pauses
        assert (one.start, one.stop, one.reason) == (T0 + 3, T0 + 7, "card")
        assert (one.offset, one.count, timeline.gaps) == (3 * SECOND, 4 * SECOND, ())

    def test_a_pause_is_cut_out_on_demand(self) -> None:
        timeline = planned(10, segment("a", 0, 3), segment("b", 7, 3), pauses=(pause(3, 7),), mode="cut")
        assert placed(timeline) == [("a-caller", 0, 0, 3), ("b-caller", 0, 3, 3)]
        one, = timeline.pauses
        assert (one.offset, one.count, timeline.samples) == (3 * SECOND, 0, 6 * SECOND)

    def test_a_tap_that_outlived_the_pause_gives_nothing_of_it(self) -> None:
        timeline = planned(10, segment("a", 0, 10), pauses=(pause(3, 7),))
        assert placed(timeline) == [("a-caller", 0, 0, 3), ("a-caller", 7, 7, 3)]
        assert trims(timeline) == [("a", 3, 4, "pause")]

    def test_pauses_may_overlap(self) -> None:
        timeline = planned(10, segment("a", 0, 10), pauses=(pause(3, 6, "agent"), pause(5, 7)), mode="cut")
        assert placed(timeline) == [("a-caller", 0, 0, 3), ("a-caller", 7, 3, 3)]
        assert [one.reason for one in timeline.pauses] == ["agent", "card"]

    @pytest.mark.parametrize("stop", [None, 8])
    def test_a_pause_that_lasts_to_the_end_covers_what_comes_after_it(self, stop: float | None) -> None:
        timeline = planned(8, segment("a", 0, 8, file_seconds=9), pauses=(pause(5, stop),))
        assert placed(timeline) == [("a-caller", 0, 0, 5)]
        assert (timeline.samples, timeline.pauses[0].count) == (8 * SECOND, 3 * SECOND)
        assert timeline.pauses[0].stop == T0 + 8

    def test_the_borders_of_a_pause_are_rounded_outwards(self) -> None:
        timeline = planned(8, segment("a", 0, 8), pauses=(pause(2 + 0.6 / RATE, 3 + 0.4 / RATE),))
        one, = timeline.pauses
        assert (one.offset, one.offset + one.count) == (2 * SECOND, 3 * SECOND + 1)

    def test_the_noise_of_a_float_does_not_widen_a_pause(self) -> None:
        timeline = planned(8, segment("a", 0, 8), pauses=(pause(2.123, 3.456),))
        assert timeline.pauses[0].count == round(1.333 * RATE)

    def test_a_pause_before_the_start_changes_nothing(self) -> None:
        assert placed(planned(8, segment("a", 0, 8), pauses=(pause(-2, -1),))) == [("a-caller", 0, 0, 8)]


class TestGaps:
    def test_what_no_segment_covers_was_not_tapped(self) -> None:
        timeline = planned(10, segment("a", 1, 3), segment("b", 6, 4))
        assert gaps(timeline) == [(track, at, length, "not-tapped") for track in ("caller", "callee")
                                  for at, length in ((0, 1), (4, 2))]
        assert (timeline.gaps[1].start, timeline.gaps[1].stop) == (T0 + 4, T0 + 6)

    def test_what_a_file_lacks_against_its_segment_is_told_apart(self) -> None:
        timeline = planned(10, segment("a", 0, 5, file_seconds=3), segment("b", 6, 4))
        assert gaps(timeline)[:2] == [("caller", 3, 2, "file-short"), ("caller", 5, 1, "not-tapped")]

    def test_a_file_without_audio_is_told_apart(self) -> None:
        assert gaps(planned(5, segment("a", 0, 5, "caller", file_seconds=0), tracks=("caller",))) == [
            ("caller", 0, 5, "file-empty")]

    def test_an_unseen_end_is_the_end_of_the_file(self) -> None:
        unseen = SegmentFacts("a", T0, None, (TrackFile("caller", "f", 3 * SECOND, RATE),))
        assert gaps(planned(5, unseen, tracks=("caller",))) == [("caller", 3, 2, "not-tapped")]

    @pytest.mark.parametrize(("missing", "listed"), [(0.019, 0), (0.020, 1)])
    def test_less_than_a_packet_is_no_gap(self, missing: float, listed: int) -> None:
        timeline = planned(5, segment("a", 0, 2), segment("b", 2 + missing, 3 - missing), tracks=("caller",))
        assert len([gap for gap in timeline.gaps if gap.track == "caller"]) == listed

    def test_a_pause_is_no_gap_but_what_is_missing_beside_it_is(self) -> None:
        timeline = planned(10, segment("a", 0, 3), segment("b", 7.5, 2.5), pauses=(pause(3, 7),), mode="cut")
        assert gaps(timeline)[0] == ("caller", 3, 0.5, "not-tapped")
        assert timeline.gaps[0].start == T0 + 7


class TestClockSteps:
    def test_forwards_in_a_segment_moves_the_next_and_leaves_a_gap(self) -> None:
        timeline = planned(70, segment("a", 0, 65, file_seconds=5), segment("b", 65, 5), tracks=("caller",))
        assert placed(timeline) == [("a-caller", 0, 0, 5), ("b-caller", 0, 65, 5)]
        assert gaps(timeline)[0] == ("caller", 5, 60, "file-short")

    def test_backwards_in_the_last_segment_the_sample_count_wins(self) -> None:
        timeline = planned(2, segment("a", 0, 2, file_seconds=30))
        assert (placed(timeline), timeline.samples) == ([("a-caller", 0, 0, 30)], 30 * SECOND)

    def test_backwards_beyond_the_start_the_sample_count_wins(self) -> None:
        timeline = planned(-60, segment("a", 0, -60, file_seconds=5))
        assert (placed(timeline), timeline.samples) == ([("a-caller", 0, 0, 5)], 5 * SECOND)

    def test_backwards_between_segments_nothing_is_mixed_twice(self) -> None:
        timeline = planned(12, segment("a", 0, 10, file_seconds=12), segment("b", 10, 2))
        assert placed(timeline) == [("a-caller", 0, 0, 10), ("b-caller", 0, 10, 2)]

    def test_backwards_between_segments_nothing_of_the_first_comes_back_after_the_second(self) -> None:
        timeline = planned(12, segment("a", 0, 10, file_seconds=15), segment("b", 10, 2))
        assert placed(timeline) == [("a-caller", 0, 0, 10), ("b-caller", 0, 10, 2)]

    def test_backwards_in_a_pause_all_between_its_ends_counts_as_pause(self) -> None:
        timeline = planned(20, segment("a", 0, 10), segment("b", 7, 13), pauses=(pause(10, 7),))
        assert placed(timeline) == [("a-caller", 0, 0, 7), ("b-caller", 3, 10, 10)]


MILLISECONDS = st.integers(0, 3_000)
SEGMENTS = st.lists(st.tuples(st.integers(-200, 3_000), MILLISECONDS, st.integers(-200, 200)), max_size=6)
PAUSES = st.lists(st.tuples(MILLISECONDS, st.none() | MILLISECONDS), max_size=4)


@given(length=MILLISECONDS, segments=SEGMENTS, pauses=PAUSES)
def test_every_sample_of_a_file_is_placed_once_or_trimmed_once(
        length: int, segments: list[tuple[int, int, int]], pauses: list[tuple[int, int | None]]) -> None:
    facts = [segment(f"s{number}", at / 1000, ms / 1000, file_seconds=max(0, ms + more) / 1000)
             for number, (at, ms, more) in enumerate(segments)]
    timeline = planned(length / 1000, *facts, pauses=tuple(
        pause(first / 1000, None if last is None else last / 1000) for first, last in pauses))
    for track in ("caller", "callee"):
        spans: dict[str, list[tuple[int, int]]] = {}
        for one in timeline.tracks[track]:
            spans.setdefault(one.segment, []).append((one.source, one.source + one.count))
        for trim in timeline.trims:
            if trim.track == track:
                spans.setdefault(trim.segment, []).append((trim.source, trim.source + trim.count))
        for fact in facts:
            position = 0
            for low, high in sorted(spans.get(fact.id, [])):
                assert low == position
                position = high
            assert position == next(file.samples for file in fact.files if file.track == track)


@given(length=MILLISECONDS, segments=SEGMENTS, pauses=PAUSES)
def test_the_output_is_files_pauses_gaps_and_less_than_a_packet(
        length: int, segments: list[tuple[int, int, int]], pauses: list[tuple[int, int | None]]) -> None:
    timeline = planned(
        length / 1000,
        *(segment(f"s{number}", at / 1000, ms / 1000, file_seconds=max(0, ms + more) / 1000)
          for number, (at, ms, more) in enumerate(segments)),
        pauses=tuple(pause(a / 1000, None if b is None else b / 1000) for a, b in pauses), tracks=("caller",))
    covered = bytearray(timeline.samples)
    for one in timeline.pauses:
        covered[one.offset:one.offset + one.count] = b"p" * one.count
    for placement in timeline.tracks["caller"]:
        assert not any(covered[placement.destination:placement.destination + placement.count])
        covered[placement.destination:placement.destination + placement.count] = b"f" * placement.count
    for gap in timeline.gaps:
        if gap.track == "caller":
            assert not any(covered[gap.offset:gap.offset + gap.count])
            covered[gap.offset:gap.offset + gap.count] = b"g" * gap.count
    # A stretch may be split at the end of a segment: two parts of less than a packet each.
    assert all(len(hole) < 4 * 0.020 * RATE for hole in bytes(covered).replace(b"p", b"f").replace(
        b"g", b"f").split(b"f"))
