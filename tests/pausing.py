"""What the tests of pauses share: an ear for one tone."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.phone import Call
from tests.sounds import RATE, Samples, decode

CARD_TONE = 1633
"""Hz; nobody else in these tests makes it. It stands for a card number that is read out."""

LOUD, NOTHING = 1000.0, 500.0
"""Amplitudes: what is heard as the tone, and what is none of it. One packet of the tone that was kept is some 7000;
where a busy machine leaves out a packet of another tone, its edges are up to 160 at this one's frequency."""

_BLOCK = RATE // 50


def strength(samples: Samples, frequency: int) -> float:
    """The greatest amplitude of a frequency in any block of 20 ms (Goertzel's sum, block by block, every 10 ms)."""
    if len(samples) < _BLOCK:
        samples = np.pad(samples, (0, _BLOCK - len(samples)))
    wave = np.exp(-2j * np.pi * frequency * np.arange(_BLOCK) / RATE) * np.hanning(_BLOCK)
    blocks = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), _BLOCK)[:: _BLOCK // 2]
    return float(np.max(np.abs(blocks @ wave)) / np.sum(np.hanning(_BLOCK)) * 2)


def audio_of(path: Path) -> Samples:
    """What stands behind a WAV header, also behind one that is not finished."""
    data = path.read_bytes()
    start = data.find(b"data") + 8
    return np.frombuffer(data[start : start + (len(data) - start) // 2 * 2], "<i2")


class Ear:
    """Listens into every WAV file that came into some folders since it was made, whole or not."""

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._old = set(self._files())

    def hears(self, direction: str = "") -> float:
        """The loudest that the card's tone is in any file whose name ends so (``-out``: only what went to the leg)."""
        files = [path for path in self._files() if path not in self._old and path.stem.endswith(direction)]
        assert files, "there is nothing to listen to"
        return max(strength(audio_of(path), CARD_TONE) for path in files)

    def _files(self) -> Iterator[Path]:
        for folder in self._folders:
            yield from folder.rglob("*.wav")


async def until_tone(call: Call, frequency: int, *, within: float = 10.0) -> float:
    """Waits until a phone has heard a tone; the time.time of its first packet. The grain is 5 ms.

    Raises:
        TimeoutError: it did not come.
    """
    looked = 0
    async with asyncio.timeout(within):
        while True:
            for packet in call.stream.arrivals[looked:]:
                looked += 1
                if strength(decode(packet.payload, call.stream.codec), frequency) > LOUD:
                    return packet.at
            await asyncio.sleep(0.005)
