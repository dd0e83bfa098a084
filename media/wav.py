"""WAV files: read the header, mend it when its writer was killed, read blocks, write.

Layout: "Multimedia Programming Interface and Data Specifications 1.0" (IBM, Microsoft, 1991), chapter 3:
chunks of four letters, a 32-bit length and a body that is padded to an even length. WAVE_FORMAT_EXTENSIBLE:
Microsoft, "Multiple Channel Audio Data and WAVE Files" (2001). Only 16-bit PCM of one or two channels, 8 to
48 kHz, is read: it is what the switches write for us.

What a killed writer leaves behind:

* Asterisk: both lengths are 0; the audio runs to the end of the file.
* FreeSWITCH: the RIFF length is 8, the data length 0; the audio runs to the end of the file.
* any: the last sample may be cut in two, or the lengths may be those of an earlier moment.

So the file's own size decides, and the header is corrected from it. A stretch after the declared audio counts
as further chunks only if it is a whole chain of chunks that ends where the file ends; otherwise it is audio.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from faults import WavInvalid

__all__ = [
    "HEADER_BYTES", "LITTLE_INT16", "Source", "Target", "WavInfo", "WavWriter",
    "header", "read_blocks", "read_info", "repair",
]

HEADER_BYTES = 44
SAMPLE_BYTES = 2
LITTLE_INT16 = np.dtype("<i2")

_FORMAT_PCM = 0x0001
_FORMAT_EXTENSIBLE = 0xFFFE
_SUBFORMAT_PCM = bytes.fromhex("0100000000001000800000aa00389b71")
_RATES = range(8_000, 48_001)
_LENGTH_MAX = 0xFFFF_FFFF
# What a writer that cannot say the length puts into the header is this or more.
_UNKNOWN_LENGTH = 0x7FFF_0000
_FORMAT = struct.Struct("<HHIIHH")
_CHUNK = struct.Struct("<4sI")


class Source(Protocol):
    """An open binary file that can be read at any place: ``open(..., "rb")``, ``io.BytesIO``."""

    def seek(self, offset: int, whence: int = 0, /) -> int: ...
    def read(self, size: int = -1, /) -> bytes: ...
    def readinto(self, buffer: memoryview, /) -> int | None: ...


class Target(Protocol):
    """An open binary file that can be written: ``open(..., "xb")``, ``open(..., "r+b")``, ``io.BytesIO``."""

    def seek(self, offset: int, whence: int = 0, /) -> int: ...
    def write(self, data: bytes | memoryview, /) -> int | None: ...


class _SourceAndTarget(Source, Target, Protocol):
    """An open binary file for reading and writing."""


@dataclass(frozen=True, slots=True)
class WavInfo:
    """What a WAV file holds, corrected from the size of the file.

    Attributes:
        rate: samples a second (Hz).
        channels: 1 or 2.
        data_offset: where the audio begins, in bytes.
        data_bytes: length of the audio in bytes, whole frames only, whatever the header says.
        defect: what the header says wrongly, as a sentence; None if it is right.
        data_length, riff_length: what the header has to say, in bytes.
        cut: bytes of audio that the header promises and the file has not; 0 where the header was never finished.
    """

    rate: int
    channels: int
    data_offset: int
    data_bytes: int
    defect: str | None
    data_length: int
    riff_length: int
    cut: int = 0

    @property
    def needs_repair(self) -> bool:
        """Whether :func:`repair` would write."""
        return self.defect is not None

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return SAMPLE_BYTES * self.channels

    @property
    def samples(self) -> int:
        """Samples a channel."""
        return self.data_bytes // self.frame_bytes

    @property
    def seconds(self) -> float:
        """Length in seconds on the sample clock."""
        return self.samples / self.rate


def read_info(file: Source) -> WavInfo:
    """Read the header of a WAV file and correct its lengths from the file's size. Moves the file's position.

    Raises:
        WavInvalid: it is not a WAV file of 16-bit PCM, 1 or 2 channels, 8 to 48 kHz, below 4 GiB.
    """
    size = file.seek(0, io.SEEK_END)
    if size == 0:
        raise WavInvalid("The file is empty: it has not even a header.", size=size)
    if size - 8 > _LENGTH_MAX:
        raise WavInvalid("The file is larger than a WAV header can say (4 GiB).", size=size)
    file.seek(0)
    start = file.read(12)
    if len(start) < 12:
        raise WavInvalid("The file ends inside its header.", size=size)
    riff, riff_said, wave = struct.unpack("<4sI4s", start)
    if riff != b"RIFF" or wave != b"WAVE":
        raise WavInvalid(f"The file is not RIFF/WAVE: it begins with {riff!r} and {wave!r}.", size=size)

    form: tuple[int, int] | None = None
    position = 12
    while True:
        file.seek(position)
        chunk = file.read(_CHUNK.size)
        if len(chunk) < _CHUNK.size:
            raise WavInvalid("The file ends before its data chunk.", size=size)
        name, length = _CHUNK.unpack(chunk)
        position += _CHUNK.size
        if name == b"data":
            break
        if position + length > size:
            raise WavInvalid(f"The chunk {name!r} is longer than the file.", size=size, length=length)
        if name == b"fmt ":
            form = _parse_format(file.read(length))
        position += length + length % 2
    if form is None:
        raise WavInvalid("The data chunk comes before any fmt chunk.", size=size)

    rate, channels = form
    frame = SAMPLE_BYTES * channels
    available = size - position
    if length < available and _chunks_follow(file, position + length, size):
        data_length, riff_length = length, size - 8
    else:
        data_length = available - available % frame
        riff_length = position + data_length - 8
    wrong = []
    if length != data_length:
        wrong.append(f"the data length says {length} bytes, the file holds {data_length}")
    if riff_said != riff_length:
        wrong.append(f"the RIFF length says {riff_said} bytes instead of {riff_length}")
    return WavInfo(rate, channels, position, data_length - data_length % frame, "; ".join(wrong) or None,
                   data_length, riff_length, max(0, length - available) if length < _UNKNOWN_LENGTH else 0)


def _parse_format(body: bytes) -> tuple[int, int]:
    """The fmt chunk -> (rate, channels)."""
    if len(body) < _FORMAT.size:
        raise WavInvalid(f"The fmt chunk has {len(body)} bytes; PCM needs 16.", length=len(body))
    code, channels, rate, _, align, bits = _FORMAT.unpack_from(body)
    if code == _FORMAT_EXTENSIBLE:
        if body[24:40] != _SUBFORMAT_PCM:
            raise WavInvalid("The file is WAVE_FORMAT_EXTENSIBLE of another kind than PCM.", format=code)
    elif code != _FORMAT_PCM:
        raise WavInvalid(f"The file is not PCM: its format code is {code:#06x}.", format=code)
    if bits != 8 * SAMPLE_BYTES:
        raise WavInvalid(f"The file has {bits} bits a sample; 16 are read.", bits=bits)
    if channels not in (1, 2):
        raise WavInvalid(f"The file has {channels} channels; 1 or 2 are read.", channels=channels)
    if rate not in _RATES:
        raise WavInvalid(f"The file has {rate} samples a second; 8000 to 48000 are read.", rate=rate)
    if align != SAMPLE_BYTES * channels:
        raise WavInvalid(f"The file's frames are {align} bytes; {channels} channels of 16 bits make "
                         f"{SAMPLE_BYTES * channels}.", align=align)
    return rate, channels


def _chunks_follow(file: Source, position: int, size: int) -> bool:
    """Whether a whole chain of chunks lies between the end of the declared audio and the end of the file."""
    position += position % 2
    while position < size:
        file.seek(position)
        chunk = file.read(_CHUNK.size)
        if len(chunk) < _CHUNK.size:
            return False
        name, length = _CHUNK.unpack(chunk)
        if not all(0x20 <= letter <= 0x7E for letter in name):
            return False
        # Some writers leave the last pad byte out.
        end = position + _CHUNK.size + length
        position = end if end == size else end + length % 2
    return position == size


def repair(file: _SourceAndTarget) -> WavInfo:
    """Write the right lengths into the header of an open ``r+b`` file, in place; the audio is not touched.

    A second repair finds nothing to do. A sample that was cut in two stays in the file, outside the lengths.

    Returns:
        The facts as they were found: ``defect`` says what was mended, None if nothing had to be.

    Raises:
        WavInvalid: as :func:`read_info`.
    """
    info = read_info(file)
    if info.needs_repair:
        file.seek(info.data_offset - 4)
        file.write(struct.pack("<I", info.data_length))
        file.seek(4)
        file.write(struct.pack("<I", info.riff_length))
    return info


def read_blocks(file: Source, info: WavInfo, block_samples: int) -> Iterator[NDArray[np.int16]]:
    """The audio in blocks of at most ``block_samples``, each int16 of shape (samples, channels), read-only.

    It ends early, after the last whole sample, if the file has become shorter than ``info`` says.
    """
    if block_samples < 1:
        raise ValueError("block_samples must be at least 1")
    position = info.data_offset
    end = position + info.data_bytes
    while position < end:
        file.seek(position)
        data = file.read(min(block_samples * info.frame_bytes, end - position))
        data = data[: len(data) - len(data) % info.frame_bytes]
        if not data:
            return
        position += len(data)
        yield np.frombuffer(data, LITTLE_INT16).reshape(-1, info.channels)


def header(rate: int, channels: int, samples: int) -> bytes:
    """The 44 bytes that stand before ``samples`` samples a channel of 16-bit PCM.

    Raises:
        WavInvalid: the file would be larger than 4 GiB.
    """
    frame = SAMPLE_BYTES * channels
    data = samples * frame
    riff = HEADER_BYTES - 8 + data
    if riff > _LENGTH_MAX:
        raise WavInvalid("The audio is larger than a WAV file can be (4 GiB).",
                         samples=samples, channels=channels)
    return (struct.pack("<4sI4s", b"RIFF", riff, b"WAVE")
            + _CHUNK.pack(b"fmt ", _FORMAT.size)
            + _FORMAT.pack(_FORMAT_PCM, channels, rate, rate * frame, frame, 8 * SAMPLE_BYTES)
            + _CHUNK.pack(b"data", data))


class WavWriter:
    """Writes a WAV file whose length is not known beforehand.

    The header stands first with the lengths of an empty file; :meth:`close` puts the right ones in. A file
    whose writer was killed before that is mended by :func:`repair`. The open file stays open: it is the
    caller's.

    Args:
        file: an empty file, open for writing.
        rate: samples a second (Hz).
        channels: 1 or 2.
    """

    def __init__(self, file: Target, rate: int, channels: int = 1) -> None:
        self.rate = rate
        self.channels = channels
        self.samples = 0
        self._file = file
        self._closed = False
        file.write(header(rate, channels, 0))

    def write(self, block: NDArray[np.int16]) -> None:
        """Append int16 samples of shape (samples, channels); mono may also come as (samples,).

        Raises:
            WavInvalid: the file would become larger than 4 GiB; nothing of this block is written.
            ValueError: the block has another type or shape, or the writer is closed.
        """
        if self._closed:
            raise ValueError("the writer is closed")
        columns = block.shape[1] if block.ndim == 2 else 1
        if block.dtype != np.int16 or block.ndim not in (1, 2) or columns != self.channels:
            raise ValueError(f"int16 samples of {self.channels} channels wanted, "
                             f"not {block.dtype} of shape {block.shape}")
        samples = self.samples + len(block)
        header(self.rate, self.channels, samples)
        self._file.write(block.astype(LITTLE_INT16, copy=False).tobytes())
        self.samples = samples

    def close(self) -> None:
        """Write the final header. A second call does nothing."""
        if not self._closed:
            self._closed = True
            self._file.seek(0)
            self._file.write(header(self.rate, self.channels, self.samples))
            self._file.seek(0, io.SEEK_END)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()
