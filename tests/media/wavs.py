"""WAV files for the tests, whole and broken; each maker is named by the defect."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from media import wav


def tone(samples: int, channels: int = 1) -> NDArray[np.int16]:
    """Samples of shape (samples, channels) that are never 0 nor -1 and differ by channel."""
    rows = np.arange(samples, dtype=np.int64)[:, None] * 7 + np.arange(channels) * 1_000
    return (rows % 20_000 + 100).astype(np.int16)


def whole(audio: NDArray[np.int16], rate: int = 8_000) -> bytearray:
    """A right WAV file of int16 (samples, channels)."""
    return bytearray(wav.header(rate, audio.shape[1], len(audio)) + audio.astype("<i2").tobytes())


def lengths(riff: int, data: int) -> Callable[[bytearray], bytearray]:
    """Puts these two lengths into the header of a whole file."""

    def spoil(file: bytearray) -> bytearray:
        file[4:8] = struct.pack("<I", riff)
        file[40:44] = struct.pack("<I", data)
        return file

    return spoil


def half_a_sample_at_the_end(file: bytearray) -> bytearray:
    """The disk was full, or the writer died, in the middle of a sample: the lengths are those of the plan."""
    return file[:-1]


def cut_by_1000_bytes(file: bytearray) -> bytearray:
    """The header was written first with lengths that the file never reached."""
    return file[:-1000]


# Each leaves the audio of the file readable; the value is the number of bytes that the audio has lost.
DEFECTS: dict[str, tuple[Callable[[bytearray], bytearray], int]] = {
    "size_zero_asterisk_killed": (lengths(0, 0), 0),
    "freeswitch_size_8": (lengths(8, 0), 0),
    "lengths_of_an_empty_file": (lengths(36, 0), 0),
    "lengths_of_an_earlier_moment": (lengths(36 + 320, 320), 0),
    "lengths_of_a_stream": (lengths(0xFFFF_FFFF, 0xFFFF_FFFF), 0),
    "riff_length_zero": (lambda file: bytearray(file[:4] + bytes(4) + file[8:]), 0),
    "half_a_sample_at_the_end": (half_a_sample_at_the_end, 1),
    "cut_by_1000_bytes": (cut_by_1000_bytes, 1000),
}


def chunk(name: bytes, body: bytes) -> bytes:
    """A RIFF chunk, padded to an even length."""
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def riff(*chunks: bytes) -> bytes:
    """A RIFF/WAVE file of these chunks."""
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def fmt(code: int = 1, channels: int = 1, rate: int = 8_000, bits: int = 16, tail: bytes = b"") -> bytes:
    """A fmt chunk."""
    frame = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", code, channels, rate, rate * frame, frame, bits) + tail)


def extensible(subformat: str = "0100000000001000800000aa00389b71", channels: int = 2) -> bytes:
    """A fmt chunk of WAVE_FORMAT_EXTENSIBLE."""
    return fmt(0xFFFE, channels, tail=struct.pack("<HHI", 22, 16, 3) + bytes.fromhex(subformat))
