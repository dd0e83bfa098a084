"""The files of finished recordings, as they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from sqlalchemy import Connection

from faults import NotFound
from ledger import jobs
from processing.notify.notice import StoredFile

LOCAL = "local"


class Files(Protocol):
    """Knows which files a recording has, and opens them."""

    def of(self, connection: Connection, recording: str) -> Sequence[StoredFile]:
        """The stored files of a recording."""

    def open(self, file: StoredFile) -> AbstractContextManager[BinaryIO]:
        """The bytes of one, as they are stored.

        Raises:
            NotFound: it is not there.
        """


class LocalFiles:
    """Files in the folder of finished recordings."""

    def __init__(self, destination: Path) -> None:
        self._destination = destination

    def of(self, connection: Connection, recording: str) -> Sequence[StoredFile]:
        """What the recording's job has published."""
        job = jobs.find(connection, recording)
        if job is None or "publish" not in job.facts:
            return []
        composed = cast(dict[str, Any], job.facts["compose"]["files"])
        named = cast(dict[str, str], job.facts["publish"]["files"])
        return [StoredFile(kind=kind, store=LOCAL, name=name, bytes=composed[kind]["bytes"],
                           sha256=composed[kind]["sha256"]) for kind, name in named.items()]

    def open(self, file: StoredFile) -> AbstractContextManager[BinaryIO]:
        """The file."""
        try:
            return (self._destination / file.name).open("rb")
        except OSError as error:
            raise NotFound(f"The file {file.name} is gone.", file=file.name) from error
