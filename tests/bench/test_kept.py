"""Looking at published files for sound that is missing."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from bench import kept
from tests.sounds import RATE, Samples, noise


def file(path: Path, left: Samples, right: Samples) -> Path:
    with wave.open(str(path), "wb") as made:
        made.setnchannels(2)
        made.setsampwidth(2)
        made.setframerate(RATE)
        made.writeframes(np.column_stack([left, right]).astype("<i2").tobytes())
    return path


@pytest.fixture
def sides() -> tuple[Samples, Samples]:
    """Two seconds of two voices."""
    return noise(1, seconds=2).samples.copy(), noise(2, seconds=2).samples.copy()


def test_a_whole_file_has_its_length_and_no_silence(tmp_path: Path, sides: tuple[Samples, Samples]) -> None:
    assert kept.of(file(tmp_path / "whole.wav", *sides)) == kept.Kept(seconds=2.0, silent=0.0)


def test_silence_of_one_side_is_found(tmp_path: Path, sides: tuple[Samples, Samples]) -> None:
    sides[1][RATE:RATE + 800] = 0
    assert kept.of(file(tmp_path / "hole.wav", *sides)).silent == pytest.approx(0.1)


def test_silence_at_the_edges_is_none(tmp_path: Path, sides: tuple[Samples, Samples]) -> None:
    sides[0][:1600] = 0
    sides[1][-1600:] = 0
    assert kept.of(file(tmp_path / "edges.wav", *sides)).silent == 0.0


def test_a_file_without_samples_is_only_short(tmp_path: Path) -> None:
    nothing = np.zeros(0, np.int16)
    assert kept.of(file(tmp_path / "empty.wav", nothing, nothing)) == kept.Kept(0.0, 0.0)
