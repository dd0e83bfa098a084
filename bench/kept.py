"""What is in the published files, by looking at them: how long they are, and whether sound is missing in them.

The product's own proof is not asked: the load speaks all the time on both sides, so whatever is silent is lost.
"""

from __future__ import annotations

import json
import sqlite3
import wave
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["Kept", "of", "stereo_files"]

FRAME = 0.02
"""Seconds that are looked at together: a packet."""

EDGE = 0.2
"""Seconds at either end in which a side may not have begun to speak, or have ended: they are not looked at."""

QUIET = 100
"""The loudest sample, of 32767, in what counts as silence; the load's noise is thirty times as loud."""

_READ = "SELECT result FROM recordings WHERE result IS NOT NULL ORDER BY created"


@dataclass(frozen=True, slots=True)
class Kept:
    """A file with a track in each channel.

    Attributes:
        seconds: its length.
        silent: seconds without sound between its edges, of its worse channel.
    """

    seconds: float
    silent: float


def of(path: Path) -> Kept:
    """Look at a WAV file of 16 bit.

    Raises:
        OSError: it is not there.
        wave.Error: it is none.
    """
    with wave.open(str(path), "rb") as file:
        rate, channels, count = file.getframerate(), file.getnchannels(), file.getnframes()
        samples = np.frombuffer(file.readframes(count), np.int16).reshape(-1, channels)
    frame = round(FRAME * rate)
    inside = samples[round(EDGE * rate):max(0, count - round(EDGE * rate))].astype(np.int32)
    frames = np.abs(inside[: len(inside) // frame * frame]).reshape(-1, frame, channels)
    return Kept(count / rate, FRAME * int((frames.max(axis=1) <= QUIET).sum(axis=0).max(initial=0)))


def stereo_files(ledger: Path, destination: Path, *, skip: int = 0) -> Sequence[Path]:
    """The finished recordings' files with two channels, oldest first, without the first ``skip`` recordings."""
    with closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute(_READ).fetchall()
    results = [json.loads(row[0]) for row in rows[skip:]]
    return [destination / name for result in results if (name := result["files"].get("stereo"))]
