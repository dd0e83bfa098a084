"""The folders that the service needs, and the proof that it can use them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from faults import ConfigurationFault, SpoolUnusable

_MODE = 0o750
_SHARED_MODE = 0o755


def make(folder: Path) -> None:
    """Make a folder of ours (mode 0750), and those above it, unless it is there.

    Raises:
        ConfigurationFault: that is not possible, or something else has the name.
    """
    if folder.is_dir():
        return
    try:
        folder.parent.mkdir(mode=_SHARED_MODE, parents=True, exist_ok=True)
        folder.mkdir(mode=_MODE, exist_ok=True)
    except OSError as error:
        raise ConfigurationFault(f"The folder {folder} cannot be made: {error.strerror}.", folder=folder) from error


@contextmanager
def token(folder: Path, content: bytes = b"phonograph", suffix: str = "") -> Iterator[Path]:
    """A file of ours in a folder, written, read back and in the end taken away again.

    Raises:
        SpoolUnusable: any of that failed.
    """
    path = folder / f"phonograph-token-{secrets.token_hex(8)}{suffix}"
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644), "wb") as file:
            file.write(content)
        if path.read_bytes() != content:
            raise SpoolUnusable(f"What is written into {folder} is not what is read there.", folder=folder)
        yield path
    except OSError as error:
        raise SpoolUnusable(f"The folder {folder} cannot be used: {error.strerror}.", folder=folder) from error
    finally:
        with suppress(OSError):
            path.unlink()


def prove(folder: Path) -> None:
    """Write a file into a folder and read it back.

    Raises:
        SpoolUnusable: that failed.
    """
    with token(folder):
        return


def open_to_others(folder: Path) -> bool:
    """Whether any user of the machine can look into a folder: it and all folders above it let others pass."""
    return all(each.stat().st_mode & 0o001 for each in (folder, *folder.parents)) and bool(
        folder.stat().st_mode & 0o005)
