"""`phonograph worker` as a user runs it: processes of their own beside a real PostgreSQL and a real RabbitMQ."""

import asyncio
import os
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any, Protocol
from urllib.parse import urlsplit

import yaml

from tests.servers import warden

__all__ = ["LIVES", "Site", "WorkerProcess", "queue_settings"]

LIVES = "lives"

_END_SECONDS = 60.0
_TAIL = 3000


class _Settled(Protocol):
    """What has a folder and a settings file: a `Site`, or a `Phonograph`."""

    folder: Path
    file: Path


def queue_settings(folder: Path, queue: str) -> dict[str, Any]:
    """The section `rabbitmq` for a URL; the password is in a file of the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    url = urlsplit(queue)
    password = folder / "queue-password"
    password.write_text(f"{url.password}\n")
    password.chmod(0o600)
    return {"rabbitmq": {"host": url.hostname, "port": url.port, "user": url.username,
                         "virtual_host": url.path.removeprefix("/"), "password_file": str(password)}}


@dataclass
class Site:
    """One machine: its settings and folders, below `folder`.

    Attributes:
        more: keys of phonograph.yaml that differ.
    """

    folder: Path
    ledger: str
    queue: str
    node: str = "here"
    more: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.spool, self.destination = self.folder / "spool", self.folder / "recordings"
        self.spool.mkdir(exist_ok=True)
        self.file = self.folder / "phonograph.yaml"
        self.file.write_text(yaml.safe_dump({
            "ledger": self.ledger, "node": self.node, "socket": str(self.folder / "phonograph.sock"),
            "work_path": str(self.folder / "work"), "destination_path": str(self.destination),
            "journal_path": str(self.folder / "journal"), "log_path": str(self.folder / "worker.log"),
            "switches": {"pbx": {"user": "nobody", "password": "nothing", "spool": str(self.spool)}},
            **queue_settings(self.folder, self.queue), **self.more}))

    def log(self) -> str:
        """The last that its workers have logged, and that each has printed."""
        return "\n".join(f"{file.name}: {_tail(file)}" for file in sorted(self.folder.glob("*.log")))


class WorkerProcess:
    """One `phonograph worker`."""

    def __init__(self, site: _Settled, *words: str) -> None:
        self.site = site
        self._words = words
        self._console = site.folder / f"console-{token_hex(4)}.log"
        self._process: Process | None = None
        self._warden: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it; it is ready when it is."""
        with self._console.open("ab") as console:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "console.main", "worker", "-c", str(self.site.file), *self._words,
                stdin=asyncio.subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True)
        self._warden = warden(self._process.pid)

    async def kill(self) -> None:
        """SIGKILL: nothing is written any more, nothing let go of. It may not have been started, or have ended."""
        if self._process is None:
            return
        if self._process.returncode is None:
            os.kill(self._process.pid, signal.SIGKILL)
        await self._ended()

    async def stop(self) -> int:
        """SIGTERM; its exit status."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
        return await self._ended()

    @property
    def fate(self) -> str:
        """"lives", or with which status it has ended, and the last that it printed."""
        assert self._process is not None
        status = self._process.returncode
        return LIVES if status is None else f"ended with status {status}: {_tail(self._console)}"

    async def _ended(self) -> int:
        assert self._process is not None
        async with asyncio.timeout(_END_SECONDS):
            status = await self._process.wait()
        if self._warden is not None:
            self._warden.kill()
            self._warden.communicate()
            self._warden = None
        return status

    async def __aenter__(self) -> "WorkerProcess":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()


def _tail(file: Path) -> str:
    return file.read_text(errors="replace")[-_TAIL:]
