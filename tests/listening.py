"""An ear that misses nothing: every audio file that was ever there, also one that was taken away again, listened to for
one tone and for anything as loud as it."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from tests.pausing import strength
from tests.sounds import Samples

_EVERY = 0.02
"""Seconds between two looks. A job writes its files, syncs them, and gives them a second name before the first
goes."""


class Kept:
    """Opens every audio file below some folders as soon as it is there, and keeps it open: what is removed or renamed
    later can be read all the same. Files that were there before do not count."""

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._files: dict[int, tuple[int, set[str]]] = {}
        self._old = {entry.inode() for entry in self._entries()}
        self._over = threading.Event()
        self._looking = threading.Lock()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def names(self) -> list[str]:
        """All names under which the files were seen."""
        return sorted(name for _, names in self._files.values() for name in names)

    def tracks(self) -> Iterator[tuple[str, Samples]]:
        """Each channel of each file, whole or not, with a name of the file."""
        self._look()
        for descriptor, names in list(self._files.values()):
            data = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
            for track in tracks(data):
                yield min(names), track

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
        for descriptor, _ in self._files.values():
            os.close(descriptor)
        self._files.clear()

    def _watch(self) -> None:
        while not self._over.wait(_EVERY):
            self._look()

    def _look(self) -> None:
        with self._looking:
            for entry in self._entries():
                self._keep(entry.inode(), entry.path)

    def _keep(self, inode: int, path: str) -> None:
        if inode in self._old:
            return
        if inode not in self._files:
            try:
                self._files[inode] = os.open(path, os.O_RDONLY), set()
            except FileNotFoundError:
                return
        self._files[inode][1].add(path)

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        waiting = [str(folder) for folder in self._folders]
        while waiting:
            try:
                entries = list(os.scandir(waiting.pop()))
            except OSError:
                continue
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif ".wav" in entry.name:
                    yield entry


def tracks(data: bytes) -> list[Samples]:
    """The channels of what stands behind a WAV header, also behind one that is not finished."""
    start = data.find(b"data") + 8
    if start < 8:
        return []
    channels = int.from_bytes(data[22:24], "little")
    samples = np.frombuffer(data[start : start + (len(data) - start) // (2 * channels) * 2 * channels], "<i2")
    return [samples[channel::channels].astype(np.int16) for channel in range(channels)]


def peak(samples: Samples) -> int:
    """The loudest sample."""
    return int(np.max(np.abs(samples.astype(np.int32)), initial=0))


def traces(samples: Samples, hertz: int, *, level: float, loudest: int) -> bool:
    """Whether any 20 ms have that tone, or any sample is louder than whatever else is there."""
    return peak(samples) > loudest or strength(samples, hertz) > level
