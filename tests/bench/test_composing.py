"""The bench's composing, on a second of audio: every way must have done the same work."""

from __future__ import annotations

import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench import composing

SECONDS = 1


@pytest.fixture
def tracks(tmp_path: Path) -> tuple[Path, Path]:
    return composing.make_tracks(tmp_path, SECONDS)


def samples(path: Path) -> NDArray[np.int16]:
    with wave.open(str(path), "rb") as file:
        assert (file.getframerate(), file.getsampwidth()) == (composing.RATE, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def test_every_way_is_measured_in_every_round(tmp_path: Path) -> None:
    found = composing.measure(tmp_path, seconds=SECONDS, rounds=2)
    assert [len(times) for times in (found.mixed, found.product, found.sox, found.ffmpeg)] == [2, 2, 2, 2]


def test_ours_is_the_sum_of_both_tracks(tmp_path: Path, tracks: tuple[Path, Path]) -> None:
    caller, callee = tracks
    composing.ours(caller, callee, SECONDS, tmp_path / "mixed.wav", tmp_path / "stereo.wav")
    both = samples(caller).astype(np.int32) + samples(callee)
    assert np.array_equal(samples(tmp_path / "mixed.wav"), np.clip(both, -32768, 32767))
    assert np.array_equal(samples(tmp_path / "stereo.wav")[::2], samples(caller))


@pytest.mark.parametrize("rival", ["sox", "ffmpeg"])
def test_a_rival_writes_as_much_as_we_do(rival: str, tmp_path: Path, tracks: tuple[Path, Path]) -> None:
    command = composing.rivals(*tracks, tmp_path / "theirs.wav")[rival]
    subprocess.run(command, check=True, timeout=30)
    assert len(samples(tmp_path / "theirs.wav")) == SECONDS * composing.RATE
