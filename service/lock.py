"""One service for one ledger and one socket."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from faults import AlreadyRunning, ServiceFault


class Lock:
    """A lock file, held until closed or until the process is gone, however it ends.

    Args:
        path: the file; it stays when the lock is given back.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> Self:
        """Take it.

        Raises:
            AlreadyRunning: another process holds it.
            ServiceFault: the file cannot be made.
        """
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ServiceFault(f"The lock {self._path} cannot be made: {error.strerror}.") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._descriptor)
            raise AlreadyRunning("Another Phonograph holds this ledger or socket.", lock=self._path) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        os.close(self._descriptor)
