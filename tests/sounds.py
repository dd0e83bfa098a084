"""What the tests' phone says: noise of its own, tones, speech, silence; encoded beforehand, a packet at a time.

Everything is mono int16 at 8000 Hz. The G.711 tables are made here from the standard and not taken from `media`: a
phone that shared the product's codec would agree with its mistakes. G.722 is ffmpeg's.
"""

import subprocess
import wave
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["PACKET", "RATE", "Samples", "Sound", "decode", "noise", "one_zero", "quiet", "speech", "tone", "write"]

RATE = 8000
"""Samples a second."""

PACKET = 160
"""Samples in a packet of 20 ms; also its bytes, in each of the three codecs."""

Samples = NDArray[np.int16]


def _mu_law() -> Samples:
    """What each of the 256 codes of mu-law means (G.711, table 2)."""
    code = ~np.arange(256) & 0xFF
    size = ((((code & 0x0F) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84
    return np.where(code & 0x80, -size, size).astype(np.int16)


def _a_law() -> Samples:
    """What each of the 256 codes of A-law means (G.711, table 1)."""
    code = np.arange(256) ^ 0x55
    exponent, step = (code >> 4) & 7, (code & 0x0F) << 4
    size = np.where(exponent == 0, step + 8, (step + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, size, -size).astype(np.int16)


_MEANING = {"PCMU": _mu_law(), "PCMA": _a_law()}


def _compand(samples: Samples, codec: str) -> bytes:
    """The code whose meaning is nearest to each sample; mu-law has two zeros, and the positive one is silence."""
    meaning = _MEANING[codec].astype(np.int32)
    order = np.argsort(meaning, kind="stable")
    ranked = meaning[order]
    between = (ranked[1:] + ranked[:-1]) / 2
    return bytes(order[np.searchsorted(between, samples, side="right")].astype(np.uint8))


def one_zero(payload: bytes) -> bytes:
    """A packet of mu-law in which both of its zeros are the same one: FreeSWITCH makes one of them."""
    return payload.replace(b"\x7f", b"\xff")


def _ffmpeg(data: bytes, *arguments: str) -> bytes:
    command = ["ffmpeg", "-v", "error", *arguments, "pipe:1"]
    return subprocess.run(command, input=data, capture_output=True, check=True, timeout=60).stdout


_RAW = ("-f", "s16le", "-ar", str(RATE), "-ac", "1")


def decode(data: bytes, codec: str) -> Samples:
    """Samples of an encoded stream: one for each byte (G.722: brought down to 8000 Hz, within a few samples)."""
    if codec == "G722":
        return np.frombuffer(_ffmpeg(data, "-f", "g722", "-i", "pipe:0", *_RAW), np.int16)
    return _MEANING[codec][np.frombuffer(data, np.uint8)]


class Sound:
    """Audio that a phone plays over and over. What does not fill a last packet is filled up with zeros."""

    def __init__(self, samples: Samples) -> None:
        self.samples: Samples = np.pad(samples, (0, -len(samples) % PACKET))
        self._encoded: dict[str, list[bytes]] = {}

    @cached_property
    def seconds(self) -> float:
        """Until it starts again."""
        return len(self.samples) / RATE

    def packets(self, codec: str) -> list[bytes]:
        """Payloads of 20 ms each. The first call for a codec encodes, so make it before a call is up."""
        if codec not in self._encoded:
            if codec == "G722":
                data = _ffmpeg(self.samples.tobytes(), *_RAW, "-i", "pipe:0", "-ar", "16000", "-f", "g722")
            else:
                data = _compand(self.samples, codec)
            count = len(self.samples) // PACKET
            self._encoded[codec] = [data[n * PACKET : (n + 1) * PACKET] for n in range(count)]
        return self._encoded[codec]

    def cycle(self, start: int, count: int) -> Samples:
        """`count` samples from position `start` of the endless repetition."""
        return np.take(self.samples, np.arange(start, start + count), mode="wrap")


def noise(seed: int, *, seconds: float = 20.0, level: int = 3000) -> Sound:
    """White noise, uncorrelated with that of any other seed. `level`: its standard deviation, of 32767."""
    drawn = np.random.default_rng(seed).normal(0.0, level, round(seconds * RATE))
    return Sound(np.clip(drawn, -32000, 32000).astype(np.int16))


def tone(hertz: float, *, level: int = 8000) -> Sound:
    """A steady sine, one second long: whole `hertz` go round without a click."""
    return Sound((level * np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE)).astype(np.int16))


def quiet() -> Sound:
    """Digital silence: packets full of zeros. For no packets at all give the phone no sound."""
    return Sound(np.zeros(RATE, np.int16))


def speech(path: Path) -> Sound:
    """A WAV file of 8000 Hz, mono, 16 bit.

    Raises:
        ValueError: it is something else.
    """
    with wave.open(str(path), "rb") as file:
        if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE, 1, 2):
            raise ValueError(f"{path.name} is not {RATE} Hz mono 16 bit")
        return Sound(np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16))


def write(sound: Sound, path: Path) -> None:
    """Writes what `speech` reads."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(sound.samples.astype("<i2").tobytes())
