"""What Asterisk had kept about taps of an earlier life."""

from __future__ import annotations

from itertools import count

from ari_app.kept import Kept
from ari_app.names import recording_name
from recorder.model import Direction

IN, OUT, MIX = Direction.IN, Direction.OUT, Direction.MIX
SEGMENT = "0c8a7f7e-2f0b-5b7c-8d3c-111111111111.0"


def test_a_tap_that_ended_is_told_once_with_its_files() -> None:
    kept = Kept("main")
    kept.started(recording_name(SEGMENT, IN), 1.0)
    kept.started(recording_name(SEGMENT, OUT), 1.1)
    for direction, at in ((OUT, 7.0), (IN, 7.2), (IN, 9.0)):
        kept.ended(recording_name(SEGMENT, direction), at, "done")
    (told,) = kept.take(count(1).__next__)
    assert (told.segment, told.started, told.ended, told.cause) == (SEGMENT, 1.0, 7.2, "done")
    assert [file.direction for file in told.files] == [IN, OUT]
    assert kept.take(count(1).__next__) == []


def test_a_tap_whose_begin_was_heard_by_the_earlier_life_has_no_begin_here() -> None:
    kept = Kept("main")
    kept.ended(recording_name(SEGMENT, MIX), 7.0, "done")
    (told,) = kept.take(count(1).__next__)
    assert (told.started, told.ended, [file.direction for file in told.files]) == (None, 7.0, [MIX])


def test_a_tap_that_only_began_is_left_to_the_snapshot() -> None:
    kept = Kept("main")
    kept.started(recording_name(SEGMENT, IN), 1.0)
    assert kept.take(count(1).__next__) == []


def test_recordings_of_others_are_left_alone() -> None:
    kept = Kept("main")
    kept.started("voicemail/1", 1.0)
    kept.ended("voicemail/1", 2.0, "done")
    assert kept.take(count(1).__next__) == []
