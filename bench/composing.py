"""Composing two tracks: ours, `sox -m` and ffmpeg's `amix`, on the same files, in turns."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from media.compose import compose
from media.timeline import SegmentFacts, TrackFile, plan
from media.wav import header

__all__ = ["Composing", "make_tracks", "measure", "ours", "rivals"]

RATE = 8000
_AT_ONCE = 60 * RATE


@dataclass(slots=True)
class Composing:
    """Seconds of wall clock, a value a round.

    Attributes:
        mixed: ours, the mixed file only: what the others do.
        product: ours as after a hangup: mixed and stereo in one pass.
    """

    mixed: list[float] = field(default_factory=list)
    product: list[float] = field(default_factory=list)
    sox: list[float] = field(default_factory=list)
    ffmpeg: list[float] = field(default_factory=list)


def make_tracks(folder: Path, seconds: int) -> tuple[Path, Path]:
    """Two WAV files of noise, mono, 8000 Hz, 16 bit. Speech or noise: nobody's time depends on it."""
    paths = folder / "caller.wav", folder / "callee.wav"
    for seed, path in enumerate(paths):
        drawn = np.random.default_rng(seed)
        samples = seconds * RATE
        with path.open("wb") as file:
            file.write(header(RATE, 1, samples))
            for first in range(0, samples, _AT_ONCE):
                count = min(_AT_ONCE, samples - first)
                file.write(drawn.normal(0, 3000, count).astype("<i2").tobytes())
    return paths


def measure(folder: Path, *, seconds: int, rounds: int) -> Composing:
    """Compose two tracks of ``seconds`` in every way, ``rounds`` times; all files are in the page cache."""
    caller, callee = make_tracks(folder, seconds)
    out = folder / "mixed.wav"
    theirs = rivals(caller, callee, out)
    found = Composing()
    ways: list[tuple[list[float], Callable[[], object]]] = [
        (found.mixed, lambda: ours(caller, callee, seconds, out)),
        (found.product, lambda: ours(caller, callee, seconds, out, folder / "stereo.wav")),
        (found.sox, lambda: subprocess.run(theirs["sox"], check=True, timeout=300)),
        (found.ffmpeg, lambda: subprocess.run(theirs["ffmpeg"], check=True, timeout=300)),
    ]
    for _ in range(rounds):
        for times, way in ways:
            out.unlink(missing_ok=True)
            begun = time.monotonic()
            way()
            times.append(time.monotonic() - begun)
    return found


def rivals(caller: Path, callee: Path, out: Path) -> dict[str, list[str]]:
    """The commands that mix two files into one as they are: no one is made quieter."""
    return {
        "sox": ["sox", "-m", "-v", "1", str(caller), "-v", "1", str(callee), str(out)],
        "ffmpeg": ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", str(caller), "-i", str(callee),
                   "-filter_complex", "amix=inputs=2:normalize=0", str(out)],
    }


def ours(caller: Path, callee: Path, seconds: int, mixed: Path, stereo: Path | None = None) -> None:
    """Compose as the step after the hangup does, without its fsync: the others do none either."""
    files = tuple(TrackFile(path.stem, path.name, seconds * RATE, RATE) for path in (caller, callee))
    timeline = plan(start=0.0, stop=float(seconds), tracks=[file.track for file in files],
                    segments=[SegmentFacts("one", 0.0, float(seconds), files)])
    with caller.open("rb") as left, callee.open("rb") as right, mixed.open("wb") as first:
        sources = {caller.name: left, callee.name: right}
        if stereo is None:
            compose(timeline, sources, mixed=first)
            return
        with stereo.open("wb") as second:
            compose(timeline, sources, mixed=first, stereo=second)
