"""Two conferences in one file: ConfBridge appends the second one's audio if it begins before the first one's file has
moved. Here the file is cut where it ended when it moved."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from media.wav import WavInfo, header, read_info

_MOST = 1000
_BLOCK = 1 << 17
_PART = ".part"


@dataclass(frozen=True, slots=True)
class Seam:
    """A file that was taken over, and how long it was then (bytes)."""

    path: Path
    size: int


class Seams:
    """The seam of each name's last file, of the last thousand names; a caller may choose the names."""

    def __init__(self) -> None:
        self._of: dict[str, Seam] = {}

    def keep(self, name: str, seam: Seam) -> None:
        """The file of that name has moved."""
        self._of.pop(name, None)
        self._of[name] = seam
        while len(self._of) > _MOST:
            del self._of[next(iter(self._of))]

    def of(self, name: str) -> Seam | None:
        """Where the last file of that name went, if it has grown since."""
        seam = self._of.get(name)
        try:
            return seam if seam is not None and seam.path.stat().st_size > seam.size else None
        except FileNotFoundError:
            return None

    def cut(self, name: str, target: Path) -> None:
        """Give what was appended a file of its own, and then take it out of the other one, where no pause of the second
        conference would reach it. A second attempt, after a crash in between, finds the target and goes on from there.

        Raises:
            OSError, WavInvalid: it cannot be read or written; then everything is as it was.
        """
        seam = self._of[name]
        with seam.path.open("rb") as file:
            info = read_info(file)
            first = (seam.size - info.data_offset) // info.frame_bytes
            if not target.exists():
                part = _written(file, info, first, info.samples, target)
                os.link(part, target)
                part.unlink()
            part = _written(file, info, 0, first, seam.path)
            os.replace(part, seam.path)
        del self._of[name]


def _written(file: BinaryIO, info: WavInfo, start: int, stop: int, beside: Path) -> Path:
    """A part of a file, in frames, as a file of its own on the disk; times and mode are those of the other one."""
    part = beside.with_name(f".{beside.name}{_PART}")
    part.unlink(missing_ok=True)
    found = os.fstat(file.fileno())
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as write:
        write.write(header(info.rate, info.channels, stop - start))
        for block in _blocks(file, info, start, stop):
            write.write(block)
        write.flush()
        os.fchmod(write.fileno(), found.st_mode & 0o777)
        os.fsync(write.fileno())
    os.utime(part, ns=(found.st_atime_ns, found.st_mtime_ns))
    return part


def _blocks(file: BinaryIO, info: WavInfo, start: int, stop: int) -> Iterator[bytes]:
    file.seek(info.data_offset + start * info.frame_bytes)
    left = (stop - start) * info.frame_bytes
    while left > 0:
        block = file.read(min(left, _BLOCK))
        if not block:
            raise OSError("the file is shorter than it was")
        left -= len(block)
        yield block
