"""What a recording server has to show: tracks without a break, and whose audio they are."""

import itertools

import numpy as np

from media.g711 import decode_mulaw
from tests.recording_session import Track
from tests.sounds import Samples

__all__ = ["breaks", "heard"]


def breaks(track: Track, sources: int = 1) -> list[str]:
    """What is wrong with the packets of a track, by sequence numbers and timestamps: a packet that is missing, that
    came twice, or whose place on the clock does not follow from the one before, unless it is marked as the first after
    a silence (RFC 3551 section 4.1). ``sources``: how many it is to come from, one after the other, each whole."""
    packets = track.packets()
    found = len({one.ssrc for one in packets})
    wrong = [f"{found} sources"] if found != sources else []
    for before, after in itertools.pairwise(packets):
        if before.ssrc != after.ssrc:
            continue
        step = (after.timestamp - before.timestamp) & 0xFFFFFFFF
        if (after.sequence - before.sequence) & 0xFFFF != 1 or (step != 160 and not after.marker):
            wrong.append(f"{before.sequence}/{before.timestamp} -> {after.sequence}/{after.timestamp}")
    return wrong


def heard(track: Track) -> Samples:
    """What its packets hold, one behind the other as they came, at 8000 Hz. PCMU alone."""
    return np.frombuffer(decode_mulaw(b"".join(one.payload for one in track.packets())), "<i2").astype(np.int16)
