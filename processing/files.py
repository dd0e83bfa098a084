"""Files on the disk: written whole before they get their name, and never over another one."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedRandom
from pathlib import Path

from faults import DestinationExists, StorageRefused
from processing.step import Checkpoint

FILE_MODE = 0o640
FOLDER_MODE = 0o750
_COPY_BYTES = 1 << 20
_RENAME_NOREPLACE = 1
_AT_FDCWD = -100
# What a file system says that knows no hard links, or not for this file.
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


@contextmanager
def new_file(path: Path, checkpoint: Checkpoint) -> Iterator[BufferedRandom]:
    """A new file to write, in place of any of that name; on the disk when the block ends.

    It is a new inode: whoever still writes into the old one does not write into this one.
    """
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE), "w+b") as file:
        checkpoint(f"created {path.suffix}")
        yield file
        file.flush()
        checkpoint(f"written {path.suffix}")
        os.fsync(file.fileno())
    checkpoint(f"synced {path.suffix}")


def make_folder(path: Path, mode: int = FOLDER_MODE) -> None:
    """Make a folder and those above it, each remembered by the disk. It may be there already."""
    if path.is_dir():
        return
    make_folder(path.parent, mode)
    path.mkdir(mode, exist_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Let the disk remember the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_whole(path: Path, bytes: int, sha256: str) -> bool:
    """Whether a file is there, so long, and has that hash (hex)."""
    return path.is_file() and path.stat().st_size == bytes and sha256_of(path) == sha256


def publish(source: Path, target: Path, sha256: str, checkpoint: Checkpoint) -> None:
    """Let a finished file appear under its final name, whole, and never over another file.

    On one file system the name is a second link to ``source``. On another one a copy is made beside ``target``, under
    a hidden name, and read back, before it gets the name. ``source`` stays. Doing it again does no harm. The disk
    remembers the name after :func:`sync_folder`.

    Args:
        sha256: of ``source``, in hex.

    Raises:
        DestinationExists: another file has that name.
        StorageRefused: the copy is not what was written.
    """
    make_folder(target.parent)
    hidden = target.with_name(f".{sha256[:32]}.part")
    try:
        _place(source, target, hidden, sha256, checkpoint)
    except FileExistsError:
        same = os.path.samestat(source.stat(), target.stat()) or sha256_of(target) == sha256
        if not same:
            raise DestinationExists(f"Another file is named {target.name}.", file=target) from None
    hidden.unlink(missing_ok=True)
    checkpoint(f"tidied {target.suffix}")


def _place(source: Path, target: Path, hidden: Path, sha256: str, checkpoint: Checkpoint) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in {errno.EXDEV, *_NO_LINKS}:
            raise
    else:
        checkpoint(f"linked {target.suffix}")
        return
    if target.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    _copy(source, hidden, checkpoint)
    if sha256_of(hidden) != sha256:
        raise StorageRefused(f"The copy of {target.name} is not what was written.", file=target)
    checkpoint(f"copied {target.suffix}")
    try:
        os.link(hidden, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _rename_exclusively(hidden, target)
    checkpoint(f"named {target.suffix}")


def _copy(source: Path, hidden: Path, checkpoint: Checkpoint) -> None:
    with source.open("rb") as read, new_file(hidden, checkpoint) as write:
        while block := read.read(_COPY_BYTES):
            write.write(block)


def _rename_exclusively(source: Path, target: Path) -> None:
    """Rename, and fail if the name is taken: renameat2(2) with RENAME_NOREPLACE."""
    rename = ctypes.CDLL(None, use_errno=True).renameat2
    if rename(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), _RENAME_NOREPLACE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(target))
