"""Is what was said in the file? Packet by packet and bit for bit: a phone knows what it sent, and G.711 that is neither
mixed nor filled up is in the recording as it was sent."""

from __future__ import annotations

import json
import sqlite3
import wave
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.sounds import PACKET, RATE, Samples, decode

__all__ = ["Content", "Spoken", "content_of", "stereo_of", "track_content"]

CODEC = "PCMU"
ASTRAY = RATE
"""Samples that a packet may be away from where it follows from the last one found: queues move audio by some 0.5 s."""

_READ = """
SELECT recordings.result FROM recordings JOIN calls ON calls.id = recordings.call
WHERE instr(calls.body, ?) AND recordings.result IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What both sides of a call have sent.

    Attributes:
        call: its SIP Call-ID at the caller.
        caller, callee: packets of PCMU in their order.
    """

    call: str
    caller: Sequence[bytes]
    callee: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Content:
    """Of one track: packets that were said, those found in it, and the most in a row that were not."""

    said: int
    found: int
    hole: int


def track_content(track: Samples, said: Sequence[bytes]) -> Content:
    """Look for each packet where it follows from the one before it, no farther than ``ASTRAY`` samples away."""
    data = track.astype("<i2").tobytes()
    size, astray = 2 * PACKET, 2 * ASTRAY
    found = hole = missing = place = 0
    for packet in said:
        expected = place + missing * size
        at = data.find(decode(packet, CODEC).astype("<i2").tobytes(), max(place, expected - astray),
                       expected + astray + size)
        if at < 0:
            missing += 1
            hole = max(hole, missing)
        else:
            found, missing, place = found + 1, 0, at + size
    return Content(len(said), found, hole)


def stereo_of(ledger: Path, destination: Path, call: str) -> Path | None:
    """The file with two channels of a call, by its SIP Call-ID; None if it has none."""
    with closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as connection:
        results = [json.loads(result) for (result,) in connection.execute(_READ, (call,))]
    return next((destination / name for result in results if (name := result["files"].get("stereo"))), None)


def content_of(path: Path | None, spoken: Spoken) -> list[Content]:
    """Of the caller's track, on the left, and of the callee's. Without a file nothing of it is there.

    Raises:
        wave.Error: the file is no WAV file.
    """
    if path is None:
        samples = np.zeros((0, 2), np.int16)
    else:
        with wave.open(str(path), "rb") as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)
    return [track_content(samples[:, side], said) for side, said in enumerate((spoken.caller, spoken.callee))]
