"""A PostgreSQL of one's own, from Debian's packages, on a free port of 127.0.0.1.

    with PostgresServer() as server:
        ledger = Ledger.open(server.database())
"""

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import ClassVar

from tests.servers import Server, ServerFault, free_port

__all__ = ["PostgresFault", "PostgresServer"]

_BOOT_SECONDS = 30.0
_POLL_SECONDS = 0.05
_OWNER = "postgres"
"""The user that Debian's package makes; the server does not run as root."""

_NOT_ON_DISK = ("fsync=off",)


class PostgresFault(ServerFault):
    """PostgreSQL is not installed, or did not start."""


class PostgresServer(Server):
    """One PostgreSQL in a temporary folder. Whoever reaches its port may do everything: it listens on loopback alone.

    Args:
        durable: whether a commit is on the disk when it returns, as for the bench; the tests end processes, not power.
    """

    fault: ClassVar[type[ServerFault]] = PostgresFault
    end_signal: ClassVar[signal.Signals] = signal.SIGINT  # "fast": SIGTERM would wait for every client to leave

    def __init__(self, *, durable: bool = False) -> None:
        super().__init__("PostgreSQL", None, umask=0o077)
        self.port = free_port(socket.SOCK_STREAM)
        self._durable = durable
        self._programs = _programs()
        self._names = itertools.count(1)

    def database(self) -> str:
        """Makes a new, empty database; its SQLAlchemy URL."""
        name = f"ledger{next(self._names)}"
        made = subprocess.run(
            [self._programs / "createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", _OWNER, name],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise PostgresFault(made.stderr)
        return f"postgresql+psycopg://{_OWNER}@127.0.0.1:{self.port}/{name}"

    def _prepare(self) -> None:
        (self.folder / "log").mkdir(exist_ok=True)
        data = self.folder / "data"
        if data.exists():
            return
        if os.geteuid() == 0:
            shutil.chown(self.folder, _OWNER, _OWNER)
        made = subprocess.run(
            [*_as_owner(), self._programs / "initdb", "-D", data, "-U", _OWNER, "-A", "trust", "-E", "UTF8",
             "--no-locale", "--no-sync"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            cwd=self.folder)
        if made.returncode != 0:
            raise PostgresFault(made.stderr)

    def _command(self) -> list[str]:
        settings = [f"port={self.port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={self.folder}",
                    *(() if self._durable else _NOT_ON_DISK)]
        return [*_as_owner(), str(self._programs / "postgres"), "-D", str(self.folder / "data"),
                *(word for setting in settings for word in ("-c", setting))]

    def _await_boot(self, process: "subprocess.Popen[bytes]") -> None:
        asked = [str(self._programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        deadline = time.monotonic() + _BOOT_SECONDS
        while subprocess.run(asked, stdin=subprocess.DEVNULL, check=False).returncode != 0:
            if process.poll() is not None or time.monotonic() > deadline:
                self._fail(process, "did not start")
            time.sleep(_POLL_SECONDS)


def _as_owner() -> list[str]:
    if os.geteuid() != 0:
        return []
    try:
        owner = pwd.getpwnam(_OWNER)
    except KeyError:
        raise PostgresFault(f"There is no user {_OWNER}: `make setup` installs PostgreSQL.") from None
    return ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]


def _programs() -> Path:
    """The folder of the newest PostgreSQL's programs; Debian puts none of them on PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise PostgresFault("There is no PostgreSQL below /usr/lib/postgresql: `make setup` installs it.")
    return found[-1].parent
