"""How much of what was said is in a file."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from bench.content import CODEC, Content, Spoken, content_of, track_content
from tests.sounds import PACKET, Samples, decode, noise

SAID = noise(1, seconds=2).packets(CODEC)
WHOLE = decode(b"".join(SAID), CODEC)


def hush(first: int, last: int) -> Samples:
    """The track with silence in place of some packets."""
    track = WHOLE.copy()
    track[first * PACKET:last * PACKET] = 0
    return track


@pytest.mark.parametrize("begun", [0, 7, 1999], ids=["at once", "between two samples of a packet", "later"])
def test_a_whole_track_has_every_packet(begun: int) -> None:
    track = np.concatenate([np.zeros(begun, np.int16), WHOLE])
    assert track_content(track, SAID) == Content(said=100, found=100, hole=0)


@pytest.mark.parametrize(("track", "found", "hole"), [
    (hush(10, 15), 95, 5),
    (np.delete(WHOLE, np.s_[10 * PACKET:15 * PACKET]), 95, 5),
    (np.insert(WHOLE, 10 * PACKET, np.zeros(800, np.int16)), 100, 0),
    (WHOLE[:80 * PACKET], 80, 20),
    (hush(0, 100), 0, 100),
    (WHOLE[:0], 0, 100),
], ids=["silence", "left out", "moved on", "short", "deaf", "empty"])
def test_what_is_missing_is_counted(track: Samples, found: int, hole: int) -> None:
    assert track_content(track, SAID) == Content(said=100, found=found, hole=hole)


def test_a_single_wrong_sample_is_a_missing_packet() -> None:
    track = WHOLE.copy()
    track[10 * PACKET] ^= 8
    assert track_content(track, SAID) == Content(said=100, found=99, hole=1)


def test_what_comes_again_much_later_is_not_taken_for_it() -> None:
    track = np.concatenate([hush(30, 40), np.zeros(3 * 8000, np.int16), WHOLE])
    assert track_content(track, SAID) == Content(said=100, found=90, hole=10)


def test_the_sides_are_not_mistaken_for_each_other(tmp_path: Path) -> None:
    other = noise(2, seconds=2).packets(CODEC)
    with wave.open(str(tmp_path / "call.wav"), "wb") as made:
        made.setparams((2, 2, 8000, 0, "NONE", ""))
        made.writeframes(np.column_stack([WHOLE, decode(b"".join(other), CODEC)]).astype("<i2").tobytes())
    assert content_of(tmp_path / "call.wav", Spoken("id", SAID, other)) == [Content(100, 100, 0)] * 2
    assert content_of(tmp_path / "call.wav", Spoken("id", other, SAID)) == [Content(100, 0, 100)] * 2


def test_without_a_file_nothing_is_there() -> None:
    assert content_of(None, Spoken("id", SAID, SAID)) == [Content(100, 0, 100)] * 2
