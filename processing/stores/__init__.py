"""Where finished files are kept: what a store does, whatever it is made of."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Protocol

from processing.step import Checkpoint

LOCAL = "local"
"""The name of the store that is the folder `destination_path`."""


class Store(Protocol):
    """Keeps files under names whose parts are parted by ``/``. Threads may share it."""

    @property
    def name(self) -> str:
        """Its name in the settings, in the ledger, and in what the step ``store`` found."""

    def put(self, source: Path, name: str, *, bytes: int, sha256: str, checkpoint: Checkpoint) -> None:
        """Keep a file: whole or not at all, verified by reading it back, never over another file. Again does no harm.

        Args:
            bytes, sha256: of ``source``; the hash in hex.

        Raises:
            DestinationExists: another file has that name.
            StorageRefused: what is kept is not what was given, or the store says no.
            StorageUnreachable: it does not answer. So do the others.
        """

    def verify(self, name: str, *, bytes: int, sha256: str) -> None:
        """Read a kept file and compare.

        Raises:
            StorageRefused: it is gone, or it is not that file.
        """

    def open(self, name: str) -> BinaryIO:
        """A kept file's bytes, to be read once and closed.

        Raises:
            NotFound: it is not there.
        """

    def delete(self, name: str) -> None:
        """Take a kept file away. Gone already is fine."""
