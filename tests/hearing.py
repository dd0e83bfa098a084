"""Whose audio is where: the tests' ear. Everything is mono int16 at 8000 Hz."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tests.sounds import RATE, Samples

__all__ = ["Found", "follow", "locate", "tones", "whose_audio"]

_LEAST = RATE // 4
"""Shorter overlaps are not judged: chance would look like likeness."""


@dataclass(frozen=True)
class Found:
    """Where a reference stands in a recording.

    `offset`: samples; recording[offset + n] is reference[n]. Negative when the recording begins inside the reference.
    `confidence`: the correlation coefficient of what overlaps, 1.0 for the same audio at any loudness; independent
    noise stays below 0.1.
    """

    offset: int
    confidence: float

    @property
    def seconds(self) -> float:
        """The offset in seconds."""
        return self.offset / RATE


def locate(reference: Samples, recording: Samples) -> Found:
    """The best place of `reference` in `recording`, by cross-correlation. Nothing to compare gives confidence 0."""
    if len(reference) < _LEAST or len(recording) < _LEAST:
        return Found(0, 0.0)
    size = 1 << (len(reference) + len(recording)).bit_length()
    heard = np.fft.rfft(recording.astype(np.float64), size)
    said = np.fft.rfft(reference.astype(np.float64), size)
    likeness = np.fft.irfft(heard * said.conj(), size)
    # Places where less than a quarter of a second overlaps do not stand for election.
    first, last = -(len(reference) - _LEAST), len(recording) - _LEAST
    offset = first + int(np.argmax(np.take(likeness, np.arange(first, last + 1), mode="wrap")))
    start, stop = max(0, offset), min(len(recording), offset + len(reference))
    ours = recording[start:stop].astype(np.float64)
    theirs = reference[start - offset : stop - offset].astype(np.float64)
    power = float(np.sqrt(np.dot(ours, ours) * np.dot(theirs, theirs)))
    return Found(offset, float(np.dot(ours, theirs)) / power if power else 0.0)


def whose_audio(recording: Samples, voices: Mapping[str, Samples], *, least: float = 0.2) -> dict[str, Found]:
    """Which of `voices` are in `recording`, the clearest first; below `least` of confidence one is not there. Two
    equally loud voices in a mix have about 0.7 each."""
    found = {name: locate(voice, recording) for name, voice in voices.items()}
    clear = sorted(found.items(), key=lambda one: -one[1].confidence)
    return {name: place for name, place in clear if place.confidence >= least}


def follow(reference: Samples, recording: Samples, *, window: float = 1.0) -> list[Found]:
    """The place of `reference` anew for each `window` seconds of `recording`: constant offsets mean no drift and no
    jump. Windows of silence come with confidence 0."""
    step = round(window * RATE)
    places: list[Found] = []
    for start in range(0, len(recording) - step + 1, step):
        piece = recording[start : start + step]
        place = locate(piece, reference)
        places.append(Found(start - place.offset, place.confidence))
    return places


_LOOK = RATE // 20
"""Samples in which a tone is looked for: 50 ms."""


def silent(recording: Samples) -> bool:
    """Whether there is nothing in it but what a switch fills with: zeros (Asterisk), zeros or -1 (FreeSWITCH)."""
    return bool(np.isin(recording, (0, -1)).all())


def tones(recording: Samples, hertz: float, *, level: float = 2500) -> list[tuple[float, float]]:
    """When a tone of that height is in a recording, from and until, in seconds: it is there in every 50 ms in which
    its amplitude is above `level`. White noise of a standard deviation of 3000 stays below 1200."""
    wave = np.exp(-2j * np.pi * hertz * np.arange(_LOOK) / RATE)
    count = len(recording) // _LOOK
    loud = np.abs(recording[: count * _LOOK].reshape(count, _LOOK).astype(np.float64) @ wave) * 2 / _LOOK > level
    edges = np.flatnonzero(np.diff(np.concatenate(([False], loud, [False])).astype(np.int8))).reshape(-1, 2)
    return [(float(first) * _LOOK / RATE, float(last) * _LOOK / RATE) for first, last in edges]
