"""Which silences are a tap's deafness, which are a party's own, and which nobody can tell."""

from __future__ import annotations

import pytest

from media.gaps import FillRun
from processing.silence import Heard, Silence, silence
from recorder.deafness import UNHEARD, UNPASSED
from recorder.events import DETACHED
from recorder.model import Direction, Leg, LegState, RtpCounters, Segment, Source
from recorder.states import SegmentState

RATE = 8000
SOURCE = Source(leg="alice", directions=(Direction.IN, Direction.OUT))


def heard(begin: float, end: float, *fill: tuple[float, float], cause: str = DETACHED) -> Heard:
    """A tap from `begin` to `end` s, and the runs of fill in its file, in seconds of the file."""
    segment = Segment(id=f"call.0.{begin}", source=SOURCE, side="caller", state=SegmentState.DOWN, asked=begin,
                      started=begin, ended=end, cause=cause)
    runs = tuple(FillRun(round(low * RATE), round((high - low) * RATE), 0) for low, high in fill)
    return Heard(segment, round((end - begin) * RATE), RATE, runs)


def sent(packets: int, seconds: float) -> Leg:
    """A leg that was there so long and sent so much."""
    return Leg(id="alice", name="PJSIP/alice", state=LegState.GONE, created=0.0, answered=0.0, gone=seconds,
               counters=RtpCounters(received=packets, lost=0, sent=0))


def test_sound_right_after_the_next_tap_began_was_there_before() -> None:
    files = [heard(0, 20, (14, 20), cause=UNHEARD), heard(20.03, 40)]
    assert silence(files, None) == Silence(deaf=6.0)


def test_the_same_silence_on_the_next_tap_is_the_party_s_own() -> None:
    files = [heard(0, 20, (14, 20), cause=UNHEARD), heard(20.03, 40, (0, 5))]
    assert silence(files, sent(2000, 40)) == Silence(nothing=11.0)


def test_what_the_switch_passed_on_to_nobody_is_no_silence() -> None:
    files = [heard(0, 20, (14, 20), cause=UNPASSED), heard(20, 40, (0, 20))]
    assert silence(files, sent(2000, 40)) == Silence(dropped=26.0)


def test_a_silence_over_three_taps_is_counted_once() -> None:
    files = [heard(0, 20, (14, 20), cause=UNHEARD), heard(20, 36, (0, 16), cause=UNHEARD), heard(36, 60, (0, 4))]
    assert silence(files, sent(3000, 60)) == Silence(nothing=26.0)


def test_who_was_found_to_be_muted_is_believed_the_next_time() -> None:
    files = [heard(0, 20, (14, 20), cause=UNHEARD), heard(20.03, 60, (0, 5), (20, 35))]
    assert silence(files, sent(3000, 60)) == Silence(nothing=11.0)


def test_the_other_track_of_a_deaf_tap_is_not_concerned() -> None:
    files = [heard(0, 20, (3, 4), cause=UNHEARD), heard(20.03, 40)]
    assert silence(files, sent(2000, 40)) == Silence()


@pytest.mark.parametrize("then", [[], [heard(20.03, 20.5)], [heard(80, 99)]], ids=["none", "too short", "a pause"])
def test_without_a_next_tap_nobody_knows(then: list[Heard]) -> None:
    files = [heard(0, 20, (10, 20), cause=UNHEARD), *then]
    assert silence(files, sent(1000, 20)) == Silence(unknown=10.0)


@pytest.mark.parametrize(("packets", "unknown"), [(1000, 10.0), (500, 0.0)])
def test_a_long_silence_that_was_not_tried_is_unknown_if_packets_came(packets: int, unknown: float) -> None:
    assert silence([heard(0, 20, (5, 15))], sent(packets, 20)) == Silence(unknown=unknown)


def test_without_counters_a_long_silence_is_no_fault() -> None:
    assert silence([heard(0, 20, (5, 15))], None) == Silence()


def test_a_short_silence_is_no_fault() -> None:
    assert silence([heard(0, 20, (5, 12))], sent(1000, 20)) == Silence()


def test_early_media_before_the_tap_are_no_packets_of_the_silence() -> None:
    """Created 30 s before its answer, it has sent ringing tones all the time, and nothing while it was on hold."""
    assert silence([heard(30, 60, (10, 25))], sent(2250, 60)) == Silence()
