"""The store that is a folder of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from faults import NotFound, StorageRefused
from processing.files import is_whole, publish, sync_folder
from processing.step import Checkpoint
from processing.stores import LOCAL


class LocalStore:
    """A folder. On the file system of the work folder a file gets its name without being copied."""

    name = LOCAL

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, source: Path, name: str, *, bytes: int, sha256: str, checkpoint: Checkpoint) -> None:
        """Let a finished file appear under its name, whole, and never over another one.

        Raises:
            DestinationExists: another file has that name.
            StorageRefused: the copy is not what was written, or not as long as it should be.
        """
        target = self._path(name)
        publish(source, target, sha256, checkpoint)
        sync_folder(target.parent)
        checkpoint("remembered")
        if target.stat().st_size != bytes:
            raise StorageRefused(f"The stored file {name} is not as long as what was written.", file=target)

    def verify(self, name: str, *, bytes: int, sha256: str) -> None:
        """Read a stored file and compare.

        Raises:
            StorageRefused: it is gone, or no longer whole.
        """
        path = self._path(name)
        if not is_whole(path, bytes, sha256):
            raise StorageRefused(f"The stored file {name} is gone, or no longer whole.", file=path)

    def open(self, name: str) -> BinaryIO:
        """A stored file, open for reading.

        Raises:
            NotFound: it is not there.
        """
        try:
            return self._path(name).open("rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise NotFound(f"There is no stored file {name}.", file=name) from error

    def delete(self, name: str) -> None:
        """Take a stored file away, and remember that. Gone already is fine."""
        path = self._path(name)
        if path.exists():
            path.unlink(missing_ok=True)
            sync_folder(path.parent)

    def _path(self, name: str) -> Path:
        """Where a file is.

        Raises:
            StorageRefused: the name leads out of the folder.
        """
        path = self._root / name
        if not name or ".." in path.parts or not path.is_relative_to(self._root):
            raise StorageRefused("A name leads out of the folder of the finished recordings.", file=name)
        return path
