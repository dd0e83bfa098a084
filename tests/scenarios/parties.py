"""The parties of the scenarios in which a call moves: what must not be lost of them, and what must not be kept."""

import wave
from datetime import datetime
from pathlib import Path

import numpy as np

from tests.phone import Call, Phone, Phones
from tests.whereabouts import SEAM, SOUNDS, Whereabouts, stretches

__all__ = ["nothing_between", "nothing_lost", "users"]


async def users(phones: Phones, *names: str) -> list[Phone]:
    """Users of the exchange, each with a sound of its own."""
    return [await phones.user(name, SOUNDS[name]) for name in names]


def nothing_lost(found: Whereabouts, track: str, stayed: Call, *others: Call) -> bool:
    """Whether what the party that stayed heard of each of the others is on a track, but for the seams."""
    return all(found.lost(track, one, heard_by=stayed) <= SEAM for one in others)


def nothing_between(found: Whereabouts, spool: Path, begin: float, end: float, *calls: Call) -> bool:
    """Whether the switch's own files of a recording hold nothing of what the parties said between two moments."""
    for segment in found.manifest["segments"]:
        begun = datetime.fromisoformat(segment["startTime"].replace("Z", "+00:00")).timestamp()
        for path in {file["path"] for file in segment["files"]}:
            with wave.open(str(spool / path), "rb") as file:
                frames = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
            for track in frames.astype(np.int16).T:
                if any(one.begin < end and one.end > begin for call in calls for one in stretches(track, begun, call)):
                    return False
    return True
